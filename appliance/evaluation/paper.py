"""The records as tables for people: the same for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appliance.evaluation.measures import BY_KEY, MEASURES
from appliance.evaluation.report import Record
from models.contract import STAGES

RATES = (
    ("accuracy_pct", "accuracy %", 2),
    ("sensitivity_pct", "sens. %", 2),
    ("specificity_pct", "spec. %", 2),
    ("ppv_pct", "PPV %", 2),
    ("npv_pct", "NPV %", 2),
    ("kappa", "kappa", 2),
    ("pabak", "PABAK", 2),
    ("prevalence_index", "prevalence index", 2),
)
FOUR = (
    ("accuracy_pct", "accuracy %", 2),
    ("balanced_accuracy_pct", "balanced %", 2),
    ("kappa", "kappa", 3),
    ("mcc", "MCC", 3),
    ("macro_f1", "macro-F1", 3),
)
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the first column names the row."""

    key: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def paper(records: Sequence[Record]) -> list[Table]:
    """Every table that the records have something for, in the order of reading."""
    by_kind: dict[str, list[Record]] = {}
    for record in records:
        by_kind.setdefault(record["kind"], []).append(record)
    data, nights = by_kind["data"][0], by_kind["night"]
    found: list[Table] = []
    if "four_class" in by_kind:
        found += [_four(by_kind["four_class"][0], by_kind["stage"]), _counts(by_kind["confusion"][0])]
        found += [_shares(by_kind["confusion"][0]), _pooled(by_kind["stage"]), _means(by_kind["stage"])]
        found.append(_people(nights))
    if "measure" in by_kind:
        found += [_bias(by_kind["measure"]), _limits(by_kind["measure"], data), _differences(nights)]
    if "fourteen" in by_kind:
        found.append(_fourteen(by_kind["fourteen"][0]))
    return found


def heading(records: Sequence[Record]) -> str:
    """What was compared, in one sentence or two."""
    data = next(record for record in records if record["kind"] == "data")
    said = f"{data['nights']} night{'' if data['nights'] == 1 else 's'}"
    if data["epochs"]:
        said += f", {data['epochs']} epochs of 30 s scored by both"
    said += "."
    if data["epochs_left_out"]:
        said += f" {data['epochs_left_out']} epochs without a stage in one of the two are left out of both."
    if data["nights_left_out"]:
        said += f" Left out, since only one of the two has them: {', '.join(data['nights_left_out'])}."
    return said


def as_text(records: Sequence[Record]) -> list[str]:
    """The whole comparison as lines for a terminal."""
    lines = [heading(records)]
    for table in paper(records):
        cells = [table.header, *table.rows]
        widths = [max(len(row[k]) for row in cells) for k in range(len(table.header))]
        lines += ["", table.title]
        lines += ["  ".join(_aligned(row, widths)).rstrip() for row in cells]
        lines += [table.note] if table.note else []
    return lines


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def number(value: Any, digits: int = 2) -> str:
    """A figure, or a dash for one that is not known."""
    return UNKNOWN if value is None else f"{value:z.{digits}f}"


def _ci(interval: Sequence[Any], digits: int = 2) -> str:
    return "" if interval[0] is None else f" [{number(interval[0], digits)}, {number(interval[1], digits)}]"


def _mean(found: Record, digits: int = 2) -> str:
    sd = "" if found["sd"] is None else f" ({number(found['sd'], digits)})"
    return number(found["mean"], digits) + sd + _ci(found["ci"], digits)


def _yes(flag: bool | None) -> str:
    return {True: "yes", False: "no", None: UNKNOWN}[flag]


def named(record: Record) -> str:
    """A measure with its unit."""
    return f"{record['name']} {record['unit']}"


def _four(record: Record, stages: Sequence[Record]) -> Table:
    def row(name: str, figures: Record) -> tuple[str, ...]:
        return (name, *(number(figures.get(key), digits) for key, _, digits in FOUR))

    sleep = next(stage["pooled"] for stage in stages if stage["stage"] == "sleep")
    halves = [sleep["sensitivity_pct"], sleep["specificity_pct"]]
    balanced = None if None in halves else sum(halves) / 2.0
    means = (_mean(record["mean"][key], digits) for key, _, digits in FOUR)
    return Table(
        "four_class",
        "Four classes, and asleep or awake",
        ("", *(title for _, title, _ in FOUR)),
        (
            row("four classes, pooled", record["pooled"]),
            ("four classes, mean over nights (SD) [95 % interval]", *means),
            row("  always light", record["always_light"]),
            row("asleep or awake, pooled", sleep | {"balanced_accuracy_pct": balanced}),
            row("  always asleep", record["always_asleep"]),
        ),
    )


def _counts(record: Record) -> Table:
    counts = record["pooled"]
    words = [stage.word for stage in STAGES]
    rows = [(word, *(str(n) for n in row), str(sum(row))) for word, row in zip(words, counts, strict=True)]
    totals = [sum(column) for column in zip(*counts, strict=True)]
    rows.append(("total", *(str(n) for n in totals), str(sum(totals))))
    return Table("confusion", "Epochs pooled: rows reference, columns device", ("", *words, "total"), tuple(rows))


def _shares(record: Record) -> Table:
    words = [stage.word for stage in STAGES]
    rows = tuple((row, *(_mean(record["shares"][row][column]) for column in words)) for row in words)
    return Table(
        "shares", "What the device made of each stage: mean share over nights (SD) [95 % interval]", ("", *words), rows
    )


def _pooled(stages: Sequence[Record]) -> Table:
    rows = [
        (
            record["stage"],
            *(number(record["pooled"][key], digits) for key, _, digits in RATES),
            number(record["baseline_accuracy_pct"]),
        )
        for record in stages
    ]
    return Table(
        "pooled",
        "One stage against the rest, epochs pooled",
        ("", *(title for _, title, _ in RATES), "always the same %"),
        tuple(rows),
        "The last column is the accuracy of one answer for every epoch: for wake and sleep, always asleep.",
    )


def _means(stages: Sequence[Record]) -> Table:
    """Figures down and stages across: nine columns of intervals are wider than a screen."""
    rows = [(title, *(_mean(record["mean"][key], digits) for record in stages)) for key, title, digits in RATES]
    return Table(
        "mean",
        "One stage against the rest, mean over nights (SD) [95 % bootstrap interval]",
        ("", *(record["stage"] for record in stages)),
        tuple(rows),
    )


def _people(nights: Sequence[Record]) -> Table:
    rows = []
    for night in nights:
        each = [night["stages"][stage.word][key] for stage in STAGES for key in ("sensitivity_pct", "specificity_pct")]
        sleep = night["stages"]["sleep"]
        rows.append(
            (
                night["subject"],
                str(night["epochs"]),
                number(night["four_class"]["accuracy_pct"]),
                number(night["four_class"]["kappa"], 3),
                number(sleep["accuracy_pct"]),
                number(sleep["kappa"], 3),
                *(number(value) for value in each),
            )
        )
    header = ["", "epochs", "accuracy %", "kappa", "asleep %", "kappa"]
    header += [f"{stage.word} {what}" for stage in STAGES for what in ("sens.", "spec.")]
    return Table("people", "Each night", tuple(header), tuple(rows), "Specificity of sleep is the sensitivity of wake.")


def _bias(measures: Sequence[Record]) -> Table:
    rows = [
        (
            named(m),
            str(m["nights"]),
            f"{number(m['device_mean'])} ({number(m['device_sd'])})",
            f"{number(m['reference_mean'])} ({number(m['reference_sd'])})",
            f"{number(m['bias'])} ({number(m['sd'])}){_ci(m['bias_ci'])}",
            number(m["mae"]),
            number(m["rmse"]),
            number(m["correlation"]),
            number(m["shapiro_p"], 3),
        )
        for m in measures
    ]
    header = (
        "",
        "nights",
        "device (SD)",
        "reference (SD)",
        "bias (SD) [95 % interval]",
        "MAE",
        "RMSE",
        "r",
        "Shapiro p",
    )
    return Table("bias", "Night by night: device less reference", header, tuple(rows))


def _limits(measures: Sequence[Record], data: Record) -> Table:
    rows = [
        (
            named(m),
            f"{number(m['slope'], 3)}{_ci(m['slope_ci'], 3)}",
            _yes(m["proportional_bias"]),
            f"{number(m['spread_slope'], 3)}{_ci(m['spread_slope_ci'], 3)}",
            _yes(m["heteroscedastic"]),
            in_words(m),
        )
        for m in measures
    ]
    header = (
        "",
        "slope on the reference",
        "proportional",
        "slope of residuals",
        "heteroscedastic",
        "95 % limits of agreement",
    )
    kind = {"t": "classic t", "bootstrap": "basic bootstrap"}[data["intervals"]]
    note = f"Flags and the limits that they choose rest on {kind} intervals."
    if data["intervals"] == "bootstrap":
        note += " The framework's bootstrap finds heteroscedasticity too often: see the t intervals as well."
    return Table("limits", "Bias and limits of agreement", header, tuple(rows), note)


def in_words(m: Record) -> str:
    """The limits of agreement as a formula, with bias and limits in the measure's unit."""
    limits = m["limits"]
    bias = number(m["bias"])
    if m["proportional_bias"]:
        bias = f"{number(m['intercept'])} + {number(m['slope'])} x ref"
    if limits["kind"] == "constant":
        said = (
            f"{number(limits['lower'])}{_ci(limits['lower_ci'])} to {number(limits['upper'])}{_ci(limits['upper_ci'])}"
        )
        return UNKNOWN if limits["lower"] is None else said
    if limits["kind"] == "residual":
        return f"({bias}) ± {number(limits['half_width'])}{_ci(limits['half_width_ci'])}"
    if limits["kind"] == "heteroscedastic":
        at_zero = f"{number(limits['spread_intercept'])}{_ci(limits['spread_intercept_ci'])}"
        widening = f"{number(limits['spread_slope'])}{_ci(limits['spread_slope_ci'])}"
        return f"({bias}) ± {number(limits['times'])} ({at_zero} + {widening} x ref)"
    return (
        UNKNOWN if limits["share"] is None else f"({bias}) ± {number(limits['share'])}{_ci(limits['share_ci'])} x ref"
    )


def _differences(nights: Sequence[Record]) -> Table:
    keys = [key for key in BY_KEY if any(key in night["difference"] for night in nights)]
    rows = [(night["subject"], *(number(night["difference"].get(key)) for key in keys)) for night in nights]
    header = ("", *(f"{BY_KEY[key].name} {BY_KEY[key].unit}" for key in keys))
    return Table("differences", "Each night: device less reference", header, tuple(rows))


def _fourteen(record: Record) -> Table:
    rows = [
        (f"{m.name}, bias (SD)", f"{number(record[m.key]['bias'])} ({number(record[m.key]['sd'])}) {m.unit}")
        for m in MEASURES
    ]
    rows += [
        ("accuracy of four classes", f"{number(record['four_class_accuracy_pct'])} %"),
        ("kappa of four classes", number(record["four_class_kappa"], 3)),
        ("sensitivity to sleep", f"{number(record['sleep_sensitivity_pct'])} %"),
        ("specificity, wake found", f"{number(record['wake_specificity_pct'])} %"),
    ]
    note = "Which fourteen a maker means by that number is printed nowhere; these are our reading of it."
    return Table("fourteen", "The fourteen measures", ("", "device"), tuple(rows), note)
