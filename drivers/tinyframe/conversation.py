"""Our side of the talk with a TinyFrame module: bytes and time in, radar samples and questions out.

These modules stream by themselves, so there is little to say to them, and much to doubt.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.linkwatch import LinkWatch
from drivers.pacing import SamplePacer
from drivers.readings import LinkCounters, RadarSample, Target
from drivers.tinyframe import messages
from drivers.tinyframe.frame import (
    BREATH_RATE,
    DISTANCE,
    HEART_RATE,
    PHASES,
    PRESENCE,
    TARGETS,
    VERSION,
    Frame,
    FrameDecoder,
    encode,
)

PHASE_PERIOD_S = 1 / 16  # nominal: 15.6 and 16.4 Hz were measured, 20 Hz is promised; the true one is learnt
PHASES_PAUSE_S = 0.5
TARGET_HOLD_S = 3.0  # modules keep a target that left: without news it is gone
FROZEN_S = 10.0  # of the same phase while somebody is there
MAX_DISTANCE_CM = 1000.0  # presence reaches 6 m
MAX_BREATH_BRPM, MAX_HEART_BPM = 60.0, 250.0  # wider than any document's range; for diagnostics alone
VERSION_ASKS = 3
MAX_FRAMES_S = 100  # more frames a second than any module sends: beyond it a gap of IDs is a restart


class Conversation:
    """Remembers one module's recent past.  Times are seconds on the caller's monotonic clock."""

    def __init__(self) -> None:
        self.firmware: str | None = None
        self.restarts = 0
        self._decoder = FrameDecoder()
        self._watch = LinkWatch("tinyframe")
        self._pacer = SamplePacer(PHASE_PERIOD_S)
        self._told_s = float("-inf")  # time of the last sample handed on
        self._ident: int | None = None
        self._heard_s = 0.0
        self._asks = 0
        self._asked_s = float("-inf")
        self._phase: float | None = None
        self._phase_s = 0.0  # since when the phase has this value
        self._target_s = float("-inf")  # when the module last said that somebody is there
        self._report_s: float | None = None  # when it last said anything of targets
        self._readers: dict[int, Callable[[float, bytes], RadarSample | None]] = {
            PHASES: self._read_phases,
            DISTANCE: self._read_distance,
            TARGETS: self._read_targets,
            PRESENCE: _read_presence,
            BREATH_RATE: _read_breath_rate,
            HEART_RATE: _read_heart_rate,
            VERSION: self._read_version,
        }

    @property
    def counters(self) -> LinkCounters:
        """What the decoder has met; lost frames are gaps in the frame IDs."""
        return self._decoder.counters

    def receive(self, t_s: float, data: bytes) -> list[RadarSample]:
        """Samples from the bytes that were read at ``t_s``, in order of time."""
        frames = self._decoder.feed(data)
        self._watch.heard(t_s, len(frames), len(data))
        return self._samples(t_s, frames)

    def idle(self, t_s: float) -> list[RadarSample]:
        """The line has been quiet for 100 ms: a frame that waits for its end is given up."""
        frames = self._decoder.idle()
        self._watch.heard(t_s, len(frames), 0)
        return self._samples(t_s, frames)

    def transmit(self, t_s: float) -> bytes:
        """What to write now: the version question, three times at most, again after a restart."""
        self._watch.begin(t_s)
        if self.firmware is not None or self._asks == VERSION_ASKS or t_s - self._asked_s < 1.0:
            return b""
        self._asks += 1
        self._asked_s = t_s
        return encode(Frame(1, VERSION, b""))

    def fault(self, t_s: float) -> str | None:
        """One line where the module is silent or frozen, None when well."""
        if self._is_frozen(t_s):
            return f"frozen: the same phase for {int(t_s - self._phase_s)} s: cut the module's power for 5 s"
        return self._watch.fault(t_s)

    def _samples(self, t_s: float, frames: list[Frame]) -> list[RadarSample]:
        if not frames:
            return []
        samples: list[RadarSample] = []
        readers, ident, told_s = self._readers, self._ident, self._told_s
        phase_s, step_s = self._pace(t_s, sum([frame.kind == PHASES for frame in frames]))
        told_s = max(phase_s, told_s)
        for frame in frames:
            if ident is not None and frame.ident != (ident + 1) & 0xFFFF:
                self._jump(t_s, (frame.ident - ident - 1) & 0xFFFF)
            ident = frame.ident
            if frame.kind == PHASES:
                phase_s += step_s
                told_s = max(phase_s, told_s)
            reader = readers.get(frame.kind)
            if reader is not None and (sample := reader(told_s, frame.data)) is not None:
                samples.append(sample)
        if self._report_s is not None and told_s - self._report_s > TARGET_HOLD_S:
            self._report_s = None
            samples.append(RadarSample(told_s, targets=(), no_target=True))
        self._ident, self._heard_s, self._told_s = ident, t_s, told_s
        return samples

    def _pace(self, t_s: float, phase_count: int) -> tuple[float, float]:
        """(time of what comes before the first phase, step to each phase).

        Phases set the pace, and everything else is as old as the phase before it, while there are phases.
        """
        if phase_count:
            return self._pacer.advance(t_s, phase_count)
        last_s = self._pacer.last_s
        return (t_s if last_s is None or t_s - last_s > PHASES_PAUSE_S else last_s), 0.0

    def _jump(self, t_s: float, lost: int) -> None:
        """IDs count up by one: a gap is lost frames, going back is a restart."""
        if lost == 0xFFFF:
            return  # the same ID again: some programs that copy a module's bytes never count
        if lost <= MAX_FRAMES_S * (1.0 + t_s - self._heard_s):
            self._decoder.counters.lost_frames += lost
        else:
            self.restarts += 1
            self.firmware = None
            self._asks = 0

    def _is_frozen(self, t_s: float) -> bool:
        present = t_s - self._target_s < TARGET_HOLD_S
        return present and self._phase is not None and t_s - self._phase_s >= FROZEN_S

    def _read_phases(self, at_s: float, data: bytes) -> RadarSample | None:
        values = messages.phases(data)
        if values is None:
            return None
        total = values[0]
        if values == (0.0, 0.0, 0.0):  # warming up, or nobody: not a place to measure from
            self._phase = None
            return RadarSample(at_s, no_target=True)
        if total - total != 0.0:  # NaN or infinite
            return None
        if total != self._phase:
            self._phase, self._phase_s = total, at_s
        elif self._is_frozen(at_s):
            return None
        return RadarSample(at_s, total)

    def _read_distance(self, at_s: float, data: bytes) -> RadarSample | None:
        found = messages.distance(data)
        if found is None:
            return None
        self._report_s = at_s
        flag, cm = found
        if flag != 1:
            self._target_s = float("-inf")
            return RadarSample(at_s, no_target=True)
        self._target_s = at_s
        return RadarSample(at_s, distance_m=cm / 100.0) if cm and 0.0 < cm <= MAX_DISTANCE_CM else None

    def _read_targets(self, at_s: float, data: bytes) -> RadarSample | None:
        found = messages.targets(data)
        if found is None:
            return None
        self._report_s = at_s
        if found:
            self._target_s = at_s
        kept = [
            Target(target.x_m, target.y_m, target.doppler * messages.DOPPLER_M_S)
            for target in found
            if (reach := target.x_m + target.y_m) - reach == 0.0  # neither is NaN or infinite
        ]
        return RadarSample(at_s, targets=tuple(kept))

    def _read_version(self, at_s: float, data: bytes) -> None:
        parts = messages.version(data)
        if parts is not None:
            project, *numbers = parts
            self.firmware = f"{'.'.join(map(str, numbers))} (project {project})"


def _read_presence(at_s: float, data: bytes) -> RadarSample | None:
    present = messages.present(data)
    return None if present is None else RadarSample(at_s, module_present=present)


def _read_breath_rate(at_s: float, data: bytes) -> RadarSample | None:
    rate = messages.number(data)
    return RadarSample(at_s, module_breath_brpm=rate) if rate and 0.0 < rate <= MAX_BREATH_BRPM else None


def _read_heart_rate(at_s: float, data: bytes) -> RadarSample | None:
    rate = messages.number(data)
    return RadarSample(at_s, module_heart_bpm=rate) if rate and 0.0 < rate <= MAX_HEART_BPM else None
