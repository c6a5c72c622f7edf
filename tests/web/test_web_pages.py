"""The pages: what they say of a night and of this second, in words and units, and of what is missing."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from itertools import pairwise

import plausible_nights
import pytest
from plausible_nights import MORNING_UTC, asleep
from visitor import Visitor, text_of

from appliance.records import EpochRecord, RestagedEpochRecord, RestagedRecord, SessionRecord
from appliance.status import BedStatus, RadarStatus, RoomStatus


def test_a_box_that_was_never_on_has_pages(page: Visitor) -> None:
    assert "The box is not answering" in text_of(page.get("/"))
    assert page.get("/health", 503) == "silent\n"
    assert "start firstlight" in text_of(page.get("/night", 503))
    assert "start firstlight" in text_of(page.get("/nights", 503))
    page.get("/alarm")
    page.get("/alarm/new")
    assert "start firstlight" in text_of(page.get("/settings"))
    with page.store():
        pass
    assert "No night yet" in page.get("/night")
    assert "No night is kept yet" in page.get("/nights")


def test_now_shows_the_sleeper_in_words_and_units(filled: Visitor) -> None:
    text = text_of(filled.get("/"))
    for words in (
        "Light sleep",
        "71 % sure of the stage",
        "97 % sure",
        "14.1 breaths per minute",
        "clear signal (82 %)",
        "18.6 °C",
        "47 %",
        "0.1 lx",
        "902 ppm",
        "1013 hPa",
        "The TinyFrame radar, firmware 1.6.4 is connected and working.",
    ):
        assert words in text, words
    assert "Simulated" not in text
    assert filled.get("/health") == "ok\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"present": False, "stage": None, "confidence": 0.93}, "Nobody in bed 93 % sure"),
        ({"present": None, "presence_reason": "the radar is silent"}, "Not known The radar is silent."),
        ({"standby": True}, "Standby Nothing is sensed and nothing is recorded. The alarm still rings."),
        ({"stage": "unscored", "stage_probability": None}, "Somebody in bed"),
        ({"stage": None}, "no stage yet"),
        ({"rate_brpm": None, "breathing_quality": None}, "— breaths per minute no signal"),
        ({"room": RoomStatus()}, "No room sensor is answering."),
        ({"radar": RadarStatus()}, "The radar is not connected: check its cable."),
        ({"radar": RadarStatus(True, "micradar", None, "frozen values")}, "The Micradar radar is in trouble: frozen"),
        ({"complaints": ("no model: no stages",)}, "No model: no stages."),
        ({"simulated": True, "speed": 60.0}, "Simulated night, 60 times as fast as life"),
        ({"next_alarm_utc": None}, "Next alarm Off"),
        ({"alarm_phase": "dawn"}, "Dawn is breaking"),
        ({"alarm_phase": "snoozed"}, "The alarm rings again soon."),
    ],
)
def test_now_says_what_is_missing_or_wrong(filled: Visitor, changes: dict[str, object], words: str) -> None:
    filled.says(replace(asleep(time.time()), **changes))  # type: ignore[arg-type]
    assert words in text_of(filled.get("/"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"who": "you", "who_confidence": 0.96, "who_reason": "nearest sleeper, 0.6 m"},
            "You 96 % sure · nearest sleeper, 0.6 m Light sleep 71 % sure of the stage",
        ),
        (
            {"who": "both", "who_confidence": 0.83, "who_reason": "two breaths", "stage": None},
            "You and somebody else 83 % sure · two breaths since",
        ),
        (
            {"who": "nobody", "who_confidence": 0.9, "who_reason": "a fan"},
            "Nobody in bed 90 % sure · a fan",
        ),
        (
            {"who": "nobody", "who_confidence": 0.9, "present": False, "confidence": 0.97, "presence_reason": "still"},
            "Nobody in bed 90 % sure",
        ),
        ({"who": "somebody new", "stage": None}, "Somebody in bed"),
    ],
)
def test_now_says_who_is_there(filled: Visitor, changes: dict[str, object], words: str) -> None:
    filled.says(replace(asleep(time.time()), **changes))  # type: ignore[arg-type]
    assert words in text_of(filled.get("/"))


def test_what_is_not_yours_is_not_shown_as_yours(filled: Visitor) -> None:
    reason = "distance 0.6 -> 1.2 m, rate 14 -> 18 a minute"
    filled.says(replace(asleep(time.time()), who="other", who_confidence=0.91, who_reason=reason))
    html = filled.get("/")
    text = text_of(html)
    assert "Somebody else, not you 91 % sure · distance 0.6 → 1.2 m, rate 14 → 18 a minute" in text
    assert "These minutes are not counted as yours" in text
    for hidden in ("Light sleep", "14.1", "breaths per minute", "sure of the stage"):
        assert hidden not in text
    assert "movement over the last seconds" not in html
    assert "movement over the last seconds" in filled.get("/placement")


def test_the_placement_check_has_bars_a_sentence_and_a_picture(filled: Visitor) -> None:
    html = filled.get("/placement")
    text = text_of(html)
    for words in ("Good: leave it there.", "0.63 m to your chest", "6° left, breath 2.4 mm deep", "82 % clear"):
        assert words in text, words
    assert html.count('role="meter"') == 3
    assert 'aria-valuenow="82" aria-valuetext="82 % clear"' in html
    assert 'id="advice" class="advice" data-live aria-live="polite"' in html
    assert 'http-equiv="refresh"' in html
    assert re.search(r'id="trace" class="breathing" data-live>\s+<svg class="panel"', html)
    assert 'href="/placement"' in filled.get("/")
    assert 'href="/placement"' in filled.get("/settings")


def test_a_bar_that_is_not_known_says_so_and_has_no_level(filled: Visitor) -> None:
    filled.says(replace(asleep(time.time()), angle_deg=None, depth_mm=None))
    html = filled.get("/placement")
    assert html.count('role="meter"') == 2
    assert "Aim this module does not tell" in text_of(html)
    filled.says(replace(asleep(time.time()), present=False))
    assert "Lie down as you sleep, on your back, and breathe quietly." in text_of(filled.get("/placement"))


def test_placement_without_a_box_knows_nothing(page: Visitor) -> None:
    text = text_of(page.get("/placement"))
    assert "Nothing is known while the box is silent." in text
    assert "leave it there" not in text


@pytest.mark.parametrize("path", ["/settings", "/placement"])
def test_the_bed_is_shown_with_figures_and_what_they_rest_on(filled: Visitor, path: str) -> None:
    text = text_of(filled.get(path))
    for words in (
        "Between bed and box up to 0.4 m",
        "The bed 0.4 to 1.6 m",
        "Your usual place 0.62 m",
        "Another sleeper 1.24 m",
        "Whoever is there now 0.63 m",
        "learnt from 32 h of somebody in bed",
    ):
        assert words in text, words
    filled.says(replace(asleep(time.time()), bed=BedStatus(learnt_h=2.25)))
    text = text_of(filled.get(path))
    assert "Not learnt yet: it takes a night. So far it has seen 2.2 h of somebody in bed." in text
    assert "Between bed and box" not in text


def test_an_old_status_is_not_shown_as_now(filled: Visitor) -> None:
    os.utime(filled.status_path, (time.time() - 90, time.time() - 90))
    text = text_of(filled.get("/"))
    assert re.search(r"The box is not answering; it was last heard [12] min ago", text)
    assert "Light sleep" not in text
    assert "14.1" not in text
    filled.status_path.write_bytes(b"{")
    assert "The box is not answering" in text_of(filled.get("/"))


def test_times_are_local_and_the_next_alarm_has_a_day(filled: Visitor) -> None:
    # Wed 25 Nov 2026, 21:00 UTC is 22:00 in Berlin; the alarm at 06:00 UTC is tomorrow at 07:00 there.
    evening = asleep(MORNING_UTC - 10 * 3600)
    filled.says(
        replace(
            evening,
            simulated=True,
            next_alarm_utc=MORNING_UTC - 3600,
            dawn_utc=MORNING_UTC - 5400,
            entered_utc=MORNING_UTC - 36_600,
        )
    )
    text = text_of(filled.get("/"))
    assert "Next alarm 07:00 tomorrow, dawn from 06:30" in text
    assert "in bed since 21:50" in text
    assert "Time on the box: 22:00" in text


def test_the_lamp_is_previewed_in_its_colour(filled: Visitor) -> None:
    filled.says(replace(asleep(time.time()), lamp=(1.0, 0.0, 0.0)))
    assert 'fill="rgb(255,0,0)"' in filled.get("/")
    filled.says(asleep(time.time()))
    assert "The lamp is off" in filled.get("/")


def test_last_night_has_charts_times_figures_and_a_table(filled: Visitor) -> None:
    html = filled.get("/night")
    text = text_of(html)
    assert "Night to Thu 26 Nov" in text
    assert html.count("<svg") > 8
    assert html.count('role="img"') == 7  # the night, breathing, movement and four sensors, over one axis of time
    assert html.count("<table>") == 2
    for sensor in ("Temperature", "Humidity", "Light", "Carbon dioxide"):
        assert re.search(rf'aria-label="{sensor} through the night, between [^"]+; the table below', html)
    for name in ("Time asleep", "Sleep efficiency", "REM latency", "In bed", "Fell asleep", "Got up 08:00"):
        assert name in text
    assert "Not enough signal" in text
    assert "Out of bed" in text
    rows = re.findall(r"<td>(\d\d:\d\d)</td><td>(\d\d:\d\d)</td><td>([A-Z][a-zA-Z ]+)</td>", html)
    assert len(rows) >= 20
    assert all(before[1] == after[0] for before, after in pairwise(rows))  # no hole


def test_the_morning_answer_is_shown_and_the_live_one_named(filled: Visitor) -> None:
    live = text_of(filled.get("/night").partition("<main")[2])  # above it stands the box's clock, which goes on
    with filled.store() as store:
        session = store.last_session()
        assert session is not None
        epochs = store.epochs(session)
        figures = {**(session.statistics or {}), "tst_s": 4 * 3600 + 120, "se": 0.51}
        told = RestagedRecord(session.id, "again 7", MORNING_UTC, session.entered_utc, None, figures)
        rows = [RestagedEpochRecord(e.start_utc, "again 7", "deep", 0.1, 0.1, 0.7, 0.1) for e in epochs]
        store.write([told, *rows])
    html = filled.get("/night")
    text = text_of(html)
    assert "4 h 2 min asleep" in text
    assert "51 % efficiency" in text
    assert "Stages by again 7, told in the morning from the whole night." in text
    assert {stage for _, stage in re.findall(r"<td>(\d\d:\d\d)</td><td>([A-Z][a-z ]+)</td>", html)} <= {
        "Deep sleep",
        "Out of bed",
        "Not enough signal",
    }
    assert "Light sleep" not in html.partition("<tbody>")[2].partition("</tbody>")[0]
    both = html.partition("Live against morning")[2]
    assert re.search(r"<td>Time asleep</td><td>5\s?h[^<]+</td><td>4\s?h\s?2\s?min</td>", both)
    assert "4 h 2 min" in text_of(filled.get("/nights"))
    (path,) = re.findall(r'href="(/night/\d+\?answer=live)"', html)
    as_live = filled.get(path)
    assert text_of(as_live.partition("<main")[2]).split("Stages by")[0] == live.split("Stages by")[0]
    assert "as they were known live" in text_of(as_live)
    assert "As again 7 told them in the morning" in text_of(as_live)


def test_tonight_grows(filled: Visitor) -> None:
    with filled.store() as store:
        store.write(plausible_nights.night(MORNING_UTC + 86_400, seed=9, share=0.4))
        before = filled.get("/night")
        assert "Tonight" in before
        assert "asleep so far" in text_of(before)
        store.write(plausible_nights.night(MORNING_UTC + 86_400, seed=9, share=0.6))
    after = filled.get("/night")
    assert after.count("<tr>") > before.count("<tr>")
    assert 'http-equiv="refresh"' in after


def test_a_short_stay_in_bed_does_not_take_the_place_of_last_night(filled: Visitor) -> None:
    with filled.store() as store:
        noon = MORNING_UTC + 5 * 3600
        store.write([SessionRecord(noon, noon, left_utc=noon + 1200)])
    assert "Night to Thu 26 Nov" in text_of(filled.get("/night"))
    assert "Daytime, Thu 26 Nov" in text_of(filled.get("/nights"))


def test_a_night_without_any_epoch_or_statistics_is_not_enough_signal(page: Visitor) -> None:
    with page.store() as store:
        store.write([SessionRecord(MORNING_UTC, MORNING_UTC, left_utc=MORNING_UTC + 7200)])
    text = text_of(page.get("/night"))
    assert "Not enough signal 2 h 0 min" in text
    assert "No model was at work" in text
    assert "0 min asleep" in text


def test_a_night_of_wrong_order_and_strange_values_is_shown(page: Visitor) -> None:
    t = MORNING_UTC
    strange = EpochRecord(t + 30, None, "unscored", None, None, None, None, 0.0, 99.0, 7.5, False)
    other = EpochRecord(t + 60, t, "light", 0.1, 0.7, 0.1, 0.1, 1.0, 12.0, 0.0, False)
    with page.store() as store:
        store.write([SessionRecord(t, t, left_utc=t - 60, statistics={"tst_s": None, "se": None}), strange, other])
        store.write([SessionRecord(t, t, left_utc=t + 90, statistics={"tst_s": None, "se": None})])
    assert "Somebody else" in page.get("/night")


def test_nights_are_listed_by_pages_in_both_directions(page: Visitor) -> None:
    with page.store() as store:
        for k in range(40):
            entered = MORNING_UTC - k * 86_400
            store.write([SessionRecord(entered, entered, left_utc=entered + 28_800, statistics={"tst_s": 60 * k})])
    seen: list[str] = []
    path: str | None = "/nights"
    for _ in range(3):
        assert path is not None
        html = page.get(path)
        seen += re.findall(r"/night/(\d+)", html)
        older = re.search(r'href="([^"]+)" rel="next"', html)
        path = older and older[1].replace("&amp;", "&")
    assert path is None
    assert [int(i) for i in seen] == [MORNING_UTC - k * 86_400 for k in range(40)]
    newer = re.search(r'href="([^"]+)" rel="prev"', html)
    assert newer
    assert re.findall(r"/night/(\d+)", page.get(newer[1])) == seen[14:28]
    page.get(f"/night/{MORNING_UTC}")
    page.get("/night/5", 404)
