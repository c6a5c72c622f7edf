"""An Acconeer A121 behind the exploration server (XM125), seen from its own side of the wire.

JSON lines and IQ payloads as acconeer-python-exploration 7.18.1 speaks them.  The same encoder turns real recordings of
IQ into wire bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.readings import Module
from drivers.twins.scene import Body, Scene, Ticks

WAVELENGTH_MM = 4.955  # at 60.5 GHz
BASE_STEP_M = 0.002502274  # as the module's metadata says
POINTS, STEP_LENGTH, SWEEPS, FRAME_HZ = 4, 48, 16, 20.0
ENVELOPE_M = 0.12  # standard deviation of the range envelope of profile 5
CHEST, CLUTTER, NOISE = 1200.0, 250.0, 20.0  # amplitudes in counts: a chest at 0.6 m, what stands there, a sweep
RAD_PER_MM = 4 * np.pi / WAVELENGTH_MM
HALF_BEAM_DEG = 60.0  # wide, without a lens
BURST_SHARE = 0.3  # of a frame's sweeps that another radar's burst strikes
TICKS_HZ = 1000
FIRST_BAUD, MAX_BAUD = 115_200, 2_000_000


@dataclass
class _Path:
    """What the way to one body adds to its phase."""

    level_rad: float = 0.0
    drift_rad: float = 0.0


class AcconeerTwin:
    """Answers the server's commands and streams frames of a scene; the same seed says the same.

    ``sensor_config`` is that of a capture's first line (a list of them for several subsweeps); without one, four points
    0.12 m apart stand around ``centre_m``, until the host sets up others.
    """

    module = Module.ACCONEER

    def __init__(
        self,
        seed: int = 0,
        centre_m: float = 0.6,
        sensor_config: dict[str, Any] | list[dict[str, Any]] | None = None,
        base_step_m: float = BASE_STEP_M,
    ) -> None:
        self.baud = FIRST_BAUD
        self.frozen = False
        self.streaming = False
        self._base_step_m = base_step_m
        self._random = np.random.default_rng(seed)
        self._buffer = b""
        self._paths: list[_Path] = []  # one for each of the scene's bodies
        self._last_frame: NDArray[np.int16] | None = None
        if sensor_config is None:
            start_m = centre_m - STEP_LENGTH * base_step_m * (POINTS - 1) / 2
            sensor_config = {
                "start_point": round(start_m / base_step_m),
                "num_points": POINTS,
                "step_length": STEP_LENGTH,
                "sweeps_per_frame": SWEEPS,
                "frame_rate": FRAME_HZ,
            }
        self._set_up(sensor_config)

    @property
    def sensor_config(self) -> dict[str, Any] | list[dict[str, Any]]:
        """What stands in a capture's first line, since only the host's own bytes hold the ranges."""
        return self._config

    def night(self, scene: Scene) -> Iterator[tuple[float, bytes]]:
        """(seconds, the message that leaves then) over the whole of a scene, the replies to set-up first."""
        yield from ((float(scene.t_s[0]), reply) for reply in self.setup_replies())
        for block in scene.blocks():
            yield from self.speak(block)

    def recorded(
        self, t_s: NDArray[np.float64], sweeps: NDArray[np.complexfloating[Any, Any]]
    ) -> Iterator[tuple[float, bytes]]:
        """A real recording as wire bytes; ``sweeps`` is (frames, sweeps, points) in the module's own counts."""
        yield from ((float(t_s[0]), reply) for reply in self.setup_replies())
        for t, frame in zip(t_s.tolist(), sweeps, strict=True):
            yield t, self.frame(frame, round(t * TICKS_HZ))

    def setup_replies(self) -> list[bytes]:
        """The replies to system_info, sensor_info, setup and start_streaming; the module streams from then on."""
        self.streaming = True
        return [self._system_info(), self._sensor_info(), self._setup_reply(), _line({"status": "start"})]

    def frame(self, sweeps: NDArray[np.complexfloating[Any, Any]], tick: int) -> bytes:
        """One result message of (sweeps, points) complex counts; what does not fit 16 bits is cut."""
        pairs = np.stack((sweeps.real, sweeps.imag), axis=-1)
        payload: bytes = _counts(pairs).tobytes()
        return _result(tick, len(payload)) + payload

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        """The frames before the end of ``scene``, once the host has started the stream."""
        ticks = self._ticks.until(scene)
        if not len(ticks) or not self.streaming:
            return []
        now = scene.at(ticks / self._rate_hz)
        frames = self._frames(now)
        if self.frozen and self._last_frame is not None:
            frames[:] = self._last_frame
        self._last_frame = frames[-1]
        raw, size = frames.tobytes(), frames[0].nbytes
        return [
            (t, _result(round(t * TICKS_HZ), size) + raw[row * size : (row + 1) * size])
            for row, t in enumerate(now.t_s.tolist())
        ]

    def _frames(self, now: Scene) -> NDArray[np.int16]:
        """(n, sweeps, points, 2) counts: what stands there, each body's echo about its range, and noise."""
        shape = (len(now.t_s), self._sweeps, len(self._range_m))
        counts = self._random.standard_normal((*shape, 2), np.float32)
        counts *= NOISE
        if now.noise is not None:  # a burst lasts some ms: it strikes some sweeps of a frame
            struck = now.noise[:, None] * (self._random.random(shape[:2]) < BURST_SHARE)
            counts *= (1.0 + struck).astype(np.float32)[:, :, None, None]
        iq = np.zeros(shape, np.complex64)
        for body, path in zip(now.bodies, self._paths_of(now.bodies), strict=True):
            phase = self._phase(body, path, len(now.t_s))
            away = (self._range_m - np.nan_to_num(body.distance_m, nan=np.inf)[:, None]) / ENVELOPE_M
            size = (CHEST * body.strength(HALF_BEAM_DEG))[:, None] * np.exp(-(away**2) / 2)
            if size.any():
                iq += np.exp(1j * phase.astype(np.float32))[:, :, None] * (size * self._point_turn)[:, None, :]
        if now.box_mm is None:
            iq += self._clutter
        else:
            iq += (np.exp(1j * RAD_PER_MM * now.box_mm)[:, None] * self._clutter)[:, None, :]
        counts += iq.view(np.float32).reshape(*shape, 2)
        return _counts(counts)

    def _phase(self, body: Body, path: _Path, n: int) -> NDArray[np.float64]:
        """(n, sweeps) radians of a body's echo."""
        # A movement shows another part of the body: the phase goes to a level of its own, about twice a second.
        jump = (body.moving >= 0.5) & (self._random.random(n) < 2 / self._rate_hz)
        level = np.where(jump, self._random.uniform(-np.pi, np.pi, n), 0.0)
        last_jump = np.maximum.accumulate(np.where(jump, np.arange(n), -1))
        level = np.where(last_jump >= 0, level[last_jump], path.level_rad)
        drift = path.drift_rad + np.cumsum(self._random.normal(0.0, 0.002, n))
        path.level_rad, path.drift_rad = float(level[-1]), float(drift[-1])
        chest = RAD_PER_MM * np.nan_to_num(body.displacement_mm) + level + drift
        # A limb moves by more than a wavelength within a frame, so that its sweeps disagree.
        turn = body.moving * self._random.normal(0.0, 4.0, n)
        phase: NDArray[np.float64] = chest[:, None] + turn[:, None] * np.linspace(-0.5, 0.5, self._sweeps)
        return phase

    def _paths_of(self, bodies: Sequence[Body]) -> list[_Path]:
        self._paths += [_Path() for _ in bodies[len(self._paths) :]]
        return self._paths[: len(bodies)]

    def restart(self) -> None:
        """Power was lost and came back: nothing is set up, and the line has its first speed."""
        self.streaming = False
        self.baud = FIRST_BAUD
        self._buffer = b""

    def hear(self, t_s: float, data: bytes) -> bytes:
        """Answers the commands, a JSON object a line; what stands before the object is line noise."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        answer = b""
        for line in lines:
            try:
                command = json.loads(line[line.index(b"{") :])
                answer += self._answer(command)
            except (ValueError, KeyError, TypeError, IndexError):
                answer += _line({"status": "error", "message": "bad command"})
        return answer

    def _answer(self, command: dict[str, Any]) -> bytes:
        match command["cmd"]:
            case "get_system_info":
                return self._system_info()
            case "get_sensor_info":
                return self._sensor_info()
            case "setup":
                config = command["groups"][0][0]["config"]
                rest = {"sweeps_per_frame": config["sweeps_per_frame"], "frame_rate": config["frame_rate"] or FRAME_HZ}
                subsweeps = [
                    {key: one[key] for key in ("start_point", "num_points", "step_length")} | rest
                    for one in config["subsweeps"]
                ]
                self._set_up(subsweeps if len(subsweeps) > 1 else subsweeps[0])
                return self._setup_reply()
            case "start_streaming":
                self.streaming = True
                return _line({"status": "start"})
            case "stop_streaming":
                self.streaming = False
                return _line({"status": "stop"})
            case "set_uart_baudrate":
                self.baud = min(int(command["baudrate"]), MAX_BAUD)
                return _line({"status": "ok", "message": "set baudrate"})
        return _line({"status": "error", "message": "unknown command"})

    def _set_up(self, config: dict[str, Any] | list[dict[str, Any]]) -> None:
        self._config = config
        self._subsweeps = config if isinstance(config, list) else [config]
        self._sweeps = int(self._subsweeps[0]["sweeps_per_frame"])
        self._rate_hz = float(self._subsweeps[0]["frame_rate"])
        self._range_m = self._base_step_m * np.concatenate(
            [one["start_point"] + one["step_length"] * np.arange(one["num_points"]) for one in self._subsweeps]
        )
        self._ticks = Ticks(self._rate_hz)
        turns = self._random.uniform(-np.pi, np.pi, (2, len(self._range_m)))
        self._clutter = (CLUTTER * np.exp(1j * turns[0])).astype(np.complex64)
        self._point_turn = np.exp(1j * turns[1]).astype(np.complex64)
        self._last_frame = None

    def _system_info(self) -> bytes:
        info = {
            "rss_version": "a121-v1.10.0",
            "sensor": "a121",
            "sensor_count": 1,
            "ticks_per_second": TICKS_HZ,
            "hw": "xm125",
            "max_baudrate": MAX_BAUD,
        }
        return _line({"status": "ok", "system_info": info})

    def _sensor_info(self) -> bytes:
        return _line({"status": "ok", "sensor_info": [{"connected": True}]})

    def _setup_reply(self) -> bytes:
        lengths = [int(one["num_points"]) for one in self._subsweeps]
        metadata = {
            "frame_data_length": sum(lengths) * self._sweeps,
            "sweep_data_length": sum(lengths),
            "subsweep_data_offset": [sum(lengths[:i]) for i in range(len(lengths))],
            "subsweep_data_length": lengths,
            "calibration_temperature": 25,
            "base_step_length_m": self._base_step_m,
            "max_sweep_rate": 1372.8,
            "high_speed_mode": False,
        }
        calibration = [{"sensor_id": 1, "temperature": 25, "data": "00"}]
        return _line({"status": "ok", "tick_period": 0, "metadata": [[metadata]], "calibration_info": calibration})


def sweeps_of(
    mean: NDArray[np.complexfloating[Any, Any]], spread: NDArray[np.floating[Any]], sweeps: int = SWEEPS
) -> NDArray[np.complex128]:
    """(frames, sweeps, points) whole counts with a given mean and spread, for recordings that kept only these.

    Each sweep stands one spread above or below the mean in turn; rounding is carried from sweep to sweep, so that the
    mean is kept to half a count over the number of sweeps.
    """
    sides = np.where(np.arange(sweeps) % 2, -1.0, 1.0)
    total = np.cumsum(mean[:, None, :] + spread[:, None, :] * sides[:, None], axis=1)
    whole = np.round(total.real) + 1j * np.round(total.imag)
    return np.diff(whole, axis=1, prepend=0.0)


def _counts(values: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    counts: NDArray[np.int16] = np.clip(np.round(values), -32768, 32767).astype("<i2")
    return counts


def _line(message: dict[str, Any] | Sequence[Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _result(tick: int, payload_size: int) -> bytes:
    """The line before a frame; written out, since a night has half a million."""
    return (
        f'{{"status":"ok","result_info":[[{{"tick":{tick},"data_saturated":false,"frame_delayed":false,'
        f'"calibration_needed":false,"temperature":25}}]],"payload_size":{payload_size}}}\n'
    ).encode()
