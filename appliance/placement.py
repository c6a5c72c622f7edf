"""Does the box stand where it sees the sleeper's breath well?  Three bars, and the one thing to do next.

The radar belongs half a metre to a metre from the chest, at its height or above it, and looks at it: of a chest that
rises it sees the part along its line of sight, height over distance.  So a breath that looks shallow from a good
distance means that the box stands too low.  Micradar gains its waveform by itself, so its depth means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from appliance.status import TRACE_HZ, TRACE_S, Status

HAND_M = 0.1  # a hand's breadth
IDEAL_M = (0.5, 1.0)
REACH_M = {"tinyframe": (0.4, 1.5), "micradar": (0.4, 2.0), "acconeer": (0.3, 1.5)}  # from the makers' manuals
BEAM_DEG = {"tinyframe": 60.0, "micradar": 40.0}  # to either side
ANY_REACH_M, ANY_BEAM_DEG = (0.4, 1.5), 40.0
SELF_GAINED = "micradar"

CHEST_MM = 6.0  # a quiet breath of somebody on the back, upwards, peak to trough
DEEP_MM = 3.0  # half of it is seen from 30 degrees above the chest
SHALLOW_MM, FAINT_MM = 1.5, 0.75  # too low unless the breath is clear all the same; too low in any case
CLEAR, ENOUGH = 0.7, 0.5  # breathing quality
MOST_AT_ONCE_M = 0.3  # upwards: then it is time to look again, for no two chests rise alike
OFF_AXIS = 0.75  # level of the aim from which it pays to turn the box

STIRRING_MM_S2 = 60.0  # a deep breath stays below 30, a sigh below 45, a limb goes beyond 100
MOVED_S = 3.0  # so recent a movement is told as one
SMOOTH_S = 4.0  # time constant: what is shown stands for the last ten seconds
FORGET_S = 10.0  # a figure that is not told any more is gone after this
HOLD_S = 5.0  # so long another sentence must have been true before it takes the place of the one shown
UNCLEAR_S = 15.0  # so much longer than a clear breath an unclear one is listened to: the quality looks 30 s back
NEW_LOOK_S = 30.0  # unwatched for longer, it begins afresh

LISTENING = "Listening: stay as you are."


class Bar(NamedTuple):
    """One thing that is judged: ``level`` 0-1, 1 the best, None not known; ``said`` is its figure with the unit."""

    name: str
    level: float | None
    said: str


class Advice(NamedTuple):
    """The bars, and one sentence."""

    bars: tuple[Bar, Bar, Bar]
    sentence: str
    is_good: bool = False  # nothing is left to do


class Figures(NamedTuple):
    """What is judged; None where it is not known."""

    distance_m: float | None = None
    angle_deg: float | None = None  # left of the radar's axis, as it looks, is negative
    depth_mm: float | None = None
    quality: float | None = None


class Placement:
    """Remembers the last seconds, so that bars are calm and the sentence does not flicker; constant memory."""

    def __init__(self) -> None:
        self._t_s = -math.inf
        self._advice: Advice | None = None
        self.reset()

    def reset(self) -> None:
        """Begin afresh: another sleeper, another place."""
        self._smooth = tuple(_Smooth() for _ in Figures._fields)
        self._shown: tuple[str, bool] | None = None
        self._other: tuple[str, bool] | None = None  # that may take its place
        self._other_t_s = 0.0
        self._still_t_s = math.nan  # since when there is nothing to wait for

    def update(self, status: Status) -> Advice:
        """Take one second of the box.  The same second, seen again, changes nothing."""
        passed_s = status.utc_s - self._t_s
        if passed_s == 0.0 and self._advice is not None:
            return self._advice
        self._t_s = status.utc_s
        if not 0.0 < passed_s <= NEW_LOOK_S:  # a clock that was set back, too
            self.reset()
        module = status.radar.module
        waiting = wait_for(status)
        if not status.present or status.standby:
            self.reset()
            figures = Figures()
        else:
            seen = (status.distance_m, status.angle_deg, status.depth_mm, status.breathing_quality)
            figures = Figures(*(s.update(v, passed_s) for s, v in zip(self._smooth, seen, strict=True)))
        if waiting is not None:
            self._still_t_s = math.nan
        elif math.isnan(self._still_t_s):
            self._still_t_s = self._t_s
        is_unclear = figures.quality is None or figures.quality < ENOUGH
        if is_unclear and self._t_s - self._still_t_s < UNCLEAR_S:
            waiting = LISTENING
        if waiting is not None:
            self._shown = self._other = None
            sentence, is_good = waiting, False
        else:
            sentence, is_good = self._calm(next_step(module, figures))
        self._advice = Advice(bars(module, figures), sentence, is_good)
        return self._advice

    def _calm(self, step: tuple[str, bool]) -> tuple[str, bool]:
        if self._shown is None or step == self._shown:
            self._shown, self._other = step, None
        elif step != self._other:
            self._other, self._other_t_s = step, self._t_s
        elif self._t_s - self._other_t_s >= HOLD_S:
            self._shown, self._other = step, None
        return self._shown


def wait_for(status: Status) -> str | None:
    """What must be before anything can be judged, or None."""
    if status.standby:
        return "Leave standby first: the radar is not listened to."
    if status.radar.fault:
        return f"Mend the radar first: {status.radar.fault.rstrip('.')}."
    if status.present is None:
        return "Wait a moment: the radar has not told anything yet."
    if not status.present:
        return "Lie down as you sleep, on your back, and breathe quietly."
    still_s, moved = stillness(status.trace)
    if moved and still_s < MOVED_S:
        return "Lie still for half a minute."
    if still_s < TRACE_S:
        return LISTENING
    return None


def stillness(trace: Sequence[float | None]) -> tuple[float, bool]:
    """For how many seconds up to now the trace is whole and still, and whether a movement stands before them."""
    for k in range(len(trace) - 1, -1, -1):
        here = trace[k]
        if here is None:
            return (len(trace) - 1 - k) / TRACE_HZ, False
        before, after = trace[k - 1] if k else None, trace[k + 1] if k + 1 < len(trace) else None
        if before is None or after is None:
            continue
        if abs(before - 2.0 * here + after) * TRACE_HZ**2 >= STIRRING_MM_S2:
            return (len(trace) - 1 - k) / TRACE_HZ, True
    return len(trace) / TRACE_HZ, False


def next_step(module: str | None, figures: Figures) -> tuple[str, bool]:
    """The one thing to do next for somebody who lies still, and whether it is to leave all as it is."""
    distance_m, angle_deg, depth_mm, quality = figures
    near_m, far_m = REACH_M.get(module or "", ANY_REACH_M)
    clearness = 0.0 if quality is None else quality
    if distance_m is not None:
        if distance_m > far_m or (distance_m > IDEAL_M[1] and clearness < ENOUGH):
            return f"Move it {hands(distance_m - IDEAL_M[1])} nearer to your chest.", False
        if distance_m < near_m:
            return f"Move it {hands(IDEAL_M[0] - distance_m)} further from your chest.", False
    if angle_deg is not None and axis_level(module, angle_deg) < OFF_AXIS:
        side = "left" if angle_deg < 0 else "right"
        return f"Turn it to the {side}, as it looks, by about {5 * round(abs(angle_deg) / 5)}°.", False
    depth_mm = None if module == SELF_GAINED else depth_mm
    if depth_mm is not None and depth_mm < (SHALLOW_MM if clearness < CLEAR else FAINT_MM):
        # Seen is the height's share of the distance, wanted the share that shows half of each breath.
        lacking_m = (distance_m or 0.0) * (DEEP_MM - depth_mm) / CHEST_MM
        return f"Put it {hands(min(lacking_m, MOST_AT_ONCE_M))} higher, and aim it at your chest.", False
    if clearness >= ENOUGH:
        return "Good: leave it there.", True
    if depth_mm is not None:
        return (
            "Breathe quietly, and keep fans and curtains out of its sight: something besides your chest moves.",
            False,
        )
    return f"Put it {hands(HAND_M)} higher, and aim it at your chest.", False


def bars(module: str | None, figures: Figures) -> tuple[Bar, Bar, Bar]:
    """Distance, aim and breathing, each with its figure."""
    distance_m, angle_deg, depth_mm, quality = figures
    depth_mm = None if module == SELF_GAINED else depth_mm
    told = [] if angle_deg is None else [axis_level(module, angle_deg)]
    told += [] if depth_mm is None else [min(1.0, max(0.0, depth_mm / DEEP_MM))]
    side = "" if angle_deg is None else f"{abs(angle_deg):.0f}° {'left' if angle_deg < 0 else 'right'}"
    depth = "" if depth_mm is None else f"breath {depth_mm:.1f} mm deep"
    if depth and not side:
        depth = f"no angle, {depth}"
    unknown = "this module does not tell" if distance_m is not None or quality is not None else "not known"
    return (
        Bar(
            "Distance",
            None if distance_m is None else distance_level(module, distance_m),
            "not known" if distance_m is None else f"{distance_m:.2f} m to your chest",
        ),
        Bar("Aim", min(told) if told else None, ", ".join(part for part in (side, depth) if part) or unknown),
        Bar("Breathing", quality, "not known" if quality is None else f"{100 * quality:.0f} % clear"),
    )


def distance_level(module: str | None, distance_m: float) -> float:
    """1 at the ideal distance, 0.5 at the edges of what the module reaches, 0 well beyond them."""
    near_m, far_m = REACH_M.get(module or "", ANY_REACH_M)
    low_m, high_m = IDEAL_M
    if distance_m < low_m:
        return _fall(low_m - distance_m, low_m - near_m)
    return _fall(distance_m - high_m, far_m - high_m)


def axis_level(module: str | None, angle_deg: float) -> float:
    """1 within the middle third of the beam, 0 at its edge."""
    beam_deg = BEAM_DEG.get(module or "", ANY_BEAM_DEG)
    return _fall(abs(angle_deg) - beam_deg / 3.0, beam_deg / 3.0)


def hands(length_m: float) -> str:
    """A length as somebody beside a bed measures it, and in figures."""
    count = max(1, math.floor(length_m / HAND_M + 0.5))
    if count == 1:
        return "a hand's breadth (10 cm)"
    return f"{count} hand's breadths ({10 * count} cm)" if count <= 6 else f"{length_m:.1f} m"


def lines(advice: Advice) -> list[str]:
    """The advice as text, a line for each bar, then the sentence."""
    return [*(f"{bar.name:<10}{_blocks(bar.level, 20)}  {bar.said}" for bar in advice.bars), advice.sentence]


def line(advice: Advice) -> str:
    """The advice in one line of text."""
    told = (f"{bar.name.lower()} {_blocks(bar.level, 5)} {bar.said}" for bar in advice.bars)
    return f"{', '.join(told)}: {advice.sentence}"


class _Smooth:
    """A figure over the last ten seconds or so."""

    def __init__(self) -> None:
        self._value: float | None = None
        self._missing_s = 0.0

    def update(self, value: float | None, passed_s: float) -> float | None:
        if value is None:
            self._missing_s += passed_s
            if self._missing_s > FORGET_S:
                self._value = None
            return self._value
        self._missing_s = 0.0
        if self._value is None:
            self._value = value
        else:
            self._value += (1.0 - math.exp(-passed_s / SMOOTH_S)) * (value - self._value)
        return self._value


def _fall(beyond: float, half: float) -> float:
    """1 up to 0, then down to 0.5 at ``half`` and 0 at twice that."""
    return min(1.0, max(0.0, 1.0 - 0.5 * beyond / half))


def _blocks(level: float | None, columns: int) -> str:
    full = 0 if level is None else math.floor(columns * level + 0.5)
    return "█" * full + ("·" if level is None else "░") * (columns - full)
