"""Our side of the talk with a Micradar module: bytes and time in, radar samples and commands out.

The order of start-up and what may fail in it: R60ABD1 manual V3.4, Seeed's MR60BHA1 README, DFRobot_HumanDetection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from drivers.linkwatch import LinkWatch
from drivers.micradar import messages
from drivers.micradar.frame import Frame, FrameDecoder, encode
from drivers.micradar.kinds import (
    BED_STATE,
    BODY_MOVEMENT,
    BREATH_RATE,
    BREATH_SWITCH,
    BREATH_WAVE,
    BREATH_WAVE_SWITCH,
    DISTANCE,
    FIRMWARE,
    HEART_RATE,
    HEART_SWITCH,
    HEART_WAVE,
    HEART_WAVE_SWITCH,
    INITIALISED,
    MOTION_STATE,
    POSITION,
    PRESENCE,
    PRESENCE_SWITCH,
    PRODUCT_MODEL,
    REPORT_MODE,
    RESET,
    SLEEP_SWITCH,
    WORK_MODE,
    message_of,
)
from drivers.pacing import SamplePacer
from drivers.readings import LinkCounters, RadarSample, Target

BOOT_S = 10.0
REPLY_S = 1.0  # no echo by then is older firmware
FIRST_WAVE_S = 10.0
ASK_EVERY_S = 60.0  # presence, motion and bed are sent on change alone
LOCK_S = 30.0  # the manual says 20 s of stillness
VITALS_SILENT_S = 180.0  # a C1001 gives none for two minutes after its start
RESET_EVERY_S = 600.0
WAVE_PAUSE_S = 2.5
MAX_DISTANCE_CM = 1000
MAX_BREATH_BRPM, MAX_HEART_BPM = 60, 250  # documents say 20, 25 or 35 and 120; for diagnostics alone
SLEEP_WORK_MODE, REAL_TIME = 2, 0
OLD_HEADS = 10  # bytes 55 before an old firmware is suspected ...
OLD_SHARE = 0.03  # ... when they are that part of all bytes: noise has 0.4 %

_VITALS = (BREATH_RATE, BREATH_WAVE, HEART_RATE, HEART_WAVE)


class _Step(NamedTuple):
    """Say this, then go on once ``until`` holds, at the latest after ``wait_s``."""

    say: tuple[Frame, ...]
    wait_s: float
    until: Callable[[], bool]


class Conversation:
    """Remembers one module's recent past.  Times are seconds on the caller's monotonic clock."""

    def __init__(self) -> None:
        self.firmware: str | None = None
        self.product: str | None = None
        self.resets = 0
        self._decoder = FrameDecoder()
        self._watch = LinkWatch("micradar")
        self._pacer = SamplePacer(1.0)
        self._told_s = float("-inf")  # time of the last sample handed on
        self._tail = b""
        self._bytes = self._old_heads = 0
        # what the module has said of itself
        self._present = False
        self._present_s = 0.0
        self._ready: bool | None = None
        self._work_mode: int | None = None
        self._report_mode: int | None = None
        self._echoes: set[tuple[int, int]] = set()
        self._wave_came = False
        self._needs_power_cycle = False
        self._vitals_s = 0.0  # when vitals were last heard, or last had a reason to be silent
        self._reset_s = float("-inf")
        # start-up
        self._script: Iterator[_Step] | None = self._start_up()
        self._expects_boot = True
        self._resume_s = float("-inf")
        self._until: Callable[[], bool] = _never
        self._asked_s = float("-inf")

    @property
    def counters(self) -> LinkCounters:
        """What the decoder has met."""
        return self._decoder.counters

    def receive(self, t_s: float, data: bytes) -> list[RadarSample]:
        """Samples from the bytes that were read at ``t_s``, in order of time."""
        frames = self._decoder.feed(data)
        self._watch.heard(t_s, len(frames), len(data))
        if not self.counters.frames:
            self._suspect(data)
        return self._samples(t_s, frames)

    def idle(self, t_s: float) -> list[RadarSample]:
        """The line has been quiet for 100 ms: a frame that waits for its end is given up."""
        frames = self._decoder.idle()
        self._watch.heard(t_s, len(frames), 0)
        return self._samples(t_s, frames)

    def transmit(self, t_s: float) -> bytes:
        """What to write now: the next step of start-up, the questions of each minute, or a reset."""
        self._watch.begin(t_s)
        say: list[Frame] = []
        while self._script is not None and (t_s >= self._resume_s or self._until()):
            step = next(self._script, None)
            if step is None:
                self._script = None
                self._vitals_s = t_s
            else:
                say += step.say
                self._resume_s, self._until = t_s + step.wait_s, step.until
        if self._script is None:
            if self._vitals_stopped(t_s) and t_s - self._reset_s >= RESET_EVERY_S:
                self._reset_s = t_s
                self.resets += 1
                say.append(Frame(*RESET, messages.QUERY_DATA))
                self._restart_script(expects_boot=True)
            elif t_s - self._asked_s >= ASK_EVERY_S:
                self._asked_s = t_s
                say += map(messages.query, (PRESENCE, MOTION_STATE, BED_STATE))
        return b"".join(map(encode, say))

    def fault(self, t_s: float) -> str | None:
        """One line where the module is silent, too old or without breathing, None when well."""
        if self._old_heads >= OLD_HEADS and self._old_heads >= OLD_SHARE * self._bytes and not self.counters.frames:
            return "unsupported old firmware (0x55 stream): this module needs newer firmware from its maker"
        silent = self._watch.fault(t_s)
        if silent is None and self._needs_power_cycle:
            return "the module was set to real-time mode: cut its power for 5 s so that it sends breathing"
        if silent is None and self._vitals_stopped(t_s):
            return f"no breathing or heart data for {int(t_s - self._vitals_s)} s though somebody is there"
        if silent is None and self._lacks_wave(t_s):
            return "sends no breathing waveform: check that its firmware has one (manual V3.2 or newer)"
        return silent

    def _suspect(self, data: bytes) -> None:
        """Units of 2022 speak another protocol with the head byte 55 (Seeed forum, topic 263881)."""
        joined = self._tail + data
        self._tail = data[-1:]
        self._bytes += len(data)
        self._old_heads += data.count(0x55)
        if b"\x53\x59" in joined:
            self._old_heads = self._bytes = 0

    def _vitals_stopped(self, t_s: float) -> bool:
        return self._script is None and self._present and t_s - self._vitals_s >= VITALS_SILENT_S

    def _lacks_wave(self, t_s: float) -> bool:
        here = self._script is None and self._present and t_s - self._present_s >= LOCK_S
        return here and not self._wave_came

    def _restart_script(self, expects_boot: bool) -> None:
        self._script, self._expects_boot = self._start_up(), expects_boot
        self._resume_s, self._until = float("-inf"), _never
        self._echoes.clear()
        self._wave_came = False

    def _start_up(self) -> Iterator[_Step]:
        if self._expects_boot:
            self._ready = None
            yield _Step((), BOOT_S, lambda: self._ready is True)
        questions = (PRODUCT_MODEL, FIRMWARE, INITIALISED)
        yield _Step(tuple(map(messages.query, questions)), REPLY_S, lambda: bool(self.firmware and self.product))
        if self._ready is False:
            yield _Step((), BOOT_S, lambda: self._ready is True)
        yield _Step((messages.query(WORK_MODE),), REPLY_S, lambda: self._work_mode is not None)
        if self._work_mode not in (None, SLEEP_WORK_MODE):  # a C1001 that watches for falls
            self._ready, self._expects_boot = None, True
            yield _Step((Frame(*WORK_MODE, bytes([SLEEP_WORK_MODE])),), BOOT_S, lambda: self._ready is True)
        self._expects_boot = False
        switches = (PRESENCE_SWITCH, BREATH_SWITCH, HEART_SWITCH, SLEEP_SWITCH)
        yield _Step(tuple(Frame(*switch, b"\x01") for switch in switches), REPLY_S, lambda: self._echoed(switches))
        waves = (BREATH_WAVE_SWITCH, HEART_WAVE_SWITCH)
        for _ in range(2):  # one that is still busy with its start may miss the first
            yield _Step(tuple(Frame(*switch, b"\x01") for switch in waves), REPLY_S, lambda: self._echoed(waves))
            yield _Step((), FIRST_WAVE_S, lambda: self._wave_came)
            if self._wave_came:
                return
        self._report_mode = None
        yield _Step((messages.query(REPORT_MODE),), REPLY_S, lambda: self._report_mode is not None)
        if self._report_mode not in (None, REAL_TIME):  # an MR60BHA1 is born in sleep mode, which sends no waveform
            self._needs_power_cycle = True
            yield _Step((Frame(*REPORT_MODE, bytes([REAL_TIME])),), REPLY_S, lambda: self._report_mode == REAL_TIME)

    def _echoed(self, switches: tuple[tuple[int, int], ...]) -> bool:
        return self._echoes.issuperset(switches)

    def _samples(self, t_s: float, frames: list[Frame]) -> list[RadarSample]:
        if not frames:
            return []
        samples: list[RadarSample] = []
        waves = sum([(frame.control, frame.command) == BREATH_WAVE for frame in frames])
        wave_s, step_s = self._pace(t_s, waves)
        told_s = max(wave_s, self._told_s)
        for frame in frames:
            message = message_of(frame.control, frame.command)
            if message in _VITALS:
                self._vitals_s = t_s
            if message == BREATH_WAVE:
                counts = messages.wave(frame.data)
                if counts is not None and frame.command == BREATH_WAVE[1]:
                    self._wave_came, self._needs_power_cycle = True, False
                    for index, count in enumerate(counts, start=1):
                        told_s = max(wave_s + step_s * index / len(counts), told_s)
                        samples.append(RadarSample(told_s, wave=float(count)))
                    wave_s += step_s
            elif (sample := self._read(t_s, told_s, message, frame)) is not None:
                samples.append(sample)
        self._told_s = told_s
        return samples

    def _pace(self, t_s: float, waves: int) -> tuple[float, float]:
        """(time of what comes before the first waveform, seconds of each).

        Waveforms set the pace, and everything else is as old as the one before it, while there are any.
        """
        if waves:
            return self._pacer.advance(t_s, waves)
        last_s = self._pacer.last_s
        return (t_s if last_s is None or t_s - last_s > WAVE_PAUSE_S else last_s), 0.0

    def _read(self, t_s: float, at_s: float, message: tuple[int, int], frame: Frame) -> RadarSample | None:
        value = messages.number(frame.data)
        if message == PRESENCE and value is not None:
            if value and not self._present:
                self._vitals_s = self._present_s = t_s
            self._present = bool(value)
            return RadarSample(at_s, module_present=self._present, no_target=not self._present)
        if message == BODY_MOVEMENT and value is not None and value <= 100:
            return RadarSample(at_s, movement_pct=value)
        if message == DISTANCE and value and value <= MAX_DISTANCE_CM:
            return RadarSample(at_s, distance_m=value / 100.0)
        if message == POSITION and (position := messages.position_cm(frame.data)) is not None:
            x, y, _ = position
            return RadarSample(at_s, targets=(Target(x / 100.0, y / 100.0, None),) if any(position) else ())
        if message == BREATH_RATE and value and value <= MAX_BREATH_BRPM:
            return RadarSample(at_s, module_breath_brpm=float(value))
        if message == HEART_RATE and value and value <= MAX_HEART_BPM:
            return RadarSample(at_s, module_heart_bpm=float(value))
        self._hear(message, value, frame)
        return None

    def _hear(self, message: tuple[int, int], value: int | None, frame: Frame) -> None:
        """What the module says of itself."""
        self._echoes.add(message)
        if message == FIRMWARE:
            self.firmware = messages.text(frame.data)
        elif message == PRODUCT_MODEL:
            self.product = messages.text(frame.data)
        elif message == WORK_MODE:
            self._work_mode = value
        elif message == REPORT_MODE:
            self._report_mode = value
        elif message == INITIALISED and frame.command & 0x80:
            self._ready = value == 1
        elif message == INITIALISED:
            if not self._expects_boot:  # it restarted by itself, and has forgotten its switches
                self._restart_script(expects_boot=False)
            self._ready = True


def _never() -> bool:
    return False
