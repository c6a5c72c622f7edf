"""Two pictures of a waking policy as SVG, light and dark: what it asks of a moment, and what its minutes gain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from appliance.smart import WakingPolicy
from models.training.mornings import WINDOW_S

WIDTH, HEIGHT, MARGIN, LABELS = 460, 280, 56, 150
PANEL, TALL, GAP, COLUMNS = 200, 120, 34, 3
# Classes, so that a reader's dark scheme can have colours of its own: (light, dark).
COLOURS = {
    "paper": ("#ffffff", "#0f172a"),
    "ink": ("#334155", "#cbd5e1"),
    "faint": ("#cbd5e1", "#334155"),
    "a": ("#0f766e", "#2dd4bf"),
    "b": ("#b45309", "#fbbf24"),
    "c": ("#6d28d9", "#c4b5fd"),
    "d": ("#be123c", "#fda4af"),
}
ORDER = ("a", "b", "c", "d")
TOP, BOTTOM = 1.3, -0.3  # worths that are drawn

Point = tuple[float, float]


def asked(policy: WakingPolicy, situations: Mapping[str, Sequence[float]]) -> str:
    """A panel for each typical situation: the least worth that will do (line), what it is worth (dots), and from when
    on the policy rings (shaded).
    """
    left = [WINDOW_S / 60.0 - k / 4.0 for k in range(WINDOW_S // 15 + 1)]
    rows = -(-len(situations) // COLUMNS)
    width, height = COLUMNS * (PANEL + GAP) + MARGIN, rows * (TALL + 60) + 90
    return _svg(width, height, _panels(policy, situations, left))


def _panels(policy: WakingPolicy, situations: Mapping[str, Sequence[float]], left: Sequence[float]) -> Iterator[str]:
    def y(worth: float) -> float:
        return TALL * (TOP - min(max(worth, BOTTOM), TOP)) / (TOP - BOTTOM)

    yield _text(MARGIN, 28, "What the policy asks of a moment, and what it gets", size=15)
    yield _text(MARGIN, 46, "line: least worth that will do;  dots: worth of a typical such moment;  shaded: it rings")
    for k, (name, evidence) in enumerate(situations.items()):
        across, down = MARGIN + k % COLUMNS * (PANEL + GAP), 86 + k // COLUMNS * (TALL + 60)
        yield f'<g transform="translate({across} {down})">'
        least = [policy.least(evidence, 60.0 * minutes) for minutes in left]
        moment = policy.moment(evidence)
        rings = [moment.deep < policy.most_deep and moment.worth >= one for one in least]
        step = PANEL / (len(left) - 1)
        for at in (at for at, ring in enumerate(rings[:-1]) if ring):
            yield f'<rect x="{at * step:.1f}" width="{step + 0.1:.1f}" height="{TALL}" class="b" opacity=".35"/>'
        yield f'<rect width="{PANEL}" height="{TALL}" fill="none" class="faint-line"/>'
        for worth in (1.0, 0.5, 0.0):
            yield f'<path d="M0 {y(worth):.1f}H{PANEL}" class="faint-line" stroke-width=".6"/>'
            if k % COLUMNS == 0:
                yield _text(-6, y(worth) + 4, f"{worth:g}", "end")
        for minutes in (30, 20, 10, 0):
            yield _text(PANEL * (1.0 - minutes / 30.0), TALL + 15, f"{minutes}", "middle")
        yield _path([(at * step, y(one)) for at, one in enumerate(least)], "a")
        yield _path([(0.0, y(moment.worth)), (float(PANEL), y(moment.worth))], "d", "2 4")
        deep = "" if moment.deep < policy.most_deep else ": too likely to be deep"
        yield _text(0, -7, f"{name}{deep}")
        yield "</g>"
    last = 86 + ((len(situations) - 1) // COLUMNS) * (TALL + 60) + TALL + 36
    yield _text(MARGIN, last, "minutes before the set time;  worth: 1 light sleep or wake, 0 REM, -1 deep")


def frontier(curves: Mapping[str, Sequence[Point]], points: Mapping[str, Point], where: str) -> str:
    """Share of rings in light sleep or wake (0-1) over mean minutes given up: curves, and single ways to wake."""
    low = min(share for row in (*curves.values(), list(points.values())) for _, share in row)
    floor = int((low - 0.02) * 20.0) / 20.0  # with room for a label below the lowest

    def at(point: Point) -> Point:
        return MARGIN + WIDTH * point[0] * 60.0 / WINDOW_S, 80 + HEIGHT * (1.0 - point[1]) / (1.0 - floor)

    def parts() -> Iterator[str]:
        yield _text(MARGIN, 28, "What a smart window gains, and what it costs", size=15)
        yield _text(MARGIN, 46, f"rings in light sleep or wake, %;  {where}")
        for share in (floor + k * 0.05 for k in range(round((1.0 - floor) / 0.05) + 1)):
            _, y = at((0.0, share))
            yield f'<path d="M{MARGIN} {y:.1f}h{WIDTH}" class="faint-line" stroke-width=".6"/>'
            yield _text(MARGIN - 6, y + 4, f"{100 * share:.0f}", "end")
        for minutes in range(0, WINDOW_S // 60 + 1, 5):
            x, _ = at((minutes, 1.0))
            yield f'<path d="M{x:.1f} 80v{HEIGHT}" class="faint-line" stroke-width=".6"/>'
            yield _text(x, 80 + HEIGHT + 17, f"{minutes}", "middle")
        for name, (colour, row) in zip(curves, zip(ORDER, curves.values(), strict=False), strict=True):
            line = [at(point) for point in row]
            yield _path(line, colour, "5 4" if name.startswith("half") else None)
            yield _text(line[-1][0] + 8, line[-1][1] + 4, name, colour=colour)
        for name, point in points.items():
            x, y = at(point)
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="ink"/>'
            right = x < MARGIN + WIDTH / 2.0
            yield _text(x + 10 if right else x - 10, y + (16 if right else 4), name, "start" if right else "end")

        yield _text(MARGIN + WIDTH / 2.0, 80 + HEIGHT + 38, "mean minutes given up", "middle")

    return _svg(WIDTH + MARGIN + LABELS, HEIGHT + 80 + MARGIN, parts())


def _path(points: Sequence[Point], colour: str, dashes: str | None = None) -> str:
    dashed = "" if dashes is None else f' stroke-dasharray="{dashes}"'
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{line}" fill="none" class="{colour}-line" stroke-width="2"{dashed}/>'


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "ink", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} class="{colour}">{escape(text)}</text>'


def _svg(width: int, height: int, parts: Iterator[str]) -> str:
    def rules(k: int) -> str:
        return "".join(f".{n}{{fill:{both[k]}}}.{n}-line{{stroke:{both[k]}}}" for n, both in COLOURS.items())

    style = f"{rules(0)}@media (prefers-color-scheme:dark){{{rules(1)}}}"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif">',
        f"<style>{style}</style>",
        f'<rect width="{width}" height="{height}" class="paper" rx="6"/>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])
