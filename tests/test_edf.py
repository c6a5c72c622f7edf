"""EDF byte by byte: scaling, annotations, gaps, the choice of a signal, and files that are not what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edf_files import Channel, annotation_channel, edf_bytes, hypnogram_bytes, waves
from hypothesis import given
from hypothesis import strategies as st

from appliance.channels import breathing_signals
from appliance.edf import Annotation, Edf, EdfError, read_signal


def written(folder: Path, raw: bytes) -> Path:
    path = folder / "night.edf"
    path.write_bytes(raw)
    return path


# The fields of a header in order, each as wide as the specification says; two records of half a second, one signal of
# three samples and one of two.
HAND_MADE = b"".join(
    (
        b"0       ",
        b"X X X X".ljust(80),
        b"Startdate X X X X".ljust(80),
        b"17.04.01",
        b"23.30.05",
        b"768     ",
        b"".ljust(44),
        b"2       ",
        b"0.5     ",
        b"2   ",
        b"EEG Fpz-Cz".ljust(16),
        b"Resp oro-nasal".ljust(16),
        b"".ljust(160),
        b"uV      ",
        b"".ljust(8),
        b"-10     ",
        b"-5.5    ",
        b"10      ",
        b"5.5     ",
        b"-100    ",
        b"-1024   ",
        b"100     ",
        b"1024    ",
        b"".ljust(160),
        b"3       ",
        b"2       ",
        b"".ljust(64),
        # record 1: EEG 0, 1, -1; breathing -1024, 512     record 2: EEG 100, -100, 256; breathing 0, 1024
        b"\x00\x00\x01\x00\xff\xff\x00\xfc\x00\x02",
        b"\x64\x00\x9c\xff\x00\x01\x00\x00\x00\x04",
    )
)


def test_a_file_made_by_hand(tmp_path: Path) -> None:
    edf = Edf(written(tmp_path, HAND_MADE))
    assert edf.labels == ["EEG Fpz-Cz", "Resp oro-nasal"]
    assert edf.start_s == 23 * 3600 + 30 * 60 + 5
    assert edf.annotations() == []
    label, samples, fs = edf.breathing()
    assert (label, fs) == ("Resp oro-nasal", 4.0)
    np.testing.assert_allclose(samples, [-5.5, 2.75, 0.0, 5.5])
    eeg = edf.breathing("eeg fpz-cz")
    assert eeg.fs == 6.0
    np.testing.assert_allclose(eeg.samples, [0.0, 0.1, -0.1, 10.0, -10.0, 25.6])


def test_annotations_of_the_specification(tmp_path: Path) -> None:
    """The time-stamped lists that the EDF+ specification shows in 2.2.2 to 2.2.4."""
    lists = [
        b"+0\x14\x14\0+180\x14Lights off\x14Close door\x14\0",
        b"+1800.2\x1525.5\x14Apnea\x14\0",
        b"-0.065\x14\x14\0",
    ]
    edf = Edf(written(tmp_path, edf_bytes([annotation_channel(lists)], reserved="EDF+C")))
    expected = [(180.0, 0.0, "Close door"), (180.0, 0.0, "Lights off"), (1800.2, 25.5, "Apnea")]
    assert edf.annotations() == [Annotation(*fields) for fields in expected]


def test_a_hypnogram_lasts_no_time(tmp_path: Path) -> None:
    edf = Edf(written(tmp_path, hypnogram_bytes([(0, 90, "Sleep stage W"), (90, 30, "Sleep stage 1")])))
    assert edf.annotations() == [Annotation(0.0, 90.0, "Sleep stage W"), Annotation(90.0, 30.0, "Sleep stage 1")]
    with pytest.raises(EdfError, match="there is none"):
        edf.breathing()


def test_gaps_are_missing(tmp_path: Path) -> None:
    """Three records of one second at 2 Hz that begin at 0, 1 and 4.5 s: five samples are missing."""
    times = annotation_channel([b"+0\x14\x14\0", b"+1\x14\x14\0", b"+4.5\x14\x14\0"])
    belt = Channel("Thor", np.array([1, 2, 3, 4, 5, 6]), 2, (-2048, 2047))
    signal = read_signal(written(tmp_path, edf_bytes([belt, times], reserved="EDF+D")), None)
    nan = np.nan
    np.testing.assert_allclose(signal.samples, [1, 2, 3, 4, nan, nan, nan, nan, nan, 5, 6])


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([b"+0\x14\x14\0", b"+0.5\x14\x14\0"], "run backwards"),
        ([b"+0\x14\x14\0", b"+9\x14here\x14\0"], "missing"),
        ([b"+0\x14\x14\0", b"+999999\x14\x14\0"], "begin after 278 h"),
        ([b"+0\x14\x14\0", b"17\x14\x14\0"], "annotation cannot be read"),
        ([b"+0\x14\x14\0", b"+nan\x14\x14\0"], "onset is no number"),
    ],
)
def test_gaps_that_make_no_sense(tmp_path: Path, times: list[bytes], said: str) -> None:
    belt = Channel("Thor", np.array([1, 2, 3, 4]), 2)
    raw = edf_bytes([belt, annotation_channel(times)], reserved="EDF+D")
    refused(written(tmp_path, raw), said)
    refused(written(tmp_path, edf_bytes([belt], reserved="EDF+D")), "nothing tells where its gaps are")


def refused(path: Path, said: str, name: str | None = None) -> None:
    with pytest.raises(EdfError) as caught:
        read_signal(path, name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def changed(at: int, field: bytes) -> bytes:
    return HAND_MADE[:at] + field + HAND_MADE[at + len(field) :]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not EDF"),
        (b"\x89PNG" + bytes(400), "not EDF"),
        (HAND_MADE[:400], "cut short in its header"),
        (HAND_MADE[: 768 + 9], "no whole data record"),
        (b"\xffBIOSEMI" + HAND_MADE[8:], "BDF"),
        (changed(252, b"0   "), "tells of 0 signals"),
        (changed(252, b"1.5 "), "number of signals is 1.5"),
        (changed(236, b"two     "), "number of records is no number"),
        (changed(244, b"inf     "), "duration of a record is no number"),
        (changed(244, b"0       "), "header of Resp oro-nasal makes no sense"),
        (changed(256 + 2 * 112 + 8, b"ten     "), "header of Resp oro-nasal is no number"),
        (changed(256 + 2 * 120 + 8, b"1024    "), "header of Resp oro-nasal makes no sense"),
        (changed(256 + 2 * 216, b"-3      "), "records are empty"),
    ],
)
def test_what_is_not_edf_is_one_line(tmp_path: Path, raw: bytes, said: str) -> None:
    refused(written(tmp_path, raw), said)


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    refused(tmp_path / "none.edf", "No such file")
    refused(written(tmp_path, HAND_MADE), "has no signal Thorax; there are EEG Fpz-Cz, Resp oro-nasal", "Thorax")
    only_eeg = Channel("EEG Fpz-Cz", waves(100, 10), 10)
    refused(written(tmp_path, edf_bytes([only_eeg])), "say with --signal which one is the breathing; there are EEG")


def test_a_cut_recording_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    raw = edf_bytes([Channel("Thor", np.arange(10), 2, (-2048, 2047))])
    assert read_signal(written(tmp_path, raw[:-3]), None).samples.tolist() == pytest.approx(list(range(8)))
    # -1: the recorder did not come to write how many records there are.
    raw = edf_bytes([Channel("Thor", np.arange(10), 2, (-2048, 2047))], records=-1)
    assert read_signal(written(tmp_path, raw), None).samples.tolist() == pytest.approx(list(range(10)))


def test_a_flat_belt_is_passed_over(tmp_path: Path) -> None:
    flat, belt = Channel("Thor", np.zeros(100), 10), Channel("Abdo", waves(100, 10), 10)
    assert read_signal(written(tmp_path, edf_bytes([flat, belt])), None).label == "Abdo"
    assert read_signal(written(tmp_path, edf_bytes([flat])), None).label == "Thor"
    assert read_signal(written(tmp_path, edf_bytes([flat, belt])), "Thor").label == "Thor"


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        # SHHS, MESA, BOAS, slpdb, Challenge 2018, Sleep-EDF: the sources stand in channels.py
        (
            "SaO2,H.R.,EEG(sec),ECG,EMG,EOG(L),EOG(R),EEG,AIRFLOW,THOR RES,ABDO RES,POSITION,LIGHT,NEW AIR,OX stat",
            "THOR RES",
        ),
        ("EKG,EOG-L,EMG,EEG1,Pres,Flow,Snore,Thor,Abdo,Leg,Therm,Pos,HR,DHR,SpO2", "Thor"),
        ("PSG_F3,PSG_EMG,PSG_THER,PSG_ABD,PSG_THOR,PSG_PULSE,PSG_SPO2", "PSG_THOR"),
        ("ECG,BP,EEG (C4-A1),Resp (nasal),Resp (abdominal)", "Resp (abdominal)"),
        ("F3-M2,E1-M2,Chin1-Chin2,ABD,CHEST,AIRFLOW,SaO2,ECG", "CHEST"),
        ("EEG Fpz-Cz,EOG horizontal,Resp oro-nasal,EMG submental,Temp rectal,Event marker", "Resp oro-nasal"),
        ("ECG chest,Resp rate,Resp", "Resp"),
        ("EEG,EMG,Temp rectal,Other", None),
    ],
)
def test_the_table_of_names(labels: str, chosen: str | None) -> None:
    names = labels.split(",")
    places = breathing_signals(names)
    assert (names[places[0]] if places else None) == chosen


@given(
    digital=st.lists(st.integers(-32768, 32767), min_size=1, max_size=60),
    per_record=st.integers(1, 5),
    record_s=st.sampled_from([0.5, 1.0, 10.0, 30.0]),
    physical=st.tuples(st.integers(-999, 0), st.integers(1, 999)),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    digital: list[int],
    per_record: int,
    record_s: float,
    physical: tuple[int, int],
) -> None:
    """The law of the format: linear from the digital range to the physical one, other signals notwithstanding."""
    raw = np.resize(np.array(digital), -(-len(digital) // per_record) * per_record)
    records = raw.size // per_record
    channels = [
        Channel("EEG", np.arange(records * 3), 3),
        Channel("Chest", raw, per_record, physical, (-32768, 32767)),
        Channel("ECG", np.arange(records * 2), 2),
    ]
    path = written(tmp_path_factory.mktemp("edf"), edf_bytes(channels, record_s=record_s))
    signal = read_signal(path, "Chest")
    assert signal.fs == per_record / record_s
    share = (raw.astype(float) + 32768) / 65535
    np.testing.assert_allclose(signal.samples, physical[0] + share * (physical[1] - physical[0]), atol=1e-9)


@given(st.binary(max_size=900), st.integers(0, len(HAND_MADE)))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = written(tmp_path_factory.mktemp("edf"), HAND_MADE[:at] + junk)
    said = ""
    try:
        edf = Edf(path)
        edf.annotations()
        edf.breathing()
    except EdfError as error:
        said = str(error)
    assert "\n" not in said
