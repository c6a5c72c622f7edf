"""The Micradar protocol: every trap that manuals, libraries and users tell of.

Bytes marked "real" are from the log in DuncanIdahoCT/espresence-mr60bha1-mmwave-sensor (MR60BHA1).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.micradar import MAX_DATA, Conversation, Frame, FrameDecoder, describe, encode, is_forbidden
from drivers.readings import RadarSample, Target

REAL_DISTANCE = bytes.fromhex("53 59 80 04 00 02 00 6B 9D 54 43")
REAL_POSITION = bytes.fromhex("53 59 80 05 00 06 80 55 00 40 00 00 4C 54 43")
REAL_HEART_WAVE = bytes.fromhex("53 59 85 05 00 05 81 82 89 86 80 CD 54 43")
HEARTBEAT = bytes.fromhex("53 59 01 01 00 01 0F BE 54 43")
PRESENCE_QUERY = bytes.fromhex("53 59 80 81 00 01 0F BD 54 43")  # R60ABD1 manual
SET_REAL_TIME = bytes.fromhex("53 59 84 0F 00 01 00 40 54 43")  # R60ABD1 manual V3.0

WAVE = Frame(0x81, 0x05, bytes((128, 130, 140, 120, 128)))
SOMEONE, NOBODY = Frame(0x80, 0x01, b"\x01"), Frame(0x80, 0x01, b"\x00")


def decode(data: bytes) -> tuple[list[Frame], FrameDecoder]:
    decoder = FrameDecoder()
    return decoder.feed(data), decoder


def value(control: int, command: int, data: bytes) -> object:
    return describe(Frame(control, command, data))["value"]


def kind(control: int, command: int, data: bytes = b"\x0f") -> object:
    return describe(Frame(control, command, data))["kind"]


# --- the wire


def test_the_manuals_example_adds_up() -> None:
    # 53 + 59 + 80 + 81 + 00 + 01 + 0F = 1BD
    assert encode(Frame(0x80, 0x81, b"\x0f")) == PRESENCE_QUERY
    assert decode(PRESENCE_QUERY)[0] == [Frame(0x80, 0x81, b"\x0f")]


def test_frames_are_taken_by_length_so_head_and_tail_may_stand_in_data() -> None:
    for data in (b"\x54\x43", b"\x53\x59", b"\x43\x54\x43\x53\x59"):
        frame = Frame(0x02, 0xA1, data)
        assert decode(encode(frame) + HEARTBEAT)[0] == [frame, Frame(1, 1, b"\x0f")]


def test_a_frame_that_holds_43_is_not_cut() -> None:
    # Seeed's Arduino library reads until 43 and cuts such frames.
    frame = Frame(0x80, 0x04, b"\x00\x43")
    assert decode(encode(frame))[0] == [frame]


def test_more_than_64_bytes_of_data_are_refused_at_once() -> None:
    longest = Frame(0x02, 0xA1, bytes(MAX_DATA))
    assert decode(encode(longest))[0] == [longest]
    frames, decoder = decode(encode(Frame(0x02, 0xA1, bytes(MAX_DATA + 1)))[:6] + HEARTBEAT)
    assert frames == [Frame(1, 1, b"\x0f")]
    assert decoder.counters.garbage_bytes == 6


@pytest.mark.parametrize("place", [6, 7, 8, 9])
def test_a_wrong_sum_or_tail_is_counted_and_costs_one_frame(place: int) -> None:
    damaged = bytearray(HEARTBEAT)
    damaged[place] ^= 0x10
    frames, decoder = decode(bytes(damaged) + REAL_DISTANCE)
    assert [frame.command for frame in frames] == [0x04]
    assert decoder.counters.bad_checksums == 1
    assert decoder.counters.garbage_bytes == 10


def test_text_of_a_failed_start_is_skipped() -> None:
    # Issue 4 of limengdu/Seeed-Studio-MR60BHA1-Sensor: after quick power cycling.
    text = b"Zone-0 ... Cw0881_Check failure\r\n"
    frames, decoder = decode(text + HEARTBEAT)
    assert len(frames) == 1
    assert decoder.counters.garbage_bytes == len(text)
    assert decoder.offsets == [len(text)]


def test_a_head_cut_between_its_bytes_is_kept() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"xx\x53") == []
    assert decoder.pending == 1
    assert decoder.feed(HEARTBEAT[1:]) == [Frame(1, 1, b"\x0f")]


def test_idle_gives_up_a_frame_that_never_ends() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(encode(Frame(0x02, 0xA1, bytes(40)))[:20] + REAL_DISTANCE) == []
    assert [frame.command for frame in decoder.idle()] == [0x04]
    assert decoder.pending == 0


def test_unknown_words_are_counted_as_frames_and_are_no_errors() -> None:
    frames, decoder = decode(encode(Frame(0x99, 0x01, b"\x01\x02\x03")))
    assert (decoder.counters.frames, decoder.counters.unknown_kinds) == (1, 1)
    assert describe(frames[0])["kind"] == "unknown"
    assert describe(frames[0])["hex"] == "010203"


def test_firmware_upload_is_forbidden() -> None:
    assert all(is_forbidden(Frame(0x03, command, b"")) for command in (1, 2, 3))
    assert not is_forbidden(Frame(0x01, 0x02, b"\x0f"))


# --- what messages say


def test_positions_are_sign_and_magnitude() -> None:
    # Real: (-85, 64, 0) cm lies at sqrt(85^2 + 64^2) = 106.4 cm, and the module reported 107.
    assert describe(decode(REAL_POSITION)[0][0])["value"] == [-85, 64, 0]
    assert describe(decode(REAL_DISTANCE)[0][0])["value"] == 107
    assert value(0x80, 0x05, bytes.fromhex("7FFF 8000 FFFF")) == [32767, 0, -32767]
    assert value(0x80, 0x05, bytes(4)) is None


def test_waveforms_are_centred_on_128_and_not_clipped() -> None:
    assert describe(decode(REAL_HEART_WAVE)[0][0])["value"] == {
        "raw": [129, 130, 137, 134, 128],
        "minus128": [1, 2, 9, 6, 0],
    }
    assert value(0x81, 0x05, bytes((0, 255, 128, 153, 1))) == {
        "raw": [0, 255, 128, 153, 1],
        "minus128": [-128, 127, 0, 25, -127],
    }


@pytest.mark.parametrize(
    ("control", "query", "name", "report"),
    [
        (0x84, 0x8D, "sleep_overview", 0x0C),
        (0x84, 0x8F, "sleep_statistics", 0x0D),
        (0x84, 0x8E, "sleep_abnormality", 0x0E),
        (0x80, 0x81, "presence", 0x01),
        (0x81, 0x82, "breath_rate", 0x02),
        (0x02, 0xA1, "product_model", 0x01),
        (0x02, 0xA4, "firmware_version", 0x04),
        (0x02, 0xA8, "work_mode", 0x08),
    ],
)
def test_query_codes_also_those_outside_the_rule(control: int, query: int, name: str, report: int) -> None:
    assert kind(control, query) == f"query_{name}"
    assert str(kind(control, report)).startswith(name)


def test_report_mode_is_asked_with_8c_and_set_with_0f() -> None:
    assert kind(0x84, 0x8C) == "query_report_mode"
    assert kind(0x84, 0x8C, b"\x01") == "report_mode"
    assert describe(decode(SET_REAL_TIME)[0][0]) == {
        "kind": "set_report_mode",
        "ctrl": "0x84",
        "cmd": "0x0F",
        "value": 0,
    }


def test_replies_carry_the_name_of_their_report() -> None:
    assert kind(0x80, 0x83, b"\x20") == "body_movement_pct"
    assert value(0x80, 0x83, b"\x20") == 32


def test_numbers_are_read_by_the_length_received() -> None:
    # The reply to 84/86 is printed with length 2 and one byte of data.
    assert value(0x84, 0x86, b"\x50") == 80
    assert value(0x84, 0x86, b"\x00\x50") == 80
    assert value(0x84, 0x03, b"\x01\x2c") == 300


def test_sleep_reports() -> None:
    assert value(0x84, 0x0C, bytes((1, 1, 14, 60, 3, 2, 5, 0))) == {
        "presence": 1,
        "sleep_state": 1,
        "mean_breath_brpm": 14,
        "mean_heart_bpm": 60,
        "turn_overs": 3,
        "large_motion_pct": 2,
        "small_motion_pct": 5,
        "apnoea_count": 0,
    }
    assert value(0x84, 0x0D, bytes((85, 1, 0xE0, 10, 60, 30, 5, 1, 12, 15, 58, 0))) == {
        "score": 85,
        "total_min": 480,
        "awake_pct": 10,
        "light_pct": 60,
        "deep_pct": 30,
        "out_of_bed_min": 5,
        "out_of_bed_count": 1,
        "turn_overs": 12,
        "mean_breath_brpm": 15,
        "mean_heart_bpm": 58,
        "apnoea_count": 0,
    }
    assert value(0x84, 0x0D, bytes(11)) is None


def test_product_strings() -> None:
    assert value(0x02, 0xA4, b"G60SM1SYv010309\x00") == "G60SM1SYv010309"
    assert value(0x02, 0x01, b"R60\xffABD1") == "R60?ABD1"


def test_what_a_c1001_adds_is_known_and_ignored() -> None:
    for control, command in ((0x06, 0x01), (0x83, 0x01), (0x01, 0x03)):
        assert decode(encode(Frame(control, command, b"\x00")))[1].counters.unknown_kinds == 0
    assert Conversation().receive(1.0, encode(Frame(0x83, 0x01, b"\x01"))) == []


# --- samples


def told(*frames: Frame) -> list[RadarSample]:
    return Conversation().receive(10.0, b"".join(map(encode, frames)))


def test_distance_and_position_become_metres() -> None:
    assert Conversation().receive(10.0, REAL_DISTANCE) == [RadarSample(10.0, distance_m=1.07)]
    assert Conversation().receive(10.0, REAL_POSITION) == [RadarSample(10.0, targets=(Target(-0.85, 0.64, None),))]
    assert told(Frame(0x80, 0x04, b"\x00\x00")) == []
    assert told(Frame(0x80, 0x05, bytes(6)))[0].targets == ()


@pytest.mark.parametrize(("sent", "rate"), [(0, None), (1, 1.0), (35, 35.0), (60, 60.0), (61, None)])
def test_breath_rates_from_1_to_60_are_accepted(sent: int, rate: float | None) -> None:
    assert [sample.module_breath_brpm for sample in told(Frame(0x81, 0x02, bytes((sent,))))] == ([rate] if rate else [])


def test_heart_rate_zero_is_none() -> None:
    assert told(Frame(0x85, 0x02, b"\x59"))[0].module_heart_bpm == 89.0
    assert told(Frame(0x85, 0x02, b"\x00")) == []


def test_body_movement_is_0_to_100() -> None:
    assert told(Frame(0x80, 0x03, b"\x00"))[0].movement_pct == 0
    assert told(Frame(0x80, 0x03, b"\x64"))[0].movement_pct == 100
    assert told(Frame(0x80, 0x03, b"\x65")) == []


def test_presence_is_told_and_nobody_is_no_target() -> None:
    assert told(SOMEONE) == [RadarSample(10.0, module_present=True)]
    assert told(NOBODY) == [RadarSample(10.0, module_present=False, no_target=True)]
    assert told(Frame(0x80, 0x81, b"\x01"))[0].module_present is True


def test_a_waveform_is_five_samples_of_the_last_second() -> None:
    talk = Conversation()
    talk.receive(9.0, encode(WAVE))
    samples = talk.receive(10.0, encode(Frame(0x80, 0x03, b"\x01")) + encode(WAVE))
    assert [sample.wave for sample in samples] == [None, 0.0, 2.0, 12.0, -8.0, 0.0]
    # What is told beside a waveform is as old as the one before, so that times never go back.
    assert [sample.t_s for sample in samples] == pytest.approx([9.0, 9.2, 9.4, 9.6, 9.8, 10.0])


def test_no_rate_of_reports_is_assumed() -> None:
    # The manual says every 2 s for distance; an MR60BHA1 sends it each second, an R60A hardly anything.
    talk = Conversation()
    times = (1.0, 1.1, 2.0, 9.0)
    assert [talk.receive(t_s, REAL_DISTANCE) for t_s in times] == [[RadarSample(t_s, distance_m=1.07)] for t_s in times]


def test_the_modules_own_sleep_and_bed_states_become_no_samples() -> None:
    # 84/02 had other codes before manual V1.3, 07/07 toggles: shown by decode, used for nothing.
    assert value(0x84, 0x02, b"\x02") == 2
    assert told(Frame(0x84, 0x02, b"\x02"), Frame(0x84, 0x01, b"\x01"), Frame(0x07, 0x07, b"\x01")) == []


def test_waveforms_that_arrive_together_are_spread() -> None:
    talk = Conversation()
    talk.receive(9.0, encode(WAVE))
    times = [sample.t_s for sample in talk.receive(11.0, encode(WAVE) * 2)]
    assert times == pytest.approx([9.0 + 0.2 * index for index in range(1, 11)])


# --- the talk


class Module:
    """Answers as a module does, once a tenth of a second for as long as is asked for."""

    def __init__(self, answer: Callable[[Frame], list[Frame]], chatter: tuple[Frame, ...] = ()) -> None:
        self.talk = Conversation()
        self.now_s = 0.0
        self.asked: list[tuple[float, int, int, bytes]] = []
        self._answer, self.chatter = answer, chatter

    def runs(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now_s = round(self.now_s + 0.1, 1)
            answers = list(self.chatter) if self.now_s % 1.0 == 0.0 else []
            for frame in FrameDecoder().feed(self.talk.transmit(self.now_s)):
                self.asked.append((self.now_s, *frame))
                answers += self._answer(frame)
            self.talk.receive(self.now_s, b"".join(map(encode, answers)))

    def says(self, *frames: Frame) -> None:
        self.talk.receive(self.now_s, b"".join(map(encode, frames)))

    def when(self, control: int, command: int, data: bytes | None = None) -> list[float]:
        return [t_s for t_s, *asked in self.asked if asked[:2] == [control, command] and data in (None, asked[2])]


TEXTS = {(0x02, 0xA1): b"R60ABD1", (0x02, 0xA4): b"G60SM1SYv010309", (0x05, 0x81): b"\x01"}


def modern(frame: Frame) -> list[Frame]:
    """Answers questions and echoes what is set."""
    if (frame.control, frame.command) in TEXTS:
        return [Frame(frame.control, frame.command, TEXTS[frame.control, frame.command])]
    return [] if frame.command & 0x80 else [frame]


def mute(frame: Frame) -> list[Frame]:
    return []


def test_start_up_waits_for_the_module_then_switches_everything_on() -> None:
    module = Module(modern)
    module.runs(3.0)
    assert module.asked == []
    module.says(Frame(0x05, 0x01, b"\x0f"))
    module.runs(8.0)
    assert module.when(0x02, 0xA4)[0] == pytest.approx(3.1)
    assert module.talk.firmware == "G60SM1SYv010309"
    assert module.talk.product == "R60ABD1"
    for switch in ((0x80, 0x00), (0x81, 0x00), (0x85, 0x00), (0x84, 0x00), (0x81, 0x0C), (0x85, 0x0A)):
        assert module.when(*switch, b"\x01"), switch
    assert module.when(0x02, 0x08) == []  # its work mode was not asked to change: it did not say that it has one


def test_start_up_goes_on_after_ten_seconds_without_the_boot_report() -> None:
    module = Module(modern)
    module.runs(11.0)
    assert module.when(0x02, 0xA1) == [pytest.approx(10.1)]


def test_older_firmware_that_echoes_nothing_does_not_stop_start_up() -> None:
    module = Module(mute, chatter=(WAVE,))
    module.runs(25.0)
    assert module.when(0x81, 0x0C)
    assert module.when(0x80, 0x81)  # the questions of each minute have begun
    assert module.talk.fault(module.now_s) is None


def test_a_c1001_that_watches_for_falls_is_set_to_sleep() -> None:
    def c1001(frame: Frame) -> list[Frame]:
        return [Frame(0x02, 0xA8, b"\x01")] if (frame.control, frame.command) == (0x02, 0xA8) else modern(frame)

    module = Module(c1001)
    module.runs(12.0)
    (set_s,) = module.when(0x02, 0x08, b"\x02")
    assert module.when(0x80, 0x00) == []  # it takes ten seconds and restarts
    module.says(Frame(0x05, 0x01, b"\x0f"))
    module.runs(1.0)
    assert module.when(0x80, 0x00)[0] > set_s


def test_a_module_born_in_sleep_mode_is_set_to_real_time_and_needs_its_power_cut() -> None:
    def sleeper(frame: Frame) -> list[Frame]:
        return [Frame(0x84, 0x8C, b"\x01")] if (frame.control, frame.command) == (0x84, 0x8C) else modern(frame)

    module = Module(sleeper, chatter=(Frame(0x80, 0x03, b"\x01"),))
    module.runs(45.0)
    assert module.when(0x84, 0x0F, b"\x00")
    fault = module.talk.fault(module.now_s)
    assert fault is not None
    assert "cut its power" in fault
    module.says(WAVE)
    assert module.talk.fault(module.now_s) is None


def test_report_mode_is_optional() -> None:
    module = Module(modern, chatter=(Frame(0x80, 0x03, b"\x01"),))  # V3.1 dropped it: no answer to 84/8C
    module.runs(45.0)
    assert module.when(0x84, 0x8C)
    assert module.when(0x84, 0x0F) == []
    assert module.talk.fault(module.now_s) is None


def test_waveform_switches_are_sent_again_when_no_waveform_comes() -> None:
    module = Module(modern)
    module.runs(45.0)
    assert len(module.when(0x81, 0x0C)) == 2


def test_state_is_asked_for_once_a_minute() -> None:
    module = Module(modern, chatter=(WAVE,))
    module.runs(200.0)
    for message in ((0x80, 0x81), (0x80, 0x82), (0x84, 0x81)):
        times = module.when(*message)
        assert len(times) == 4
        assert times[1] - times[0] == pytest.approx(60.0, abs=0.2)


def test_vitals_that_stop_while_somebody_is_there_reset_the_module() -> None:
    # Issue 9 of limengdu/Seeed-Studio-MR60BHA1-Sensor.
    module = Module(modern, chatter=(WAVE, SOMEONE))
    module.runs(60.0)
    module.chatter = (SOMEONE, Frame(0x80, 0x03, b"\x01"))
    module.runs(175.0)
    assert module.when(0x01, 0x02) == []
    module.runs(10.0)
    assert len(module.when(0x01, 0x02)) == 1
    assert module.talk.resets == 1
    before = len(module.when(0x81, 0x0C))
    module.says(Frame(0x05, 0x01, b"\x0f"))
    module.runs(5.0)
    assert len(module.when(0x81, 0x0C)) > before  # a reset forgets the switches
    module.runs(400.0)
    assert module.talk.resets == 1  # at most every ten minutes
    fault = module.talk.fault(module.now_s)
    assert fault is not None
    assert "no breathing" in fault


def test_vitals_that_stop_with_nobody_there_are_well() -> None:
    module = Module(modern, chatter=(WAVE, SOMEONE))
    module.runs(60.0)
    module.chatter = (NOBODY, Frame(0x80, 0x03, b"\x00"))
    module.runs(400.0)
    assert module.talk.resets == 0
    assert module.talk.fault(module.now_s) is None


def test_a_c1001_has_two_minutes_for_its_first_vitals() -> None:
    module = Module(modern, chatter=(SOMEONE,))  # DFRobot_HumanDetection, issue 7
    module.runs(150.0)
    assert module.talk.resets == 0


def test_somebody_there_and_no_waveform_is_a_fault() -> None:
    module = Module(modern, chatter=(SOMEONE, Frame(0x81, 0x02, b"\x0f")))
    module.runs(60.0)
    fault = module.talk.fault(module.now_s)
    assert fault is not None
    assert "no breathing waveform" in fault


def test_a_module_that_restarts_by_itself_is_switched_on_again() -> None:
    module = Module(modern, chatter=(WAVE,))
    module.runs(30.0)
    before = len(module.when(0x81, 0x0C))
    module.says(Frame(0x05, 0x01, b"\x0f"))
    module.runs(3.0)
    assert len(module.when(0x81, 0x0C)) == before + 1


def test_a_55_stream_is_named_unsupported_old_firmware() -> None:
    # Seeed forum topic 263881: MR60BHA1 units of 2022.
    talk = Conversation()
    for index in range(20):
        talk.receive(index / 10, bytes.fromhex("55 0A 00 03 81 05 03 8F 21"))
    fault = talk.fault(2.0)
    assert fault is not None
    assert fault.startswith("unsupported old firmware (0x55 stream)")
    talk.receive(3.0, HEARTBEAT)
    assert talk.fault(3.0) is None


def test_noise_is_not_taken_for_old_firmware() -> None:
    talk = Conversation()
    for index in range(60):
        talk.receive(index / 10, bytes(range(256)))
    fault = talk.fault(10.0)
    assert fault is not None
    assert "baud rate" in fault


def test_silence_is_a_fault() -> None:
    talk = Conversation()
    talk.receive(1.0, HEARTBEAT)
    assert talk.fault(5.9) is None
    assert talk.fault(6.0) == "silent for 5 s: check the module's power and wiring"


def test_forbidden_frames_are_never_part_of_the_talk() -> None:
    module = Module(modern, chatter=(SOMEONE,))
    module.runs(900.0)
    assert not any(is_forbidden(Frame(control, command, data)) for _, control, command, data in module.asked)
