"""Numbers and states as people read them: local times, durations, shares, sentences.  Unknown is an em dash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from appliance.records import EnvironmentRecord, EpochRecord, SessionRecord
from appliance.status import BedStatus, RadarStatus, RoomStatus, Status

UNKNOWN = "—"
NBSP = "\u00a0"  # between a number and its unit, so that no line breaks there
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STAGES = {
    "wake": "Awake",
    "rem": "REM sleep",
    "light": "Light sleep",
    "deep": "Deep sleep",
    "unscored": "Not enough signal",
    "away": "Out of bed",
    "other": "Somebody else",
}
MODULES = {"tinyframe": "TinyFrame", "micradar": "Micradar", "acconeer": "Acconeer A121"}


WHO = {"you": "You", "other": "Somebody else, not you", "both": "You and somebody else", "nobody": "Nobody in bed"}
NOT_YOURS = "These minutes are not counted as yours, so no stage and no rate are shown."


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
    """``06:52``."""
    return UNKNOWN if utc_s is None else f"{local(utc_s, zone):%H:%M}"


def day(moment: date) -> str:
    """``Mon 23 Nov``, with no need for a locale on the box."""
    return f"{WEEKDAYS[moment.weekday()]} {moment.day}{NBSP}{MONTHS[moment.month - 1]}"


def coming_day(utc_s: float, now_utc: float, zone: ZoneInfo) -> str:
    """The day of something ahead: today, tomorrow, or its date."""
    ahead = (local(utc_s, zone).date() - local(now_utc, zone).date()).days
    return {0: "today", 1: "tomorrow"}.get(ahead, day(local(utc_s, zone)))


def alarm_days(weekdays: Iterable[int], once: str | None) -> str:
    """``every day``, ``Mon to Fri``, ``Sat, Sun``, or the one date."""
    if once is not None:
        return f"once, {day(date.fromisoformat(once))}"
    days = sorted(weekdays)
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[number] for number in days)


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
    return f"{value:.{digits}f}{NBSP}{unit}" if unit else f"{value:.{digits}f}"


def night_name(session: SessionRecord, zone: ZoneInfo) -> str:
    """A night has the date of its morning; a stay in bed within one day has that day's."""
    begun = local(session.entered_utc, zone)
    ended = None if session.left_utc is None else local(session.left_utc, zone)
    if ended is not None and begun.date() == ended.date() and begun.hour >= 9 and ended.hour < 21:
        return f"Daytime, {day(begun)}"
    morning = (begun + timedelta(hours=9)).date() if ended is None else ended.date()
    return f"Night to {day(morning)}"


def sentence_case(text: str) -> str:
    """A line as a sentence; a name of a file or key at its beginning keeps its own case."""
    text = text.strip().rstrip(".")
    named = any(mark in text.partition(" ")[0] for mark in "._/")
    return f"{text if named else text[:1].upper() + text[1:]}."


def signal(quality: float | None) -> str:
    """How well the breathing is seen."""
    if quality is None:
        return "no signal"
    return "clear signal" if quality >= 0.7 else "fair signal" if quality >= 0.4 else "weak signal"


def radar(health: RadarStatus) -> str:
    """The radar's health in one sentence."""
    name = MODULES.get(health.module or "", "")
    what = f"The {name} radar" if name else "The radar"
    if health.fault:
        return f"{what} is in trouble: {health.fault.rstrip('.')}. The alarm rings at its set time all the same."
    if not health.connected:
        return f"{what} is not connected: check its cable. The alarm rings at its set time all the same."
    firmware = f", firmware {health.firmware}" if health.firmware else ""
    return f"{what}{firmware} is connected and working."


def who(status: Status) -> Who:
    """Who is there, of a box that knows whether anybody is."""
    here = status.present is True and status.who != "nobody"
    known = status.who in WHO and here is (status.who != "nobody")  # what is said agrees with itself
    named = here and known
    confidence, reason = (
        (status.who_confidence, status.who_reason) if known else (status.confidence, status.presence_reason)
    )
    title = WHO[status.who or ""] if named else "Somebody in bed" if here else WHO["nobody"]
    return Who(
        title,
        f"{percent(confidence)} sure",
        reason.replace("->", "→"),
        here,
        here and status.who != "other",
        named,
    )


def bed(learnt: BedStatus, now_m: float | None) -> list[Place]:
    """Where things are as the box has learnt them, in metres from it; nothing before it has."""
    if learnt.near_m is None:
        return []
    near = number(learnt.near_m, "m", 1)
    over = f"from {near} on" if learnt.far_m is None else f"{learnt.near_m:.1f} to {number(learnt.far_m, 'm', 1)}"
    told = (
        ("gap", "Between bed and box", learnt.near_m, f"up to {near}"),
        ("bed", "The bed", learnt.near_m, over),
        ("usual", "Your usual place", learnt.usual_m, number(learnt.usual_m, "m", 2)),
        ("other", "Another sleeper", learnt.other_m, number(learnt.other_m, "m", 2)),
        ("here", "Whoever is there now", now_m, number(now_m, "m", 2)),
    )
    return [Place(kind, name, where) for kind, name, value, where in told if value is not None]


def bed_learnt(learnt: BedStatus) -> str:
    """What the picture of the bed rests on."""
    hours = number(learnt.learnt_h, "h", 0 if learnt.learnt_h >= 10 else 1)
    if learnt.near_m is None:
        so_far = f" So far it has seen {hours} of somebody in bed." if learnt.learnt_h >= 0.05 else ""
        return f"Not learnt yet: it takes a night.{so_far}"
    return f"Distances from the box, learnt from {hours} of somebody in bed."


def grade(level: float | None) -> str:
    """A level from 0 to 1 in one word, the bar's class in the style sheet."""
    return "unknown" if level is None else "well" if level >= 0.75 else "fair" if level >= 0.5 else "poor"


def room(values: RoomStatus | EnvironmentRecord) -> list[tuple[str, str]]:
    """What the room's sensors say, named and with units; what none of them told is left out."""
    lux = values.illuminance_lx
    told = (
        ("Temperature", values.temperature_c, number(values.temperature_c, "°C", 1)),
        ("Humidity", values.humidity_pct, number(values.humidity_pct, "%")),
        ("Light", lux, number(lux, "lx", 1 if lux is not None and lux < 10 else 0)),
        ("Carbon dioxide", values.co2_ppm, number(values.co2_ppm, "ppm")),
        ("Air pressure", values.pressure_hpa, number(values.pressure_hpa, "hPa")),
    )
    return [(name, text) for name, value, text in told if value is not None]


def room_over(rows: list[EnvironmentRecord]) -> list[tuple[str, str]]:
    """The room over a night: from the lowest to the highest value of each sensor."""
    told = (
        ("Temperature", [r.temperature_c for r in rows if r.temperature_c is not None], "°C", 1),
        ("Humidity", [r.humidity_pct for r in rows if r.humidity_pct is not None], "%", 0),
        ("Light", [r.illuminance_lx for r in rows if r.illuminance_lx is not None], "lx", 1),
        ("Carbon dioxide", [r.co2_ppm for r in rows if r.co2_ppm is not None], "ppm", 0),
        ("Air pressure", [r.pressure_hpa for r in rows if r.pressure_hpa is not None], "hPa", 0),
    )
    return [
        (name, f"{min(values):.{digits}f} to {number(max(values), unit, digits)}")
        for name, values, unit, digits in told
        if values
    ]


# Key of SleepStatistics, name, meaning.  Counted as the AASM manual does, but TIB, SOL and SE from began-trying on.
_STATISTICS = (
    ("tst_s", "Time asleep", "Total sleep time (TST): light, deep and REM sleep together."),
    ("tib_s", "Time in bed", "Time in bed (TIB): from the moment you began trying to sleep until you got up."),
    ("se", "Sleep efficiency", "Time asleep as a share of the time in bed that was meant for sleep (SE)."),
    ("sol_s", "Time to fall asleep", "Sleep onset latency (SOL): from trying to sleep until sleep onset."),
    ("waso_s", "Awake in the night", "Wake after sleep onset (WASO): time awake between falling asleep and waking up."),
    ("awakenings", "Awakenings", "How many times sleep gave way to wake after sleep onset."),
    ("spt_s", "Sleep period", "Sleep period time (SPT): from sleep onset until the final awakening."),
    ("light_s", "Light sleep", "Stages N1 and N2 together; per cent of the time asleep."),
    ("deep_s", "Deep sleep", "Stage N3, slow wave sleep; per cent of the time asleep."),
    ("rem_s", "REM sleep", "Rapid eye movement sleep, when most dreams are dreamt; per cent of the time asleep."),
    ("rem_latency_s", "REM latency", "From sleep onset until the first REM sleep."),
    ("unscored_s", "Not enough signal", "Time in bed in which the radar saw too little for an answer."),
    ("before_trying_s", "In bed before trying", "Time in bed before you began trying to sleep, as when reading."),
)


def statistics(values: Mapping[str, Any] | None) -> list[Figure]:
    """The night's statistics in words, in the order in which people ask for them."""
    found: list[Figure] = []
    for key, name, meaning in _STATISTICS:
        value = (values or {}).get(key)
        if values is None or key not in values:
            continue
        if values.get("counted_from") == "entering" and key in ("tib_s", "sol_s"):
            meaning += " When you began trying is not known, so it counts from going to bed."
        if key.endswith("_s"):
            text = duration(value)
            tst_s = values.get("tst_s")
            if key in ("light_s", "deep_s", "rem_s") and tst_s and value is not None:
                text += f" · {percent(value / tst_s)}"
        elif key == "se":
            text = percent(value)
        else:
            text = number(value)
        found.append(Figure(name, text, meaning))
    return found


def mean_rate(epochs: Sequence[EpochRecord]) -> list[Figure]:
    """The night's mean breathing rate; nothing where no half minute asleep had one."""
    asleep = [one.rate_brpm for one in epochs if one.stage in ("light", "deep", "rem") and one.is_primary]
    rates = [rate for rate in asleep if rate is not None]
    if not rates:
        return []
    meaning = f"Breaths per minute, the mean over {duration(30 * len(rates))} asleep with a clear enough signal."
    return [Figure("Breathing rate", number(sum(rates) / len(rates), digits=1), meaning)]


def stage_shares(values: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Seconds of each stage in a night's statistics, in the order of the bar that shows them."""
    found = (("deep", "deep_s"), ("light", "light_s"), ("rem", "rem_s"), ("wake", "waso_s"))
    return [(stage, float(values.get(key) or 0)) for stage, key in found]
