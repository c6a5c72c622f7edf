"""Laws that hold for all three decoders, and the ``decode`` command's lines against real bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fuzz_decoders import MAX_FRAME, fuzz
from hypothesis import given
from hypothesis import strategies as st

from drivers import acconeer, micradar, tinyframe
from drivers.decode import WIRES, Decoder, decode_stream
from drivers.micradar.kinds import KINDS as MICRADAR_KINDS
from drivers.readings import Module
from drivers.tinyframe.frame import KINDS as TINYFRAME_KINDS

MODULES = list(Module)

# --- frames of any content

word = st.integers(0, 0xFFFF)
tinyframe_frames = st.builds(
    tinyframe.Frame,
    word,
    st.sampled_from(list(TINYFRAME_KINDS)) | word,
    st.binary(max_size=60) | st.binary(min_size=1020, max_size=tinyframe.MAX_PAYLOAD),
)
micradar_frames = st.one_of(
    st.builds(
        lambda message, data: micradar.Frame(*message, data),
        st.sampled_from(list(MICRADAR_KINDS)),
        st.binary(max_size=micradar.MAX_DATA),
    ),
    st.builds(micradar.Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=micradar.MAX_DATA)),
)


def setup_reply(points: int, sweeps: int) -> acconeer.Frame:
    metadata = {
        "frame_data_length": points * sweeps,
        "sweep_data_length": points,
        "subsweep_data_offset": [0],
        "subsweep_data_length": [points],
        "base_step_length_m": 0.0025,
    }
    return acconeer.Frame({"status": "ok", "tick_period": 50, "metadata": [[metadata]]})


def result(tick: int, payload: bytes) -> acconeer.Frame:
    info = {"tick": tick, "data_saturated": False, "calibration_needed": False, "temperature": 20}
    return acconeer.Frame({"status": "ok", "result_info": [[info]], "payload_size": len(payload)}, payload)


@st.composite
def acconeer_streams(draw: st.DrawFn) -> list[acconeer.Frame]:
    """A set-up reply and what follows it."""
    points, sweeps = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    size = 4 * points * sweeps
    results = st.builds(result, st.integers(0, 1 << 32), st.binary(min_size=size, max_size=size))
    logs = st.builds(lambda text: acconeer.Frame({"status": "log", "log": text}), st.text(max_size=30))
    return [setup_reply(points, sweeps), *draw(st.lists(results | logs, max_size=6))]


STREAMS: dict[Module, st.SearchStrategy[Any]] = {
    Module.TINYFRAME: st.lists(tinyframe_frames, max_size=6),
    Module.MICRADAR: st.lists(micradar_frames, max_size=6),
    Module.ACCONEER: acconeer_streams(),
}
NOISE = st.binary(max_size=30) | st.sampled_from([b"\x01\x53\x59", b'{"a', b"breath rate = 3\r\n", b"\xff"])


def encode(module: Module, frame: Any) -> bytes:
    encoder = {Module.TINYFRAME: tinyframe, Module.MICRADAR: micradar, Module.ACCONEER: acconeer}[module].encode
    data: bytes = encoder(frame)
    return data


def content(frames: Sequence[Any]) -> list[Any]:
    """The frames as sent: an Acconeer frame without the set-up that the decoder adds."""
    return [frame[:2] if isinstance(frame, acconeer.Frame) else frame for frame in frames]


def drained(decoder: Decoder) -> list[Any]:
    """What a long silence brings."""
    frames: list[Any] = []
    while decoder.pending:
        frames += decoder.idle()
    return frames


@pytest.mark.parametrize("module", MODULES)
@given(data=st.data())
def test_decoding_inverts_encoding(module: Module, data: st.DataObject) -> None:
    frames = data.draw(STREAMS[module])
    wire = b"".join(encode(module, frame) for frame in frames)
    decoder = WIRES[module].decoder()
    assert content(decoder.feed(wire)) == content(frames)
    assert (decoder.pending, decoder.counters.garbage_bytes, decoder.counters.frames) == (0, 0, len(frames))


@pytest.mark.parametrize("module", MODULES)
@given(data=st.data())
def test_encoding_inverts_decoding(module: Module, data: st.DataObject) -> None:
    wire = b"".join(encode(module, frame) for frame in data.draw(STREAMS[module]))
    assert b"".join(encode(module, frame) for frame in WIRES[module].decoder().feed(wire)) == wire


@pytest.mark.parametrize("module", MODULES)
@given(data=st.data())
def test_any_split_of_a_stream_gives_the_same_frames(module: Module, data: st.DataObject) -> None:
    frames = data.draw(STREAMS[module])
    wire = b"".join(data.draw(NOISE) + encode(module, frame) for frame in frames) + data.draw(NOISE)
    whole, split, single = (WIRES[module].decoder() for _ in range(3))
    expected = whole.feed(wire)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    pieces = [wire[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    offsets: list[int] = []
    found: list[Any] = []
    for piece in pieces:
        found += split.feed(piece)
        offsets += split.offsets
    assert found == expected
    assert offsets == whole.offsets
    assert [frame for index in range(len(wire)) for frame in single.feed(wire[index : index + 1])] == expected
    assert whole.counters == split.counters == single.counters
    assert whole.pending == split.pending == single.pending
    # Every byte is in a frame, thrown away or waiting.
    sizes = sum(len(encode(module, frame)) for frame in expected) if module is not Module.ACCONEER else None
    if sizes is not None:
        assert sizes + whole.counters.garbage_bytes + whole.pending == len(wire)


@pytest.mark.parametrize(("module", "start"), [(Module.TINYFRAME, 0x01), (Module.MICRADAR, 0x53)])
@given(data=st.data())
def test_one_corrupted_byte_costs_the_frame_that_it_is_in(module: Module, start: int, data: st.DataObject) -> None:
    # Data without the start byte hold no frame inside a frame.
    plain = st.lists(st.integers(0, 255).filter(lambda byte: byte != start), max_size=40).map(bytes)
    if module is Module.TINYFRAME:
        kinds = st.sampled_from([tinyframe.PHASES, tinyframe.DISTANCE, tinyframe.TARGETS])
        made: st.SearchStrategy[Any] = st.builds(tinyframe.Frame, st.integers(0x0202, 0xFFFF), kinds, plain)
    else:
        made = st.builds(lambda frame, data: frame._replace(data=data), micradar_frames, plain)
    frames = data.draw(st.lists(made, min_size=1, max_size=5))
    hurt = data.draw(st.integers(0, len(frames) - 1))
    wires = [bytearray(encode(module, frame)) for frame in frames]
    place = data.draw(st.integers(0, len(wires[hurt]) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (start, wires[hurt][place])))
    wires[hurt][place] = changed
    decoder = WIRES[module].decoder()
    found = decoder.feed(b"".join(wires))
    found += drained(decoder)
    assert is_subsequence(frames[:hurt] + frames[hurt + 1 :], found)


@given(data=st.data())
def test_one_corrupted_byte_costs_an_acconeer_stream_its_message_and_the_next(data: st.DataObject) -> None:
    frames = data.draw(acconeer_streams())
    wires = [bytearray(acconeer.encode(frame)) for frame in frames]
    hurt = data.draw(st.integers(0, len(frames) - 1))
    place = data.draw(st.integers(0, len(wires[hurt]) - 1))
    wires[hurt][place] ^= data.draw(st.integers(1, 255))
    decoder = acconeer.FrameDecoder()
    found = decoder.feed(b"".join(wires))
    found += drained(decoder)
    left = frames[:hurt] + frames[hurt + 2 :]
    assert is_subsequence(content(left), content(found))


def is_subsequence(wanted: Sequence[Any], found: Sequence[Any]) -> bool:
    """All of ``wanted`` in ``found``, in order."""
    rest = iter(found)
    return all(any(frame == other for other in rest) for frame in wanted)


@pytest.mark.parametrize("module", MODULES)
@given(pieces=st.lists(st.binary(max_size=2000), max_size=20))
def test_the_buffer_never_holds_more_than_the_largest_legal_frame(module: Module, pieces: list[bytes]) -> None:
    decoder = WIRES[module].decoder()
    for piece in pieces:
        decoder.feed({Module.TINYFRAME: b"\x01", Module.MICRADAR: b"\x53\x59", Module.ACCONEER: b'{"'}[module] + piece)
        assert decoder.pending < MAX_FRAME[module]


@pytest.mark.parametrize("module", MODULES)
def test_random_and_mutated_bytes_raise_nothing(module: Module) -> None:
    counters = fuzz(module, 300_000, seed=7)
    assert counters.frames > 500
    assert counters.garbage_bytes > 50_000


# --- the decode command's lines


def test_lines_carry_the_offset_of_their_frame_and_a_summary_ends_them() -> None:
    phases = bytes.fromhex("01 24 88 00 0C 0A 13 47 B0 8C B7 C0 33 FB 99 BF DE B1 E6 BE 6D")  # Hi-Link, real
    unknown = tinyframe.encode(tinyframe.Frame(1, 0x0E01, b"\x00"))
    damaged = phases[:-1] + b"\x00"
    lines = list(decode_stream(Module.TINYFRAME, [phases + b"\xff\xff", phases[:5], phases[5:] + unknown, damaged]))
    assert [(line.get("t"), line["kind"]) for line in lines] == [
        (0, "phases"),
        (23, "phases"),
        (44, "unknown"),
        (None, "summary"),
    ]
    assert lines[-1] == {
        "kind": "summary",
        "frames": 3,
        "bad_checksums": 1,
        "garbage_bytes": 2 + len(damaged),
        "unknown_kinds": 1,
    }


def test_frames_of_both_directions_count() -> None:
    query = bytes.fromhex("01 00 01 00 00 FF FF FF")
    lines = list(decode_stream(Module.TINYFRAME, [query]))
    assert lines[0]["command"] == "ask_version"
    assert lines[1]["frames"] == 1


def test_a_cut_last_frame_counts_as_garbage() -> None:
    wire = encode(Module.MICRADAR, micradar.Frame(1, 1, b"\x0f"))
    (_, summary) = decode_stream(Module.MICRADAR, [wire, wire[:7]])
    assert (summary["frames"], summary["garbage_bytes"]) == (1, 7)


def test_a_frame_behind_a_false_header_is_found_at_the_end() -> None:
    header = tinyframe.encode(tinyframe.Frame(1, tinyframe.PHASES, bytes(1000)))[:8]
    query = bytes.fromhex("01 00 01 00 00 FF FF FF")
    lines = list(decode_stream(Module.TINYFRAME, [header + query]))
    assert [line.get("t") for line in lines] == [8, None]


def test_acconeer_lines_learn_the_layout_from_the_stream() -> None:
    payload = bytes.fromhex("0100 0200 0300 0400 0300 0200 0300 0800")  # two sweeps of two points
    wire = b"".join(acconeer.encode(frame) for frame in (setup_reply(2, 2), result(1618, payload)))
    (setup, measured, summary) = decode_stream(Module.ACCONEER, [wire])
    assert setup["kind"] == "setup"
    assert measured["mean_sweep"] == [[2.0, 2.0], [3.0, 6.0]]
    assert measured["tick"] == 1618
    assert summary["frames"] == 2


def test_no_bytes_are_a_summary() -> None:
    for module in MODULES:
        (summary,) = decode_stream(module, [])
        assert summary["frames"] == 0


REAL_FILES = [
    ("tf-01-ld6002-log", Module.TINYFRAME),
    ("tf-02-mr60bha2-empty", Module.TINYFRAME),
    ("tf-03-version-and-collect-commands", Module.TINYFRAME),
    ("mic-01-mr60bha1-live", Module.MICRADAR),
    ("mic-02-heartbeat-reset", Module.MICRADAR),
    ("mic-03-host-queries", Module.MICRADAR),
    ("mic-04-report-mode", Module.MICRADAR),
]


@pytest.mark.parametrize(("name", "module"), REAL_FILES)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_real_bytes_decode_as_expected(name: str, module: Module, step: int, shared_folder: Path) -> None:
    text = (shared_folder / "captures" / f"{name}.txt").read_text()
    body, wanted_text = text.split("[hex]")[1].split("[expect]")
    wire = bytes.fromhex(body)
    wanted = [json.loads(line) for line in wanted_text.strip().splitlines()]
    lines = list(decode_stream(module, (wire[at : at + step] for at in range(0, len(wire), step))))
    *frames, summary = lines
    total = wanted.pop()
    assert summary["frames"] == total.get("good", total.get("good_frames")) == len(frames)
    assert (summary["garbage_bytes"], summary["bad_checksums"], summary["unknown_kinds"]) == (0, 0, 0)
    assert len(wire) == total["bytes_total"]
    for line, want in zip(frames, wanted, strict=True):
        assert line["kind"] == re.sub(r"\W+", "_", want.pop("name").split("(")[0])
        value = want.pop("value")
        assert line["value"] == (approximately(value) if value != "LEN 0" else None)
        want.pop("checksum_ok", None)
        assert {key: line[key] for key in want} == want


def test_real_payloads_decode_as_expected(shared_folder: Path) -> None:
    text = (shared_folder / "captures" / "tf-04-payloads-hilink-gui.txt").read_text()
    body, wanted = text.split("[hex]")[1].split("[expect]")
    payloads = [line.split(":") for line in body.strip().splitlines()]
    for (kind, data), want in zip(payloads, wanted.strip().splitlines(), strict=True):
        frame = tinyframe.Frame(0, int(kind, 16), bytes.fromhex(data))
        assert tinyframe.describe(frame)["value"] == approximately(json.loads(want)["value"])


def approximately(value: Any) -> Any:
    """Floats as rounded as the files print them."""
    if isinstance(value, dict):
        return {key: approximately(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [approximately(entry) for entry in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value
