"""The comparison of device and reference: small examples by hand, laws, files that are wrong."""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.__main__ import main
from appliance.evaluation.agreement import ASLEEP, Agreement, rates
from appliance.evaluation.discrepancy import discrepancy
from appliance.evaluation.inference import basic_bootstrap, line_intervals, shapiro_wilk, t_quantile
from appliance.evaluation.measures import MEASURES, night_measures
from appliance.evaluation.page import page
from appliance.evaluation.reading import EvaluationError, read_sheet
from appliance.evaluation.report import Record, compare
from models.contract import STAGES, SleepStage

W, L, D, R = SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM
NIGHTS = st.lists(
    st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(STAGES)), min_size=1), min_size=1, max_size=5
)
FEW = settings(max_examples=20)  # each a whole comparison with its hundred bootstraps


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *(str(argument) for argument in arguments)])


def refused(*arguments: str | Path) -> str:
    result = evaluate(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    (said,) = result.stderr.splitlines()
    return said


def both(nights: list[list[tuple[SleepStage, SleepStage]]]) -> str:
    """One file of (reference, device)."""
    rows = [
        f"s{k},{epoch},{reference.word},{int(device)}"
        for k, night in enumerate(nights)
        for epoch, (reference, device) in enumerate(night, 1)
    ]
    return "\n".join(["subject,epoch,reference,device", *rows])


def compared(text: str, reference: str | None = None, **how: Any) -> list[Record]:
    return compare(
        read_sheet(text, "device.csv"), None if reference is None else read_sheet(reference, "ref.csv"), **how
    )


def only(records: list[Record], kind: str) -> Record:
    (record,) = (record for record in records if record["kind"] == kind)
    return record


# By hand


def test_measures_of_seven_epochs() -> None:
    found = night_measures(np.array([W, W, L, D, R, L, W]))
    assert found == pytest.approx(
        {
            "tib_min": 3.5,
            "tst_min": 2.0,
            "se_pct": 400 / 7,
            "sol_min": 1.0,
            "waso_min": 0.5,  # the last epoch: to the end of the record, not to the last sleep
            "light_min": 1.0,
            "deep_min": 0.5,
            "rem_min": 0.5,
            "light_pct": 50.0,
            "deep_pct": 25.0,
            "rem_pct": 25.0,
        }
    )


def test_a_night_without_sleep_has_no_onset() -> None:
    found = night_measures(np.array([W, W]))
    assert (found["tst_min"], found["se_pct"], found["light_min"]) == (0.0, 0.0, 0.0)
    assert all(math.isnan(found[key]) for key in ("sol_min", "waso_min", "light_pct", "deep_pct", "rem_pct"))


def test_agreement_of_six_epochs() -> None:
    found = Agreement.of(np.array([W, W, L, L, D, R]), np.array([W, L, L, L, L, R]))
    assert found.accuracy == pytest.approx(4 / 6)
    # Chance: wake 2 x 1, light 2 x 4, deep 1 x 0, REM 1 x 1, of 36.
    assert found.kappa == pytest.approx((24 / 36 - 11 / 36) / (25 / 36))
    assert found.f1 == pytest.approx([2 / 3, 2 / 3, 0.0, 1.0])
    assert found.recalls == pytest.approx([0.5, 1.0, 0.0, 1.0])
    assert found.merged(ASLEEP).always(0).accuracy == pytest.approx(4 / 6)
    # Gorodkin 2004: (4 x 6 - 11) / sqrt((36 - 10) (36 - 18)).
    assert found.matthews == pytest.approx(13 / math.sqrt(26 * 18))


def test_rates_of_a_square() -> None:
    found = rates(Agreement(np.array([[6, 2], [1, 1]])))
    assert found == pytest.approx(
        {
            "accuracy_pct": 70.0,
            "sensitivity_pct": 75.0,
            "specificity_pct": 50.0,
            "ppv_pct": 600 / 7,
            "npv_pct": 100 / 3,
            "kappa": (0.7 - 0.62) / 0.38,  # chance: (8 x 7 + 2 x 3) / 100
            "pabak": 0.4,
            "prevalence_index": 0.5,
        }
    )


def test_a_device_that_says_twice_as_much() -> None:
    found = discrepancy(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    half = 4.302653 / math.sqrt(3)  # t of two degrees of freedom, from a printed table
    assert found["bias_ci"] == pytest.approx((2 - half, 2 + half), abs=1e-5)
    assert (found["bias"], found["sd"], found["mae"], found["correlation"]) == pytest.approx((2.0, 1.0, 2.0, 1.0))
    assert (found["intercept"], found["slope"]) == pytest.approx((0.0, 1.0))
    assert found["rmse"] == pytest.approx(math.sqrt(14 / 3))
    assert found["proportional_bias"] is True
    assert found["heteroscedastic"] is False
    assert found["limits"]["kind"] == "residual"
    assert found["limits"]["half_width"] == pytest.approx(0.0)


def test_limits_of_a_device_that_wavers() -> None:
    """Differences -1, 1, 1, -1 over 10, 20, 30, 40: no slope, SD sqrt(4 / 3)."""
    found = discrepancy(np.array([10.0, 20.0, 30.0, 40.0]), np.array([9.0, 21.0, 31.0, 39.0]))
    sd = math.sqrt(4 / 3)
    assert (found["bias"], found["slope"]) == pytest.approx((0.0, 0.0))
    assert found["limits"]["kind"] == "constant"
    assert (found["limits"]["lower"], found["limits"]["upper"]) == pytest.approx((-1.96 * sd, 1.96 * sd))
    beyond = 3.182446 * sd * math.sqrt(3 / 4)  # t of three degrees of freedom
    assert found["limits"]["upper_ci"] == pytest.approx((1.96 * sd - beyond, 1.96 * sd + beyond), abs=1e-5)


def test_logarithmic_limits_are_a_share_of_the_reference() -> None:
    """Twice and half as much in turn: log ratios +-log 2, SD log 2 sqrt(4 / 3); Euser's 2 (e^z - 1) / (e^z + 1)."""
    reference = np.array([100.0, 200.0, 300.0, 400.0])
    found = discrepancy(reference, reference * [2.0, 0.5, 2.0, 0.5], in_logs=True)["limits"]
    e_z = math.exp(1.96 * math.log(2.0) * math.sqrt(4 / 3))
    assert found["share"] == pytest.approx(2 * (e_z - 1) / (e_z + 1), abs=1e-5)


@pytest.mark.parametrize(
    ("df", "t"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (10, 2.2281), (30, 2.0423), (120, 1.9799)]
)
def test_t_is_as_printed_tables_have_it(df: int, t: float) -> None:
    assert t_quantile(df) == pytest.approx(t, abs=5e-5)


def test_the_fourteen_measures_have_their_names() -> None:
    text = evaluate_text([[(W, W), (L, L), (D, L), (R, R)], [(W, L), (L, L), (L, D), (R, R)]])
    table = text.split("The fourteen measures")[1].strip().splitlines()
    names = [line.split("  ")[0].removesuffix(", bias (SD)") for line in table[1:15]]
    assert names[:10] == ["TST", "SE", "SOL", "WASO", "Light", "Deep", "REM", "Light", "Deep", "REM"]
    assert names[10:] == [
        "accuracy of four classes",
        "kappa of four classes",
        "sensitivity to sleep",
        "specificity, wake found",
    ]
    assert "always asleep" in text


def evaluate_text(nights: list[list[tuple[SleepStage, SleepStage]]]) -> str:
    from appliance.evaluation.paper import as_text

    return "\n".join(as_text(compared(both(nights))))


# Laws


@given(st.lists(st.sampled_from(STAGES), min_size=1))
def test_the_parts_of_a_night_add_up(stages: list[SleepStage]) -> None:
    found = night_measures(np.array(stages))
    assert found["light_min"] + found["deep_min"] + found["rem_min"] == found["tst_min"]
    if found["tst_min"]:
        assert found["sol_min"] + found["waso_min"] + found["tst_min"] == found["tib_min"]
        assert sum(found[f"{stage}_pct"] for stage in ("light", "deep", "rem")) == pytest.approx(100.0)


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(STAGES)), min_size=1))
def test_agreement_does_not_care_who_is_the_reference(pairs: list[tuple[SleepStage, SleepStage]]) -> None:
    truth, given_ = (np.array(side) for side in zip(*pairs, strict=True))
    one, other = Agreement.of(truth, given_), Agreement.of(given_, truth)
    assert (one.confusion == other.confusion.T).all()
    for figure in ("accuracy", "kappa", "matthews"):
        assert getattr(one, figure) == pytest.approx(getattr(other, figure), nan_ok=True)
    assert one.f1 == pytest.approx(other.f1, nan_ok=True)
    assert Agreement.of(truth, truth).accuracy == 1.0


@FEW
@given(NIGHTS)
def test_pooled_counts_are_the_nights_together(nights: list[list[tuple[SleepStage, SleepStage]]]) -> None:
    records = compared(both(nights))
    each = [record for record in records if record["kind"] == "night"]
    assert np.sum([night["confusion"] for night in each], axis=0).tolist() == only(records, "confusion")["pooled"]
    assert only(records, "data")["epochs"] == sum(len(night) for night in nights)
    assert json.loads(json.dumps(records, allow_nan=False)) == records


@FEW
@given(st.lists(st.sampled_from(STAGES), min_size=1))
def test_a_device_that_is_right_differs_in_nothing(stages: list[SleepStage]) -> None:
    records = compared(both([[(stage, stage) for stage in stages]] * 3))
    assert only(records, "four_class")["pooled"]["accuracy_pct"] == 100.0
    for measure in (record for record in records if record["kind"] == "measure"):
        assert (measure["bias"], measure["mae"]) == (0.0, 0.0)
        assert not measure["proportional_bias"]
        assert not measure["heteroscedastic"]


@given(
    st.lists(st.tuples(st.floats(0, 600), st.floats(0, 600)), min_size=3, max_size=20),
    st.floats(-100, 100),
    st.floats(0.1, 10),
)
def test_discrepancies_move_and_grow_with_the_figures(
    pairs: list[tuple[float, float]], shift: float, times: float
) -> None:
    reference, device = (np.array(side) for side in zip(*pairs, strict=True))
    found, moved = discrepancy(reference, device), discrepancy(times * reference, times * device + shift)
    assert moved["bias"] == pytest.approx(times * found["bias"] + shift, abs=1e-6)
    assert moved["sd"] == pytest.approx(times * found["sd"], abs=1e-6)
    low, high = found["bias_ci"]
    assert moved["bias_ci"] == pytest.approx((times * low + shift, times * high + shift), abs=1e-6)
    assert low <= found["bias"] <= high
    if np.ptp(reference) > 1e-3:
        assert moved["slope"] == pytest.approx(found["slope"], rel=1e-6, abs=1e-6)


@given(st.lists(st.integers(-300, 300), min_size=3, max_size=60).filter(lambda values: len(set(values)) > 1))
def test_shapiro_wilk_is_that_of_scipy(values: list[int]) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the test extra")
    expected = stats.shapiro(values)
    w, p = shapiro_wilk(np.array(values, float))
    assert w == pytest.approx(expected.statistic, abs=2e-5)
    assert p == pytest.approx(expected.pvalue, abs=2e-4)


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(-99, 99)), min_size=4, max_size=30).filter(
        lambda pairs: all(len(set(side)) > 1 for side in zip(*pairs, strict=True))
    )
)
def test_a_line_and_its_intervals_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the test extra")
    x, y = (np.array(side, float) for side in zip(*pairs, strict=True))
    expected, t = stats.linregress(x, y), stats.t.ppf(0.975, len(x) - 2)
    intercept, slope = line_intervals(x, y)
    for found, middle, error in (
        (intercept, expected.intercept, expected.intercept_stderr),
        (slope, expected.slope, expected.stderr),
    ):
        assert found == pytest.approx((middle - t * error, middle + t * error), rel=1e-6, abs=1e-5)


def test_the_bootstrap_of_a_mean_is_its_normal_interval_in_a_large_sample() -> None:
    values = np.random.default_rng(7).normal(50.0, 10.0, 2000)
    low, high = basic_bootstrap(lambda drawn: drawn.mean(axis=-1), values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


# Files

TWO = "subject,epoch,stage\nann,1,wake\nann,2,light\nann,3,deep\nann,4,rem\n"


def test_two_files_say_what_one_says(tmp_path: Path) -> None:
    (tmp_path / "device.csv").write_text("epoch,stage,subject\n4,3,ann\n3,1,ann\n1,0,ann\n2,1,ann\n", encoding="utf-8")
    (tmp_path / "truth.csv").write_text(TWO, encoding="utf-8")
    (tmp_path / "both.csv").write_text(both([[(W, W), (L, L), (D, L), (R, R)]]).replace("s0", "ann"), encoding="utf-8")
    two = evaluate(tmp_path / "device.csv", tmp_path / "truth.csv", "--json")
    one = evaluate(tmp_path / "both.csv", "--json")
    assert (two.exit_code, one.exit_code) == (0, 0)
    assert two.stdout == one.stdout
    records = [json.loads(line) for line in two.stdout.splitlines()]
    assert only(records, "four_class")["pooled"]["accuracy_pct"] == 75.0


def test_a_file_without_subjects_is_of_the_only_one() -> None:
    records = compared("epoch,start_s,stage,p_wake\n1,0,wake,0.9\n2,30,light,0.1\n3,60,rem,0\n4,90,rem,0\n", TWO)
    assert only(records, "night")["subject"] == "ann"
    assert only(records, "confusion")["pooled"] == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]


def test_a_diary_is_a_reference() -> None:
    """Asleep after one epoch by the device, after a minute by the diary."""
    records = compared(TWO, "subject,sol_min,tst_min,tib_min\nann,1.0,1.0,2.0\nbob,9,400,420\n")
    assert only(records, "night")["difference"] == {"tib_min": 0.0, "tst_min": 0.5, "sol_min": -0.5}
    assert only(records, "data")["nights_left_out"] == ["bob"]
    assert {record["kind"] for record in records} == {"data", "night", "measure"}
    assert "0 of 3 measures have them" in page(records)


def test_unscored_epochs_count_for_neither() -> None:
    text = "epoch,reference,device\n1,wake,unscored\n2,light,light\n3,,deep\n4,rem,rem\n"
    data = only(compared(text), "data")
    assert (data["epochs"], data["epochs_left_out"]) == (2, 2)


def test_what_both_have_can_be_compared() -> None:
    longer = TWO + "ann,5,wake\n"
    with pytest.raises(EvaluationError, match="ann: the device has epochs 1 to 5 and the reference 1 to 4"):
        compared(longer, TWO)
    data = only(compared(longer, TWO, common=True), "data")
    assert (data["epochs"], data["epochs_left_out"]) == (4, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "device.csv has no nights in it"),
        ("subject,epoch,reference,device\n", "device.csv has no nights in it"),
        ("subject,epoch,reference\nann,1,wake\n", "the header must have subject,epoch,reference,device"),
        ("subject,reference,device\nann,wake,wake\n", "there is no column epoch"),
        ("subject,epoch,stage\nann,1,asleep\n", "line 2: stage 'asleep' is no stage (0 wake, 1 light, 2 deep, 3 rem"),
        ("subject,epoch,stage\nann,1,4\n", "line 2: stage '4' is no stage"),
        ("subject,epoch,stage\nann,1.5,wake\n", "line 2: epoch '1.5' is no whole number"),
        ("subject,epoch,stage\nann,1,wake\nann,1,rem\n", "line 3: epoch 1 of ann is there twice"),
        ("subject,epoch,stage\nann,1\n", "line 2: 2 cells under 3 columns"),
        ("epoch,epoch,stage\n1,1,wake\n", "two columns have the same name"),
        ("subject,epoch,reference,device\nann,1,wake,\n", "no epoch of any subject has two stages"),
        ("subject,epoch,stage\nann,1,wake\n", "needs a REFERENCE"),
        ("subject,tst_min,sleepiness\nann,400,3\n", "no measure is called 'sleepiness'"),
        ("subject,tst_min\nann,long\n", "line 2: tst_min 'long' is no number"),
        ("subject,se_pct\nann,101\n", "line 2: se_pct 101 is not between 0 and 100"),
        ("subject,tst_min\nann,1\nann,2\n", "line 3: ann is there twice"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "device.csv"
    path.write_text(text, encoding="utf-8")
    line = refused(path)
    assert line.startswith("firstlight: device.csv")
    assert said in line


def test_wrong_pairs_of_files_are_one_line(tmp_path: Path) -> None:
    one, two, other = (tmp_path / f"{name}.csv" for name in ("one", "two", "other"))
    one.write_text(both([[(W, W)]]), encoding="utf-8")
    two.write_text(TWO, encoding="utf-8")
    other.write_text(TWO.replace("ann", "bob"), encoding="utf-8")
    assert "one.csv has a reference of its own: leave two.csv out" in refused(one, two)
    assert "one.csv has a device of its own" in refused(two, one)
    assert "no subject is in both files: ann is in one alone, bob in the other" in refused(two, other)
    assert "none.csv cannot be read: No such file" in refused(tmp_path / "none.csv")
    one.write_bytes(b"\xff\xfe\x00")
    assert "one.csv is no text in UTF-8" in refused(one)
    assert "cannot be written" in refused(two, two, "--out", two / "folder")


class Tags(HTMLParser):
    """Every tag in order, each closed where it must be."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def random_nights(subjects: int = 6, epochs: int = 120) -> str:
    rng = np.random.default_rng(3)
    truth = rng.choice(4, (subjects, epochs), p=[0.15, 0.5, 0.15, 0.2])
    device = np.where(rng.random(truth.shape) < 0.7, truth, rng.choice(4, truth.shape))
    return both(
        [[(STAGES[a], STAGES[b]) for a, b in zip(*night, strict=True)] for night in zip(truth, device, strict=True)]
    )


@pytest.mark.parametrize("how", [["--intervals", "t"], ["--intervals", "bootstrap"], ["--log"]], ids="-".join)
def test_out_has_tables_json_and_a_page(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "nights.csv").write_text(random_nights().replace("s0", "<b>&"), encoding="utf-8")
    out = tmp_path / "a" / "b"
    assert evaluate(tmp_path / "nights.csv", *how, "--out", out).exit_code == 0
    records = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    kinds = {record["kind"] for record in records}
    assert kinds == {"data", "night", "confusion", "stage", "four_class", "measure", "fourteen"}
    assert {path.name for path in out.iterdir()} == {f"{kind}.csv" for kind in kinds} | {
        "evaluation.json",
        "index.html",
    }
    with (out / "measure.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["measure"] for row in rows] == [measure.key for measure in MEASURES]
    biases = [record["bias"] for record in records if record["kind"] == "measure"]
    assert [float(row["bias"]) for row in rows] == biases
    tags = Tags()
    text = (out / "index.html").read_text(encoding="utf-8")
    tags.feed(text)
    assert tags.opened == []
    assert not {"script", "link", "img", "iframe", "b"} & set(tags.tags)
    assert "://" not in text
    # A table behind each picture: shares, spread, differences, and a Bland-Altman plot of each measure.
    assert tags.tags.count("figure") == 3 + len(MEASURES)
    assert tags.tags.count("table") >= tags.tags.count("figure")


@FEW
@given(NIGHTS)
def test_every_comparison_has_a_page(nights: list[list[tuple[SleepStage, SleepStage]]]) -> None:
    tags = Tags()
    text = page(compared(both(nights), in_logs=len(nights) % 2 == 0))
    tags.feed(text)
    assert tags.opened == []
    assert not re.search(r"\b(nan|inf|None)\b", text.split("</style>")[1])
