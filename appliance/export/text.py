"""Nights as rows of a table, one an epoch or one a night with the header first, or as named intervals for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from appliance.corrections import NOT_ME, measured, times
from appliance.export.night import EPOCH_S, KeptNight
from appliance.figures import fourteen

EPOCHS = (
    *("subject", "epoch", "start", "stage", "p_wake", "p_light", "p_deep", "p_rem", "coverage"),
    *("rate_brpm", "motion", "distance_m", "who", "model"),
)
NOT_COMPARED = ("spt_min", "rem_latency_min", "awakenings")  # that ``evaluate`` has no column for
DIARY = ("subject", "tib_min", "sol_min")
Row = Sequence[Any]


def epochs(nights: Iterable[KeptNight]) -> Iterator[Row]:
    """A row an epoch; an epoch has the number of its half minute, so a hole leaves numbers out."""
    yield EPOCHS
    for night in nights:
        yield from _epochs(night)


def _epochs(night: KeptNight) -> Iterator[Row]:
    first_utc = night.epochs[0].start_utc if night.epochs else 0
    last = -1
    for one in night.epochs:
        # A restart in the night may have shifted the grid; a number is used once.
        last = max(round((one.start_utc - first_utc) / EPOCH_S), last + 1)
        who = "you" if one.is_primary else "other"
        stage = one.stage if one.is_primary else "unscored"
        yield (
            *(night.subject, last, night.iso(one.start_utc), stage),
            *(_round(p, 4) for p in (one.p_wake, one.p_light, one.p_deep, one.p_rem)),
            *(_round(one.coverage, 3), _round(one.rate_brpm, 2), _round(one.motion, 4), _round(one.distance_m, 3)),
            *(who, one.model or ""),
        )


def figures(nights: Iterable[KeptNight]) -> Iterator[Row]:
    """A row a night, as ``evaluate`` reads it."""
    keys = [key for key in fourteen({}) if key not in NOT_COMPARED]
    yield ("subject", *keys)
    for night in nights:
        told = fourteen(night.session.statistics or {})
        yield (night.subject, *(_round(told[key], 3) for key in keys))


def diary(nights: Iterable[KeptNight]) -> Iterator[Row]:
    """A row for each corrected night, as ``evaluate`` reads it: what the sleeper's own times say.

    Time in bed and time to fall asleep count from trying to sleep, and from going to bed where that is not known; a
    figure in which no corrected time has a part is left out.
    """
    yield DIARY
    for night in nights:
        told = [_between(night, end) for end in ("up", "asleep")]
        if any(told):
            yield (night.subject, *told)


def _between(night: KeptNight, end: str) -> str:
    """Minutes from trying to sleep to ``end``, where the sleeper said either."""
    told = times(night.session, night.corrections)
    began = "in_bed" if told["trying"] is None else "trying"
    start_utc, end_utc = told[began], told[end]
    if start_utc is None or end_utc is None or not {one.kind for one in night.corrections} & {began, end}:
        return ""
    return _round((end_utc - start_utc) / 60, 3)


def as_json(night: KeptNight) -> dict[str, Any]:
    """The night as one JSON object: intervals with their names, instants in ISO 8601 with the offset of the moment."""
    session = night.session
    spans: list[tuple[str, int | None, int | None]] = [
        ("in_bed", session.entered_utc, session.left_utc),
        ("trying_to_sleep", session.began_trying_utc, session.left_utc),
        ("sleep_period", session.onset_utc, session.final_awakening_utc),
        *(("out_of_bed", start, end) for start, end in session.absences),
    ]
    return {
        "format": "firstlight-night",
        "version": 1,
        "id": session.id,
        "subject": night.subject,
        "timezone": night.zone.key,
        "model": session.model,
        "answer": "morning" if night.is_morning else "live",
        "intervals": [_interval(night, *span) for span in spans if None not in span],
        "stages": [
            {**_interval(night, name, start, end), "confidence": _known(confidence, 3)}
            for name, start, end, confidence in night.stages()
        ],
        "statistics": {
            **{key: _known(value, 3) for key, value in fourteen(session.statistics or {}).items()},
            **_seconds(session.statistics or {}),
        },
        "answers": [
            {"answer": "live", "model": night.measured.model, "statistics": night.measured.statistics},
            *(
                {"answer": "morning", "model": one.model, "made": night.iso(one.made_utc), "statistics": one.statistics}
                for one in night.answers
            ),
        ],
        "corrections": [_correction(night, one) for one in night.corrections],
        "room": [
            {"start": night.iso(one.utc_s)} | {k: _known(v, 2) for k, v in asdict(one).items() if k != "utc_s"}
            for one in night.room
        ],
    }


def _interval(night: KeptNight, name: str, start: int | None, end: int | None) -> dict[str, Any]:
    return {"name": name, "start": night.iso(start), "end": night.iso(end)}


def _seconds(told: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the fourteen."""
    minutes = {key: told.get(f"{key}_s") for key in ("unscored", "before_trying")}
    found = {f"{key}_min": None if value is None else round(value / 60, 3) for key, value in minutes.items()}
    return {**found, "counted_from": told.get("counted_from")}


def _correction(night: KeptNight, one: Any) -> dict[str, Any]:
    said = {"name": one.kind, "source": "sleeper", "made": night.iso(one.made_utc)}
    if one.kind == NOT_ME:
        return said | {"start": night.iso(one.utc_s), "end": night.iso(one.end_utc)}
    return said | {"at": night.iso(one.utc_s), "measured": night.iso(measured(night.session).get(one.kind))}


def _known(value: float | None, digits: int) -> float | None:
    return value if value is None or isinstance(value, int) else round(value, digits)


def _round(value: float | None, digits: int) -> str:
    """A cell: empty where it is not known."""
    return "" if value is None else f"{value:.{digits}f}".rstrip("0").rstrip(".")
