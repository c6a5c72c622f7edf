"""Two pictures of a waking policy as SVG: what it asks of a moment, and what it gains for the minutes given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from appliance.smart import WakingPolicy
from models.training.mornings import WINDOW_S

WIDTH, HEIGHT, MARGIN, KEY = 460, 280, 56, 210
INK, FAINT = "#334155", "#cbd5e1"
COLOURS = ("#0f766e", "#b45309", "#6d28d9", "#be123c", "#0369a1", "#4d7c0f")

Point = tuple[float, float]


def asked(policy: WakingPolicy, situations: Mapping[str, Sequence[float]]) -> str:
    """Of typical situations: the least worth that will do, minute by minute (line), and what they are worth (dots)."""
    left = [WINDOW_S / 60.0 - k / 4.0 for k in range(WINDOW_S // 15 + 1)]

    def x(minutes: float) -> float:
        return WIDTH * (1.0 - minutes * 60.0 / WINDOW_S)

    def y(worth: float) -> float:
        return HEIGHT * (1.25 - worth) / 1.75

    def lines() -> Iterator[str]:
        for colour, (name, evidence) in zip(COLOURS, situations.items(), strict=False):
            least = [(x(m), y(min(policy.least(evidence, 60.0 * m), 1.25))) for m in left]
            now = y(policy.moment(evidence).worth)
            yield _path(least, colour)
            dots = f'stroke="{colour}" stroke-dasharray="2 5"'
            yield f'<path d="M0 {now:.1f}H{WIDTH}" {dots}><title>{escape(name)}</title></path>'

    marks_x = [(x(m), f"{m:g}") for m in (30, 20, 10, 0)]
    marks_y = [(y(v), f"{v:g}") for v in (1.0, 0.5, 0.0, -0.5)]
    return _picture(
        "What is asked of a moment: least worth (line), worth now (dotted)",
        ("minutes before the set time", marks_x),
        ("worth: 1 light or wake, 0 REM, -1 deep", marks_y),
        lines(),
        list(zip(COLOURS, situations, strict=False)),
    )


def frontier(curves: Mapping[str, Sequence[Point]], points: Mapping[str, Point]) -> str:
    """Share of rings in light sleep or wake (0-1) over mean minutes given up: curves, and single ways to wake."""
    low = min(share for row in (*curves.values(), list(points.values())) for _, share in row)
    floor = int(low * 20.0) / 20.0

    def at(point: Point) -> Point:
        return WIDTH * point[0] * 60.0 / WINDOW_S, HEIGHT * (1.0 - point[1]) / (1.0 - floor)

    def marks() -> Iterator[str]:
        for colour, row in zip(COLOURS, curves.values(), strict=False):
            yield _path([at(point) for point in row], colour)
        for colour, (name, point) in zip(COLOURS[len(curves) :], points.items(), strict=False):
            cx, cy = at(point)
            yield f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5" fill="{colour}"><title>{escape(name)}</title></circle>'

    steps = [floor + k * 0.05 for k in range(round((1.0 - floor) / 0.05) + 1)]
    return _picture(
        "What a wake window gains, and what it costs",
        ("mean minutes given up", [(at((m, 1.0))[0], f"{m:g}") for m in (0, 5, 10, 15, 20, 25, 30)]),
        ("rings in light sleep or wake, %", [(at((0.0, s))[1], f"{100 * s:.0f}") for s in steps]),
        marks(),
        list(zip(COLOURS, (*curves, *points), strict=False)),
    )


def _path(points: Sequence[Point], colour: str) -> str:
    return (
        f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    )


def _picture(
    title: str,
    across: tuple[str, Sequence[tuple[float, str]]],
    upwards: tuple[str, Sequence[tuple[float, str]]],
    marks: Iterator[str],
    key: Sequence[tuple[str, str]],
) -> str:
    width, height = WIDTH + KEY + 2 * MARGIN, HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<g transform="translate({MARGIN} {MARGIN})">',
        f'<text y="-20" font-size="14">{escape(title)}</text>',
    ]
    for x, text in across[1]:
        parts.append(f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="{FAINT}" stroke-width=".5"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{text}</text>')
    for y, text in upwards[1]:
        parts.append(f'<path d="M0 {y:.1f}H{WIDTH}" stroke="{FAINT}" stroke-width=".5"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    parts.append(f'<text x="{WIDTH / 2:g}" y="{HEIGHT + 38}" text-anchor="middle">{escape(across[0])}</text>')
    parts.append(
        f'<text transform="translate(-38 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">{escape(upwards[0])}</text>'
    )
    parts += marks
    for k, (colour, name) in enumerate(key):
        parts.append(f'<rect x="{WIDTH + 20}" y="{20 * k}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH + 38}" y="{20 * k + 10}">{escape(name)}</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])
