"""The words: durations, days, units; an em dash for what is not known."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from appliance.records import EnvironmentRecord, SessionRecord
from appliance.sleep import SleepStatistics
from appliance.status import RadarStatus, RoomStatus
from appliance.web import words

BERLIN = ZoneInfo("Europe/Berlin")
NOON = 1_795_690_800  # Thu 26 Nov 2026, 11:00 UTC, 12:00 in Berlin


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "—"),
        (0, "0 min"),
        (29, "0 min"),
        (30, "1 min"),
        (3569, "59 min"),
        (3570, "1 h 0 min"),
        (24_480, "6 h 48 min"),
    ],
)
def test_durations(seconds: int | None, said: str) -> None:
    assert plain(words.duration(seconds)) == said


@pytest.mark.parametrize(("seconds", "said"), [(30, "30 s"), (60, "1 min"), (270, "4 min 30 s"), (4320, "1 h 12 min")])
def test_spans_of_epochs(seconds: int, said: str) -> None:
    assert plain(words.span(seconds)) == said


def test_days_ahead() -> None:
    said = [plain(words.coming_day(NOON + h * 3600, NOON, BERLIN)) for h in (0, 11, 12, 35, 36)]
    assert said == ["today", "today", "tomorrow", "tomorrow", "Sat 28 Nov"]


def test_a_night_has_the_date_of_its_morning() -> None:
    def name(start_h: float, end_h: float | None) -> str:
        left = None if end_h is None else NOON + int(3600 * end_h)
        return plain(words.night_name(SessionRecord(1, NOON + int(3600 * start_h), left_utc=left), BERLIN))

    assert name(11, 19) == "Night to Fri 27 Nov"  # 23:00 to 07:00
    assert name(13, 19) == "Night to Fri 27 Nov"  # 01:00 to 07:00
    assert name(11, None) == "Night to Fri 27 Nov"
    assert name(13, None) == "Night to Fri 27 Nov"
    assert name(2, 3) == "Daytime, Thu 26 Nov"


def test_units_and_unknowns() -> None:
    assert plain(words.number(18.64, "°C", 1)) == "18.6 °C"
    assert words.number(None, "°C") == "—"
    assert plain(words.percent(0.974)) == "97 %"
    assert words.percent(None) == "—"
    assert words.clock(None, BERLIN) == "—"


def test_sentences_begin_with_a_capital_unless_it_is_a_name() -> None:
    assert words.sentence_case("no model.") == "No model."
    assert words.sentence_case("config.toml: wrong") == "config.toml: wrong."
    assert words.sentence_case("bed_side is wrong") == "bed_side is wrong."


@pytest.mark.parametrize(
    ("quality", "said"),
    [(None, "no signal"), (0.1, "weak signal"), (0.4, "fair signal"), (0.7, "clear signal")],
)
def test_signal(quality: float | None, said: str) -> None:
    assert words.signal(quality) == said


def test_the_radar_is_one_sentence_and_the_alarm_is_never_in_doubt() -> None:
    assert words.radar(RadarStatus(True, "acconeer")) == "The Acconeer A121 radar is connected and working."
    assert "rings at its set time all the same" in words.radar(RadarStatus(False))
    assert "in trouble: unsupported old firmware." in words.radar(
        RadarStatus(True, None, None, "unsupported old firmware.")
    )


def test_the_room_names_only_what_a_sensor_told() -> None:
    assert [(n, plain(v)) for n, v in words.room(RoomStatus(temperature_c=0.0, illuminance_lx=12.3))] == [
        ("Temperature", "0.0 °C"),
        ("Light", "12 lx"),
    ]
    rows = [EnvironmentRecord(0, 18.0), EnvironmentRecord(60), EnvironmentRecord(120, 19.25)]
    assert [(n, plain(v)) for n, v in words.room_over(rows)] == [("Temperature", "18.0 to 19.2 °C")]


def test_every_figure_of_the_statistics_has_words() -> None:
    figures = words.statistics(SleepStatistics("entering", tib_s=3600, unscored_s=0, se=0.875, awakenings=3).as_dict())
    assert len(figures) == 13  # all but counted_from, which is told in the meanings
    said = {figure.name: plain(figure.value) for figure in figures}
    assert said["Sleep efficiency"] == "88 %"
    assert said["Awakenings"] == "3"
    assert said["REM latency"] == "—"
    assert "not known, so it counts from going to bed" in next(f.meaning for f in figures if f.name == "Time in bed")
    assert words.statistics(None) == []
