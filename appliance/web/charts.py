"""Inline SVG drawn by the server: text keeps its size and lines their width on any screen, and no style is inline.

Each panel is one ``<svg width="100%" height="N">``; inside it, shapes live in a nested viewport that is stretched
(their strokes are not), and whatever must not be stretched is placed in per cent.
All panels of a night share one ``Axis``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from appliance.status import TRACE_HZ, BedStatus
from appliance.web.nights import Run, Series
from appliance.web.speech import say
from appliance.web.words import full_hour, local, number, of_room

LANES = ("wake", "rem", "light", "deep")  # from the top, as hypnograms are drawn
LANE_PX = 34
BREATH_PX = 72
MOTION_PX = 40
ROOM_PX = 36
LEAST_HALF = {"temperature": 0.5, "humidity": 2.5, "light": 1.0, "co2": 100.0}  # so that noise looks small
TICKS_PX = 22
TRACE_PX = 88
BED_PX = 96
BED_TOP_PX, BED_DEEP_PX = 24, 40
NAMED_HOURS = 5
MAX_POINTS = 240  # more cannot be told apart on a phone


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of time for all panels, ``[start_utc, end_utc)``, with the hours of a local clock."""

    start_utc: int
    end_utc: int
    zone: ZoneInfo

    def share(self, utc_s: float) -> float:
        """Where the instant lies, from 0 to 100."""
        return 100.0 * (utc_s - self.start_utc) / max(self.end_utc - self.start_utc, 1)

    def hours(self) -> list[tuple[float, int]]:
        """Place and number of every full local hour; the clock's change of hour included."""
        first = -(-self.start_utc // 900) * 900  # zones are whole quarters of an hour away from UTC
        moments = ((t, local(t, self.zone)) for t in range(first, self.end_utc, 900))
        return [(self.share(t), m.hour) for t, m in moments if m.minute == 0]


def hypnogram(axis: Axis, runs: Sequence[Run], label: str, not_me: Sequence[tuple[int, int]] = ()) -> Markup:
    """Stages as bars in four lanes, joined where one gives way to the next; hatched where the signal was too little.

    ``not_me`` is what the sleeper says was somebody else, ``[from, to)``: a line above what was measured.
    """
    height = LANE_PX * len(LANES)
    bars: dict[str, list[str]] = {stage: [] for stage in LANES}
    joints: list[str] = []
    bands: list[str] = []
    previous: Run | None = None
    for run in runs:
        left, right = axis.share(run.start_utc), axis.share(run.end_utc)
        if run.stage not in bars:
            # An attribute and not the style sheet, in which some browsers look for the pattern in the wrong file.
            fill = ' fill="url(#hatch)"' if run.stage == "unscored" else ""
            place = f'x="{left:.2f}%" width="{right - left:.2f}%" height="{height}"'
            bands.append(f'<rect class="{run.stage}"{fill} {place}/>')
            previous = None
            continue
        y = _lane_y(run.stage)
        bars[run.stage].append(f"M{left:.2f} {y}H{right:.2f}")
        if previous is not None:
            joints.append(f"M{left:.2f} {_lane_y(previous.stage)}V{y}")
        previous = run
    paths = [f'<path class="joint" d="{"".join(joints)}"/>'] if joints else []
    paths += [f'<path class="bar {stage}" d="{"".join(parts)}"/>' for stage, parts in bars.items() if parts]
    hatch = (
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path class="hatch" d="M0 0V7"/></pattern></defs>'
    )
    for start_utc, end_utc in not_me:
        left, right = (min(max(axis.share(t), 0.0), 100.0) for t in (start_utc, end_utc))
        bands.append(f'<rect class="not-me" x="{left:.2f}%" width="{right - left:.2f}%" y="-6" height="4" rx="2"/>')
    body = hatch + _grid(axis, height) + "".join(bands) + stretched("".join(paths), 100, height)
    return panel(body, height, label)


def line(axis: Axis, values: Series, low: float, high: float, label: str, height: int = BREATH_PX) -> Markup:
    """A measurement through the night, ``(utc_s, value)`` in order; a gap where it is missing."""
    parts: list[str] = []
    drawing = False
    for utc_s, value in _thinned(values):
        if value is None:
            drawing = False
            continue
        y = height * (1.0 - (min(max(value, low), high) - low) / (high - low))
        parts.append(f"{'L' if drawing else 'M'}{axis.share(utc_s):.2f} {y:.1f}")
        drawing = True
    path = f'<path class="line" d="{"".join(parts)}"/>'
    return panel(_grid(axis, height) + stretched(path, 100, height), height, label)


def room(axis: Axis, values: Series, name: str) -> Markup:
    """One sensor of the room through the night, from its lowest to its highest value."""
    known = [value for _, value in values if value is not None]
    low, high = min(known), max(known)
    label = say("chart.room", name=say(f"room.{name}"), low=of_room(name, low), high=of_room(name, high))
    middle, half = (low + high) / 2.0, max((high - low) / 2.0, LEAST_HALF[name]) * 1.1
    return line(axis, values, middle - half, middle + half, label, ROOM_PX)


def bars(axis: Axis, values: Series, label: str) -> Markup:
    """How much of something there was, 0 to 1, as thin bars from the ground."""
    parts = [
        f"M{axis.share(utc_s):.2f} {MOTION_PX}v{-max(min(value, 1.0) ** 0.5 * MOTION_PX, 1.0):.1f}"
        for utc_s, value in _thinned(values, peak=True)
        if value is not None and value > 0.01
    ]
    path = f'<path class="stem" d="{"".join(parts)}"/>'
    return panel(_grid(axis, MOTION_PX) + stretched(path, 100, MOTION_PX), MOTION_PX, label)


def ticks(axis: Axis) -> Markup:
    """The hours below a night, at most ``NAMED_HOURS`` of them named."""
    hours = axis.hours()
    step = next(step for step in (1, 2, 3, 4, 6, 12, 24) if len(hours) <= step * NAMED_HOURS or step == 24)
    texts = [
        f'<text x="{share:.2f}%" y="16" text-anchor="middle">{full_hour(hour)}</text>'
        for share, hour in hours
        if hour % step == 0 and 5.0 < share < 95.0  # one at the very edge would be cut
    ]
    return Markup(f'<svg class="ticks" width="100%" height="{TICKS_PX}" aria-hidden="true">{"".join(texts)}</svg>')


def trace(values: Sequence[float | None]) -> Markup:
    """The chest's movement of the last seconds, scaled to fill, but never so far that stillness looks like breath."""
    seen = [value for value in values if value is not None]
    if not seen:
        return Markup("")
    low, high = min(seen), max(seen)
    middle, half = (low + high) / 2.0, max((high - low) / 2.0, 0.5) * 1.15
    parts: list[str] = []
    drawing = False
    for k, value in enumerate(values):
        if value is None:
            drawing = False
            continue
        y = TRACE_PX / 2.0 * (1.0 - (value - middle) / half)
        parts.append(f"{'L' if drawing else 'M'}{k} {y:.1f}")
        drawing = True
    path = f'<path class="line" d="{"".join(parts)}"/>'
    return panel(stretched(path, max(len(values) - 1, 1), TRACE_PX), TRACE_PX, say("chart.trace"))


def breath(values: Sequence[float | None], last_s: float) -> Markup:
    """A circle that grows and shrinks as the chest did over the last ``last_s`` seconds, and then stays.

    It moves without a script.  Who wants no motion is shown a second circle instead, as large as the chest is now.
    """
    seen = [value for value in values if value is not None]
    if not seen:
        return Markup("")
    low, high = min(seen), max(seen)
    middle, half = (low + high) / 2.0, max((high - low) / 2.0, 0.5)
    last, radii = 0.0, []
    for value in values:
        last = last if value is None else (value - middle) / half
        radii.append(62.0 + 22.0 * last)
    shown = [f"{radius:.1f}" for radius in radii[-max(2, round(last_s * TRACE_HZ) + 1) :]]
    moves = f'<animate attributeName="r" values="{";".join(shown)}" dur="{last_s:g}s" fill="freeze"/>'
    return Markup(
        f'<svg class="chest" viewBox="0 0 200 180" role="img" aria-label="{escape(say("chart.breath"))}">'
        '<circle class="reach" cx="100" cy="90" r="86"/>'
        f'<circle class="moving" cx="100" cy="90" r="{shown[-1]}">{moves}</circle>'
        f'<circle class="still" cx="100" cy="90" r="{shown[-1]}"/></svg>'
    )


def lamp(level: tuple[float, float, float]) -> Markup:
    """The lamp as a sun at the horizon, in the very colour that it has now."""
    red, green, blue = (round(255 * share ** (1 / 2.2)) for share in level)
    colour = f"rgb({red},{green},{blue})"
    lit = max(level) > 0.0
    fall = ((0.3, 0.5), (0.45, 0.28), (0.6, 0.14), (0.8, 0.04), (1.0, 0.0))  # a straight fall looks like a ring
    stops = "".join(f'<stop offset="{r}" stop-color="{colour}" stop-opacity="{share}"/>' for r, share in fall)
    glow = (
        f'<defs><radialGradient id="glow">{stops}</radialGradient></defs>'
        '<circle cx="80" cy="80" r="78" fill="url(#glow)"/>'
    )
    sun = (
        f'<circle class="sun" cx="80" cy="80" r="30" fill="{colour}"/>'
        if lit
        else '<circle class="sun off" cx="80" cy="80" r="30"/>'
    )
    label = say("chart.lamp_on", share=round(100 * max(level) ** (1 / 2.2))) if lit else say("chart.lamp_off")
    return Markup(
        f'<svg class="lamp" viewBox="0 0 160 84" role="img" aria-label="{label}">{glow if lit else ""}{sun}'
        '<path class="horizon" d="M0 81.5H160"/></svg>'
    )


def shares(parts: Sequence[tuple[str, float]]) -> Markup:
    """Stages of one night as one bar, each as long as it lasted; a picture of what stands beside it in words."""
    total = sum(value for _, value in parts)
    if total <= 0:
        return Markup("")
    left = 0.0
    rects = []
    for stage, value in parts:
        width = 100.0 * value / total
        rects.append(f'<rect class="{stage}" x="{left:.2f}%" width="{width:.2f}%" height="6"/>')
        left += width
    return Markup(f'<svg class="shares" width="100%" height="6" aria-hidden="true">{"".join(rects)}</svg>')


def meter(level: float | None, grade: str) -> Markup:
    """A level from 0 to 1 as a bar; an empty one where it is not known.  Its words stand beside it."""
    whole = 'height="10" rx="5"'
    full = "" if level is None else f'<rect class="{grade}" width="{100 * min(max(level, 0.0), 1.0):.1f}%" {whole}/>'
    return Markup(
        f'<svg class="meter" width="100%" height="10" aria-hidden="true"><rect class="track" width="100%" {whole}/>'
        f"{full}</svg>"
    )


def bed(learnt: BedStatus, now_m: float | None, label: str) -> Markup:
    """From the box at the left outwards: what lies between, the bed, who lies where.  Empty until it is learnt."""
    near_m = learnt.near_m
    if near_m is None:
        return Markup("")
    places = [m for m in (near_m, learnt.far_m, learnt.usual_m, learnt.other_m, now_m) if m is not None]
    end_m = math.ceil(2.0 * max(*places, 1.0) + 0.5) / 2.0
    far_m = end_m if learnt.far_m is None else learnt.far_m

    def share(m: float) -> str:
        return f"{100.0 * min(max(m, 0.0), end_m) / end_m:.2f}%"

    middle, bottom = BED_TOP_PX + BED_DEEP_PX // 2, BED_TOP_PX + BED_DEEP_PX
    zone = f'y="{BED_TOP_PX}" height="{BED_DEEP_PX}"'
    parts = [
        f'<rect class="gap" x="0" width="{share(near_m)}" {zone}/>',
        f'<rect class="bed" x="{share(near_m)}" width="{share(max(far_m - near_m, 0.0))}" {zone} rx="6"/>',
        f'<line class="ground" x1="0" x2="100%" y1="{bottom + 4}" y2="{bottom + 4}"/>',
        f'<rect class="box" x="0" y="{middle - 12}" width="7" height="24" rx="3"/>',
        f'<text x="0" y="{BED_PX - 8}">{escape(say("chart.box"))}</text>',
    ]
    for half_m in range(1, math.floor(2.0 * end_m)):
        place = share(half_m / 2.0)
        parts.append(f'<line class="mark" x1="{place}" x2="{place}" y1="{bottom + 4}" y2="{bottom + 9}"/>')
        if half_m % 2 == 0 or end_m <= 2.0:
            parts.append(
                f'<text x="{place}" y="{BED_PX - 8}" text-anchor="middle">{number(half_m / 2.0, "m", 1)}</text>'
            )
    for kind, m in (("other", learnt.other_m), ("usual", learnt.usual_m)):
        if m is not None:
            parts.append(f'<circle class="{kind}" cx="{share(m)}" cy="{middle}" r="8"/>')
    if now_m is not None:
        place = share(now_m)
        parts.append(f'<line class="here" x1="{place}" x2="{place}" y1="{BED_TOP_PX - 6}" y2="{bottom + 4}"/>')
        parts.append(f'<circle class="here" cx="{place}" cy="{BED_TOP_PX - 9}" r="4"/>')
    return Markup(
        f'<svg class="panel where" width="100%" height="{BED_PX}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def swatch(kind: str) -> Markup:
    """What stands for a place in the bed's picture, beside its name."""
    shape = {"gap": "rect", "bed": "rect"}.get(kind, "circle")
    where = 'width="14" height="14" rx="4"' if shape == "rect" else f'cx="7" cy="7" r="{4 if kind == "here" else 6}"'
    return Markup(
        f'<svg class="swatch" width="14" height="14" aria-hidden="true"><{shape} class="{kind}" {where}/></svg>'
    )


def panel(body: str, height: int, label: str) -> Markup:
    return Markup(
        f'<svg class="panel" width="100%" height="{height}" role="img" aria-label="{escape(label)}">{body}</svg>'
    )


def stretched(shapes: str, width: int, height: int) -> str:
    return (
        f'<svg x="0" y="0" width="100%" height="{height}" viewBox="0 0 {width} {height}"'
        f' preserveAspectRatio="none">{shapes}</svg>'
    )


def _grid(axis: Axis, height: int) -> str:
    lines = "".join(f"M{share:.2f} 0V{height}" for share, _ in axis.hours())
    return stretched(f'<path class="hour" d="{lines}"/>', 100, height)


def _lane_y(stage: str) -> int:
    return LANES.index(stage) * LANE_PX + LANE_PX // 2


def _thinned(values: Series, peak: bool = False) -> list[tuple[int, float | None]]:
    """At most ``MAX_POINTS`` of them, each the mean (or the peak) of its neighbours."""
    size = -(-len(values) // MAX_POINTS) or 1
    if size == 1:
        return list(values)
    found: list[tuple[int, float | None]] = []
    for k in range(0, len(values), size):
        seen = [value for _, value in values[k : k + size] if value is not None]
        found.append((values[k][0], (max(seen) if peak else sum(seen) / len(seen)) if seen else None))
    return found
