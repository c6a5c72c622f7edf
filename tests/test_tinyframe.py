"""The TinyFrame protocol: every trap that makers' documents and users' logs tell of.

Bytes marked "real" were printed in the Hi-Link protocol explanation (LD6002 serial-terminal log) or in issue 3 of
limengdu/MR60BHA2_ESPHome_external_components (MR60BHA2).
"""

from __future__ import annotations

import math
import struct
from itertools import pairwise

import pytest

from drivers.readings import RadarSample, Target
from drivers.tinyframe import (
    BREATH_RATE,
    DISTANCE,
    HEART_RATE,
    MAX_PAYLOAD,
    PHASES,
    POINTS,
    POSITION,
    PRESENCE,
    STATUS,
    TARGETS,
    TEXT,
    VERSION,
    Conversation,
    Frame,
    FrameDecoder,
    describe,
    encode,
    is_forbidden,
)

REAL_PHASES = bytes.fromhex("01 24 88 00 0C 0A 13 47 B0 8C B7 C0 33 FB 99 BF DE B1 E6 BE 6D")
REAL_DISTANCE = bytes.fromhex("01 24 89 00 08 0A 16 47 01 00 00 00 EC 51 18 42 19")
REAL_NOBODY = bytes.fromhex("01 67 E3 00 04 0A 16 62 00 00 00 00 FF")
VERSION_QUERY = bytes.fromhex("01 00 01 00 00 FF FF FF")
VERSION_REPLY = bytes.fromhex("01 04 AF 00 04 FF FF 51 06 03 0A 00 F0")  # Hi-Link LD6002 protocol V1.3


def decode(data: bytes) -> tuple[list[Frame], FrameDecoder]:
    decoder = FrameDecoder()
    return decoder.feed(data), decoder


def phases(total: float, breath: float = 0.5, heart: float = 0.1) -> bytes:
    return struct.pack("<3f", total, breath, heart)


def value(kind: int, data: bytes) -> object:
    return describe(Frame(0, kind, data))["value"]


class Line:
    """A module that numbers its frames, and our conversation with it."""

    def __init__(self) -> None:
        self.talk = Conversation()
        self.ident = 99

    def bytes(self, kind: int, data: bytes = b"") -> bytes:
        self.ident = (self.ident + 1) & 0xFFFF
        return encode(Frame(self.ident, kind, data))

    def says(self, t_s: float, kind: int, data: bytes = b"") -> list[RadarSample]:
        return self.talk.receive(t_s, self.bytes(kind, data))


# --- the wire


def test_real_frames_decode_to_the_values_that_were_shown() -> None:
    frames, decoder = decode(REAL_PHASES + REAL_DISTANCE)
    assert [(frame.ident, frame.kind) for frame in frames] == [(0x2488, PHASES), (0x2489, DISTANCE)]
    assert describe(frames[0])["value"] == pytest.approx([-5.7359, -1.2030, -0.4506], abs=1e-4)
    assert describe(frames[1])["value"] == {"flag": 1, "cm": pytest.approx(38.08)}
    assert (decoder.counters.frames, decoder.counters.garbage_bytes, decoder.offsets) == (2, 0, [0, 21])


def test_encode_writes_the_real_bytes_back() -> None:
    for data in (REAL_PHASES, REAL_DISTANCE, REAL_NOBODY, VERSION_QUERY, VERSION_REPLY):
        (frame,), _ = decode(data)
        assert encode(frame) == data


def test_a_frame_without_data_has_no_data_checksum() -> None:
    frames, decoder = decode(VERSION_QUERY + REAL_PHASES)
    assert [frame.kind for frame in frames] == [VERSION, PHASES]
    assert decoder.counters.garbage_bytes == 0


def test_a_stray_ff_after_a_frame_without_data_is_skipped() -> None:
    frames, decoder = decode(VERSION_QUERY + b"\xff" + REAL_PHASES)
    assert len(frames) == 2
    assert decoder.counters.garbage_bytes == 1


def test_the_misprinted_checksum_of_a_document_is_not_believed() -> None:
    # LD6002 V1.3 prints F9 for this header; 01 ^ 02 ^ 0F ^ 09 = 05, inverted FA.
    right = bytes.fromhex("01 00 00 00 02 0F 09 FA 01 00 FE")
    wrong = bytes.fromhex("01 00 00 00 02 0F 09 F9 01 00 FE")
    assert [frame.kind for frame in decode(right)[0]] == [PRESENCE]
    assert decode(wrong)[0] == []


def test_the_longest_frame_passes_and_a_longer_one_is_refused_at_once() -> None:
    longest = encode(Frame(1, 0x0A32, bytes(MAX_PAYLOAD)))
    assert len(longest) == 8 + 1024 + 1
    assert len(decode(longest)[0]) == 1
    longer = encode(Frame(1, 0x0A32, bytes(MAX_PAYLOAD + 1)))
    frames, decoder = decode(longer[:8] + REAL_PHASES)  # its header is good, and must not be waited for
    assert [frame.kind for frame in frames] == [PHASES]
    assert decoder.counters.garbage_bytes == 8


def test_a_start_byte_inside_data_is_data() -> None:
    data = b"\x01" * 12
    assert decode(encode(Frame(5, PHASES, data)) + REAL_DISTANCE)[0][0].data == data


def test_a_wrong_data_checksum_is_counted_and_costs_one_frame() -> None:
    damaged = bytearray(REAL_PHASES)
    damaged[10] ^= 0x40
    frames, decoder = decode(bytes(damaged) + REAL_DISTANCE)
    assert [frame.kind for frame in frames] == [DISTANCE]
    assert decoder.counters.bad_checksums == 1
    assert decoder.counters.garbage_bytes == len(damaged)


def test_text_of_other_programs_is_skipped() -> None:
    frames, decoder = decode(b"breath rate = 23.0\r\n" + REAL_PHASES + b"boot ok\n" + REAL_DISTANCE)
    assert len(frames) == 2
    assert decoder.counters.garbage_bytes == 20 + 8
    assert decoder.offsets == [20, 20 + 21 + 8]


def test_feeding_alone_never_gives_up_and_idle_does() -> None:
    false_header = encode(Frame(1, PHASES, bytes(1000)))[:8]  # promises 1001 bytes more
    decoder = FrameDecoder()
    assert decoder.feed(false_header + REAL_PHASES) == []
    assert decoder.pending == 29
    assert [frame.kind for frame in decoder.idle()] == [PHASES]
    assert decoder.pending == 0
    assert decoder.offsets == [8]


def test_idle_with_nothing_pending_does_nothing() -> None:
    decoder = FrameDecoder()
    assert decoder.idle() == []
    assert decoder.counters.garbage_bytes == 0


def test_unknown_kinds_are_counted_as_frames_and_are_no_errors() -> None:
    frames, decoder = decode(encode(Frame(1, 0x0E01, b"\x00")))
    assert (decoder.counters.frames, decoder.counters.unknown_kinds, decoder.counters.bad_checksums) == (1, 1, 0)
    assert describe(frames[0]) == {
        "kind": "unknown",
        "id": "0x0001",
        "type": "0x0E01",
        "len": 1,
        "value": None,
        "hex": "00",
    }


def test_the_ota_loader_and_the_factory_program_are_forbidden() -> None:
    assert is_forbidden(Frame(0, 0x3000, b""))
    assert is_forbidden(Frame(0, 0x4000, b""))
    assert not is_forbidden(Frame(1, VERSION, b""))


# --- what payloads say


def test_distance_is_centimetres_behind_the_flag_and_missing_with_len_4() -> None:
    assert value(DISTANCE, struct.pack("<If", 1, 80.0)) == {"flag": 1, "cm": 80.0}
    assert value(DISTANCE, bytes(4)) == {"flag": 0, "cm": None}
    assert value(DISTANCE, struct.pack("<If", 0, 80.0)) == {"flag": 0, "cm": None}
    assert value(DISTANCE, bytes(6)) is None


@pytest.mark.parametrize(("data", "there"), [(b"\x01", True), (b"\x01\x00", True), (bytes(4), False), (b"\x00", False)])
def test_presence_comes_in_one_two_or_four_bytes_and_the_first_counts(data: bytes, there: bool) -> None:
    assert value(PRESENCE, data) is there


def test_targets_have_16_bytes_or_20_with_z() -> None:
    flat = struct.pack("<I", 2) + struct.pack("<ffii", 0.5, 1.0, 2, 7) + struct.pack("<ffii", -0.5, 1.5, -1, 8)
    assert value(TARGETS, flat) == [
        {"x_m": 0.5, "y_m": 1.0, "z_m": None, "speed_m_s": 0.3456, "cluster": 7},
        {"x_m": -0.5, "y_m": 1.5, "z_m": None, "speed_m_s": -0.1728, "cluster": 8},
    ]
    solid = struct.pack("<I", 1) + struct.pack("<fffii", 0.5, 1.0, 0.25, 0, 7)
    assert value(TARGETS, solid) == [{"x_m": 0.5, "y_m": 1.0, "z_m": 0.25, "speed_m_s": 0.0, "cluster": 7}]
    assert value(TARGETS, bytes(4)) == []


@pytest.mark.parametrize("data", [b"", b"\x00\x00", struct.pack("<I", 1), struct.pack("<I", 0xFFFFFFFF) + bytes(16)])
def test_targets_whose_count_and_length_disagree_say_nothing(data: bytes) -> None:
    assert value(TARGETS, data) is None


def test_points_are_laid_out_as_targets_or_as_the_ld6002b_does() -> None:
    point = {"x_m": 0.5, "y_m": 1.0, "z_m": None, "speed_m_s": 0.1728, "cluster": 3}
    assert value(POINTS, struct.pack("<Iffii", 1, 0.5, 1.0, 1, 3)) == [point]
    cloud = struct.pack("<iffff", 4, 0.5, 1.0, 0.25, 0.125)
    assert value(POINTS, cloud) == [{"x_m": 0.5, "y_m": 1.0, "z_m": 0.25, "speed_m_s": 0.125, "cluster": 4}]
    assert value(POINTS, bytes(4)) == []


def test_the_rest_of_the_messages() -> None:
    assert value(POSITION, struct.pack("<2f", 0.5, 1.0)) == [0.5, 1.0]
    assert value(POSITION, struct.pack("<3f", 0.5, 1.0, 0.25)) == [0.5, 1.0, 0.25]
    assert value(STATUS, b"\x02\x00") == 2
    assert value(TEXT, b"invalid BR = 3\xff") == "invalid BR = 3�"
    assert value(VERSION, b"\x06\x03\x0a\x00") == {"project": 6, "major": 3, "sub": 10, "modified": 0}


def test_payloads_shown_by_the_makers_program() -> None:
    # Hi-Link protocol explanation, pictures of its PC program: real payloads.
    assert value(PHASES, bytes.fromhex("80E49EBFE884AD3D8884243E")) == pytest.approx(
        [-1.24135, 0.08473, 0.16066], abs=1e-5
    )
    assert value(BREATH_RATE, bytes.fromhex("6666A241")) == pytest.approx(20.3)
    assert value(HEART_RATE, bytes.fromhex("00009242")) == 73.0


def test_collection_mode_tiles_show_their_zero_doppler_rows() -> None:
    tile = b"".join(struct.pack("<2h", row, -row) + bytes(124) for row in range(8))
    assert value(0x0A32, tile) == [[row, -row] for row in range(8)]
    assert value(0x0A34, tile[:-1]) is None


def test_the_hosts_commands_are_told_from_the_reports_of_the_same_type() -> None:
    assert describe(Frame(0, BREATH_RATE, b""))["command"] == "collection_on"
    assert describe(Frame(0, HEART_RATE, b""))["command"] == "collection_off"
    assert describe(Frame(1, VERSION, b""))["command"] == "ask_version"


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_become_none(odd: float) -> None:
    assert value(PHASES, phases(odd)) == [None, 0.5, pytest.approx(0.1)]
    assert value(BREATH_RATE, struct.pack("<f", odd)) is None
    assert value(DISTANCE, struct.pack("<If", 1, odd)) == {"flag": 1, "cm": None}
    assert value(POSITION, struct.pack("<2f", odd, 1.0)) == [None, 1.0]
    line = Line()
    assert line.says(1.0, PHASES, phases(odd)) == []
    assert line.says(1.1, DISTANCE, struct.pack("<If", 1, odd)) == []
    assert line.says(1.2, TARGETS, struct.pack("<Iffii", 1, odd, 1.0, 0, 0))[0].targets == ()


# --- the conversation


def test_total_phase_is_handed_on_as_it_is() -> None:
    line = Line()
    given = [1.0, 1.5, -4.0, -4.0]  # also over a jump: where to break is for the signal's reader to say
    got = [line.says(1.0 + index / 16, PHASES, phases(phase))[0].phase_rad for index, phase in enumerate(given)]
    assert got == given


def test_three_phases_of_exactly_zero_are_no_lock_and_no_phase() -> None:
    line = Line()
    assert line.says(1.0, PHASES, bytes(12)) == [RadarSample(1.0, no_target=True)]
    (near,) = line.says(1.0625, PHASES, phases(0.0, 0.01, 0.0))
    assert near.phase_rad == 0.0
    assert not near.no_target


def test_distance_becomes_metres_and_len_4_nobody() -> None:
    talk = Conversation()
    assert talk.receive(1.0, REAL_DISTANCE) == [RadarSample(1.0, distance_m=pytest.approx(0.3808))]
    talk = Conversation()
    assert talk.receive(1.0, REAL_NOBODY) == [RadarSample(1.0, no_target=True)]


def test_targets_become_metres_and_metres_a_second() -> None:
    line = Line()
    (sample,) = line.says(1.0, TARGETS, struct.pack("<Iffii", 1, 0.5, 1.0, 2, 7))
    assert sample.targets == (Target(0.5, 1.0, pytest.approx(0.3456)),)
    (sample,) = line.says(1.1, TARGETS, bytes(4))
    assert sample.targets == ()
    assert not sample.no_target


def test_a_target_without_a_place_is_left_out() -> None:
    line = Line()
    two = struct.pack("<I", 2) + struct.pack("<ffii", math.nan, 1.0, 0, 1) + struct.pack("<ffii", 0.5, 1.0, 0, 2)
    (sample,) = line.says(1.0, TARGETS, two)
    assert sample.targets == (Target(0.5, 1.0, 0.0),)


def test_rates_are_for_diagnostics_and_zero_is_none() -> None:
    line = Line()
    (sample,) = line.says(1.0, BREATH_RATE, struct.pack("<f", 17.0))
    assert sample.module_breath_brpm == 17.0
    (sample,) = line.says(1.0, HEART_RATE, struct.pack("<f", 73.0))
    assert sample.module_heart_bpm == 73.0
    assert line.says(2.0, BREATH_RATE, struct.pack("<f", 0.0)) == []
    assert line.says(2.0, BREATH_RATE, struct.pack("<f", 61.0)) == []
    assert line.says(2.0, HEART_RATE, struct.pack("<f", 0.0)) == []


def test_module_presence_is_handed_on() -> None:
    assert Line().says(1.0, PRESENCE, b"\x01\x00")[0].module_present is True


@pytest.mark.parametrize("rate_hz", [8.0, 15.6, 16.4, 20.0])
@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_no_rate_is_assumed(rate_hz: float, chunk: int) -> None:
    line = Line()
    times: list[float] = []
    waiting = b""
    for index in range(960):
        waiting += line.bytes(PHASES, phases(1.0 + index / 1000))
        if index % chunk == chunk - 1:
            times += [sample.t_s for sample in line.talk.receive(10.0 + index / rate_hz, waiting)]
            waiting = b""
    steps = [later - earlier for earlier, later in pairwise(times[480:])]
    assert min(steps) > 0.98 / rate_hz
    assert max(steps) < 1.02 / rate_hz
    assert abs(times[-1] - (10.0 + 959 / rate_hz)) < 0.05


def test_samples_never_go_back_in_time() -> None:
    line = Line()
    times: list[float] = []
    t_s = 5.0
    for index in range(400):
        t_s += (0.01, 0.2, 0.0, 3.0 if index % 50 == 49 else 0.04)[index % 4]
        data = line.bytes(PHASES, phases(index)) + line.bytes(DISTANCE, struct.pack("<If", 1, 80.0))
        data += line.bytes(TARGETS, bytes(4)) if index % 3 else b""
        times += [sample.t_s for sample in line.talk.receive(t_s, data)]
    assert times == sorted(times)


def test_gaps_in_the_ids_are_lost_frames_also_over_the_wrap() -> None:
    line = Line()
    line.ident = 0xFFFD
    line.says(1.0, PHASES, phases(1.0))  # FFFE
    line.says(1.1, PHASES, phases(1.1))  # FFFF
    line.says(1.2, PHASES, phases(1.2))  # 0000
    assert line.talk.counters.lost_frames == 0
    line.ident += 3
    line.says(1.3, PHASES, phases(1.3))
    assert line.talk.counters.lost_frames == 3
    assert line.talk.restarts == 0


def test_an_id_that_goes_back_is_a_restart_and_the_version_is_asked_again() -> None:
    line = Line()
    line.ident = 0x04AE
    assert line.talk.transmit(0.0) == VERSION_QUERY
    line.says(0.1, VERSION, b"\x04\x01\x06\x0c")
    assert line.talk.firmware == "1.6.12 (project 4)"
    assert line.talk.transmit(60.0) == b""
    line.ident = -1
    line.says(61.0, PHASES, phases(1.0))
    assert (line.talk.restarts, line.talk.counters.lost_frames) == (1, 0)
    assert line.talk.transmit(61.1) == VERSION_QUERY


def test_ids_that_never_count_are_no_restarts() -> None:
    talk = Conversation()
    for index in range(5):
        talk.receive(1.0 + index, encode(Frame(0, PHASES, phases(index))))
    assert (talk.restarts, talk.counters.lost_frames) == (0, 0)


def test_the_version_is_asked_three_times_a_second_apart() -> None:
    talk = Conversation()
    asked = [t_s / 10 for t_s in range(100) if talk.transmit(t_s / 10)]
    assert asked == [0.0, 1.0, 2.0]


def test_a_target_is_gone_after_three_seconds_without_news() -> None:
    line = Line()
    line.says(10.0, DISTANCE, struct.pack("<If", 1, 80.0))
    news = []
    for index in range(1, 100):
        samples = line.says(10.0 + index / 16, PHASES, phases(index / 100))
        news += [(sample.t_s, sample.targets) for sample in samples if sample.no_target]
    assert len(news) == 1
    assert news[0][0] == pytest.approx(13.0, abs=0.1)
    assert news[0][1] == ()


def test_a_module_that_never_tells_of_targets_is_not_timed_out() -> None:
    line = Line()
    samples = [line.says(10.0 + index / 16, PHASES, phases(index / 100)) for index in range(100)]
    assert not any(sample.no_target for chunk in samples for sample in chunk)


def stuck(line: Line, seconds: int, flag: int) -> list[RadarSample]:
    """The same phase for so long, with news of a target eight times a second."""
    samples = []
    for index in range(seconds * 16):
        samples += line.says(10.0 + index / 16, PHASES, phases(2.0))
        if index % 2:
            samples += line.says(10.0 + index / 16, DISTANCE, struct.pack("<If", flag, 180.0))
    return samples


def test_ten_seconds_of_the_same_phase_with_somebody_there_are_frozen() -> None:
    # Issue 17 of limengdu/MR60BHA2_ESPHome_external_components: data freeze around 1.8 m.
    line = Line()
    samples = stuck(line, 15, flag=1)
    last_s = max(sample.t_s for sample in samples if sample.phase_rad is not None)
    assert 19.8 < last_s < 20.1
    fault = line.talk.fault(25.0)
    assert fault is not None
    assert fault.startswith("frozen")
    (sample,) = line.says(25.0, PHASES, phases(2.1))
    assert sample.phase_rad == pytest.approx(2.1)
    assert line.talk.fault(25.0) is None


def test_the_same_phase_with_nobody_there_is_not_frozen() -> None:
    line = Line()
    stuck(line, 15, flag=0)
    assert line.talk.fault(25.0) is None


def test_silence_and_senseless_bytes_are_told_apart() -> None:
    talk = Conversation()
    talk.transmit(0.0)
    assert talk.fault(4.9) is None
    assert talk.fault(5.0) == "silent for 5 s: check the module's power and wiring"
    talk.receive(5.5, bytes(range(2, 50)))
    fault = talk.fault(6.0)
    assert fault is not None
    assert "baud rate" in fault
    talk.receive(7.0, REAL_PHASES)
    assert talk.fault(11.9) is None


def test_idle_hands_on_what_stood_behind_a_cut_frame() -> None:
    talk = Conversation()
    assert talk.receive(1.0, encode(Frame(1, PHASES, bytes(1000)))[:8] + REAL_DISTANCE) == []
    assert talk.idle(1.1) == [RadarSample(1.1, distance_m=pytest.approx(0.3808))]
