"""Our side of the talk with an A121's exploration server: bytes and time in, radar samples and commands out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from drivers.acconeer.frame import Frame, FrameDecoder, encode
from drivers.acconeer.messages import BYTES_PER_POINT, Layout, Result, kind_of, result_of, sweeps
from drivers.acconeer.setup import BASE_STEP_M, SensorConfig
from drivers.linkwatch import SILENT_S, LinkWatch
from drivers.pacing import SamplePacer
from drivers.readings import LinkCounters, RadarSample

REPLY_S = 1.0
SETUP_S = 5.0  # it calibrates
RETRY_S = 10.0  # without results: set up again
RECALIBRATE_EVERY_S = 60.0
FROZEN_S = 10.0  # of the very same samples
TICK_S = 0.001  # unless the module says otherwise
MAX_PAUSE_S = 60.0  # ticks that leap further, or back, are those of a module that restarted


class _Step(NamedTuple):
    """Say this, then go on once the reply is of the kind that is waited for, at the latest after ``wait_s``."""

    command: dict[str, Any]
    wait_s: float
    reply: str


class Conversation:
    """Remembers one module's recent past.  Times are seconds on the caller's monotonic clock."""

    def __init__(self, sensor_config: object = None) -> None:
        """``sensor_config``: a capture's, as JSON, or a SensorConfig; None sets up the default.

        Raises ValueError with one line where it is neither.
        """
        if sensor_config is None:
            self.config = SensorConfig()
        elif isinstance(sensor_config, SensorConfig):
            self.config = sensor_config
        else:
            self.config = SensorConfig.from_json(sensor_config)
        self.firmware: str | None = None
        self.saturated = 0  # frames left out because the receiver was driven too hard
        self._decoder = FrameDecoder()
        self._watch = LinkWatch("acconeer")
        self._pacer = SamplePacer(TICK_S)
        self._tick_s = TICK_S
        self._tick: int | None = None
        self._told_s = float("-inf")  # time of the last sample handed on
        self._result_s: float | None = None  # when the last frame came, or the wait for one began
        self._payload = b""
        self._payload_s = 0.0  # since when the payload has been this one
        self._refusal: str | None = None
        self._script: Iterator[_Step] | None = self._start_up()
        self._resume_s = float("-inf")
        self._awaited = ""
        self._calibrated_s = float("-inf")
        self._ranged: Layout | None = None  # for which the ranges are known
        self._known_m: tuple[float, ...] = ()

    @property
    def counters(self) -> LinkCounters:
        """What the decoder has met; bad checksums are payloads whose size did not fit the set-up."""
        return self._decoder.counters

    @property
    def ranges_m(self) -> tuple[float, ...]:
        """Distance of each point of ``RadarSample.iq``."""
        layout = self._decoder.layout
        if layout is not self._ranged or not self._known_m:
            self._known_m = self.config.ranges_m(layout.base_step_length_m if layout else BASE_STEP_M)
            self._ranged = layout
        return self._known_m

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
        """What to write now: the next step of set-up, which is begun again when no results come."""
        self._watch.begin(t_s)
        if self._result_s is None:
            self._result_s = t_s
        if self._script is None:
            if t_s - self._result_s < RETRY_S:
                return b""
            self._begin_again(t_s)
        said: list[dict[str, Any]] = []
        while self._script is not None and t_s >= self._resume_s:
            step = next(self._script, None)
            if step is None:
                self._script = None
                self._result_s = t_s
            else:
                said.append(step.command)
                self._resume_s, self._awaited = t_s + step.wait_s, step.reply
        return b"".join(encode(Frame(command)) for command in said)

    def fault(self, t_s: float) -> str | None:
        """One line where the module is silent, frozen or refuses its set-up, None when well."""
        if (silent := self._watch.fault(t_s)) is not None:
            return silent
        if self._refusal is not None:
            return f"the module refuses its set-up: {self._refusal}"
        layout = self._decoder.layout
        if layout is not None and layout.sweep_data_length != self.config.num_points:
            return f"the module measures {layout.sweep_data_length} points, {self.config.num_points} were asked for"
        if self._payload and t_s - self._payload_s >= FROZEN_S:
            return f"frozen: the same samples for {int(t_s - self._payload_s)} s: cut the module's power for 5 s"
        if self._script is None and self._result_s is not None and t_s - self._result_s >= SILENT_S:
            return f"answers but measures nothing for {int(t_s - self._result_s)} s: setting it up again"
        return None

    def _start_up(self) -> Iterator[_Step]:
        yield _Step({"cmd": "stop_streaming"}, REPLY_S, "stop")  # it may stream on from before
        yield _Step({"cmd": "get_system_info"}, REPLY_S, "system_info")
        yield _Step({"cmd": "get_sensor_info"}, REPLY_S, "sensor_info")
        yield _Step(self.config.command(), SETUP_S, "setup")
        yield _Step({"cmd": "start_streaming"}, REPLY_S, "start")

    def _begin_again(self, t_s: float) -> None:
        self._script, self._resume_s = self._start_up(), t_s
        self._refusal = None

    def _samples(self, t_s: float, frames: list[Frame]) -> list[RadarSample]:
        found: list[tuple[Frame, Result]] = []
        for frame in frames:
            kind = kind_of(frame.message)
            if kind == "result":
                result = result_of(frame.message)
                if result is not None:
                    found.append((frame, result))
            elif kind is not None:
                self._hear(t_s, kind, frame.message)
        if not found:
            return []
        self._result_s = t_s
        times_s = self._times(t_s, [result.tick for _, result in found])
        samples = [self._sample(at_s, *pair) for at_s, pair in zip(times_s, found, strict=True)]
        if found[-1][1].calibration_needed and t_s - self._calibrated_s >= RECALIBRATE_EVERY_S:
            self._calibrated_s = t_s
            self._begin_again(t_s)
        return [sample for sample in samples if sample is not None]

    def _hear(self, t_s: float, kind: str, message: dict[str, Any]) -> None:
        """What the module says of itself."""
        if kind == "system_info" and isinstance(info := message["system_info"], dict):
            self.firmware = str(info.get("rss_version"))
            per_second = info.get("ticks_per_second")
            if type(per_second) is int and 0 < per_second <= 1_000_000 and 1 / per_second != self._tick_s:
                self._tick_s = 1 / per_second
                self._tick = None
        elif kind == "sensor_info" and isinstance(sensors := message["sensor_info"], list) and sensors:
            if isinstance(sensors[0], dict) and sensors[0].get("connected") is False:
                self._refusal = "no A121 sensor is connected to it"
        elif kind == "error":
            self._refusal = str(message.get("message", "no reason given"))[:200]
        elif kind == "start":
            self._refusal = None
        if kind == self._awaited:
            self._resume_s = t_s
            self._awaited = ""

    def _times(self, t_s: float, ticks: list[int]) -> list[float]:
        """When each frame was measured: even steps of the module's own ticks, laid on the arrival times."""
        last = self._tick
        self._tick = ticks[-1]
        if any(later <= earlier for earlier, later in pairwise(ticks)):
            self._tick = None
            times_s = [t_s] * len(ticks)
        else:
            if last is None or not 0 < ticks[0] - last <= MAX_PAUSE_S / self._tick_s:
                self._pacer = SamplePacer(self._tick_s)
                last = ticks[0] - 1
            start_s, step_s = self._pacer.advance(t_s, ticks[-1] - last)
            times_s = [start_s + step_s * (tick - last) for tick in ticks]
        for index, at_s in enumerate(times_s):
            times_s[index] = self._told_s = max(at_s, self._told_s)
        return times_s

    def _sample(self, at_s: float, frame: Frame, result: Result) -> RadarSample | None:
        if frame.payload != self._payload:
            self._payload, self._payload_s = frame.payload, at_s
        elif at_s - self._payload_s >= FROZEN_S:
            return None
        if result.data_saturated:
            self.saturated += 1
            return None
        points = frame.layout.sweep_data_length if frame.layout else self.config.num_points
        if len(frame.payload) < BYTES_PER_POINT * points:
            return None
        iq = sweeps(frame.payload, points)
        mean = np.add.reduce(iq) / np.float32(len(iq))
        away = iq - mean
        spread = np.sqrt(np.add.reduce(away.real**2 + away.imag**2) / np.float32(len(iq)))
        return RadarSample(at_s, iq=mean, ranges_m=self.ranges_m, sweep_spread=spread)
