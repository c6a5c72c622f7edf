"""A Micradar module (R60ABD1, MR60BHA1, C1001) seen from its own side of the wire.

Messages, rates and scales: R60ABD1 manual V3.4 and the MR24HPB1 manual (body movement).  The waveform is what such a
module makes of a chest: band-passed, auto-gained, cut to a byte, and held while the body moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.micradar import Frame, FrameDecoder, encode
from drivers.readings import Module
from drivers.twins.scene import Scene, Ticks

WAVE_HZ = 5
HIGH_PASS_HZ, LOW_PASS_HZ = 0.1, 0.6  # the module's breath band
GAIN_TAU_S = 20.0
LEAST_MM = 0.1  # the auto-gain lifts no smaller signal than this to full size
WAVE_SIZE = 45.0  # mean deflection from the centre at settled gain: sines swing by about 70 of the 128
NOISE_MM = 0.018  # each fifth: the module's own and an empty room's
DRIFT_MM = 0.004  # each fifth: 20 um/sqrt(Hz) at 0.1 Hz, of an empty room as of any other
HALF_BEAM_DEG = 40.0
REACH_M = 3.0
LEAST_STRENGTH = 0.02
RESOLVED_M, FAR_LEAK = 0.3, 0.05  # nearer than this two bodies' waves mix; of one farther away some is left
FULL_M = 0.7  # farther away than this the same movement counts for less
PRESENCE_HOLD_S, BED_HOLD_S = 40.0, 30.0  # how long the module goes on believing
REAL_TIME, SLEEP_MODE = 0, 1
SWITCHES = {(0x80, 0x00), (0x81, 0x00), (0x84, 0x00), (0x85, 0x00), (0x81, 0x0C), (0x85, 0x0A), (0x84, 0x0F)}


class _Seen(NamedTuple):
    """(n,) each, at WAVE_HZ."""

    mm: NDArray[np.float64]
    distance_m: NDArray[np.float64]  # of the target, NaN where there is none
    x_m: NDArray[np.float64]
    moving: NDArray[np.float64]


class MicradarTwin:
    """Speaks once a second as the manual's table says; the same seed says the same.

    ``waveform`` False is a module as delivered, whose waveforms wait for their switch (manual V3.2 and later); such a
    module echoes the switch.  ``work_mode`` is for a C1001 (1 fall, 2 sleep); the others have none and do not answer.
    """

    module = Module.MICRADAR

    def __init__(
        self,
        seed: int = 0,
        waveform: bool = True,
        report_mode: int = REAL_TIME,
        work_mode: int | None = None,
        firmware: str = "G60SM1SYv010309",
    ) -> None:
        self.baud = 115_200
        self.frozen = False  # vitals stop while presence goes on (limengdu/Seeed-Studio-MR60BHA1-Sensor issue 9)
        self.work_mode = work_mode
        self._delivered = self._waveform = self._heart_waveform = waveform
        self._report_mode = report_mode
        self._firmware = firmware
        self._random = np.random.default_rng(seed)
        self._ticks = Ticks(1.0)
        self._ears = FrameDecoder()
        self._low = self._before = self._band = self._drift_mm = self._mm = 0.0
        self._before_mm: NDArray[np.float64] = np.zeros(0)  # of every body
        self._gain_mm = 1.0
        self._seen_s = -np.inf
        self._booted = False
        self._state: dict[tuple[int, int], int] = {}  # what was told on change

    def night(self, scene: Scene) -> Iterator[tuple[float, bytes]]:
        """(seconds, the frames that leave together) over the whole of a scene."""
        for block in scene.blocks():
            yield from self.speak(block)

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        """The frames of each second that ends before the end of ``scene``; this module sees one target only."""
        seconds = self._ticks.until(scene)
        if not len(seconds):
            return []
        fifths = np.arange(seconds[0] * WAVE_HZ, (seconds[-1] + 1) * WAVE_HZ) - (WAVE_HZ - 1)
        now = scene.at(fifths / WAVE_HZ)  # the five instants up to each second, that instant included
        seen = self._seen(now)
        wave = self._wave(seen.mm, now.noise).reshape(-1, WAVE_HZ)
        moving = seen.moving.reshape(-1, WAVE_HZ).max(axis=1)
        wave[moving >= 0.5] = 128
        distance_m, x_m = seen.distance_m[WAVE_HZ - 1 :: WAVE_HZ], seen.x_m[WAVE_HZ - 1 :: WAVE_HZ]
        body = self._body_movement(distance_m, moving)
        heart = 128 + 30 * np.sin(2 * np.pi * 1.1 * now.t_s.reshape(-1, WAVE_HZ))
        chance = self._random.integers(-2, 3, (len(seconds), 2))
        out = []
        for row, second in enumerate(seconds.tolist()):
            cm = None if np.isnan(distance_m[row]) else round(distance_m[row] * 100)
            frames = [] if self._booted else [Frame(0x05, 0x01, b"\x0f")]
            self._booted = True
            frames += self._changes(float(second), cm is not None, float(moving[row]))
            frames.append(Frame(0x80, 0x03, bytes((int(body[row]),))))
            if second % 2 == 0:
                # With nobody there it reports whatever stands behind (shared logs of an empty room).
                seen_cm = cm if cm is not None else 110 + 10 * int(chance[row, 0])
                x_cm = round(x_m[row] * 100) if cm is not None else -5
                xyz = (x_cm, round((max(seen_cm**2 - x_cm**2, 0)) ** 0.5), 10)
                frames.append(Frame(0x80, 0x04, seen_cm.to_bytes(2, "big")))
                frames.append(Frame(0x80, 0x05, b"".join(_sign_magnitude(v) for v in xyz)))
            if not self.frozen:
                if self._waveform and self._report_mode == REAL_TIME:
                    frames.append(Frame(0x81, 0x05, wave[row].tobytes()))
                if self._heart_waveform and self._report_mode == REAL_TIME:
                    frames.append(Frame(0x85, 0x05, heart[row].astype(np.uint8).tobytes()))
                if second % 3 == 0:
                    # Breathing and pulse are told of empty rooms too: no room of ours may believe them.
                    frames.append(Frame(0x81, 0x02, bytes((15 + int(chance[row, 0]),))))
                    frames.append(Frame(0x85, 0x02, bytes((62 + int(chance[row, 1]),))))
            if second % 60 == 0:
                frames.append(Frame(0x01, 0x01, b"\x0f"))
            out.append((float(second), b"".join(map(encode, frames))))
        return out

    def _seen(self, now: Scene) -> _Seen:
        """The one target, the nearest in the beam, and what the other bodies there add to it."""
        n = len(now.t_s)
        if not now.bodies:
            return _Seen(np.full(n, self._mm), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n))
        distance_m = np.stack([body.distance_m for body in now.bodies])
        strength = np.stack([body.strength(HALF_BEAM_DEG) for body in now.bodies])
        angle_deg = np.stack([body.angle_deg for body in now.bodies])
        told = (np.abs(angle_deg) <= HALF_BEAM_DEG) & (strength >= LEAST_STRENGTH) & (distance_m <= REACH_M)
        rows = np.arange(n)
        nearest = np.argmin(np.where(told, distance_m, np.inf), axis=0)
        there = told[nearest, rows]
        target_m = np.where(there, distance_m[nearest, rows], np.nan)
        x_m = np.stack([np.broadcast_to(body.x_m, n) for body in now.bodies])[nearest, rows]

        # Others are rejected by their range as far as the module resolves it.
        apart_m = np.abs(distance_m - target_m)
        share = np.minimum(strength / np.maximum(strength[nearest, rows], 1e-9), 1.0)
        share *= FAR_LEAK + (1 - FAR_LEAK) * np.maximum(1 - apart_m / RESOLVED_M, 0.0)
        share = np.where(told & there, share, 0.0)
        share[nearest, rows] = there
        before = np.full(len(now.bodies), np.nan)
        before[: len(self._before_mm)] = self._before_mm[: len(before)]
        mm = np.stack([body.displacement_mm for body in now.bodies])
        steps = np.nan_to_num(np.diff(mm, axis=1, prepend=before[:, None]))
        mixed = self._mm + np.cumsum((share * steps).sum(axis=0))
        self._before_mm, self._mm = mm[:, -1], float(mixed[-1])

        fall = np.minimum(FULL_M / np.maximum(distance_m, FULL_M), 1.0)
        beam = np.minimum(2 * np.stack([body.beam(HALF_BEAM_DEG) for body in now.bodies]), 1.0)
        moving = np.stack([body.moving for body in now.bodies]) * fall * beam
        return _Seen(mixed, target_m, x_m, np.where(strength > 0, moving, 0.0).max(axis=0))

    def _wave(self, seen_mm: NDArray[np.float64], bursts: NDArray[np.float64] | None) -> NDArray[np.uint8]:
        """The breathing waveform at ``WAVE_HZ``, as bytes around 128."""
        low_pass = 1 - np.exp(-2 * np.pi * LOW_PASS_HZ / WAVE_HZ)
        high_pass = np.exp(-2 * np.pi * HIGH_PASS_HZ / WAVE_HZ)
        slow = 1 / (GAIN_TAU_S * WAVE_HZ)
        n = len(seen_mm)
        drift_mm = self._drift_mm + np.cumsum(self._random.normal(0.0, DRIFT_MM, n))
        self._drift_mm = float(drift_mm[-1])
        noise_mm = self._random.normal(0.0, NOISE_MM, n) * (1.0 if bursts is None else 1.0 + bursts)
        low, before, band, gain_mm, out = self._low, self._before, self._band, self._gain_mm, []
        for mm in (seen_mm + drift_mm + noise_mm).tolist():
            low += low_pass * (mm - low)
            band = high_pass * (band + low - before)
            before = low
            gain_mm += slow * (abs(band) - gain_mm)
            out.append(WAVE_SIZE * band / max(gain_mm, LEAST_MM))
        self._low, self._before, self._band, self._gain_mm = float(low), float(before), float(band), float(gain_mm)
        wave: NDArray[np.uint8] = np.clip(np.round(128 + np.array(out)), 0, 255).astype(np.uint8)
        return wave

    def _body_movement(self, distance_m: NDArray[np.float64], moving: NDArray[np.float64]) -> NDArray[np.int64]:
        """0-100: 1 breathing only, to 30 a limb, to 100 the body; an empty room is not always 0."""
        n = len(moving)
        body = np.where(moving < 0.5, 1 + 58 * moving, 31 + 138 * (moving - 0.5))
        body = np.round(body + (moving < 0.05) * self._random.integers(0, 3, n))
        nobody = self._random.choice(4, n, p=(0.1, 0.7, 0.15, 0.05))
        return np.where(np.isnan(distance_m) & (moving < 0.02), nobody, np.clip(body, 1, 100)).astype(np.int64)

    def _changes(self, t_s: float, there: bool, moving: float) -> list[Frame]:
        """What is sent on change alone, where it changed."""
        if there:
            self._seen_s = t_s
        believed = t_s - self._seen_s <= PRESENCE_HOLD_S
        state = {
            (0x07, 0x07): int(there),
            (0x80, 0x01): int(believed),
            (0x80, 0x02): 0 if not believed else 2 if there and moving >= 0.25 else 1,
        }
        if self._report_mode == SLEEP_MODE:
            state[0x84, 0x01] = int(t_s - self._seen_s <= BED_HOLD_S)
        changed = [Frame(*key, bytes((value,))) for key, value in state.items() if self._state.get(key) != value]
        self._state = state
        return changed

    def restart(self) -> None:
        """Power was lost and came back: switches are as delivered, and it says when it is ready."""
        self.frozen = self._booted = False
        self._waveform = self._heart_waveform = self._delivered
        self._state = {}

    def hear(self, t_s: float, data: bytes) -> bytes:
        """Answers queries, echoes set commands and obeys them."""
        return b"".join(encode(answer) for frame in self._ears.feed(data) if (answer := self._answer(frame)))

    def _answer(self, frame: Frame) -> Frame | None:
        key, text = (frame.control, frame.command), self._text(frame)
        if text is not None:
            return Frame(*key, text)
        if key in SWITCHES and frame.data:
            if key == (0x81, 0x0C):
                self._waveform = bool(frame.data[0])
            elif key == (0x85, 0x0A):
                self._heart_waveform = bool(frame.data[0])
            return frame
        if key == (0x01, 0x02):
            self.restart()
            return frame
        if key == (0x02, 0x08) and self.work_mode is not None and frame.data:
            self.work_mode = frame.data[0]
            return frame
        return None

    def _text(self, frame: Frame) -> bytes | None:
        """The data of the reply to a query, None for what is no query."""
        answers = {
            (0x02, 0xA1): b"R60ABD1",
            (0x02, 0xA2): b"firstlight-twin",
            (0x02, 0xA3): b"R60",
            (0x02, 0xA4): self._firmware.encode(),
            (0x05, 0x81): b"\x01",
            (0x84, 0x8C): bytes((self._report_mode,)),
        }
        if self.work_mode is not None:
            answers[0x02, 0xA8] = bytes((self.work_mode,))
        for control, command in ((0x80, 0x01), (0x80, 0x02), (0x84, 0x01), (0x07, 0x07)):
            answers[control, command | 0x80] = bytes((self._state.get((control, command), 0),))
        return answers.get((frame.control, frame.command))


def _sign_magnitude(value: int) -> bytes:
    """16 bits, the first the sign: measured frames are so (DuncanIdahoCT/espresence-mr60bha1-mmwave-sensor)."""
    return (abs(value) | (0x8000 if value < 0 else 0)).to_bytes(2, "big")
