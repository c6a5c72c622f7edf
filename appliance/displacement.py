"""Each module's own signal turned into one uniform 10 Hz displacement, broken where the phase cannot be followed.

Range displacement of a radar is its phase times lambda / 4 pi.  What the modules send is irregular in time, so samples
are interpolated linearly onto the grid k / 10 s; a gap or a jump starts a new segment.  The level of a segment means
nothing (a jump loses whole turns), so each segment goes on from the level at which the one before it ended: the signal
has no steps of its own making.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from appliance.echo import ABOVE_NOISE, Echo, EchoStep
from drivers.readings import Module, RadarSample, Target
from models.contract import SIGNAL_HZ

TINYFRAME_MM_PER_RAD = 0.398  # lambda / 4 pi at 60.0 GHz
JUMP_RAD = 1.0  # per frame of a 16 Hz stream
FRAME_S = 1.0 / 16.0
MICRADAR_MM_PER_COUNT = 0.04  # arbitrary: the module gains its waveform by itself; brings a breath near to real size
MAX_GAP_S = 0.55  # two lost samples of the slowest waveform (5 Hz) still interpolate
MAX_FILL_S = 60.0  # of a silence that are filled with missing ticks; the rest is stepped over
DISTANCE_HOLD_S = 3.0  # targets time out when nothing more is heard of them
MOVEMENT_HOLD_S = 3.0
BED_M = 1.7  # beyond it nobody lies: the far side of a bed is 1.4 m away
STEP_S = 1.0 / SIGNAL_HZ
# Half the moving index at this acceleration: a 4 mm breath at 15/min reaches 5-15 mm/s2, a sigh 45, a limb's 2 mm at
# 1.5 Hz 180.
HALF_ACCELERATION_MM_S2 = 60.0
HALF_TARGET_SPEED_M_S = 0.3
NAN = math.nan


class Tick(NamedTuple):
    """One instant of the uniform grid."""

    t_s: float  # k / 10
    displacement: float  # mm (arbitrary for Micradar), NaN missing
    moving: float  # 0 still, from 0.5 a body movement, NaN unknown
    distance_m: float = NAN  # NaN when not known
    broke: bool = False  # a new segment starts here
    no_target: bool = False  # the module says that nobody is locked
    activity: float = NAN  # for presence: Micradar body movement 0-100, Acconeer change over noise
    targets: tuple[Target, ...] | None = None  # as last told; None when nothing was told of late


class Displacement:
    """Samples of one module in, ticks of one body out; causal, constant memory.

    The same to the last bit however samples arrive.
    """

    def __init__(self, module: Module) -> None:
        self._signal = {
            Module.TINYFRAME: self._phase,
            Module.MICRADAR: self._wave,
            Module.ACCONEER: self._nothing,
        }[module]
        self._heard_s = -math.inf  # the last sample of any kind
        self._next = 0  # index of the next grid point
        self._next_s = math.inf  # and its time, once there is a sample
        # the last sample of the signal
        self._t0_s = NAN
        self._v0 = NAN
        self._raw0 = NAN
        self._step = 0.0  # to it from the one before
        self._offset = 0.0  # segment level minus raw level
        self._broke = True  # the next valid tick starts a segment
        self._level = 0.0  # of the last valid tick
        # movement evidence
        self._gains_itself = module is Module.MICRADAR  # so that its waveform says nothing about movement
        self._is_noise = self._gains_itself
        self._history = (NAN, NAN, NAN, NAN)  # the last four grid values
        self._jumped = False
        self._stir = 0.0  # Acconeer: how far the sweeps of a frame disagree
        self._speed_m_s = 0.0
        self._targets: tuple[Target, ...] | None = None
        self._speed_t_s = -math.inf
        self._activity = NAN
        self._activity_t_s = -math.inf
        self._distance_m = NAN
        self._distance_t_s = -math.inf
        self._no_target = False

    def update(self, sample: RadarSample, step: EchoStep | None = None) -> list[Tick]:
        """Take one sample; return the grid points that it completes (oldest first, mostly one or none).

        ``step`` is what an Acconeer sample's range profile told of this body.
        """
        t_s = sample.t_s
        ticks: list[Tick] = []
        if t_s - self._heard_s > MAX_FILL_S:
            self._silence(self._heard_s + MAX_FILL_S - MAX_GAP_S, ticks)
            self._restart(t_s)
        if t_s > self._heard_s:
            self._heard_s = t_s
            if t_s - MAX_GAP_S > self._next_s:
                self._silence(t_s - MAX_GAP_S, ticks)
        if sample.distance_m is not None:
            self._distance_m = sample.distance_m
            self._distance_t_s = t_s
            self._no_target = False
        elif sample.no_target:
            self._distance_m = NAN
            self._no_target = True
        elif sample.module_present:
            self._no_target = False
        if sample.targets is not None:
            near = (target for target in sample.targets if math.hypot(target.x_m, target.y_m) <= BED_M)
            self._speed_m_s = max((abs(target.speed_m_s or 0.0) for target in near), default=0.0)
            self._speed_t_s = t_s
            self._targets = sample.targets
        if sample.movement_pct is not None:
            self._activity = float(sample.movement_pct)
            self._activity_t_s = t_s
        self._signal(sample, ticks)
        if step is not None:
            self._iq(t_s, step, ticks)
        return ticks

    def advance(self, until_s: float) -> list[Tick]:
        """Nothing earlier than ``until_s`` will come any more: the grid points that are missing for good.

        Calling this or not changes when ticks come, and never which.
        """
        ticks: list[Tick] = []
        self._silence(min(until_s, self._heard_s + MAX_FILL_S) - MAX_GAP_S, ticks)
        return ticks

    def _phase(self, sample: RadarSample, ticks: list[Tick]) -> None:
        phase = sample.phase_rad
        # All phases exactly zero is how the module says that it has no lock (MR60BHA2).
        if phase is None or phase == 0.0 or not math.isfinite(phase):
            return
        raw = phase * TINYFRAME_MM_PER_RAD
        step = raw - self._raw0
        limit = JUMP_RAD * max(1.0, (sample.t_s - self._t0_s) / FRAME_S)  # NaN at first: max() gives 1.0
        limit = min(limit, math.pi) * TINYFRAME_MM_PER_RAD
        # A deep breath in may go as fast, but not from one frame to the next; one that did in noise goes on.
        jumped = abs(step) > limit and not abs(step - self._step) < 0.75 * limit
        self._step = step if step == step else 0.0
        self._value(sample.t_s, raw, jumped, ticks)

    def _wave(self, sample: RadarSample, ticks: list[Tick]) -> None:
        if sample.wave is not None:
            self._value(sample.t_s, sample.wave * MICRADAR_MM_PER_COUNT, False, ticks)

    def _nothing(self, sample: RadarSample, ticks: list[Tick]) -> None:
        """An Acconeer module's signal comes with its step."""

    def _iq(self, t_s: float, step: EchoStep, ticks: list[Tick]) -> None:
        self._activity, self._activity_t_s = step.activity, t_s
        self._stir = step.moving
        self._is_noise = not step.activity >= ABOVE_NOISE
        if step.distance_m == step.distance_m:
            self._distance_m, self._distance_t_s = step.distance_m, t_s
        self._value(t_s, step.position_mm, step.jumped and not self._is_noise, ticks)

    def _value(self, t_s: float, raw: float, jumped: bool, ticks: list[Tick]) -> None:
        """A new value of the signal: give the grid points between the last one and this."""
        t0_s = self._t0_s
        dt_s = t_s - t0_s
        if dt_s <= 0.0:
            return  # came late: the grid has gone past it
        gap = not dt_s <= MAX_GAP_S  # also before the first value, where dt is NaN
        if gap:
            self._silence(t_s - STEP_S, ticks)
        if gap or jumped:
            self._jumped = self._jumped or jumped
            self._broke = True
            self._offset = self._level - raw
        value = raw + self._offset
        if self._next_s <= t_s:
            v0 = value if self._broke else self._v0
            slope = (value - v0) / dt_s if dt_s > 0.0 else 0.0
            while self._next_s <= t_s:
                self._emit(v0 + slope * (self._next_s - t0_s) if slope else v0, ticks)
        self._t0_s, self._v0, self._raw0 = t_s, value, raw

    def _emit(self, value: float, ticks: list[Tick]) -> None:
        d4, d3, d2, d1 = self._history
        broke = self._broke
        if broke:
            d4 = d3 = d2 = d1 = NAN
            self._broke = False
        moving = self._stir
        if not self._is_noise:
            # Second difference over 0.4 s; NaN for four ticks after a break, where the break itself says enough.
            acceleration = abs(value - 2.0 * d2 + d4) * (SIGNAL_HZ / 2) ** 2
            moving = _larger(moving, acceleration / (2.0 * HALF_ACCELERATION_MM_S2))
        self._history = (d3, d2, d1, value)
        self._level = value
        self._tick(value, moving, broke, ticks)

    def _silence(self, until_s: float, ticks: list[Tick]) -> None:
        """The signal has stopped: missing ticks up to the time before which no sample can still be interpolated."""
        while self._next_s < until_s:
            self._broke = True
            self._tick(NAN, NAN, False, ticks)

    def _tick(self, value: float, moving: float, broke: bool, ticks: list[Tick]) -> None:
        t_s = self._next_s
        if self._jumped:
            moving = 1.0
            self._jumped = False
        if t_s - self._speed_t_s < MAX_GAP_S and self._speed_m_s > 0.0:
            moving = _larger(moving, 0.5 * self._speed_m_s / HALF_TARGET_SPEED_M_S)
        activity = self._activity if t_s - self._activity_t_s < MOVEMENT_HOLD_S else NAN
        if self._gains_itself:
            moving = movement_index(activity)
        distance_m = self._distance_m if t_s - self._distance_t_s < DISTANCE_HOLD_S else NAN
        targets = self._targets if t_s - self._speed_t_s < DISTANCE_HOLD_S else None
        moving = 1.0 if moving > 1.0 else moving
        ticks.append(Tick(t_s, value, moving, distance_m, broke, self._no_target, activity, targets))
        self._next += 1
        self._next_s = self._next / SIGNAL_HZ

    def _restart(self, t_s: float) -> None:
        self._next = math.ceil(t_s * SIGNAL_HZ)
        self._next_s = self._next / SIGNAL_HZ
        self._t0_s = self._v0 = self._raw0 = NAN
        self._broke = True


class Bodies:
    """Samples of one module in, ticks of each body out, instant by instant.

    An Acconeer module's range profile may hold several bodies; the others tell one chest.  The first body is there
    always; the others begin and end.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._echo = Echo()
        self._all: list[Displacement | None] = [Displacement(module)]

    def update(self, sample: RadarSample) -> list[list[Tick | None]]:
        """Take one sample; each row holds the ticks of one instant, by body, None for one that is not there."""
        if sample.iq is None:
            first, *others = self._all
            assert first is not None
            if not others:  # all that the modules with one chest ever have, a hundred thousand times an hour
                return [[tick] for tick in first.update(sample)]
            return _rows([None if one is None else one.update(sample) for one in self._all])
        steps = self._echo.update(sample.t_s, sample.iq, sample.sweep_spread, sample.ranges_m)
        self._all += [None] * (len(steps) - len(self._all))
        told: list[list[Tick] | None] = []
        for index, step in enumerate(steps):
            if step is None:
                self._all[index] = None
                told.append(None)
                continue
            body = self._all[index] = self._all[index] or Displacement(self._module)
            told.append(body.update(sample, step))
        return _rows(told)

    def advance(self, until_s: float) -> list[list[Tick | None]]:
        """Nothing earlier than ``until_s`` will come any more: what is missing for good."""
        return _rows([None if one is None else one.advance(until_s) for one in self._all])


def _rows(told: list[list[Tick] | None]) -> list[list[Tick | None]]:
    instants = sorted({tick.t_s for ticks in told for tick in ticks or ()})
    by_instant = [{tick.t_s: tick for tick in ticks or ()} for ticks in told]
    return [[ticks.get(t_s) for ticks in by_instant] for t_s in instants]


def movement_index(movement_pct: float) -> float:
    """Micradar's body movement, 0-100, on the scale of ticks; NaN stays NaN.

    0 is nobody, 1 breathing only, 2-30 a limb or the head (below 0.5), from 31 the body (MR24/R24 manuals).
    """
    if movement_pct <= 1.0:
        return 0.0
    if movement_pct <= 30.0:
        return 0.05 + 0.40 * (movement_pct - 2.0) / 28.0
    return 0.5 + 0.5 * (movement_pct - 31.0) / 69.0


def _larger(a: float, b: float) -> float:
    """The larger of two, or the one that is a number."""
    return b if b >= a or a != a else a
