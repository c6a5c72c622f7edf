"""The comparison in pictures: inline SVG as on the box's own page, whose shapes and colours it uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup, escape

from appliance.evaluation.inference import Array, t_quantile
from appliance.evaluation.paper import number
from appliance.evaluation.report import Record
from appliance.web.charts import panel, stretched
from models.contract import STAGES

SCATTER_PX = 220
DENSITY_SHARE = 12  # per cent of the width, at the right, for where the differences gather
ROW_PX = 26
NAME_SHARE = 26  # per cent of the width, at the left, for the names of rows
HEAD_PX = 58
CELL_PX = 54
STEPS = 48  # of a curve

Curve = Callable[[Array], Array]


def bland_altman(measure: Record, nights: Sequence[Record]) -> Markup:
    """Device less reference over the reference: a dot a night, the bias, the limits of agreement, their intervals as
    bands, and at the right the density of the differences.  Needs a bias and limits, so three nights that vary.
    """
    key = measure["measure"]
    having = [night for night in nights if key in night["difference"]]
    x = np.array([night["reference"][key] for night in having])
    d = np.array([night["difference"][key] for night in having])
    span = _span(x)
    grid = np.linspace(*span, STEPS)
    lines, bands = _curves(measure, x, grid)
    seen = np.concatenate([d, [0.0], *(y for _, y in lines), *(edge for band in bands for edge in band)])
    low, high = _widened(float(seen.min()), float(seen.max()), 0.06)

    def across(value: float) -> float:
        return 100.0 * (value - span[0]) / (span[1] - span[0])

    def down(value: float) -> float:
        return SCATTER_PX * (high - value) / (high - low)

    def path(y: Array) -> str:
        return "L".join(f"{across(a):.2f} {down(b):.1f}" for a, b in zip(grid, y, strict=True))

    shapes = [
        f'<path class="band" d="M{path(lower)}L'
        f'{"L".join(f"{across(a):.2f} {down(b):.1f}" for a, b in zip(grid[::-1], upper[::-1], strict=True))}Z"/>'
        for lower, upper in bands
    ]
    shapes.append(f'<path class="zero" d="M0 {down(0.0):.1f}H100"/>')
    shapes += [f'<path class="{kind}" d="M{path(y)}"/>' for kind, y in lines]
    dots = [
        f'<circle class="night" cx="{across(a):.2f}%" cy="{down(b):.1f}" r="4"><title>{escape(night["subject"])}: '
        f"{number(float(b))} {measure['unit']}</title></circle>"
        for night, a, b in zip(having, x, d, strict=True)
    ]
    marks = [
        f'<text x="0" y="{min(max(down(value) - 3, 11.0), SCATTER_PX - 3.0):.1f}">{_signed(value)}</text>'
        for value in _round_marks(low, high)
    ]
    left = 98 - DENSITY_SHARE
    body = f'<svg class="whole" width="{left}%" height="{SCATTER_PX}">{stretched("".join(shapes), 100, SCATTER_PX)}'
    body += f"{''.join(marks)}{''.join(dots)}</svg>"
    body += f'<svg x="{left + 2}%" width="{DENSITY_SHARE}%" height="{SCATTER_PX}">{_density(d, low, high)}</svg>'
    label = (
        f"{measure['name']} in {measure['unit']}: device less reference over the reference, {len(d)} nights, mean "
        f"difference {number(measure['bias'])}. The table below has every night."
    )
    return panel(body, SCATTER_PX, label)


def ends(measure: Record, nights: Sequence[Record]) -> tuple[str, str]:
    """The reference at both ends of a Bland-Altman plot, with its unit."""
    key = measure["measure"]
    low, high = _span(np.array([night["reference"][key] for night in nights if key in night["difference"]]))
    return f"{low:.0f} {measure['unit']}", f"{high:.0f} {measure['unit']}"


def _span(x: Array) -> tuple[float, float]:
    """What a Bland-Altman plot shows of the reference; no measure is less than nothing."""
    low, high = _widened(float(x.min()), float(x.max()), 0.04)
    return max(low, 0.0), high


def _curves(measure: Record, x: Array, grid: Array) -> tuple[list[tuple[str, Array]], list[tuple[Array, Array]]]:
    """Lines by their class, and bands from one edge to the other, on a grid of the reference."""
    bias = np.full_like(grid, measure["bias"])
    bands: list[tuple[Array, Array]] = []
    if measure["proportional_bias"]:
        bias = measure["intercept"] + measure["slope"] * grid
        n = len(x)
        error = measure["residual_sd"] * math.sqrt((n - 1) / (n - 2))
        half = (grid - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum() + 1.0 / n
        half = t_quantile(n - 2) * error * np.sqrt(half)
        bands.append((bias - half, bias + half))
    else:
        low, high = measure["bias_ci"]
        bands.append((np.full_like(grid, low), np.full_like(grid, high)))
    limits = measure["limits"]
    if limits["kind"] == "constant":
        lower, upper = np.full_like(grid, limits["lower"]), np.full_like(grid, limits["upper"])
        for low, high in (limits["lower_ci"], limits["upper_ci"]):
            bands.append((np.full_like(grid, low), np.full_like(grid, high)))
    elif limits["kind"] == "heteroscedastic":
        half = limits["times"] * (limits["spread_intercept"] + limits["spread_slope"] * grid)
        half = np.maximum(half, 0.0)  # the line may cross zero inside the picture
        lower, upper = bias - half, bias + half
    else:
        share = limits["kind"] == "logarithmic"
        width, interval = (
            (limits["share"], limits["share_ci"]) if share else (limits["half_width"], limits["half_width_ci"])
        )
        times = grid if share else np.ones_like(grid)
        lower, upper = bias - width * times, bias + width * times
        if interval[0] is not None:
            low, high = interval
            bands += [(bias + sign * low * times, bias + sign * high * times) for sign in (-1, 1)]
    return [("limit", lower), ("limit", upper), ("bias", bias)], bands


def _density(d: Array, low: float, high: float) -> str:
    """A Gaussian kernel estimate with Silverman's rule, as an area that grows to the right."""
    sd, quarter = float(d.std(ddof=1)), float(np.subtract(*np.percentile(d, (75, 25)))) / 1.349
    width = 0.9 * (min(sd, quarter) or sd) * len(d) ** -0.2
    if width <= 0.0:
        return ""
    grid = np.linspace(low, high, STEPS)
    heights = np.exp(-0.5 * ((grid[:, None] - d) / width) ** 2).sum(axis=1)
    ys = SCATTER_PX * (high - grid) / (high - low)
    points = "L".join(f"{100 * h / heights.max():.1f} {y:.1f}" for h, y in zip(heights, ys, strict=True))
    return stretched(f'<path class="dense" d="M0 {ys[0]:.1f}L{points}L0 {ys[-1]:.1f}Z"/>', 100, SCATTER_PX)


def differences(nights: Sequence[Record], measures: Sequence[Record]) -> Markup:
    """A row a night and a column a measure: amber where the device says more, blue where it says less, the stronger
    the nearer to the largest difference of that measure.
    """
    most = {m["measure"]: max(abs(night["difference"].get(m["measure"], 0.0)) for night in nights) for m in measures}
    cells = []
    width = 100.0 / len(measures)
    for row, night in enumerate(nights):
        for column, measure in enumerate(measures):
            said = f"{night['subject']}, {measure['name']}"
            value = night["difference"].get(measure["measure"])
            if value is None:
                continue
            strength = abs(value) / most[measure["measure"]] if most[measure["measure"]] else 0.0
            cells.append(
                f'<rect class="{"more" if value > 0 else "less"}" x="{column * width:.2f}%" y="{row * ROW_PX + 1}" '
                f'width="{width - 0.6:.2f}%" height="{ROW_PX - 2}" rx="3" fill-opacity="{strength:.2f}">'
                f"<title>{escape(said)}: {number(value)} {measure['unit']}</title></rect>"
            )
    names = "".join(
        f'<svg class="whole" x="{(column + 0.5) * width:.2f}%" y="{HEAD_PX - 6}">'
        f'<text transform="rotate(-50)">{m["name"]} {m["unit"]}</text></svg>'
        for column, m in enumerate(measures)
    )
    height = HEAD_PX + ROW_PX * len(nights)
    body = _rows([night["subject"] for night in nights], HEAD_PX, "".join(cells)) + _beside(names, 0, HEAD_PX)
    return panel(body, height, f"Device less reference for {len(nights)} nights. The table below has every figure.")


def spread(nights: Sequence[Record]) -> Markup:
    """A dot a night for each figure of the epochs, from 0 to 100 %, with a box from the first to the third quartile."""
    rows = [("accuracy", [night["four_class"]["accuracy_pct"] for night in nights])]
    rows.append(("kappa × 100", [_times_100(night["four_class"]["kappa"]) for night in nights]))
    for name in ("sleep", *(stage.word for stage in STAGES)):
        rows += [
            (f"{name} {short}", [night["stages"][name][key] for night in nights])
            for key, short in (("sensitivity_pct", "sens."), ("specificity_pct", "spec."))
            if name != "sleep" or short == "sens."
        ]
    shapes = [
        f'<line class="hour" x1="{share}%" x2="{share}%" y1="0" y2="{ROW_PX * len(rows)}"/>'
        for share in (0, 25, 50, 75, 100)
    ]
    for row, (_, values) in enumerate(rows):
        known = np.clip([value for value in values if value is not None], 0.0, 100.0)
        if not len(known):
            continue
        middle = row * ROW_PX + ROW_PX // 2
        low, median, high = np.percentile(known, (25, 50, 75))
        shapes.append(
            f'<rect class="box" x="{low:.2f}%" y="{middle - 8}" width="{high - low:.2f}%" height="16" rx="3"/>'
            f'<line class="median" x1="{median:.2f}%" x2="{median:.2f}%" y1="{middle - 8}" y2="{middle + 8}"/>'
        )
        shapes += [f'<circle class="night" cx="{value:.2f}%" cy="{middle}" r="3"/>' for value in known]
    bottom = ROW_PX * len(rows)
    marks = "".join(
        f'<text x="{share}%" y="15" text-anchor="{anchor}">{share} %</text>'
        for share, anchor in ((0, "start"), (50, "middle"), (100, "end"))
    )
    body = _rows([name for name, _ in rows], 0, "".join(shapes)) + _beside(marks, bottom, 20)
    label = "Agreement of each night, figure by figure, from 0 to 100 per cent. The table below has every figure."
    return panel(body, bottom + 20, label)


def shares(record: Record) -> Markup:
    """What became of each of the reference's stages, the mean over nights: the fuller the brighter."""
    words = [stage.word for stage in STAGES]
    cells = []
    for i, row in enumerate(words):
        for j, column in enumerate(words):
            share = record["shares"][row][column]["mean"]
            said = "-" if share is None else f"{100 * share:.0f} %"
            place = f'x="{25 * j}%" y="{CELL_PX * i + 1}" width="24%" height="{CELL_PX - 2}" rx="6"'
            cells.append(
                f'<rect class="{row if i == j else "missed"}" {place} fill-opacity="{(share or 0.0):.2f}"/>'
                f'<text class="share" x="{25 * j + 12}%" y="{CELL_PX * i + CELL_PX // 2 + 5}" text-anchor="middle">'
                f"{said}</text>"
            )
    heads = "".join(
        f'<text x="{25 * j + 12}%" y="15" text-anchor="middle">{word}</text>' for j, word in enumerate(words)
    )
    body = _rows(words, 24, "".join(cells), CELL_PX) + _beside(heads, 0, 24)
    label = "Rows: the stage by the reference. Columns: what the device said. The tables below have every figure."
    return panel(body, 24 + CELL_PX * len(words), label)


def _rows(names: Sequence[str], top: int, shapes: str, row_px: int = ROW_PX) -> str:
    """Names at the left, and beside them shapes whose x is per cent of what is left of the width."""
    texts = "".join(
        f'<text x="0" y="{top + row * row_px + row_px // 2 + 4}">{escape(_short(name))}</text>'
        for row, name in enumerate(names)
    )
    return texts + _beside(shapes, top, row_px * len(names))


def _beside(shapes: str, top: int, height: int) -> str:
    return (
        f'<svg class="whole" x="{NAME_SHARE}%" y="{top}" width="{100 - NAME_SHARE}%" height="{height}">{shapes}</svg>'
    )


def _short(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"


def _times_100(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    extra = (high - low) * share or 1.0
    return low - extra, high + extra


def _signed(value: float) -> str:
    return f"{value:+g}" if value else "0"


def _round_marks(low: float, high: float) -> list[float]:
    """A few round values between."""
    rough = (high - low) / 5.0
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
