"""The comparison as records, one a line of JSON; text, tables and page are made from these and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np

from appliance.evaluation.agreement import ASLEEP, Agreement, rates
from appliance.evaluation.discrepancy import Intervals, discrepancy
from appliance.evaluation.inference import LEVEL, SEED, Array, basic_bootstrap, mean_sd, resamples
from appliance.evaluation.measures import MEASURES, TIB, Measure, night_measures
from appliance.evaluation.reading import ONE_NIGHT, EvaluationError, ScoredNight, Sheet, pair
from models.contract import STAGES, SleepStage

Record = dict[str, Any]
_T = TypeVar("_T")
ONCE = ("data", "confusion", "four_class", "fourteen")
# Each class against the rest; "sleep" is the two-class comparison, light, deep and REM together.
CLASSES = {**{stage.word: (stage,) for stage in STAGES}, "sleep": ASLEEP}


@dataclass(frozen=True, slots=True)
class _Night:
    """One night, both ways; with no agreement where one of the two has figures only."""

    subject: str
    reference: dict[str, float]
    device: dict[str, float]
    left_out: int
    agreement: Agreement | None


def compare(
    device: Sheet,
    reference: Sheet | None,
    intervals: Intervals = "t",
    in_logs: bool = False,
    common: bool = False,
) -> list[Record]:
    """Every record of a comparison: ``data``, a ``night`` each, then ``confusion``, ``stage`` and ``four_class`` where
    both have stages, a ``measure`` each, and ``fourteen`` where all of these are there.  Raises ``EvaluationError``.
    """
    nights, alone = _nights(device, reference, common)
    agreements = [night.agreement for night in nights if night.agreement is not None]
    # TIB is the same in two that were scored on the same epochs.
    measures = [m for m in (MEASURES if agreements else (TIB, *MEASURES)) if any(_has(night, m) for night in nights)]
    if not measures and not agreements:
        raise EvaluationError(f"{device.name}: no subject has a measure both here and in the reference")
    records: list[Record] = [
        {
            "kind": "data",
            "nights": len(nights),
            "nights_left_out": alone,
            "epochs": sum(int(agreement.confusion.sum()) for agreement in agreements),
            "epochs_left_out": sum(night.left_out for night in nights),
            "intervals": intervals,
            "logarithmic": in_logs,
            "level": LEVEL,
            "resamples": resamples(len(nights)),
            "seed": SEED,
        }
    ]
    for night in nights:
        record: Record = {"kind": "night", "subject": night.subject, "epochs_left_out": night.left_out}
        record |= {"reference": night.reference, "device": night.device}
        record["difference"] = {m.key: night.device[m.key] - night.reference[m.key] for m in measures if _has(night, m)}
        records.append(record | (_epoch_by_epoch(night.agreement) if night.agreement is not None else {}))
    if agreements:
        records += _agreement_records(agreements)
    for measure in measures:
        having = [night for night in nights if _has(night, measure)]
        truth, given = (np.array([of[measure.key] for of in sides]) for sides in _sides(having))
        named = {"kind": "measure", "measure": measure.key, "name": measure.name, "unit": measure.unit}
        records.append(named | {"intervals": intervals} | discrepancy(truth, given, intervals, in_logs))
    if agreements and len(measures) == len(MEASURES):
        records.append(_fourteen(records))
    return [_plain(record) for record in records]


def _nights(device: Sheet, reference: Sheet | None, common: bool) -> tuple[list[_Night], list[str]]:
    """The nights that both have, and the subjects that only one has."""
    if "device" in device.stages:
        if reference is not None:
            raise EvaluationError(f"{device.name} has a reference of its own: leave {reference.name} out")
        return _scored_nights(*pair(device.stages["device"], device.stages["reference"]), device.name)
    if reference is None:
        raise EvaluationError(f"{device.name} needs a REFERENCE: it has no columns reference and device")
    if "reference" in reference.stages:
        raise EvaluationError(f"{reference.name} has a device of its own: as REFERENCE it needs subject,epoch,stage")
    if device.stages and reference.stages:
        given, truth = _alike(device.stages["stage"], reference.stages["stage"])
        return _scored_nights(*pair(given, truth, common), device.name)
    ours, theirs = _alike(_figures(device), _figures(reference))
    nights = [
        _Night(subject, theirs[subject][0], ours[subject][0], theirs[subject][1] + ours[subject][1], None)
        for subject in theirs
        if subject in ours
    ]
    return nights, [subject for subject in theirs | ours if (subject in ours) != (subject in theirs)]


def _alike(device: dict[str, _T], reference: dict[str, _T]) -> tuple[dict[str, _T], dict[str, _T]]:
    """A file of one night that names no subject, as the box's own do, is of the other's only subject."""
    subjects = {*device, *reference} - {ONE_NIGHT}
    if len(device) == len(reference) == len(subjects) == 1:
        (subject,) = subjects
        return {subject: next(iter(device.values()))}, {subject: next(iter(reference.values()))}
    if not device.keys() & reference.keys():
        raise EvaluationError(
            f"no subject is in both files: {min(device)} is in one alone, {min(reference)} in the other"
        )
    return device, reference


def _scored_nights(scored: list[ScoredNight], alone: list[str], name: str) -> tuple[list[_Night], list[str]]:
    if not scored:
        raise EvaluationError(f"{name}: no epoch of any subject has two stages")
    nights = [
        _Night(
            night.subject,
            night_measures(night.reference),
            night_measures(night.device),
            night.left_out,
            Agreement.of(night.reference, night.device),
        )
        for night in scored
    ]
    return nights, alone


def _figures(sheet: Sheet) -> dict[str, tuple[dict[str, float], int]]:
    """Figures by subject as they stand in the sheet, or from its stages, with the unscored epochs that are left out."""
    if not sheet.stages:
        return {subject: (figures, 0) for subject, figures in sheet.figures.items()}
    scored, _ = pair(sheet.stages["stage"], sheet.stages["stage"])
    return {night.subject: (night_measures(night.device), night.left_out) for night in scored}


def _sides(nights: Sequence[_Night]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return [night.reference for night in nights], [night.device for night in nights]


def _has(night: _Night, measure: Measure) -> bool:
    """Whether both know it."""
    return not any(math.isnan(side.get(measure.key, math.nan)) for side in (night.reference, night.device))


def _epoch_by_epoch(agreement: Agreement) -> Record:
    """What can be said of one night, or of all of them pooled."""
    return {
        "epochs": int(agreement.confusion.sum()),
        "confusion": agreement.confusion.tolist(),
        "four_class": {
            "accuracy_pct": 100.0 * agreement.accuracy,
            "kappa": agreement.kappa,
            "mcc": agreement.matthews,
            "macro_f1": float(np.nanmean(agreement.f1)),
            "balanced_accuracy_pct": 100.0 * float(np.nanmean(agreement.recalls)),
            "f1": dict(zip((s.word for s in STAGES), agreement.f1.tolist(), strict=True)),
        },
        "stages": {name: rates(agreement.merged(stages)) for name, stages in CLASSES.items()},
    }


def _agreement_records(nights: list[Agreement]) -> list[Record]:
    total: Agreement = reduce(add, nights)
    pooled, each = _epoch_by_epoch(total), [_epoch_by_epoch(night) for night in nights]
    shares = np.array([night.shares for night in nights])  # (nights, 4, 4)
    words = [stage.word for stage in STAGES]
    records: list[Record] = [
        {
            "kind": "confusion",
            "rows": "reference",
            "pooled": pooled["confusion"],
            "shares": {
                row: {column: _over_nights(shares[:, i, j], most=1.0) for j, column in enumerate(words)}
                for i, row in enumerate(words)
            },
        }
    ]
    for name, stages in CLASSES.items():
        two = total.merged(stages)
        records.append(
            {
                "kind": "stage",
                "stage": name,
                "against": "wake" if name == "sleep" else "the rest",
                # Saying always or never, whichever scores more: for wake and sleep that is "always asleep" in any
                # night with more sleep than wake.
                "baseline_accuracy_pct": 100.0 * max(two.always(0).accuracy, two.always(1).accuracy),
                "pooled": pooled["stages"][name],
                "mean": {
                    rate: _over_nights([night["stages"][name][rate] for night in each], _most(rate))
                    for rate in pooled["stages"][name]
                },
            }
        )
    over = ("accuracy_pct", "kappa", "mcc", "macro_f1", "balanced_accuracy_pct")
    asleep = total.merged(ASLEEP).always(0)
    light = total.always(SleepStage.LIGHT)
    records.append(
        {
            "kind": "four_class",
            "pooled": pooled["four_class"],
            "mean": {
                figure: _over_nights([night["four_class"][figure] for night in each], _most(figure)) for figure in over
            },
            "always_asleep": {
                "accuracy_pct": 100.0 * asleep.accuracy,
                "balanced_accuracy_pct": 100.0 * float(np.nanmean(asleep.recalls)),
                "kappa": asleep.kappa,
            },
            "always_light": {
                "accuracy_pct": 100.0 * light.accuracy,
                "balanced_accuracy_pct": 100.0 * float(np.nanmean(light.recalls)),
                "kappa": light.kappa,
                "macro_f1": float(np.nansum(light.f1) / len(STAGES)),
            },
        }
    )
    return records


def _over_nights(values: Iterable[float], most: float | None = None) -> Record:
    """Mean over the nights that have the figure, SD, and the basic bootstrap interval of the mean; where the figure is
    a share, of 0 to ``most``, no end of the interval is outside.
    """
    array: Array = np.array([value for value in values if not math.isnan(value)])
    mean, sd = mean_sd(array)
    interval = (math.nan, math.nan)
    if len(array) > 1:
        interval = basic_bootstrap(lambda drawn: drawn.mean(axis=-1), array)
        if most is not None:
            interval = max(interval[0], 0.0), min(interval[1], most)
    return {"nights": len(array), "mean": mean, "sd": sd, "ci": interval}


def _most(figure: str) -> float | None:
    return 100.0 if figure.endswith("_pct") else None


def _fourteen(records: list[Record]) -> Record:
    """The ten measures and four figures of epochs.  Which fourteen a maker meant by "14 metrics" is printed nowhere;
    these are our reading of it.
    """
    bias = {
        r["measure"]: {"bias": r["bias"], "sd": r["sd"], "unit": r["unit"]} for r in records if r["kind"] == "measure"
    }
    sleep = next(r for r in records if r["kind"] == "stage" and r["stage"] == "sleep")
    four = next(r for r in records if r["kind"] == "four_class")
    return {
        "kind": "fourteen",
        "reading": "ours",
        **bias,
        "four_class_accuracy_pct": four["pooled"]["accuracy_pct"],
        "four_class_kappa": four["pooled"]["kappa"],
        "sleep_sensitivity_pct": sleep["pooled"]["sensitivity_pct"],
        "wake_specificity_pct": sleep["pooled"]["specificity_pct"],
    }


def _plain(value: Any) -> Any:
    """For JSON: six decimals, and null for what is not defined."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def tables(records: Sequence[Record]) -> dict[str, list[Record]]:
    """A flat table for each kind of record, rows with the same columns, ``a_b`` for b inside a; what there is once is a
    table of ``figure`` and ``value``.
    """
    found: dict[str, list[Record]] = {}
    for record in records:
        row = _flat({key: value for key, value in record.items() if key != "kind"})
        found.setdefault(record["kind"], []).append(row)
    for kind, rows in found.items():
        if kind in ONCE:
            rows[:] = [{"figure": title, "value": cell} for title, cell in rows[0].items()]
        else:
            titles = dict.fromkeys(title for row in rows for title in row)
            rows[:] = [{title: row.get(title) for title in titles} for row in rows]
    return found


def _flat(value: Any, name: str = "") -> Record:
    if name.endswith("ci"):
        parts = dict(zip(("low", "high"), value, strict=True))
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, list) and len(value) == len(STAGES):  # a confusion, or one row of it
        parts = dict(zip((stage.word for stage in STAGES), value, strict=True))
    else:
        return {name: " ".join(value) if isinstance(value, list) else value}
    return {
        title: cell for key, part in parts.items() for title, cell in _flat(part, f"{name}_{key}".lstrip("_")).items()
    }
