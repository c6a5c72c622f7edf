"""Several bodies before one radar: what each twin makes of them, worked out by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import micradar, tinyframe
from drivers.acconeer import SensorConfig
from drivers.twins import AcconeerTwin, Body, MicradarTwin, Scene, TinyFrameTwin

HZ = 20
GONE = np.nan


def body(t_s: NDArray[np.float64], distance_m: float, rate_hz: float, mm: float = 3.0, **more: float) -> Body:
    """Something that breathes ``mm`` to each side at one range."""
    moving = np.full(len(t_s), more.pop("moving", 0.0))
    return Body(mm * np.sin(2 * np.pi * rate_hz * t_s), np.full(len(t_s), distance_m), moving, **more)


def times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * HZ) + 1) / HZ


def only(it: Body, when: NDArray[np.bool_]) -> Body:
    """The same body, there only for a time."""
    return it._replace(distance_m=np.where(when, it.distance_m, GONE))


def peak_hz(values: NDArray[np.float64], rate_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(values - values.mean()))
    return float(np.argmax(spectrum) * rate_hz / len(values))


def test_an_echo_falls_with_the_square_of_the_range_and_off_the_axis() -> None:
    t_s = times(1.0)
    for distance_m, x_m, strength in ((0.6, 0.0, 1.0), (1.2, 0.0, 0.25), (1.0, np.sin(np.pi / 3), 0.36 * 0.5)):
        assert body(t_s, distance_m, 0.2, x_m=x_m).strength(60.0) == pytest.approx(strength)
    assert not only(body(t_s, 0.6, 0.2), t_s < 0).strength(60.0).any()


def test_a_scene_at_other_instants_keeps_every_body() -> None:
    t_s = times(10.0)
    scene = Scene(t_s, (body(t_s, 0.6, 0.2), only(body(t_s, 1.4, 0.3), t_s >= 5.0)), t_s, 2 * t_s)
    now = scene.at(np.array([2.025, 7.525]))
    assert now.bodies[0].displacement_mm == pytest.approx(3 * np.sin(0.4 * np.pi * now.t_s), abs=1e-3)
    assert np.isnan(now.bodies[1].distance_m).tolist() == [True, False]
    assert now.noise == pytest.approx([2.0, 7.5])
    assert now.box_mm == pytest.approx([4.05, 15.05])


# Acconeer


def sweeps(scene: Scene, seed: int = 0) -> NDArray[np.complex128]:
    """(frames, sweeps, points) as the host sets the module up."""
    config = SensorConfig()
    twin = AcconeerTwin(seed, sensor_config=config.as_json())
    twin.setup_replies()
    size = config.num_points * config.sweeps_per_frame * 2
    raw = np.stack([np.frombuffer(data[-2 * size :], "<i2") for _, data in twin.speak(scene)]).astype(np.float64)
    shaped = (raw[:, 0::2] + 1j * raw[:, 1::2]).reshape(len(raw), config.sweeps_per_frame, -1)
    assert shaped.shape[2] == config.num_points
    return shaped


def test_acconeer_shows_two_sleepers_at_their_own_ranges() -> None:
    t_s = times(100.0)
    alone = sweeps(Scene(t_s)).mean(axis=(0, 1))
    both = sweeps(Scene(t_s, (body(t_s, 0.6, 0.2), body(t_s, 1.4, 0.3)))).mean(axis=1) - alone
    ranges = np.array(SensorConfig().ranges_m())
    near, far = (int(np.argmin(np.abs(ranges - at))) for at in (0.6, 1.4))
    assert peak_hz(np.unwrap(np.angle(both[:, near])), 20.0) == pytest.approx(0.2)
    assert peak_hz(np.unwrap(np.angle(both[:, far])), 20.0) == pytest.approx(0.3)
    # At a point 0.04 m off the far chest: (0.6 / 1.4)^2 = 0.18 of 1200, times exp(-(0.04 / 0.12)^2 / 2) = 0.95.
    assert np.abs(both[:, far]).mean() == pytest.approx(209.0, rel=0.05)


def test_acconeer_sweeps_are_noisier_in_another_radars_bursts() -> None:
    t_s = times(20.0)
    calm, loud = (sweeps(Scene(t_s, (), noise)).std(axis=1).mean() for noise in (None, np.full(len(t_s), 10.0)))
    assert loud > 3 * calm


def test_acconeer_turns_the_room_by_half_a_circle_when_the_box_moves_a_quarter_wavelength() -> None:
    t_s = times(20.0)
    room = sweeps(Scene(t_s, (), None, np.where(t_s < 10.0, 0.0, 4.955 / 4))).mean(axis=1)
    assert np.abs(room[200:].mean(axis=0) + room[:199].mean(axis=0)).max() < 10.0  # of 250


# TinyFrame


class Told:
    """What a TinyFrame module said of a scene."""

    def __init__(self, scene: Scene, seed: int = 0) -> None:
        decoder = tinyframe.FrameDecoder()
        frames = [frame for _, data in TinyFrameTwin(seed).night(scene) for frame in decoder.feed(data)]
        by_kind = {kind: [f.data for f in frames if f.kind == kind] for kind in {f.kind for f in frames}}
        self.total_rad = np.array([struct.unpack("<3f", data)[0] for data in by_kind[tinyframe.PHASES]])
        self.distance_m = np.array(
            [struct.unpack_from("<f", data, 4)[0] / 100 if len(data) == 8 else GONE for data in by_kind[0x0A16]]
        )
        self.targets = [
            [struct.unpack_from("<2f2i", data, 4 + 16 * k) for k in range(data[0])] for data in by_kind[0x0A04]
        ]

    def usual_count(self) -> int:
        return int(np.argmax(np.bincount([len(targets) for targets in self.targets])))


def test_tinyframe_goes_over_to_the_second_sleeper_when_the_first_leaves() -> None:
    t_s = times(200.0)
    told = Told(Scene(t_s, (only(body(t_s, 0.6, 0.2), t_s < 100.0), body(t_s, 1.35, 0.3))))
    assert np.median(told.distance_m[: 100 * 8]) == pytest.approx(0.6, abs=0.01)
    assert np.median(told.distance_m[101 * 8 :]) == pytest.approx(1.35, abs=0.01)
    silent_s = np.flatnonzero(told.total_rad[99 * 16 : 120 * 16] == 0.0).size / 16
    assert 3.0 <= silent_s <= 8.5
    assert peak_hz(told.total_rad[110 * 16 :], 16.0) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(("distance_m", "goes_over"), [(0.7, True), (0.9, False)])
def test_tinyframe_leaves_its_lock_only_for_a_clearly_nearer_body(distance_m: float, goes_over: bool) -> None:
    t_s = times(120.0)
    told = Told(Scene(t_s, (body(t_s, 1.0, 0.2), only(body(t_s, distance_m, 0.3), t_s >= 60.0))))
    now_m = np.median(told.distance_m[80 * 8 :])
    assert now_m == pytest.approx(distance_m if goes_over else 1.0, abs=0.01)
    assert (told.total_rad[30 * 16 :] == 0.0).any() == goes_over


def test_tinyframe_lists_who_is_too_far_to_be_locked() -> None:
    t_s = times(60.0)
    told = Told(Scene(t_s, (body(t_s, 1.8, 0.2),)))
    assert np.isnan(told.distance_m).all()
    assert not told.total_rad.any()
    assert told.usual_count() == 1


@pytest.mark.parametrize(("distance_m", "count"), [(0.8, 1), (1.0, 2)])
def test_tinyframe_merges_targets_nearer_than_30_cm(distance_m: float, count: int) -> None:
    t_s = times(60.0)
    told = Told(Scene(t_s, (body(t_s, 0.6, 0.2, x_m=0.0), body(t_s, distance_m, 0.3, x_m=0.0))))
    assert told.usual_count() == count
    if count == 1:  # by weight: 0.2 m times 0.5625 / 1.5625 beyond the nearer
        assert np.median([t[0][1] for t in told.targets if len(t) == 1]) == pytest.approx(0.672, abs=0.01)


def test_tinyframe_lists_no_more_than_three_targets_the_nearest_first() -> None:
    t_s = times(60.0)
    told = Told(Scene(t_s, tuple(body(t_s, 0.6 + 0.4 * k, 0.2 + 0.02 * k) for k in (4, 2, 0, 1, 3))))
    assert max(map(len, told.targets)) == 3
    assert told.usual_count() == 3
    assert all([t[1] for t in targets] == sorted(t[1] for t in targets) for targets in told.targets if targets)


def test_tinyframe_misses_a_still_target_for_seconds_now_and_then() -> None:
    t_s = times(3600.0)
    counts = np.array([len(targets) for targets in Told(Scene(t_s, (body(t_s, 0.6, 0.2),))).targets])
    assert 0.01 < (counts == 0).mean() < 0.06  # 4 s in every 124
    assert 0.0 < (counts == 2).mean() < 0.01  # a ghost


def test_tinyframe_tells_how_fast_a_target_goes() -> None:
    t_s = times(10.0)
    walks = body(t_s, 1.0, 0.2)._replace(distance_m=1.0 + 0.35 * t_s)  # 0.35 m/s away: two steps of 0.1728
    told = Told(Scene(t_s, (walks,)))
    assert np.median([targets[0][2] for targets in told.targets if targets]) == 2


@pytest.mark.parametrize(("apart_m", "most_rad"), [(0.0, np.arcsin(0.5)), (0.4, 0.0)])
def test_tinyframe_mixes_bodies_at_one_range_by_their_echoes(apart_m: float, most_rad: float) -> None:
    t_s = times(120.0)
    own, other = body(t_s, 0.6, 0.2), body(t_s, 0.6 + apart_m, 0.33, echo=0.5)
    alone, mixed = (Told(Scene(t_s, bodies)).total_rad[12 * 16 :] for bodies in ((own,), (own, other)))
    off_rad = mixed - alone
    off_rad -= (off_rad.max() + off_rad.min()) / 2
    # Noise and slow drift of the two runs add some tenths.
    assert np.ptp(off_rad) / 2 == pytest.approx(most_rad, abs=0.25)


# Micradar


def micra(scene: Scene) -> list[micradar.Frame]:
    decoder = micradar.FrameDecoder()
    return [frame for _, data in MicradarTwin().night(scene) for frame in decoder.feed(data)]


def data_of(frames: list[micradar.Frame], control: int, command: int) -> list[bytes]:
    return [frame.data for frame in frames if (frame.control, frame.command) == (control, command)]


def waveform(scene: Scene) -> NDArray[np.float64]:
    return np.frombuffer(b"".join(data_of(micra(scene), 0x81, 0x05)), np.uint8)[300:] - 128.0


def test_micradar_takes_the_nearest_in_its_beam() -> None:
    t_s = times(160.0)
    aside = body(t_s, 0.5, 0.35, x_m=0.45)  # 64 degrees off
    frames = micra(Scene(t_s, (body(t_s, 1.3, 0.3), aside, body(t_s, 0.8, 0.2))))
    assert {int.from_bytes(data, "big") for data in data_of(frames, 0x80, 0x04)} == {80}
    wave = np.frombuffer(b"".join(data_of(frames, 0x81, 0x05)), np.uint8)[300:] - 128.0
    assert peak_hz(wave, 5.0) == pytest.approx(0.2, abs=0.01)


def test_micradar_mixes_whom_it_cannot_part_by_range() -> None:
    t_s = times(260.0)
    own = body(t_s, 0.8, 0.2)

    def share(other_m: float) -> float:
        wave = waveform(Scene(t_s, (own, body(t_s, other_m, 0.3))))[:1000]
        spectrum = np.abs(np.fft.rfft(wave))
        return float(spectrum[60] / spectrum[40])  # 0.3 and 0.2 Hz in 200 s

    assert share(0.8 + 0.05) > 0.5
    assert share(1.4) < 0.1


@pytest.mark.parametrize(("distance_m", "index"), [(0.7, 100), (1.4, 31)])
def test_micradar_makes_less_of_a_movement_farther_away(distance_m: float, index: int) -> None:
    t_s = times(10.0)
    frames = micra(Scene(t_s, (body(t_s, distance_m, 0.2, moving=1.0),)))
    assert {data[0] for data in data_of(frames, 0x80, 0x03)} == {index}


@pytest.mark.parametrize("twin", [TinyFrameTwin, MicradarTwin, AcconeerTwin])
def test_a_twin_speaks_of_a_room_without_bodies(twin: type[TinyFrameTwin | MicradarTwin | AcconeerTwin]) -> None:
    assert len(list(twin().night(Scene(times(30.0))))) >= 29
