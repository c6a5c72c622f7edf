"""The twins' side of the wire: what they say of a scene, at which rates, and how they answer."""

from __future__ import annotations

import itertools
import json
import struct
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import micradar, tinyframe
from drivers.twins import AcconeerTwin, MicradarTwin, Scene, TinyFrameTwin
from drivers.twins.acconeer import sweeps_of

HZ = 20


def scene(seconds: float, start_s: float = 0.0) -> Scene:
    """Somebody at 0.7 m who lies still and breathes 3 mm to each side 15 times a minute."""
    t_s = start_s + np.arange(round(seconds * HZ) + 1) / HZ
    return Scene.of_one(t_s, 3 * np.sin(2 * np.pi * 0.25 * t_s), np.full(len(t_s), 0.7))


def nobody(seconds: float, start_s: float = 0.0) -> Scene:
    """An empty bed."""
    gone = np.full(round(seconds * HZ) + 1, np.nan)
    return but(scene(seconds, start_s), displacement_mm=gone, distance_m=gone)


def but(told: Scene, **changes: NDArray[np.float64]) -> Scene:
    """The same scene with something else of its one body."""
    return told._replace(bodies=(told.bodies[0]._replace(**changes),))


def tinyframes(said: list[tuple[float, bytes]]) -> list[tinyframe.Frame]:
    """All frames, none of them bad."""
    decoder = tinyframe.FrameDecoder()
    frames = [frame for _, data in said for frame in decoder.feed(data)]
    assert decoder.counters.bad_checksums == decoder.counters.garbage_bytes == decoder.pending == 0
    return frames


def micraframes(said: list[tuple[float, bytes]]) -> list[micradar.Frame]:
    """All frames, none of them bad."""
    decoder = micradar.FrameDecoder()
    frames = [frame for _, data in said for frame in decoder.feed(data)]
    assert decoder.counters.bad_checksums == decoder.counters.garbage_bytes == decoder.pending == 0
    return frames


def phases(frames: list[tinyframe.Frame]) -> NDArray[np.float64]:
    """(n, 3) radians of the phase frames."""
    return np.array([struct.unpack("<3f", frame.data) for frame in frames if frame.kind == tinyframe.PHASES])


def results(said: list[tuple[float, bytes]]) -> list[tuple[dict[str, object], bytes]]:
    """(the line, its payload) of every message."""
    rest, found = b"".join(data for _, data in said), []
    while rest:
        line, _, rest = rest.partition(b"\n")
        message = json.loads(line)
        size = message.get("payload_size", 0)
        found.append((message, rest[:size]))
        rest = rest[size:]
    return found


# TinyFrame


def test_tinyframe_keeps_the_rates_of_the_module() -> None:
    kinds = Counter(frame.kind for frame in tinyframes(TinyFrameTwin().speak(scene(60))))
    assert kinds == {0x0A13: 960, 0x0A16: 480, 0x0A04: 480, 0x0A14: 60, 0x0A15: 60, 0x0F09: 60}


def test_tinyframe_bytes_are_those_of_the_encoder_and_identifiers_count_on() -> None:
    twin = TinyFrameTwin()
    said = twin.speak(scene(3)) + twin.speak(nobody(3, 3.0))
    frames = tinyframes(said)
    assert [frame.ident for frame in frames] == list(range(len(frames)))
    assert b"".join(map(tinyframe.encode, frames)) == b"".join(data for _, data in said)


def test_tinyframe_identifiers_wrap_at_16_bits() -> None:
    stretch = scene(2000)
    last = list(TinyFrameTwin().night(stretch))[-1][1]
    # 35 frames a second for 2000 s; the last tick is an odd one with a phase frame alone.
    assert tinyframes([(0.0, last)])[0].ident == (2000 * 35 - 1) % 65536


def test_tinyframe_phase_follows_the_chest_in_radians_of_a_60_ghz_wave() -> None:
    told = scene(60)
    total = phases(tinyframes(TinyFrameTwin().speak(told)))[10 * 16 :, 0]
    chest_mm = 3 * np.sin(2 * np.pi * 0.25 * np.arange(10 * 16, 60 * 16) / 16)
    off_mm = total * 0.398 - chest_mm
    assert np.std(off_mm) < 0.05


def test_tinyframe_locks_ten_seconds_after_somebody_came() -> None:
    twin = TinyFrameTwin()
    twin.speak(nobody(5))
    total = phases(tinyframes(twin.speak(scene(20, 5.0))))[:, 0]
    assert not total[: 9 * 16].any()
    assert total[11 * 16 :].all()


def test_tinyframe_with_nobody_leaves_the_distance_out_and_phases_zero() -> None:
    frames = tinyframes(TinyFrameTwin().speak(nobody(5)))
    assert {frame.data for frame in frames if frame.kind == tinyframe.DISTANCE} == {b"\0\0\0\0"}
    assert {frame.data for frame in frames if frame.kind == tinyframe.TARGETS} == {b"\0\0\0\0"}
    assert not phases(frames).any()


def test_tinyframe_phase_jumps_by_radians_when_the_body_moves_and_not_else() -> None:
    still, tossing = scene(60), but(scene(60), moving=np.ones(60 * HZ + 1))
    quiet, loud = (np.abs(np.diff(phases(tinyframes(TinyFrameTwin().speak(s)))[200:, 0])) for s in (still, tossing))
    assert quiet.max() < 1.0  # 4.7 mm/s over a sixteenth of a second is 0.74 rad
    assert (loud > 1.0).sum() > 30


def test_tinyframe_frozen_repeats_its_phases_and_goes_on_counting() -> None:
    twin = TinyFrameTwin()
    twin.speak(scene(20))
    twin.frozen = True
    frames = tinyframes(twin.speak(scene(5, 20.0)))
    assert len(np.unique(phases(frames)[:, 0])) == 1
    assert len({frame.ident for frame in frames}) == len(frames)


def test_tinyframe_answers_its_version_and_is_lost_after_the_loader_command() -> None:
    twin = TinyFrameTwin()
    twin.hear(0.0, bytes.fromhex("010001 0000 FFFF FF"))
    frames = tinyframes(twin.speak(scene(1)))
    assert frames[0] == tinyframe.Frame(0, tinyframe.VERSION, b"\x04\x01\x06\x0c")
    assert [frame.ident for frame in frames] == list(range(len(frames)))
    twin.hear(1.0, tinyframe.encode(tinyframe.Frame(0, 0x3000, b"")))
    assert twin.speak(scene(5)) == []


# Micradar


def test_micradar_keeps_the_rates_of_the_manual() -> None:
    kinds = Counter((frame.control, frame.command) for frame in micraframes(MicradarTwin().speak(scene(60))))
    assert kinds[0x81, 0x05] == kinds[0x85, 0x05] == kinds[0x80, 0x03] == 60
    assert kinds[0x80, 0x04] == kinds[0x80, 0x05] == 30
    assert kinds[0x81, 0x02] == kinds[0x85, 0x02] == 20
    assert kinds[0x01, 0x01] == kinds[0x80, 0x01] == kinds[0x07, 0x07] == 1


def wave(frames: list[micradar.Frame]) -> NDArray[np.float64]:
    """The breathing waveform around its centre."""
    return np.frombuffer(b"".join(f.data for f in frames if (f.control, f.command) == (0x81, 0x05)), np.uint8) - 128.0


@pytest.mark.parametrize("size", [0.3, 1.0, 5.0])
def test_micradar_gains_any_chest_to_the_same_waveform(size: float) -> None:
    told = scene(180)
    breath = wave(micraframes(MicradarTwin().speak(but(told, displacement_mm=told.bodies[0].displacement_mm * size))))[
        600:
    ]
    spectrum = np.abs(np.fft.rfft(breath))
    assert np.argmax(spectrum) == 0.25 * len(breath) / 5
    assert 40 < np.percentile(np.abs(breath), 90) < 90


def test_micradar_holds_its_waveform_while_the_body_moves() -> None:
    frames = micraframes(MicradarTwin().speak(but(scene(10), moving=np.ones(10 * HZ + 1))))
    assert not wave(frames).any()
    assert {f.data[0] for f in frames if (f.control, f.command) == (0x80, 0x03)} == {100}


def test_micradar_believes_in_the_sleeper_for_40_s_after_leaving() -> None:
    twin = MicradarTwin()
    twin.speak(scene(10))
    told = [(t, micraframes([(t, data)])) for t, data in twin.speak(nobody(60, 10.0))]
    # Last seen at 9 s, the last whole second of the first stretch; at 10 s the bed is empty.
    assert [t for t, frames in told if micradar.Frame(0x80, 0x01, b"\0") in frames] == [50.0]
    assert [t for t, frames in told if micradar.Frame(0x07, 0x07, b"\0") in frames] == [10.0]


def test_micradar_reports_breathing_in_an_empty_room_and_little_movement() -> None:
    frames = micraframes(MicradarTwin().speak(nobody(120)))
    rates = [f.data[0] for f in frames if (f.control, f.command) == (0x81, 0x02)]
    assert len(rates) == 40
    assert min(rates) > 0
    assert max(f.data[0] for f in frames if (f.control, f.command) == (0x80, 0x03)) <= 3


def test_micradar_as_delivered_sends_waveforms_once_switched_on() -> None:
    twin = MicradarTwin(waveform=False)
    assert not len(wave(micraframes(twin.speak(scene(5)))))
    switch = micradar.encode(micradar.Frame(0x81, 0x0C, b"\x01"))
    assert twin.hear(5.0, switch) == switch
    assert len(wave(micraframes(twin.speak(scene(5, 5.0))))) == 25


def test_micradar_stops_its_vitals_when_frozen_until_it_is_reset() -> None:
    twin = MicradarTwin()
    twin.frozen = True
    assert {f.control for f in micraframes(twin.speak(scene(9)))} == {0x01, 0x05, 0x07, 0x80}
    reset = micradar.encode(micradar.Frame(0x01, 0x02, b"\x0f"))
    assert twin.hear(9.0, reset) == reset
    assert {f.control for f in micraframes(twin.speak(scene(9, 9.0)))} == {0x05, 0x07, 0x80, 0x81, 0x85}


def test_a_module_that_lost_its_power_begins_anew() -> None:
    tiny, micra, server = TinyFrameTwin(), MicradarTwin(waveform=False), AcconeerTwin()
    micra.hear(0.0, micradar.encode(micradar.Frame(0x81, 0x0C, b"\x01")))
    server.hear(0.0, b'{"cmd":"set_uart_baudrate","baudrate":921600}\n{"cmd":"start_streaming"}\n')
    for twin in (tiny, micra, server):
        assert twin.speak(scene(20))
        twin.restart()
    again = tinyframes(tiny.speak(scene(5, 20.0)))
    assert again[0].ident == 0
    assert not phases(again).any()
    booted = micraframes(micra.speak(scene(5, 20.0)))
    assert booted[0] == micradar.Frame(0x05, 0x01, b"\x0f")
    assert not len(wave(booted))
    assert server.speak(scene(5, 20.0)) == []
    assert server.baud == 115_200


def test_micradar_answers_queries() -> None:
    twin = MicradarTwin(firmware="G60", work_mode=1)
    twin.speak(scene(2))
    asked = [(0x02, 0xA4), (0x80, 0x81), (0x02, 0xA8), (0x02, 0x08), (0x84, 0x99)]
    heard = twin.hear(2.0, b"".join(micradar.encode(micradar.Frame(*key, b"\x02")) for key in asked))
    assert [frame.data for frame in micraframes([(0.0, heard)])] == [b"G60", b"\x01", b"\x01", b"\x02"]
    assert twin.work_mode == 2


# Acconeer


def test_acconeer_streams_20_frames_a_second_after_its_replies() -> None:
    messages = results(list(AcconeerTwin().night(scene(10))))
    assert [next(k for k in m if k not in ("status", "tick_period")) for m, _ in messages[:3]] == [
        "system_info",
        "sensor_info",
        "metadata",
    ]
    assert messages[3][0] == {"status": "start"}
    assert len(messages) == 4 + 200
    assert {len(payload) for _, payload in messages[4:]} == {16 * 4 * 4}


def iq(messages: list[tuple[dict[str, object], bytes]]) -> NDArray[np.complex128]:
    """(frames, points) mean sweep of every frame."""
    raw = np.array([np.frombuffer(payload, "<i2") for _, payload in messages if payload], np.float64)
    sweeps: NDArray[np.complex128] = (raw[:, 0::2] + 1j * raw[:, 1::2]).reshape(len(raw), 16, -1)
    mean: NDArray[np.complex128] = sweeps.mean(axis=1)
    return mean


def test_acconeer_phase_follows_the_chest_in_half_wavelengths() -> None:
    twin = AcconeerTwin(centre_m=0.7)
    chest_points = iq(results(list(twin.night(scene(60)))))
    clutter = iq(results(list(twin.night(nobody(20, 60.0))))).mean(axis=0)
    seen_mm = np.unwrap(np.angle((chest_points - clutter)[:, 1])) * 4.955 / (4 * np.pi)
    off_mm = seen_mm - 3 * np.sin(2 * np.pi * 0.25 * np.arange(1200) / 20)
    assert np.std(off_mm) < 0.05


def test_acconeer_sweeps_disagree_when_a_limb_moves() -> None:
    def spread(told: Scene) -> float:
        raw = np.array([np.frombuffer(p, "<i2") for _, p in results(list(AcconeerTwin().night(told))) if p])
        return float(raw.reshape(len(raw), 16, -1).std(axis=1).mean())

    assert spread(but(scene(10), moving=np.ones(10 * HZ + 1))) > 5 * spread(scene(10))


def test_acconeer_obeys_the_setup_that_it_hears() -> None:
    twin = AcconeerTwin()
    assert twin.speak(scene(1)) == []
    config = {
        "subsweeps": [
            {"start_point": 100, "num_points": 2, "step_length": 24},
            {"start_point": 300, "num_points": 3, "step_length": 48},
        ],
        "sweeps_per_frame": 8,
        "frame_rate": 10.0,
    }
    setup = json.dumps({"cmd": "setup", "groups": [[{"sensor_id": 1, "config": config}]]}).encode()
    # Probing leaves bytes of other protocols on the line before the first command.
    replies = results([(0.0, twin.hear(0.0, b"\x53\x59\x80" + setup[:40]) + twin.hear(0.1, setup[40:] + b"\n"))])
    metadata = replies[0][0]["metadata"][0][0]  # type: ignore[index]
    assert (metadata["frame_data_length"], metadata["sweep_data_length"]) == (40, 5)
    assert metadata["subsweep_data_offset"] == [0, 2]
    twin.hear(0.2, b'{"cmd":"start_streaming"}\n')
    frames = results(twin.speak(scene(2)))
    assert [len(payload) for _, payload in frames] == [8 * 5 * 4] * 20


def test_acconeer_answers_what_it_does_not_understand_with_an_error() -> None:
    for line in (b"\n", b"{}\n", b"[1]\n", b'{"cmd":"dance"}\n', b'{"cmd":"setup"}\n'):
        assert json.loads(AcconeerTwin().hear(0.0, line))["status"] == "error"


def test_sweeps_keep_the_mean_and_the_spread_of_a_recording() -> None:
    mean = np.array([[-130.375 + 272j, 177.1875 - 442.5625j]])
    sweeps = sweeps_of(mean, np.array([[25.0, 60.0]]))
    assert sweeps.shape == (1, 16, 2)
    assert np.abs(sweeps.mean(axis=1) - mean).max() < 0.05
    assert sweeps.std(axis=1)[0] == pytest.approx([25.0, 60.0], rel=0.02)


def test_a_recording_becomes_frames_at_its_own_times() -> None:
    sweeps = np.array([[[1 + 2j, -3 + 4j]] * 2, [[5 - 6j, 7j]] * 2])
    config = {"start_point": 160, "num_points": 2, "step_length": 48, "sweeps_per_frame": 2, "frame_rate": 20.0}
    said = list(AcconeerTwin(sensor_config=config).recorded(np.array([1.5, 1.55]), sweeps))
    assert [t for t, _ in said] == [1.5] * 4 + [1.5, 1.55]
    (first, payload), (second, _) = results(said)[-2:]
    assert payload == struct.pack("<8h", 1, 2, -3, 4, 1, 2, -3, 4)
    assert [m["result_info"][0][0]["tick"] for m in (first, second)] == [1500, 1550]  # type: ignore[index]


# All


@pytest.mark.parametrize("twin", [TinyFrameTwin, MicradarTwin, AcconeerTwin])
def test_a_night_is_the_same_again_and_in_order(twin: type[TinyFrameTwin | MicradarTwin | AcconeerTwin]) -> None:
    told = scene(1500)
    first, second = (list(twin(seed=3).night(told)) for _ in range(2))
    assert first == second
    times = [t for t, _ in first]
    assert times == sorted(times)


def test_a_scene_in_stretches_covers_all_of_it() -> None:
    told = scene(100)
    blocks = list(told.blocks(7.0))
    assert blocks[0].t_s[0] == 0.0
    assert blocks[-1].t_s[-1] == 100.0
    assert all(a.t_s[-1] == b.t_s[0] for a, b in itertools.pairwise(blocks))
