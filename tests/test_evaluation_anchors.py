"""Fourteen nights of a consumer device against polysomnography: every figure that the framework's authors printed
(Menghini et al. 2021), that their own functions give, and that was worked out independently.

They printed two decimals, so that half of the last one is the tolerance, and more where they went on with figures that
were rounded before: PPV, NPV, prevalence index, and whatever rests on a line, which they drew through nights of two
decimals.  Ends of bootstrap intervals move by about a unit from seed to seed.
"""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from appliance.evaluation.discrepancy import Intervals
from appliance.evaluation.files import read
from appliance.evaluation.report import Record, compare

ROUNDED = 0.0051
TWICE_ROUNDED = 0.021
REBUILT = {"ppv_pct": TWICE_ROUNDED, "npv_pct": TWICE_ROUNDED, "prevalence_index": 2 * ROUNDED}
DRAWN, DRAWN_INDEX, DRAWN_SLOPE = 1.0, 0.02, 0.1  # ends of bootstrap intervals: minutes and per cent, kappa, slopes
STAGES = ("wake", "light", "deep", "rem")
MEASURES = {
    "TST": "tst_min",
    "SE": "se_pct",
    "SOL": "sol_min",
    "WASO": "waso_min",
    "Light": "light_min",
    "Deep": "deep_min",
    "REM": "rem_min",
    "LightPerc": "light_pct",
    "DeepPerc": "deep_pct",
    "REMPerc": "rem_pct",
}
RATES = {
    "accuracy": "accuracy_pct",
    "sensitivity": "sensitivity_pct",
    "specificity": "specificity_pct",
    "ppv": "ppv_pct",
    "npv": "npv_pct",
    "kappa": "kappa",
    "pabak": "pabak",
    "pindex": "prevalence_index",
}


@pytest.fixture(scope="module")
def folder(shared_folder: Path) -> Path:
    found = shared_folder / "evaluation"
    if not (found / "sample_data_sri.csv").exists():
        pytest.skip("needs the framework's sample data in the folder evaluation of FIRSTLIGHT_DATA")
    return found


@cache
def compared(folder: Path, intervals: Intervals = "t", in_logs: bool = False) -> list[Record]:
    return compare(read(folder / "sample_data_sri.csv"), None, intervals, in_logs)


def by(records: list[Record], kind: str, key: str) -> dict[str, Record]:
    return {record[key]: record for record in records if record["kind"] == kind}


def only(records: list[Record], kind: str) -> Record:
    (record,) = (record for record in records if record["kind"] == kind)
    return record


@pytest.fixture(scope="module")
def records(folder: Path) -> list[Record]:
    return compared(folder)


@pytest.fixture(scope="module")
def nights(records: list[Record]) -> dict[str, Record]:
    return by(records, "night", "subject")


@pytest.fixture(scope="module")
def stages(records: list[Record]) -> dict[str, Record]:
    return by(records, "stage", "stage")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Any:
    """The independent calculation."""
    return json.loads((folder / "anchors_computed.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def printed(folder: Path) -> Any:
    """What the authors printed."""
    return json.loads((folder / "evaluation_sri_full.json").read_text(encoding="utf-8"))


def rerun(folder: Path, name: str) -> list[dict[str, str]]:
    """What the authors' functions give."""
    with (folder / "r_rerun" / f"r_{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def figures(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if not key.startswith("_")}


def drawn(figure: str) -> float:
    return DRAWN if figure.endswith("_pct") else DRAWN_INDEX


def rounded(figure: str) -> float:
    return REBUILT.get(figure, ROUNDED)


def test_there_are_fourteen_nights(records: list[Record], ours: Any) -> None:
    data = only(records, "data")
    assert (data["nights"], data["epochs"]) == (ours["n_subjects"], ours["n_epochs"])
    assert data["epochs_left_out"] == 0
    assert data["nights_left_out"] == []


def test_every_night_agrees_as_the_independent_calculation_says(nights: dict[str, Record], ours: Any) -> None:
    assert nights.keys() == ours["per_subject"].keys()
    for subject, expected in ours["per_subject"].items():
        night = nights[subject]
        assert night["epochs"] == expected["n"]
        assert night["confusion"] == expected["cm"]
        assert night["four_class"]["accuracy_pct"] == pytest.approx(expected["accuracy4"], abs=6e-5)
        assert night["four_class"]["kappa"] == pytest.approx(expected["kappa4"], abs=6e-5)
        assert night["four_class"]["mcc"] == pytest.approx(expected["mcc4"], abs=6e-5)
        assert night["stages"]["sleep"]["kappa"] == pytest.approx(expected["kappa2"], abs=6e-5)
        assert night["stages"]["sleep"]["accuracy_pct"] == pytest.approx(expected["accuracy2"], abs=6e-5)


def test_pooled_epochs_agree_as_the_independent_calculation_says(records: list[Record], ours: Any) -> None:
    four, sleep, expected = only(records, "four_class"), by(records, "stage", "stage")["sleep"], ours["pooled"]
    assert only(records, "confusion")["pooled"] == expected["cm_rows_ref_cols_dev_WLDR"]
    pooled = four["pooled"]
    found = [pooled["accuracy_pct"], pooled["kappa"], pooled["mcc"], pooled["macro_f1"]]
    assert found == pytest.approx([expected[key] for key in ("accuracy4", "kappa4", "mcc4", "macro_f1")], abs=6e-5)
    assert [pooled["f1"][stage] for stage in STAGES] == pytest.approx(expected["f1_WLDR"], abs=6e-5)
    assert pooled["balanced_accuracy_pct"] == pytest.approx(expected["balanced_accuracy4"], abs=6e-5)
    two = sleep["pooled"]
    found = [two["accuracy_pct"], two["kappa"], two["sensitivity_pct"], two["specificity_pct"]]
    keys = ("accuracy2", "kappa2", "sleep_sensitivity", "wake_specificity")
    assert found == pytest.approx([expected[key] for key in keys], abs=6e-5)
    means = {
        "kappa4": four["mean"]["kappa"],
        "accuracy4": four["mean"]["accuracy_pct"],
        "kappa2": sleep["mean"]["kappa"],
    }
    for key, mean in means.items():
        assert [mean["mean"], mean["sd"]] == pytest.approx(ours["mean_over_subjects"][key], abs=6e-5)
    # Sleep is 9312 of 10766 epochs.
    assert four["always_asleep"]["accuracy_pct"] == pytest.approx(100 * 9312 / 10766, abs=1e-6)


def test_every_night_stage_by_stage_is_as_printed(nights: dict[str, Record], printed: Any) -> None:
    for subject, expected in figures(printed["per_subject"]).items():
        for stage, rates in expected.items():
            for rate, value in rates.items():
                assert nights[subject]["stages"][stage.lower()][RATES[rate]] == pytest.approx(value, abs=ROUNDED)
    for subject, rates in figures(printed["per_subject_sleep_wake"]).items():
        for rate, value in rates.items():
            assert nights[subject]["stages"]["sleep"][RATES[rate]] == pytest.approx(value, abs=ROUNDED)


@pytest.mark.parametrize("group", ["group_ebe_staging", "group_ebe_sleep_wake"])
@pytest.mark.parametrize("kind", ["basic", "advanced"])
def test_stages_of_all_nights_are_as_printed(stages: dict[str, Record], printed: Any, group: str, kind: str) -> None:
    for stage, rates in figures(printed[group][f"{kind}_sum"]).items():
        for rate, value in rates.items():
            assert stages[stage.lower()]["pooled"][RATES[rate]] == pytest.approx(value, abs=rounded(RATES[rate]))
    for stage, rates in figures(printed[group][f"{kind}_avg"]).items():
        for rate, value in rates.items():
            found = stages[stage.lower()]["mean"][RATES[rate]]
            assert [found["mean"], found["sd"]] == pytest.approx([value["mean"], value["sd"]], abs=rounded(RATES[rate]))
            assert found["ci"] == pytest.approx([value["CI_low"], value["CI_high"]], abs=drawn(RATES[rate]))


@pytest.mark.parametrize("name", ["groupEBE_avg", "groupEBE_sleepwake_avg", "groupEBE_sum", "groupEBE_sleepwake_sum"])
def test_stages_of_all_nights_are_as_their_functions_give(stages: dict[str, Record], folder: Path, name: str) -> None:
    for row in rerun(folder, name):
        for rate, figure in RATES.items():
            stage, tolerance = stages[row["stage"].lower()], rounded(figure)
            if name.endswith("sum"):
                assert stage["pooled"][figure] == pytest.approx(float(row[rate]), abs=tolerance)
            else:
                mean, sd, low, high = numbers(row[rate])
                found = stage["mean"][figure]
                assert [found["mean"], found["sd"]] == pytest.approx([mean, sd], abs=tolerance)
                assert found["ci"] == pytest.approx([low, high], abs=drawn(figure))


def test_the_error_matrix_is_as_printed(records: list[Record], folder: Path, printed: Any) -> None:
    confusion, printed = only(records, "confusion"), printed["error_matrices"]["_condition_staging"]
    for i, row in enumerate(STAGES):
        name = "REM" if row == "rem" else row
        counts, shares = printed["absolute_sum"][f"{name}_ref"], printed["proportional_avg"][f"{name}_ref"]
        again = next(line for line in rerun(folder, "errorMatrix_prop") if line["reference"] == name)
        for j, column in enumerate(STAGES):
            cell = "device_REM" if column == "rem" else f"device_{column}"
            assert confusion["pooled"][i][j] == counts[cell]
            found = confusion["shares"][row][column]
            for said in (shares[cell], again[cell]):
                mean, sd, low, high = numbers(said)
                assert [found["mean"], found["sd"]] == pytest.approx([mean, sd], abs=ROUNDED)
                assert found["ci"] == pytest.approx([low, high], abs=DRAWN_INDEX)
        line = next(line for line in rerun(folder, "errorMatrix_sum") if line["reference"] == name)
        assert confusion["pooled"][i] == [
            int(line["device_REM" if column == "rem" else f"device_{column}"]) for column in STAGES
        ]


def test_the_error_matrix_of_sleep_and_wake_is_as_printed(
    records: list[Record], stages: dict[str, Record], printed: Any
) -> None:
    matrix, counts = printed["error_matrices"]["_condition_sleep_wake"], only(records, "confusion")["pooled"]
    wake, sleep = matrix["absolute_sum"]["wake_ref"], matrix["absolute_sum"]["sleep_ref"]
    assert [counts[0][0], sum(counts[0][1:])] == [wake["device_wake"], wake["device_sleep"]]
    assert sum(row[0] for row in counts[1:]) == sleep["device_wake"]
    assert sum(sum(row[1:]) for row in counts[1:]) == sleep["device_sleep"]
    shares = matrix["proportional_avg"]
    for figure, hit, missed in (
        ("specificity_pct", shares["wake_ref"]["device_wake"], shares["wake_ref"]["device_sleep"]),
        ("sensitivity_pct", shares["sleep_ref"]["device_sleep"], shares["sleep_ref"]["device_wake"]),
    ):
        found = stages["sleep"]["mean"][figure]
        mean, sd, low, high = numbers(hit)
        assert [found["mean"] / 100, found["sd"] / 100] == pytest.approx([mean, sd], abs=ROUNDED)
        assert [end / 100 for end in found["ci"]] == pytest.approx([low, high], abs=DRAWN_INDEX)
        assert 1 - found["mean"] / 100 == pytest.approx(numbers(missed)[0], abs=ROUNDED)


def test_the_measures_of_every_night_are_as_printed(nights: dict[str, Record], folder: Path, printed: Any) -> None:
    again = {row.pop("subject"): row for row in rerun(folder, "sleep_measures")}
    for subject, expected in figures(printed["per_subject_sleep_measures"]).items():
        night = nights[subject]
        assert (
            night["reference"]["tib_min"]
            == night["device"]["tib_min"]
            == expected["TIB"]
            == float(again[subject]["TIB"])
        )
        for name, key in MEASURES.items():
            for side, suffix in (("reference", "ref"), ("device", "device")):
                assert night[side][key] == pytest.approx(expected[f"{name}_{suffix}"], abs=ROUNDED)
                assert night[side][key] == pytest.approx(float(again[subject][f"{name}_{suffix}"]), abs=2e-6)
    for part in ("staging", "sleep_wake"):
        for subject, expected in figures(printed[f"per_subject_discrepancies_{part}"]).items():
            for name, value in expected.items():
                # Printed per cents were subtracted after they were rounded.
                found = nights[subject]["difference"][MEASURES[name.removesuffix("_diff")]]
                assert found == pytest.approx(value, abs=2 * ROUNDED)


def test_discrepancies_are_as_the_independent_calculation_says(records: list[Record], ours: Any) -> None:
    measures = by(records, "measure", "measure")
    same = {
        "ref_mean": "reference_mean",
        "ref_sd": "reference_sd",
        "bias": "bias",
        "sd": "sd",
        "bias_ci": "bias_ci",
        "mae": "mae",
        "rmse": "rmse",
        "pearson_r": "correlation",
        "prop_slope": "slope",
        "prop_intercept": "intercept",
        "prop_slope_ci": "slope_ci",
        "proportional_bias": "proportional_bias",
        "resid_sd": "residual_sd",
        "hetero_slope": "spread_slope",
        "hetero_intercept": "spread_intercept",
        "hetero_slope_ci": "spread_slope_ci",
        "heteroscedastic": "heteroscedastic",
        "shapiro_W": "shapiro_w",
        "shapiro_p": "shapiro_p",
    }
    for name, expected in ours["discrepancy"].items():
        measure = measures[MEASURES[name]]
        assert expected.keys() == same.keys() | {"loa"}
        for theirs, key in same.items():
            assert measure[key] == pytest.approx(expected[theirs], abs=2e-4), (name, theirs)
        constant = [measure["bias"] + sign * 1.96 * measure["sd"] for sign in (-1, 1)]
        assert constant == pytest.approx(expected["loa"], abs=2e-4)


@pytest.mark.parametrize("intervals", get_args(Intervals))
@pytest.mark.parametrize("in_logs", [False, True], ids=["plain", "log"])
def test_limits_of_agreement_are_as_their_functions_give(folder: Path, intervals: Intervals, in_logs: bool) -> None:
    kind = {"t": "classic", "bootstrap": "boot"}[intervals]
    measures = by(compared(folder, intervals, in_logs), "measure", "measure")
    # Ends of classic intervals are exact; those of drawn ones are not.
    unit, slope = (TWICE_ROUNDED, ROUNDED) if intervals == "t" else (DRAWN, DRAWN_SLOPE)
    both = [{row["measure"]: row for row in rerun(folder, f"groupDiscr_{run}_{kind}")} for run in ("raw", "log")]
    for row in rerun(folder, f"groupDiscr_{'log' if in_logs else 'raw'}_{kind}"):
        measure = measures[MEASURES[row["measure"].split()[0]]]
        assert [measure["device_mean"], measure["device_sd"]] == pytest.approx(numbers(row["device"]), abs=ROUNDED)
        assert [measure["reference_mean"], measure["reference_sd"]] == pytest.approx(
            numbers(row["reference"]), abs=ROUNDED
        )
        flags = [measure["proportional_bias"], measure["normal"], measure["heteroscedastic"]]
        assert flags == [row[key] == "TRUE" for key in ("prop.bias", "normality", "heterosced")], row["measure"]
        # The interval of the bias was drawn twice, and its ends lie up to 1.6 min apart.
        runs = [numbers(again[row["measure"]]["bias_CI"]) for again in both]
        if measure["proportional_bias"]:
            assert [measure["intercept"], measure["slope"]] == pytest.approx(numbers(row["bias"]), abs=TWICE_ROUNDED)
            found, tolerances = [*measure["intercept_ci"], *measure["slope_ci"]], (unit, unit, slope, slope)
        else:
            assert [measure["bias"], measure["sd"]] == pytest.approx(numbers(row["bias"]), abs=ROUNDED)
            found, tolerances = measure["bias_ci"], (unit, unit)
        for end, tolerance, said in zip(found, tolerances, zip(*runs, strict=True), strict=True):
            assert min(said) - tolerance <= end <= max(said) + tolerance
        limits, said = measure["limits"], {side: numbers(row[f"LOA.{side}"]) for side in ("lower", "upper")}
        ends = {side: numbers(row[f"LOA.{side}_CI"]) for side in ("lower", "upper")}
        if limits["kind"] == "constant":
            for side in ("lower", "upper"):
                assert [limits[side]] == pytest.approx(said[side], abs=ROUNDED)
                assert limits[f"{side}_ci"] == pytest.approx(ends[side], abs=unit)
        elif limits["kind"] == "residual":  # drawn, whatever the other intervals are
            assert [limits["half_width"]] == pytest.approx(said["upper"], abs=TWICE_ROUNDED)
            assert limits["half_width_ci"] == pytest.approx(ends["upper"], abs=DRAWN)
        elif limits["kind"] == "heteroscedastic":
            found = [limits["times"], limits["spread_intercept"], limits["spread_slope"]]
            assert found == pytest.approx(said["upper"], abs=TWICE_ROUNDED)
            assert limits["spread_intercept_ci"] == pytest.approx(ends["upper"][:2], abs=unit)
            assert limits["spread_slope_ci"] == pytest.approx(ends["upper"][2:], abs=slope)
        else:
            assert [limits["share"]] == pytest.approx(said["upper"], abs=ROUNDED)
            assert limits["share_ci"] == pytest.approx(ends["upper"], abs=slope)
