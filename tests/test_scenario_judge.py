"""The scenario suite's own arithmetic, by cases worked out by hand; a judge that errs would acquit anybody."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from reliability import diagram
from scenario_figures import Played, document, figures_of, quantile, shortfalls, table
from scenario_judge import (
    NEVER,
    Epochs,
    Rates,
    Reliability,
    Sessions,
    Truth,
    Verdict,
    absence_delays,
    arrival_delays,
    judge_epochs,
    judge_rates,
    judge_sessions,
    long_empty,
    present_s,
    said_sessions,
    said_you,
    spans_of,
    true_sessions,
    truth_of,
    you_s,
)
from scenario_suite import Part, Simulated, parts_of, verdict_of

from appliance.box import sense_with
from appliance.loading import load_stager
from appliance.replay import play, replay
from appliance.scenario import load_scenario, simulate_scenario, wire_of
from appliance.settings import Settings
from drivers.capture import CaptureWriter, Channel
from drivers.readings import Module

SHORT = """
[night]
hours = 0.2
[[person]]
name = "Ada"
[[person.does]]
at = 1
what = "enter"
[[person.does]]
at = 9
what = "leave"
[[person]]
name = "Bo"
role = "partner"
[[person.does]]
at = 5
what = "enter"
[knows]
modules = ["tinyframe"]
"""


def flags(text: str) -> NDArray[np.bool_]:
    return np.array([letter == "1" for letter in text], np.bool_)


def during(seconds: int, *spans: tuple[int, int]) -> NDArray[np.bool_]:
    there = np.zeros(seconds, np.bool_)
    for start, end in spans:
        there[start:end] = True
    return there


def presence(t_s: float, present: bool) -> dict[str, Any]:
    return {"kind": "presence", "t": t_s, "present": present}


def person(t_s: float, who: str) -> dict[str, Any]:
    return {"kind": "person", "t": t_s, "who": who}


def session(in_bed: float, out_of_bed: float | None) -> dict[str, Any]:
    return {"kind": "session", "t": 0.0, "in_bed": in_bed, "out_of_bed": out_of_bed}


def epoch(t_s: float, primary: bool) -> dict[str, Any]:
    return {"kind": "epoch", "t": t_s, "primary": primary}


@pytest.fixture
def short(tmp_path: Path) -> Path:
    (tmp_path / "short.toml").write_text(SHORT, encoding="utf-8")
    return tmp_path / "short.toml"


# -- truth


def test_truth_is_the_primary_users_and_everybodys(short: Path) -> None:
    scenario = load_scenario(short)
    truth = truth_of(simulate_scenario(scenario, 1), [sleeper.role for sleeper in scenario.people], 0.2)
    assert spans_of(truth.you) == [(60.0, 540.0)]
    assert spans_of(truth.anybody) == [(60.0, 720.0)]  # the partner, from 300 s to the end
    assert spans_of(truth.in_bed) == [(2.0, 18.0)]  # epochs
    assert not truth.still[0]
    assert not truth.still[9:].any()
    assert truth.rate_brpm.shape == (12,)


def test_without_a_primary_user_nothing_is_yours(short: Path) -> None:
    truth = truth_of(simulate_scenario(load_scenario(short), 1), ["partner", "partner"], 0.2)
    assert not truth.you.any()
    assert not truth.in_bed.any()
    assert spans_of(truth.anybody) == [(60.0, 720.0)]


def test_of_an_empty_room_there_is_only_nobody() -> None:
    truth = truth_of([], [], 0.1)
    assert truth.anybody.shape == (360,)
    assert truth.in_bed.shape == (12,)
    assert not truth.anybody.any()


# -- epochs


@pytest.mark.parametrize(
    ("in_bed", "said", "judged"),
    [
        ("001110", "011110", Epochs(2, 0, 4)),  # borders 1|2 and 4|5: epochs 0 and 3 are left
        ("0011110", "0000010", Epochs(1, 2, 4)),  # 3 and 4 are lost
        ("0000", "0110", Epochs(2, 2, 0)),  # somebody else was taken for you
        ("1111", "1111", Epochs(4, 0, 0)),
    ],
)
def test_epochs_beside_a_passage_do_not_count(in_bed: str, said: str, judged: Epochs) -> None:
    assert judge_epochs(flags(in_bed), flags(said)) == judged


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_every_epoch_is_counted_once(pairs: list[tuple[bool, bool]]) -> None:
    in_bed, said = np.array(pairs, np.bool_).T
    judged = judge_epochs(in_bed, said)
    assert judged.right + judged.wrong + judged.passages == len(pairs)
    assert judge_epochs(in_bed, in_bed).wrong == 0


def test_an_epoch_is_yours_only_by_a_line_that_says_so() -> None:
    lines = [epoch(0.0, True), epoch(30.0, False), epoch(90.0, True), epoch(120.0, True)]
    assert said_you(lines, 4).tolist() == [True, False, False, True]


# -- sessions


def test_a_short_stay_is_none_and_a_short_absence_ends_none() -> None:
    # Two minutes are no session; 1000 s away are inside one; 1800 s away ended it.
    you = during(9000, (100, 220), (400, 4000), (5000, 6000), (7800, 8200))
    assert true_sessions(you) == [(400.0, 6000.0), (7800.0, 8200.0)]


def test_a_flicker_does_not_begin_a_stay_afresh() -> None:
    assert true_sessions(during(1000, (100, 300), (350, 500))) == [(100.0, 500.0)]


def test_the_last_word_on_a_session_counts() -> None:
    lines = [session(60.0, None), session(60.0, 900.0), session(2000.0, None)]
    assert said_sessions(lines, 3600.0) == [(60.0, 900.0), (2000.0, 3600.0)]


EVENING, NIGHT = (0.0, 3600.0), (7200.0, 28800.0)


@pytest.mark.parametrize(
    ("true", "said", "judged"),
    [
        ([EVENING, NIGHT], [(5.0, 3500.0), (7188.0, 28800.0)], Sessions(2, entry_errors_s=(5.0, 12.0))),
        ([EVENING, NIGHT], [(5.0, 28800.0)], Sessions(2, merged=1)),
        ([NIGHT], [(7200.0, 15000.0), (17000.0, 28800.0)], Sessions(1, split=1)),
        ([NIGHT], [], Sessions(1, lost=1)),
        ([], [NIGHT], Sessions(0, invented=1)),
        ([EVENING], [(3000.0, 9000.0)], Sessions(1, lost=1, invented=1)),  # ten minutes shared are not the same stay
        ([NIGHT], [NIGHT, (100.0, 500.0)], Sessions(1, invented=1, entry_errors_s=(0.0,))),
        ([], [], Sessions(0)),
    ],
)
def test_stays_are_matched_one_for_one(
    true: list[tuple[float, float]], said: list[tuple[float, float]], judged: Sessions
) -> None:
    assert judge_sessions(true, said) == judged


@given(st.lists(st.booleans(), max_size=60))
def test_the_truth_is_never_condemned(blocks: list[bool]) -> None:
    true = true_sessions(np.repeat(np.array(blocks, np.bool_), 200))
    assert judge_sessions(true, true).wrong == 0


# -- delays


def test_an_absence_is_noticed_when_you_are_no_longer_said_to_be_there() -> None:
    you = during(1000, (100, 200), (300, 500), (600, 800))
    lines = [
        *(presence(101.0, True), presence(215.4, False)),  # known from second 216 on
        *(presence(301.0, True), person(301.0, "both"), person(508.0, "other")),
        *(person(610.0, "you"),),  # and nothing after 800
    ]
    assert absence_delays(you, lines) == [16.0, 8.0, NEVER]


def test_a_return_ends_the_time_for_noticing_and_short_absences_are_not_asked_for() -> None:
    you = during(1000, (100, 200), (259, 500), (560, 1000))
    lines = [presence(100.0, True), presence(600.0, False)]
    assert absence_delays(you, lines) == [NEVER]  # 59 s away, then 60


def test_who_was_not_said_to_be_there_is_not_missed() -> None:
    you = during(1000, (100, 200), (300, 400))
    lines = [presence(101.0, True), person(101.0, "other"), person(310.0, "you"), person(395.0, "other")]
    assert absence_delays(you, lines) == [0.0]  # of the second leaving, five seconds early


def test_a_coming_is_noticed_when_it_is_said() -> None:
    lines = [presence(104.2, True), person(104.2, "other"), person(130.0, "you"), presence(700.0, False)]
    here = during(1000, (100, 500), (800, 900))
    assert arrival_delays(here, present_s(lines, 1000)) == [5.0, NEVER]
    assert arrival_delays(here, you_s(lines, 1000)) == [30.0, NEVER]


# -- breath


def test_rates_are_asked_for_in_still_minutes_that_are_said_to_be_yours() -> None:
    truth = Truth(
        in_bed=flags("1" * 10),
        you=flags("1" * 300),
        anybody=flags("1" * 300),
        still=flags("11011"),
        rate_brpm=np.array([14.0, 14.0, 14.0, 14.0, 12.0]),
    )
    said = flags("1111110111")  # the fourth minute is half another's
    lines = [{"kind": "breath", "t": float(t), "brpm": 15.0} for t in range(60)]
    lines += [{"kind": "breath", "t": float(t), "brpm": 30.0 if t < 180 else None} for t in range(60, 240)]
    lines += [{"kind": "breath", "t": float(t), "brpm": 11.5 if t % 2 else None} for t in range(240, 300)]
    assert judge_rates(truth, said, lines) == Rates(3, (1.0, 16.0, 0.5))
    assert judge_rates(truth, said, lines[:89]) == Rates(3, (1.0,))  # 29 s of a minute are no rate


# -- confidence


def test_the_calibration_error_is_the_weighted_distance_of_word_and_deed() -> None:
    reliability = Reliability()
    assert math.isnan(reliability.error)
    reliability.add(np.array([0.91] * 10 + [np.nan]), flags("1" * 8 + "000"))  # 0.11 too sure
    assert reliability.error == pytest.approx(0.11)
    reliability.add(np.full(30, 0.01), flags("0" * 30))
    assert reliability.error == pytest.approx((10 * 0.11 + 30 * 0.01) / 40)
    reliability.add(np.array([1.0]), flags("1"))  # falls into the last bin
    assert reliability.count.sum() == 41


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2), st.integers(0))
def test_parts_join_to_the_whole(pairs: list[tuple[float, bool]], cut: int) -> None:
    said, so = np.array([p for p, _ in pairs]), np.array([s for _, s in pairs])
    cut %= len(pairs)
    whole, first, second = Reliability(), Reliability(), Reliability()
    whole.add(said, so)
    first.add(said[:cut], so[:cut])
    second.add(said[cut:], so[cut:])
    first.join(second)
    assert first.error == pytest.approx(whole.error)
    assert first.count.tolist() == whole.count.tolist()


def test_the_picture_is_an_svg_with_both_panels() -> None:
    told = Reliability()
    told.add(np.array([0.2, 0.9]), flags("01"))
    picture = ElementTree.fromstring(diagram({"Somebody & you": told, "Nothing": Reliability()}))
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "Somebody & you" in texts
    assert "calibration error 0.150, 0.0 h" in texts  # (0.2 + 0.1) / 2
    assert "nothing said, 0.0 h" in texts


# -- many nights

GOOD = Verdict(
    Epochs(199, 1, 4), Sessions(1, entry_errors_s=(4.0,)), (20.0,), (5.0,), (9.0,),
    Rates(4, (0.5, 3.0)), Reliability(), Reliability(),
)  # fmt: skip
BAD = replace(
    GOOD, epochs=Epochs(90, 10, 0), sessions=Sessions(2, lost=1, entry_errors_s=(8.0,)), absence_s=(NEVER, 44.0)
)


def test_nights_are_pooled_and_not_averaged() -> None:
    figures = figures_of([GOOD, BAD])
    assert figures.share == pytest.approx(289 / 300)
    assert figures.worst_night == 0.9
    assert (figures.sessions, figures.sessions_wrong, figures.entry_error_s) == (3, 1, 4.0)
    assert (figures.absence_s, figures.absence_90_s) == (44.0, NEVER)
    assert (figures.minutes, figures.rated, figures.rate_close) == (8, 0.5, 0.5)


def test_a_departure_has_half_a_minute_before_somebody_is_a_phantom() -> None:
    anybody = np.zeros(100, bool)
    anybody[10:20] = True
    # Empty from the start, and again from the thirtieth second after leaving at 20.
    assert np.array_equal(long_empty(anybody), np.r_[np.ones(10), np.zeros(40), np.ones(50)].astype(bool))


def test_quantiles_are_values_that_occurred() -> None:
    assert quantile([NEVER, 10.0, 5.0], 0.5) == 10.0
    assert quantile([NEVER, 10.0, 5.0], 0.9) == NEVER
    assert math.isnan(quantile([], 0.5))


def test_what_falls_short_is_named_and_a_module_that_cannot_know_is_not() -> None:
    good = Played("alone", Module.ACCONEER, 1, True, GOOD)
    assert shortfalls([good]) == []
    assert shortfalls([good, Played("couple", Module.MICRADAR, 1, False, BAD)]) == []
    assert shortfalls([good, Played("couple", Module.ACCONEER, 3, True, BAD)]) == [
        "couple, acconeer: 90.0% of the epochs right, asked are 95%",
        "couple, acconeer: sessions 1 lost (seed 3)",
        "over all: 96.33% of the epochs right, asked are 99%",
        "over all: absence noticed after 44 s, asked are 30 s",
    ]


def test_the_table_and_the_document_say_what_is_not_known() -> None:
    played = [Played("alone", Module.ACCONEER, 1, True, GOOD), Played("couple", Module.MICRADAR, 1, False, BAD)]
    rows = list(table(played))
    assert rows[1].startswith("alone acconeer ")
    assert rows[2].startswith("(couple micradar) ")
    assert "never" in rows[2]
    told = document(played, ["too little"])
    assert told["all"]["nights"] == 1
    assert told["groups"][1]["absence_90_s"] is None
    assert told["short"] == ["too little"]


# -- playing


def test_the_bytes_of_a_night_say_the_same_with_and_without_a_file(short: Path, tmp_path: Path) -> None:
    scenario = load_scenario(short)
    nights = simulate_scenario(scenario, 1)
    stager, _ = load_stager(None)
    assert stager is not None
    played: list[dict[str, Any]] = []
    play(
        Simulated(*wire_of(scenario, nights, Module.TINYFRAME, 1)),
        Settings(),
        sense_with(stager),
        played.append,
    )
    header, wire = wire_of(scenario, nights, Module.TINYFRAME, 1)
    with (tmp_path / "night.flcap").open("wb") as stream:
        writer = CaptureWriter(stream, header)
        for t_s, data in wire:
            writer.write(t_s, Channel.RADAR_RX, data)
    stager.reset()
    replayed: list[dict[str, Any]] = []
    replay(tmp_path / "night.flcap", Settings(), sense_with(stager), replayed.append)
    assert played == replayed


def test_a_night_is_played_with_its_confidences(short: Path) -> None:
    (part,) = parts_of([short], list(Module), [1])
    assert part == Part(short, Module.TINYFRAME, 1, True)
    verdict = verdict_of(part)
    assert verdict.epochs.right + verdict.epochs.wrong + verdict.epochs.passages == 24
    assert 690 <= verdict.presence.count.sum() <= 720  # once a second, but for the first
    assert verdict.presence_s[0] < 60.0


def test_every_module_can_be_asked_for_and_is_marked(short: Path) -> None:
    parts = parts_of([short], list(Module), [1, 2], every_module=True)
    assert {(part.module, part.knows) for part in parts} == {(module, module == "tinyframe") for module in Module}
    assert len(parts) == 6
