"""Numbers and states as people read them: local times, durations, shares, sentences.  Unknown is an em dash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from appliance.records import EnvironmentRecord, EpochRecord, SessionRecord
from appliance.status import BedStatus, RadarStatus, RoomStatus, Status
from appliance.web.speech import heard, manner, names, say

UNKNOWN = "—"
NBSP = "\u00a0"  # between a number and its unit, so that no line breaks there
STAGES = ("wake", "rem", "light", "deep", "unscored", "away", "other")
MODULES = {"tinyframe": "TinyFrame", "micradar": "Micradar", "acconeer": "Acconeer A121"}
WHO = ("you", "other", "both", "nobody")
ROOM = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "light": "illuminance_lx",
    "co2": "co2_ppm",
    "pressure": "pressure_hpa",
}  # and their columns


class Who(NamedTuple):
    """Who is there: in words, how sure that is, and whether what is sensed is the sleeper's own."""

    title: str
    sure: str
    reason: str
    is_here: bool
    is_yours: bool
    is_named: bool  # told apart from others, and not merely somebody


class Place(NamedTuple):
    """One place in the bed's picture: what it is (also its class in the style sheet), its name, where it is."""

    kind: str
    name: str
    where: str


class Figure(NamedTuple):
    """One line of a table of statistics: its name, its value in words, and what the name means."""

    name: str
    value: str
    meaning: str


def local(utc_s: float, zone: ZoneInfo) -> datetime:
    """The instant as the clock on that wall shows it."""
    return datetime.fromtimestamp(utc_s, UTC).astimezone(zone)


def clock(utc_s: float | None, zone: ZoneInfo) -> str:
    """``06:52``, or ``6:52 am`` where that is wanted."""
    if utc_s is None:
        return UNKNOWN
    moment = local(utc_s, zone)
    return wall(moment.hour, moment.minute)


def wall(hour: int, minute: int) -> str:
    """A time of day as ``clock`` writes it."""
    if manner().clock == "24":
        return f"{hour:02d}:{minute:02d}"
    return f"{(hour - 1) % 12 + 1}:{minute:02d}{NBSP}{say('language.pm' if hour >= 12 else 'language.am')}"


def full_hour(hour: int) -> str:
    """An hour at an axis, ``06:00`` or ``6 am``."""
    return wall(hour, 0).replace(":00", "") if manner().clock == "12" else wall(hour, 0)


def stage(word: str) -> str:
    """The name of a stage, or of what stands in its place."""
    return say(f"stage.{word}")


def day(moment: date) -> str:
    """``Mon 23 Nov``, with no need for a locale on the box."""
    weekday, month = names("language.weekdays")[moment.weekday()], names("language.months")[moment.month - 1]
    told = say("language.day", weekday=weekday, day=moment.day, month=month)
    return told.replace(f"{moment.day} ", f"{moment.day}{NBSP}").replace(". ", f".{NBSP}")


def coming_day(utc_s: float, now_utc: float, zone: ZoneInfo) -> str:
    """The day of something ahead: today, tomorrow, or its date."""
    ahead = (local(utc_s, zone).date() - local(now_utc, zone).date()).days
    near = {0: "alarms.today", 1: "alarms.tomorrow"}.get(ahead)
    return day(local(utc_s, zone)) if near is None else say(near)


def alarm_days(weekdays: Iterable[int], once: str | None) -> str:
    """``every day``, ``Mon to Fri``, ``Sat, Sun``, or the one date."""
    if once is not None:
        return say("alarms.once", day=day(date.fromisoformat(once)))
    days, called = sorted(weekdays), names("language.weekdays")
    if len(days) == 7:
        return say("alarms.every_day")
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return say("alarms.days", **{"from": called[days[0]], "to": called[days[-1]]})
    return ", ".join(called[number] for number in days)


def duration(seconds: float | None) -> str:
    """``6 h 48 min``; rounded to whole minutes, half a minute up."""
    if seconds is None:
        return UNKNOWN
    minutes = int((seconds + 30) // 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}{NBSP}min"
    return f"{hours}{NBSP}h{NBSP}{minutes}{NBSP}min"


def span(seconds: int) -> str:
    """A length to the half minute of an epoch: ``4 min 30 s``, ``1 h 12 min``."""
    if seconds % 60 == 0 or seconds >= 3600:
        return duration(seconds)
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}{NBSP}min{NBSP}{rest}{NBSP}s" if minutes else f"{rest}{NBSP}s"


def percent(share: float | None) -> str:
    """``97 %`` of a share from 0 to 1."""
    return UNKNOWN if share is None else f"{share * 100:.0f}{NBSP}%"


def number(value: float | None, unit: str = "", digits: int = 0) -> str:
    """A number with its unit."""
    if value is None:
        return UNKNOWN
    told = f"{value:.{digits}f}".replace(".", say("language.decimal"))
    return f"{told}{NBSP}{unit}" if unit else told


def warmth(value_c: float | None, unit: bool = True) -> str:
    """A temperature in the degrees that are wanted."""
    degrees = manner().degrees
    value = value_c if value_c is None or degrees == "C" else value_c * 9.0 / 5.0 + 32.0
    return number(value, f"°{degrees}" if unit else "", 1)


def night_name(session: SessionRecord, zone: ZoneInfo) -> str:
    """A night has the date of its morning; a stay in bed within one day has that day's."""
    begun = local(session.entered_utc, zone)
    ended = None if session.left_utc is None else local(session.left_utc, zone)
    if ended is not None and begun.date() == ended.date() and begun.hour >= 9 and ended.hour < 21:
        return say("night.daytime", day=day(begun))
    morning = (begun + timedelta(hours=9)).date() if ended is None else ended.date()
    return say("night.to", day=day(morning))


def sentence_case(text: str) -> str:
    """A line as a sentence; a name of a file or key at its beginning keeps its own case."""
    text = text.strip().rstrip(".")
    named = any(mark in text.partition(" ")[0] for mark in "._/")
    return f"{text if named else text[:1].upper() + text[1:]}."


def signal(quality: float | None) -> str:
    """How well the breathing is seen."""
    if quality is None:
        return say("signal.none")
    return say(f"signal.{'clear' if quality >= 0.7 else 'fair' if quality >= 0.4 else 'weak'}")


def radar(health: RadarStatus) -> str:
    """The radar's health in one sentence."""
    name = MODULES.get(health.module or "", "")
    what = say("radar.named", name=name) if name else say("radar.unnamed")
    if health.fault:
        return say("radar.trouble", what=what, fault=health.fault.rstrip("."))
    if not health.connected:
        return say("radar.gone", what=what)
    if health.firmware:
        return say("radar.works_firmware", what=what, firmware=health.firmware)
    return say("radar.works", what=what)


def who(status: Status) -> Who:
    """Who is there, of a box that knows whether anybody is."""
    here = status.present is True and status.who != "nobody"
    known = status.who in WHO and here is (status.who != "nobody")  # what is said agrees with itself
    named = here and known
    confidence, reason = (
        (status.who_confidence, status.who_reason) if known else (status.confidence, status.presence_reason)
    )
    title = say(f"who.{status.who if named else 'somebody' if here else 'nobody'}")
    return Who(
        title,
        say("now.sure", share=percent(confidence)),
        heard(reason.replace("->", "→")),
        here,
        here and status.who != "other",
        named,
    )


def bed(learnt: BedStatus, now_m: float | None) -> list[Place]:
    """Where things are as the box has learnt them, in metres from it; nothing before it has."""
    if learnt.near_m is None:
        return []
    near = number(learnt.near_m, "m", 1)
    over = say("bed.from_on", near=near)
    if learnt.far_m is not None:
        over = say("bed.range", near=number(learnt.near_m, digits=1), far=number(learnt.far_m, "m", 1))
    told = (
        ("gap", learnt.near_m, say("bed.up_to", near=near)),
        ("bed", learnt.near_m, over),
        ("usual", learnt.usual_m, number(learnt.usual_m, "m", 2)),
        ("other", learnt.other_m, number(learnt.other_m, "m", 2)),
        ("here", now_m, number(now_m, "m", 2)),
    )
    return [Place(kind, say(f"bed.{kind}"), where) for kind, value, where in told if value is not None]


def bed_learnt(learnt: BedStatus) -> str:
    """What the picture of the bed rests on."""
    hours = number(learnt.learnt_h, "h", 0 if learnt.learnt_h >= 10 else 1)
    if learnt.near_m is None:
        return say("bed.so_far", hours=hours) if learnt.learnt_h >= 0.05 else say("bed.not_learnt")
    return say("bed.learnt", hours=hours)


def grade(level: float | None) -> str:
    """A level from 0 to 1 in one word, the bar's class in the style sheet."""
    return "unknown" if level is None else "well" if level >= 0.75 else "fair" if level >= 0.5 else "poor"


def room(values: RoomStatus | EnvironmentRecord) -> list[tuple[str, str]]:
    """What the room's sensors say, named and with units; what none of them told is left out."""
    told = ((name, getattr(values, column)) for name, column in ROOM.items())
    return [(say(f"room.{name}"), of_room(name, value)) for name, value in told if value is not None]


def of_room(name: str, value: float | None) -> str:
    """One value of the room with its unit."""
    if name == "temperature":
        return warmth(value)
    unit = {"humidity": "%", "light": "lx", "co2": "ppm", "pressure": "hPa"}[name]
    return number(value, unit, 1 if name == "light" and value is not None and value < 10 else 0)


def room_over(rows: list[EnvironmentRecord]) -> list[tuple[str, str]]:
    """The room over a night: from the lowest to the highest value of each sensor."""
    told = (
        ("humidity", [r.humidity_pct for r in rows if r.humidity_pct is not None], "%", 0),
        ("light", [r.illuminance_lx for r in rows if r.illuminance_lx is not None], "lx", 1),
        ("co2", [r.co2_ppm for r in rows if r.co2_ppm is not None], "ppm", 0),
        ("pressure", [r.pressure_hpa for r in rows if r.pressure_hpa is not None], "hPa", 0),
    )
    warm = [r.temperature_c for r in rows if r.temperature_c is not None]
    first = [("temperature", warmth(min(warm), unit=False), warmth(max(warm)))] if warm else []
    rest = [(name, number(min(v), digits=n), number(max(v), unit, n)) for name, v, unit, n in told if v]
    return [(say(f"room.{name}"), say("room.range", low=low, high=high)) for name, low, high in (*first, *rest)]


# Keys of SleepStatistics.  Counted as the AASM manual does, but TIB, SOL and SE from began-trying on.
_STATISTICS = (
    *("tst_s", "tib_s", "se", "sol_s", "waso_s", "awakenings", "spt_s", "light_s", "deep_s", "rem_s"),
    *("rem_latency_s", "unscored_s", "before_trying_s"),
)


def statistics(values: Mapping[str, Any] | None) -> list[Figure]:
    """The night's statistics in words, in the order in which people ask for them."""
    found: list[Figure] = []
    for key in _STATISTICS:
        value = (values or {}).get(key)
        if values is None or key not in values:
            continue
        meaning = say(f"meaning.{key}")
        if values.get("counted_from") == "entering" and key in ("tib_s", "sol_s"):
            meaning = f"{meaning} {say('meaning.from_entering')}"
        if key.endswith("_s"):
            text = duration(value)
            tst_s = values.get("tst_s")
            if key in ("light_s", "deep_s", "rem_s") and tst_s and value is not None:
                text += f" · {percent(value / tst_s)}"
        elif key == "se":
            text = percent(value)
        else:
            text = number(value)
        found.append(Figure(say(f"figure.{key}"), text, meaning))
    return found


def both(live: Mapping[str, Any] | None, morning: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Each figure by name, as it was told live and as it was told in the morning."""
    told = {figure.name: figure.value for figure in statistics(live)}
    return [(figure.name, told.get(figure.name, UNKNOWN), figure.value) for figure in statistics(morning)]


def mean_rate(epochs: Sequence[EpochRecord]) -> list[Figure]:
    """The night's mean breathing rate; nothing where no half minute asleep had one."""
    asleep = [one.rate_brpm for one in epochs if one.stage in ("light", "deep", "rem") and one.is_primary]
    rates = [rate for rate in asleep if rate is not None]
    if not rates:
        return []
    meaning = say("meaning.rate", length=duration(30 * len(rates)))
    return [Figure(say("figure.rate"), number(sum(rates) / len(rates), "/min", 1), meaning)]


def stage_shares(values: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Seconds of each stage in a night's statistics, in the order of the bar that shows them."""
    found = (("deep", "deep_s"), ("light", "light_s"), ("rem", "rem_s"), ("wake", "waso_s"))
    return [(stage, float(values.get(key) or 0)) for stage, key in found]
