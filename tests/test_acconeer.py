"""The exploration server of Acconeer modules: framing without a checksum, set-up, and complex frames."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.acconeer import (
    MAX_FRAME,
    Conversation,
    Frame,
    FrameDecoder,
    SensorConfig,
    Subsweep,
    describe,
    encode,
    is_forbidden,
)
from drivers.readings import RadarSample

BASE_STEP_M = 0.00250227400101721  # of the XM125 in MindyZHAOMinzhu/xm125, xm125_breathing_raw.h5
CONFIG = {"start_point": 160, "num_points": 4, "step_length": 48, "sweeps_per_frame": 2, "frame_rate": 20}
SYSTEM_INFO = {
    "status": "ok",
    "system_info": {"rss_version": "a121-v1.10.0", "sensor": "a121", "sensor_count": 1, "ticks_per_second": 1000},
}


def setup_reply(points: int = 4, sweeps: int = 2, lengths: tuple[int, ...] | None = None, **changes: Any) -> Frame:
    lengths = lengths or (points,)
    metadata = {
        "frame_data_length": points * sweeps,
        "sweep_data_length": points,
        "subsweep_data_offset": [sum(lengths[:index]) for index in range(len(lengths))],
        "subsweep_data_length": list(lengths),
        "calibration_temperature": 14,
        "base_step_length_m": BASE_STEP_M,
        "max_sweep_rate": 6998.78,
        "high_speed_mode": False,
    }
    return Frame({"status": "ok", "tick_period": 50, "metadata": [[{**metadata, **changes}]]})


def result(tick: int, payload: bytes, **flags: bool) -> Frame:
    info = {
        "tick": tick,
        "data_saturated": False,
        "frame_delayed": False,
        "calibration_needed": False,
        "temperature": 12,
        **flags,
    }
    return Frame({"status": "ok", "result_info": [[info]], "payload_size": len(payload)}, payload)


def iq(values: list[list[complex]]) -> bytes:
    """Sweeps of points as the wire has them."""
    return np.array([[[point.real, point.imag] for point in sweep] for sweep in values]).astype("<i2").tobytes()


PAYLOAD = iq([[1 + 2j, 3 + 4j, 5 + 6j, 7 + 8j], [3 + 2j, 3 + 8j, 5 + 6j, 7 - 8j]])


def decode(*frames: Frame) -> tuple[list[Frame], FrameDecoder]:
    decoder = FrameDecoder()
    return decoder.feed(b"".join(map(encode, frames))), decoder


def messages(frames: list[Frame]) -> list[dict[str, Any]]:
    return [frame.message for frame in frames]


# --- the wire


def test_a_line_with_payload_size_is_followed_by_that_many_bytes() -> None:
    sent = [setup_reply(), result(1618, PAYLOAD), Frame({"status": "stop"})]
    frames, decoder = decode(*sent)
    assert [(frame.message, frame.payload) for frame in frames] == [(frame.message, frame.payload) for frame in sent]
    assert decoder.counters.garbage_bytes == 0
    assert decoder.offsets[1] == len(encode(sent[0]))


def test_newlines_and_braces_inside_binary_data_are_data() -> None:
    payload = b'{"status":"stop"}\n{"\n\n\n' + bytes(9)
    assert len(payload) == 32
    frames, _ = decode(setup_reply(), result(1, payload), result(2, PAYLOAD))
    assert [frame.payload for frame in frames[1:]] == [payload, PAYLOAD]


def test_a_payload_of_another_size_than_the_set_up_says_is_refused() -> None:
    frames, decoder = decode(setup_reply(), result(1, bytes(28)), result(2, PAYLOAD))
    assert [frame.payload for frame in frames[1:]] == [PAYLOAD]
    assert decoder.counters.bad_checksums == 1


def test_a_second_payload_of_that_size_is_believed() -> None:
    # Then it was the set-up reply that came damaged, or somebody set the module up anew.
    frames, _ = decode(setup_reply(frame_data_length=16), result(1, PAYLOAD), result(2, PAYLOAD), result(3, PAYLOAD))
    assert [frame.message["result_info"][0][0]["tick"] for frame in frames[1:]] == [2, 3]


@pytest.mark.parametrize("size", [-4, 3, 6, 4 * 4095 + 4, 10**30, True, 32.0, "32", None])
def test_sizes_that_cannot_be_are_refused_at_once(size: object) -> None:
    odd = Frame({"status": "ok", "result_info": [[{"tick": 1}]], "payload_size": size})
    frames, decoder = decode(odd, setup_reply(), result(2, PAYLOAD))
    assert messages(frames) == messages([setup_reply(), result(2, PAYLOAD)])
    assert decoder.pending == 0


def test_a_result_that_lost_its_payload_size_is_refused() -> None:
    damaged = encode(result(1, PAYLOAD)).replace(b"payload_size", b"paxload_size")
    frames = FrameDecoder().feed(encode(setup_reply()) + damaged + encode(result(2, PAYLOAD)))
    assert messages(frames) == messages([setup_reply(), result(2, PAYLOAD)])


def test_a_stream_joined_in_its_middle_is_decoded_without_its_set_up() -> None:
    middle = encode(result(1, PAYLOAD))[100:] + encode(result(2, PAYLOAD))
    (frame,) = FrameDecoder().feed(middle)
    assert frame.payload == PAYLOAD
    assert frame.layout is None
    assert "mean_sweep" not in describe(frame)


@pytest.mark.parametrize(
    "changes",
    [
        {"frame_data_length": 9},  # no whole number of sweeps
        {"subsweep_data_length": [3]},
        {"subsweep_data_offset": [1]},
        {"sweep_data_length": 0},
        {"sweep_data_length": "4"},
        {"frame_data_length": 4096},
        {"base_step_length_m": 0.25},
        {"base_step_length_m": None},
    ],
)
def test_metadata_that_contradict_themselves_are_not_believed(changes: dict[str, Any]) -> None:
    frames, decoder = decode(setup_reply(**changes), result(1, PAYLOAD))
    assert decoder.layout is None
    assert len(frames) == 2


def test_an_empty_result_after_a_stop_is_ignored() -> None:
    empty = Frame({"status": "ok", "result_info": [[{"tick": 5}]], "payload_size": 0})
    frames, _ = decode(setup_reply(), empty, result(6, PAYLOAD))
    assert describe(frames[1])["kind"] == "empty_result"
    talk = Conversation(CONFIG)
    assert len(talk.receive(1.0, b"".join(map(encode, (setup_reply(), empty, result(6, PAYLOAD)))))) == 1


def test_an_endless_line_is_given_up() -> None:
    decoder = FrameDecoder()
    for _ in range(30):
        decoder.feed(b'{"status":"' + b"x" * 1000)
        assert decoder.pending < MAX_FRAME
    assert messages(decoder.feed(b"\n" + encode(Frame({"status": "stop"})))) == [{"status": "stop"}]


def test_the_largest_legal_frame_passes() -> None:
    payload = bytes(4 * 4095)
    frames, _ = decode(setup_reply(4095, 1), result(1, payload), result(2, payload))
    assert len(frames) == 3


def test_json_that_python_reads_and_json_does_not_know_is_refused() -> None:
    for odd in (b'{"a":NaN}\n', b'{"a":-Infinity}\n', b'{"a":1e999}\n', b'{"a":' + b"[" * 5000 + b"\n"):
        assert FrameDecoder().feed(odd) == []


def test_text_between_messages_is_skipped() -> None:
    decoder = FrameDecoder()
    frames = decoder.feed(b"\x00\xffboot\r\n" + encode(Frame({"status": "start"})))
    assert messages(frames) == [{"status": "start"}]
    assert (decoder.counters.garbage_bytes, decoder.offsets) == (8, [8])


def test_idle_gives_up_a_frame_whose_end_was_lost() -> None:
    decoder = FrameDecoder()
    cut = encode(result(1, PAYLOAD))[:-20]
    decoder.feed(encode(setup_reply()) + cut)
    found: list[Frame] = []
    while decoder.pending:
        found += decoder.idle()
    assert found == []
    assert decoder.feed(encode(result(2, PAYLOAD)))[0].payload == PAYLOAD


def test_only_known_commands_may_be_sent() -> None:
    for command in ("get_system_info", "get_sensor_info", "setup", "start_streaming", "stop_streaming"):
        assert not is_forbidden(Frame({"cmd": command}))
    assert is_forbidden(Frame({"cmd": "erase_flash"}))
    assert is_forbidden(Frame({"cmd": ["setup"]}))
    assert is_forbidden(Frame({}))


def test_unknown_messages_are_counted_and_are_no_errors() -> None:
    frames, decoder = decode(Frame({"news": 1}), Frame({"cmd": {}}))
    assert decoder.counters.unknown_kinds == 2
    assert [describe(frame)["kind"] for frame in frames] == ["unknown", "unknown"]


def test_kinds_of_messages() -> None:
    sent = [
        ({"cmd": "setup"}, "command"),
        (SYSTEM_INFO, "system_info"),
        ({"status": "ok", "sensor_info": [{"connected": True}]}, "sensor_info"),
        (setup_reply().message, "setup"),
        ({"status": "start"}, "start"),
        ({"status": "log", "level": "INFO", "log": "x"}, "log"),
        ({"status": "error", "message": "no"}, "error"),
        ({"status": "ok", "message": "set baudrate"}, "reply"),
    ]
    for message, kind in sent:
        assert describe(Frame(message))["kind"] == kind


# --- samples


def test_iq_is_the_mean_over_the_sweeps_and_spread_their_deviation() -> None:
    talk = Conversation(CONFIG)
    talk.receive(1.0, encode(setup_reply()))
    (sample,) = talk.receive(1.05, encode(result(100, PAYLOAD)))
    assert sample.iq is not None
    assert sample.sweep_spread is not None
    assert sample.iq.tolist() == [2 + 2j, 3 + 6j, 5 + 6j, 7 + 0j]
    assert sample.sweep_spread.tolist() == [1.0, 2.0, 0.0, 8.0]
    assert (sample.iq.dtype, sample.sweep_spread.dtype) == (np.complex64, np.float32)


def test_several_subsweeps_follow_one_another_in_a_sweep() -> None:
    near = {"start_point": 100, "num_points": 1, "step_length": 1, "sweeps_per_frame": 2, "frame_rate": 20}
    far = {**near, "start_point": 200, "num_points": 3, "step_length": 24}
    talk = Conversation([near, far])
    (sample,) = talk.receive(1.0, encode(setup_reply(lengths=(1, 3))) + encode(result(100, PAYLOAD)))
    assert sample.iq is not None
    assert len(sample.iq) == 4
    assert talk.ranges_m == pytest.approx([step * BASE_STEP_M for step in (100, 200, 224, 248)])
    assert talk.fault(1.0) is None


def test_ranges_come_from_what_was_asked_and_the_base_step_from_the_module() -> None:
    talk = Conversation(CONFIG)
    talk.receive(1.0, encode(setup_reply()))
    assert talk.ranges_m == pytest.approx([0.400, 0.520, 0.641, 0.761], abs=5e-4)


def test_a_set_up_with_other_points_than_asked_for_is_a_fault() -> None:
    talk = Conversation(CONFIG)
    talk.receive(1.0, encode(setup_reply(points=8)))
    assert talk.fault(1.0) == "the module measures 8 points, 4 were asked for"


def test_without_its_set_up_reply_a_stream_is_read_as_it_was_asked_for() -> None:
    (sample,) = Conversation(CONFIG).receive(1.0, encode(result(100, PAYLOAD)))
    assert sample.iq is not None
    assert sample.iq.tolist() == [2 + 2j, 3 + 6j, 5 + 6j, 7 + 0j]


def test_saturated_frames_are_counted_and_left_out() -> None:
    talk = Conversation(CONFIG)
    assert talk.receive(1.0, encode(result(100, PAYLOAD, data_saturated=True))) == []
    assert talk.saturated == 1
    assert len(talk.receive(1.05, encode(result(150, PAYLOAD)))) == 1


def test_sample_times_follow_the_modules_ticks_and_not_the_reads() -> None:
    talk, times = Conversation(CONFIG), []
    for index in range(100):  # five frames a read, 49.97 ms apart
        ticks = [round(1618 + 49.97 * (5 * index + frame)) for frame in range(5)]
        data = b"".join(encode(result(tick, PAYLOAD[:-2] + bytes((index, tick % 256)))) for tick in ticks)
        times += [sample.t_s for sample in talk.receive(10.0 + 0.24985 * index, data)]
    steps = np.diff(times)[100:]
    assert steps.min() > 0.0485
    assert steps.max() < 0.0515


def test_a_lost_frame_leaves_its_gap() -> None:
    talk, times = Conversation(CONFIG), []
    for index in [*range(100), *range(104, 110)]:
        frame = result(50 * index, PAYLOAD[:-1] + bytes((index,)))
        times += [sample.t_s for sample in talk.receive(10.0 + index / 20, encode(frame))]
    assert times[100] - times[99] == pytest.approx(0.25, abs=0.002)


def test_ticks_that_go_back_or_leap_are_a_restart() -> None:
    talk, times = Conversation(CONFIG), []
    for t_s, tick in ((10.0, 5000), (10.05, 5050), (20.0, 50), (20.05, 100), (20.1, 10**15), (20.15, 0), (20.2, 50)):
        payload = PAYLOAD[:-1] + bytes((len(times),))
        times += [sample.t_s for sample in talk.receive(t_s, encode(result(tick, payload)))]
    assert times == pytest.approx([10.0, 10.05, 20.0, 20.05, 20.1, 20.15, 20.2])


def test_ten_seconds_of_the_very_same_samples_are_frozen() -> None:
    talk, samples = Conversation(CONFIG), []
    for index in range(300):
        samples += talk.receive(10.0 + index / 20, encode(result(50 * index, PAYLOAD)))
    assert len(samples) == pytest.approx(200, abs=2)
    fault = talk.fault(24.95)
    assert fault is not None
    assert fault.startswith("frozen")


# --- the talk


def commands(data: bytes) -> list[str]:
    return [json.loads(line)["cmd"] for line in data.splitlines()]


def answer(talk: Conversation, t_s: float, command: str) -> list[RadarSample]:
    replies = {
        "stop_streaming": Frame({"status": "stop"}),
        "get_system_info": Frame(SYSTEM_INFO),
        "get_sensor_info": Frame({"status": "ok", "sensor_info": [{"connected": True}]}),
        "setup": setup_reply(),
        "start_streaming": Frame({"status": "start"}),
    }
    return talk.receive(t_s, encode(replies[command]))


def set_up(talk: Conversation, t_s: float) -> list[str]:
    """Lets the talk set up a module that answers; what was said."""
    said: list[str] = []
    for index in range(20):
        now_s = t_s + index / 100
        for command in commands(talk.transmit(now_s)):
            said.append(command)
            answer(talk, now_s, command)
    return said


SET_UP = ["stop_streaming", "get_system_info", "get_sensor_info", "setup", "start_streaming"]


def test_set_up_stops_asks_sets_up_and_starts() -> None:
    talk = Conversation(CONFIG)
    assert set_up(talk, 1.0) == SET_UP
    assert talk.firmware == "a121-v1.10.0"
    assert talk.transmit(2.0) == b""


def test_the_set_up_command_asks_for_what_was_configured() -> None:
    subsweep = SensorConfig.from_json(CONFIG).command()["groups"][0][0]["config"]["subsweeps"][0]
    assert [subsweep[key] for key in ("start_point", "num_points", "step_length")] == [160, 4, 48]


def test_a_module_that_does_not_answer_is_asked_on_and_again() -> None:
    talk = Conversation(CONFIG)
    said = [command for index in range(400) for command in commands(talk.transmit(index / 10))]
    assert said == SET_UP * 2 + SET_UP[: len(said) - 10]
    assert len(said) >= 10


def test_calibration_needed_sets_up_again_once_a_minute_at_most() -> None:
    talk = Conversation(CONFIG)
    set_up(talk, 1.0)
    talk.receive(3.0, encode(result(100, PAYLOAD, calibration_needed=True)))
    assert set_up(talk, 3.1) == SET_UP
    talk.receive(5.0, encode(result(2100, PAYLOAD, calibration_needed=True)))
    assert talk.transmit(5.1) == b""
    talk.receive(64.0, encode(result(61100, PAYLOAD, calibration_needed=True)))
    assert set_up(talk, 64.1) == SET_UP


def test_a_module_that_stops_measuring_is_set_up_again() -> None:
    talk = Conversation(CONFIG)
    set_up(talk, 1.0)
    talk.receive(3.0, encode(result(100, PAYLOAD)))
    talk.receive(8.5, encode(Frame({"status": "log", "log": "x"})))
    fault = talk.fault(8.6)
    assert fault is not None
    assert "measures nothing" in fault
    assert talk.transmit(12.9) == b""
    assert set_up(talk, 13.1) == SET_UP


def test_a_refused_set_up_is_a_fault() -> None:
    talk = Conversation(CONFIG)
    talk.receive(1.0, encode(Frame({"status": "error", "message": "invalid config"})))
    assert talk.fault(1.1) == "the module refuses its set-up: invalid config"
    talk.receive(2.0, encode(Frame({"status": "start"})))
    assert talk.fault(2.1) is None


def test_a_missing_sensor_is_a_fault() -> None:
    talk = Conversation(CONFIG)
    talk.receive(1.0, encode(Frame({"status": "ok", "sensor_info": [{"connected": False}]})))
    assert talk.fault(1.1) == "the module refuses its set-up: no A121 sensor is connected to it"


def test_silence_is_a_fault() -> None:
    talk = Conversation(CONFIG)
    talk.transmit(0.0)
    assert talk.fault(5.0) == "silent for 5 s: check the module's power and wiring"


# --- configurations


def test_configurations_are_read_from_a_captures_first_line_and_written_back() -> None:
    assert SensorConfig.from_json(CONFIG) == SensorConfig((Subsweep(160, 4, 48),), 2, 20.0)
    assert SensorConfig.from_json(CONFIG).as_json() == CONFIG
    two = [CONFIG, {**CONFIG, "start_point": 400}]
    assert SensorConfig.from_json(two).as_json() == two
    assert Conversation(SensorConfig.from_json(two)).config.num_points == 8


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (7, "object"),
        ([], "object"),
        ([CONFIG, 3], "object"),
        ("text", "object"),
        ({"start_point": 160}, "num_points"),
        ({**CONFIG, "num_points": "many"}, "number"),
        ({**CONFIG, "num_points": 0}, "at least 1"),
    ],
)
def test_a_bad_configuration_is_one_clear_line(value: object, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Conversation(value)


# --- a real recording


def test_real_frames_give_the_sweeps_that_were_worked_out(shared_folder: Path) -> None:
    """MindyZHAOMinzhu/xm125, xm125_breathing_raw.h5: 16 sweeps of 4 points."""
    text = (shared_folder / "captures" / "a121-01-iq-frames.txt").read_text()
    payloads = [bytes.fromhex(found) for found in re.findall(r"^frame \d+: (\w+)$", text, re.M)]
    wanted = [json.loads(line) for line in text.split("[expect]")[1].strip().splitlines()]
    assert len(payloads) == len(wanted) == 4
    decoder = FrameDecoder()
    decoder.feed(encode(setup_reply(sweeps=16)))
    talk = Conversation({**CONFIG, "sweeps_per_frame": 16})
    talk.receive(0.0, encode(setup_reply(sweeps=16)))
    signal = []
    for payload, want in zip(payloads, wanted, strict=True):
        frame = result(want["tick_ms"], payload)
        (found,) = decoder.feed(encode(frame))
        fields = describe(found)
        assert np.array(fields["mean_sweep"]) == pytest.approx(np.array(want["mean_sweep"]), abs=1e-3)
        assert fields["amplitude"] == pytest.approx(want["amplitude"], abs=0.01)
        assert fields["tick"] == want["tick_ms"]
        (sample,) = talk.receive(want["tick_ms"] / 1000, encode(frame))
        assert sample.iq is not None
        signal.append(complex(sample.iq[1]))
        if len(signal) > 1:
            turned_mm = np.angle(signal[-1] * np.conj(signal[-2])) * 0.394  # lambda / 4 pi at 60.5 GHz
            assert turned_mm == pytest.approx(want["displacement_mm_point1_since_previous"], abs=2e-4)
