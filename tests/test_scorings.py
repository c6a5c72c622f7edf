"""What scorers wrote, and the records of PhysioNet, byte by byte: every file here is written by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from edf_files import annotation_channel, edf_bytes, hypnogram_bytes
from hypothesis import given
from hypothesis import strategies as st

from models.contract import SleepStage
from models.training.corpora import wfdb
from models.training.corpora.scorings import read_stages
from models.training.corpora.stages import CorpusError, Span, stage_of_text, stages_of, until_the_next
from models.training.dataset import NO_STAGE

W, L, D, R = (int(s) for s in (SleepStage.WAKE, SleepStage.LIGHT, SleepStage.DEEP, SleepStage.REM))
NO = NO_STAGE


def written(folder: Path, name: str, raw: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return path


# --- stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        # Rechtschaffen and Kales, as Sleep-EDF tells them
        ("Sleep stage W", W),
        ("Sleep stage 1", L),
        ("Sleep stage 2", L),
        ("Sleep stage 3", D),
        ("Sleep stage 4", D),
        ("Sleep stage R", R),
        ("Movement time", NO),
        ("Sleep stage ?", NO),
        # AASM, the standard texts of EDF+
        ("Sleep stage N1", L),
        ("Sleep stage N2", L),
        ("Sleep stage N3", D),
        # of something else
        ("Lights off", None),
        ("Sleep stage", None),
        ("Sleep stage X", None),
    ],
)
def test_texts_of_edf(text: str, stage: int | None) -> None:
    assert stage_of_text(text) == stage


def test_an_epoch_has_the_stage_of_its_middle() -> None:
    # Middles at 15, 45, 75 and 105 s: deep from 40 to 75 s has the one at 45, and not the one at 75.
    assert stages_of([Span(40.0, 35.0, D)], 4).tolist() == [NO, D, NO, NO]
    assert stages_of([Span(0.0, 120.0, L), Span(75.0, 1.0, R)], 4).tolist() == [L, L, R, L]
    assert stages_of([Span(-30.0, 45.0, W), Span(90.0, 900.0, W)], 4).tolist() == [NO, NO, NO, W]


@given(
    st.lists(st.tuples(st.integers(-200, 400), st.integers(0, 300), st.sampled_from((W, L, D, R, NO))), max_size=6),
    st.integers(0, 12),
)
def test_stages_by_their_definition(told: list[tuple[int, int, int]], epochs: int) -> None:
    spans = [Span(float(onset), float(length), stage) for onset, length, stage in told]
    for k, stage in enumerate(stages_of(spans, epochs).tolist()):
        there = [s.stage for s in spans if s.onset_s <= 30 * k + 15 < s.onset_s + s.duration_s]
        assert stage == (there[-1] if there else NO)


@given(st.lists(st.integers(0, 10_000), max_size=10))
def test_stages_that_last_until_the_next_leave_no_hole(onsets: list[int]) -> None:
    spans = until_the_next([(float(onset), L) for onset in sorted(onsets)])
    assert all(a.onset_s + a.duration_s == b.onset_s for a, b in pairwise(spans))
    assert len(spans) == len(onsets)


# --- files of stages --------------------------------------------------------------------------------------------------


def test_an_edf_hypnogram(tmp_path: Path) -> None:
    told = [(0, 90, "Sleep stage W"), (90, 60, "Sleep stage 2"), (150, 30, "Lights on"), (150, 30, "Movement time")]
    path = written(tmp_path, "a-Hypnogram.edf", hypnogram_bytes(told, time="22.00.30"))
    assert read_stages(path) == [Span(0, 90, W), Span(90, 60, L), Span(150, 30, NO)]
    # The recording began half a minute before its hypnogram; or, across midnight, the hypnogram an hour before it.
    assert read_stages(path, 22 * 3600.0)[0] == Span(30, 90, W)
    early = written(tmp_path, "b-Hypnogram.edf", hypnogram_bytes(told, time="23.30.00"))
    assert read_stages(early, 1800.0)[1] == Span(90 - 3600, 60, L)


def test_stages_of_edf_without_a_duration_last_until_the_next(tmp_path: Path) -> None:
    lists = [b"+0\x14\x14\0+0\x14Sleep stage N1\x14\0+60\x14Arousal\x14\0", b"+90\x14\x14\0+90\x14Sleep stage N3\x14\0"]
    path = written(tmp_path, "a.edf", edf_bytes([annotation_channel(lists)], reserved="EDF+C"))
    assert read_stages(path) == [Span(0, 90, L), Span(90, 30, D)]


NSRR = """<?xml version="1.0" encoding="UTF-8"?>
<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents>
<ScoredEvent><EventType/><EventConcept>Recording Start Time</EventConcept><Start>0</Start><Duration>300.0</Duration>
</ScoredEvent>
<ScoredEvent><EventType>Respiratory|Respiratory</EventType><EventConcept>Hypopnea|Hypopnea</EventConcept>
<Start>12.5</Start><Duration>20</Duration></ScoredEvent>
{}
</ScoredEvents></PSGAnnotation>"""


def nsrr_stage(concept: str, start: str, duration: str = "30.0") -> str:
    return (
        f"<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>{concept}</EventConcept>"
        f"<Start>{start}</Start><Duration>{duration}</Duration></ScoredEvent>"
    )


def test_events_of_the_nsrr(tmp_path: Path) -> None:
    concepts = ["Wake|0", "Stage 1 sleep|1", "Stage 2 sleep|2", "Stage 3 sleep|3", "Stage 4 sleep|4", "REM sleep|5"]
    concepts += ["Movement|6", "Unscored|9"]
    events = [nsrr_stage(concept, f"{30 * k}.0") for k, concept in enumerate(concepts)]
    spans = read_stages(written(tmp_path, "shhs1-1-nsrr.xml", NSRR.format("".join(events))))
    assert spans == [Span(30.0 * k, 30.0, stage) for k, stage in enumerate([W, L, L, D, D, R, NO, NO])]


def test_epochs_of_profusion(tmp_path: Path) -> None:
    xml = "<CMPStudyConfig><EpochLength>30</EpochLength><SleepStages>{}</SleepStages></CMPStudyConfig>"
    epochs = "".join(f"<SleepStage>{code}</SleepStage>" for code in (0, 1, 2, 3, 4, 5, 9))
    spans = read_stages(written(tmp_path, "shhs1-1-profusion.xml", xml.format(epochs)))
    assert stages_of(spans, 8).tolist() == [W, L, L, D, D, R, NO, NO]


def test_the_table_of_boas(tmp_path: Path) -> None:
    rows = [
        ("0", "0"),
        ("30", "1"),
        ("60", "2"),
        ("90", "3"),
        ("120", "4"),
        ("150", "8"),
        ("180", "-2"),
        ("210", "n/a"),
    ]
    table = "onset\tduration\tbegsample\tstage_hum\tstage_ai\n"
    table += "".join(f"{onset}\t30\t1\t{code}\t0\n" for onset, code in rows)
    spans = read_stages(written(tmp_path, "sub-1_task-Sleep_acq-psg_events.tsv", table))
    assert spans == [Span(30.0 * k, 30.0, stage) for k, stage in enumerate([W, L, L, D, R, NO, NO])]


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.xml", "<PSGAnnotation>", "a.xml cannot be read"),
        ("a.xml", NSRR.format(""), "tells no stages"),
        ("a.xml", NSRR.format(nsrr_stage("Stage 7|7", "0")), "'7' is no stage that is known"),
        ("a.xml", NSRR.format(nsrr_stage("Wake|0", "soon")), "could not convert"),
        ("a.xml", NSRR.format(nsrr_stage("Wake|0", "inf")), "at no time"),
        ("a.xml", NSRR.format(nsrr_stage("Wake|0", "0", "-30")), "at no time"),
        ("a_events.tsv", "onset\tduration\n0\t30\n", "no columns onset, duration and stage_hum"),
        ("a_events.tsv", "onset\tstage_hum\tduration\n0\t2\n", "cannot be read"),
        ("a_events.tsv", "onset\tduration\tstage_hum\n0\t30\tN2\n", "'N2' is no stage that is known"),
        ("a_events.tsv", b"\xff\xfe\0", "cannot be read"),
        ("a.st", b"\x01", "tells no stages"),
        ("a.st", b"\x00\x58\x09\xfc2 H", "cut short"),
    ],
)
def test_stages_that_cannot_be_read_are_one_line(tmp_path: Path, name: str, raw: bytes | str, said: str) -> None:
    with pytest.raises(CorpusError, match=said) as caught:
        read_stages(written(tmp_path, name, raw), fs=250.0)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(name)


def test_stages_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    for name in ("a.xml", "a.st", "a_events.tsv"):
        with pytest.raises(CorpusError, match=f"{name} cannot be read: No such file"):
            read_stages(tmp_path / name, fs=1.0)


# --- annotations of PhysioNet -----------------------------------------------------------------------------------------


def word(code: int, number: int) -> bytes:
    return (code << 10 | number).to_bytes(2, "little")


def note(ahead: int, text: str) -> bytes:
    """A note (code 22) so many samples ahead, with its text (code 63), filled up to whole words."""
    return word(22, ahead) + word(63, len(text)) + text.encode() + b"\0" * (len(text) % 2)


def test_annotations_by_hand(tmp_path: Path) -> None:
    """The skip of 7500 samples is the long 0x00001d4c, high word first; NUM, SUB and CHN take no time."""
    raw = note(1, "2 HA") + bytes.fromhex("00ec 0000 4c1d") + note(0, "MT") + word(60, 3) + word(61, 1) + word(62, 2)
    notes, fs = wfdb.read_notes(written(tmp_path, "a.st", raw + word(1, 9) + note(1000, "W ") + word(0, 0) + b"rest"))
    assert fs is None
    assert notes == [wfdb.Note(1, "2 HA"), wfdb.Note(7501, "MT"), wfdb.Note(8510, "W")]


def test_stages_of_slpdb_are_of_one_epoch_each(tmp_path: Path) -> None:
    """At 10 Hz an epoch is 300 samples; the one that would begin at 60 s has no note."""
    raw = note(0, "W") + note(300, "3 H") + note(600, "R LA") + note(300, "M") + word(0, 0)
    spans = read_stages(written(tmp_path, "slp01a.st", raw), fs=10.0)
    assert spans == [Span(0, 30, W), Span(30, 30, D), Span(90, 30, R), Span(120, 30, NO)]


def test_stages_of_the_challenge_hold_until_the_next(tmp_path: Path) -> None:
    """The file tells its own rate, 20 Hz; what else happens is no stage."""
    raw = note(0, "## time resolution: 20") + note(0, "W") + note(600, "(resp_hypopnea") + note(600, "N3")
    raw += note(1000, "resp_hypopnea)") + note(200, "N1") + word(0, 0)
    spans = read_stages(written(tmp_path, "tr03-0005.arousal", raw), fs=200.0)
    assert spans == [Span(0, 60, W), Span(60, 60, D), Span(120, 30, L)]


@given(st.lists(st.tuples(st.integers(0, 100_000), st.text("WNR123 ", min_size=1, max_size=9)), max_size=8))
def test_annotations_come_back_as_they_were_written(told: list[tuple[int, str]]) -> None:
    raw = b""
    for ahead, text in told:
        raw += word(59, 0) + (ahead >> 16).to_bytes(2, "little") + (ahead & 0xFFFF).to_bytes(2, "little")
        raw += note(0, text)
    notes = wfdb.parse_notes(raw, "a.st")[0]
    onsets = np.cumsum([ahead for ahead, _ in told], dtype=np.int64).tolist()
    assert notes == [wfdb.Note(at, text.strip()) for at, (_, text) in zip(onsets, told, strict=True)]


# --- signals of PhysioNet ---------------------------------------------------------------------------------------------


def test_format_212_by_hand(tmp_path: Path) -> None:
    """Sample pairs (1, -1) and (-2048, 291): 0x001 0xfff and 0x800 0x123, two channels; -2048 is missing.

    The header's gain is 200 units a mV and its baseline 91: 291 is 1 mV.
    """
    header = "# a comment\nslp01a 2 250 2\nslp01a.dat 212 100 12 0 0 0 0 ECG\n"
    header += "slp01a.dat 212 200(91)/mV 12 0 0 0 0 Resp (chest)\n"
    written(tmp_path, "slp01a.dat", bytes.fromhex("01f0ff 001823"))
    head = wfdb.read_header(written(tmp_path, "slp01a.hea", header))
    assert [channel.label for channel in head.channels] == ["ECG", "Resp (chest)"]
    ecg, fs = wfdb.read_channel(head, 0)
    assert fs == 250.0
    np.testing.assert_allclose(ecg, [0.01, np.nan])
    np.testing.assert_allclose(wfdb.read_channel(head, 1)[0], [-92 / 200, 1.0])


def test_format_16_behind_a_preamble(tmp_path: Path) -> None:
    """As Challenge 2018 keeps it: a .mat whose first 24 bytes are MATLAB's; two alike channels, told by their place."""
    header = "tr03-0005 2 200 2\n" + 2 * "tr03-0005.mat 16+24 10(0)/mV 16 0 0 0 0 CHEST\n"
    written(tmp_path, "tr03-0005.mat", bytes(24) + np.array([10, 20, -32768, 40], "<i2").tobytes())
    head = wfdb.read_header(written(tmp_path, "tr03-0005.hea", header))
    np.testing.assert_allclose(wfdb.read_channel(head, 0)[0], [1.0, np.nan])
    np.testing.assert_allclose(wfdb.read_channel(head, 1)[0], [2.0, 4.0])


def test_format_80_and_several_samples_a_frame(tmp_path: Path) -> None:
    """Bytes are offset by 128.  The first channel has two samples a frame, at 2 Hz of 1; its gain, 0, means 200."""
    header = "a 2 1 2\na.dat 80x2 0 8 0 0 0 0 Resp\na.dat 80 1 8 0 0 0 0 other\n"
    written(tmp_path, "a.dat", bytes([129, 127, 7, 0, 228, 7]))
    x, fs = wfdb.read_channel(wfdb.read_header(written(tmp_path, "a.hea", header)), 0)
    assert fs == 2.0
    np.testing.assert_allclose(x, [1 / 200, -1 / 200, np.nan, 100 / 200])


@given(st.lists(st.integers(-2047, 2047), min_size=2, max_size=20).filter(lambda x: len(x) % 2 == 0))
def test_format_212_comes_back_as_it_was_packed(samples: list[int]) -> None:
    raw = bytearray()
    for one, other in zip(samples[::2], samples[1::2], strict=True):
        raw += bytes((one & 0xFF, one >> 8 & 0x0F | other >> 4 & 0xF0, other & 0xFF))
    assert wfdb.unpack_212(np.frombuffer(bytes(raw), np.uint8)).tolist() == samples


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "no WFDB header"),
        ("a two 250\n", "no WFDB header"),
        ("a 2 250\na.dat 16 200\n", "no WFDB header"),
        ("a 1 0\na.dat 16 200\n", "no WFDB header"),
        ("a 1 250\na.dat best 200\n", "no WFDB header"),
        ("a/3 1 250\na_1 100\n", "several segments"),
        ("a 1 250\na.dat 310 200\n", "in format 310; 16, 80 and 212 are read"),
        ("a 1 250\nb.dat 212 200\n", "b.dat cannot be read: No such file"),
        ("a 1 250\na.dat 16 200\n", "a.dat holds no samples"),
        ("a 1 250\na.dat 212 200\n", "a.dat holds no samples"),
    ],
)
def test_records_that_cannot_be_read_are_one_line(tmp_path: Path, header: str, said: str) -> None:
    written(tmp_path, "a.dat", b"")
    with pytest.raises(CorpusError, match=said) as caught:
        wfdb.read_channel(wfdb.read_header(written(tmp_path, "a.hea", header)), 0)
    assert "\n" not in str(caught.value)
