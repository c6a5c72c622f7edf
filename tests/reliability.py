"""A reliability diagram as an SVG: confidence said across, how often it was so upwards, seconds below in logarithm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape

from scenario_judge import BINS, Reliability

SIDE, MARGIN, FOOT = 240, 48, 60  # of a panel, around it, and for the counts below it
ENOUGH_S = 60  # a bin of fewer seconds is a hollow point that no line joins
INK, FAINT, LINE = "#334155", "#cbd5e1", "#0f766e"


def diagram(panels: Mapping[str, Reliability]) -> str:
    """One panel beside the other, each with its title and its expected calibration error."""
    step = SIDE + 2 * MARGIN
    width, height = step * len(panels), SIDE + FOOT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (title, reliability) in enumerate(panels.items()):
        parts.append(f'<g transform="translate({number * step + MARGIN} {MARGIN})">')
        parts += _panel(title, reliability)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, reliability: Reliability) -> Iterator[str]:
    total = reliability.count.sum()
    error = f"calibration error {reliability.error:.3f}" if total else "nothing said"
    yield f'<text x="0" y="-22" font-size="13">{escape(title)}</text>'
    yield f'<text x="0" y="-7">{error}, {total / 3600.0:.1f} h</text>'
    yield f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="{FAINT}"/>'
    yield f'<path d="M0 {SIDE}L{SIDE} 0" stroke="{FAINT}" stroke-dasharray="4 3"/>'
    for mark in (0.0, 0.5, 1.0):
        yield f'<text x="-6" y="{SIDE * (1 - mark) + 4:g}" text-anchor="end">{mark:g}</text>'
        yield f'<text x="{SIDE * mark:g}" y="{SIDE + FOOT + 14}" text-anchor="middle">{mark:g}</text>'
    yield f'<text x="{SIDE / 2:g}" y="{SIDE + FOOT + 30}" text-anchor="middle">confidence; seconds as bars, log</text>'
    yield f'<text transform="translate(-30 {SIDE / 2:g}) rotate(-90)" text-anchor="middle">how often it was so</text>'
    points, marks = [], []
    for k in range(BINS):
        count = reliability.count[k]
        if not count:
            continue
        x, y = SIDE * reliability.said[k] / count, SIDE * (1.0 - reliability.true[k] / count)
        if count >= ENOUGH_S:
            points.append(f"{x:.1f} {y:.1f}")
        fill = LINE if count >= ENOUGH_S else "white"
        # Logarithmic: a night is mostly certain, and the rest would not be seen.
        bar = (FOOT - 14) * math.log1p(count) / math.log1p(reliability.count.max())
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{LINE}"/>')
        yield (
            f'<rect x="{SIDE * k / BINS + 1:g}" y="{SIDE + FOOT - bar:.1f}" width="{SIDE / BINS - 2:g}" '
            f'height="{bar:.1f}" fill="{FAINT}"><title>{count:.0f} s, {100 * count / total:.2g} %</title></rect>'
        )
    if points:
        yield f'<path d="M{"L".join(points)}" fill="none" stroke="{LINE}"/>'
    yield from marks
