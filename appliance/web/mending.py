"""What a form says that the sleeper knows better about a night: corrections, or one line beside each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from appliance.corrections import (
    MEASURED,
    CorrectionError,
    Stretch,
    measured,
    not_me,
    out_of_order,
    read_clock,
    times,
)
from appliance.records import CorrectionRecord, SessionRecord
from appliance.web.speech import heard
from appliance.web.words import local

SECOND = {"first": False, "second": True}  # which, where the clock showed a time twice


class Form(Protocol):
    """What is needed of the fields that a browser sent."""

    def get(self, key: str, default: str, /) -> str:
        """The field's first value."""
        ...


class Mended(NamedTuple):
    """``corrections`` to keep and kinds to take back, none where ``errors`` names a field; ``typed`` is shown again."""

    corrections: list[CorrectionRecord]
    taken_back: list[str]
    typed: Mapping[str, str]
    errors: Mapping[str, str]


def shown(session: SessionRecord, standing: Sequence[CorrectionRecord], zone: ZoneInfo) -> dict[str, str]:
    """The fields as the form shows them first."""
    told = {
        kind: "" if utc_s is None else f"{local(utc_s, zone):%H:%M}" for kind, utc_s in times(session, standing).items()
    }
    return {**told, "which": "", "from": "", "to": "", "not_me_which": ""}


def read_times(
    form: Form,
    session: SessionRecord,
    standing: Sequence[CorrectionRecord],
    within: Stretch,
    zone: ZoneInfo,
    now_utc: int,
) -> Mended:
    """Times that differ from those shown; an emptied field takes a correction back."""
    before = shown(session, standing, zone)
    typed = before | {kind: form.get(kind, "").strip() for kind in (*MEASURED, "which")}
    known, plain = times(session, standing), measured(session)
    wanted, errors = dict(known), dict[str, str]()
    changed, back = [], []
    for kind in MEASURED:
        if typed[kind] == before[kind]:
            continue
        if not typed[kind]:
            back.append(kind)
            wanted[kind] = plain[kind]
            continue
        try:
            wanted[kind] = read_clock(typed[kind], within, zone, SECOND.get(typed["which"]))
            changed.append(kind)
        except CorrectionError as error:
            errors[kind] = heard(str(error))
    if not errors:
        errors = {kind: heard(line) for kind, line in out_of_order(wanted, [*changed, *back], zone).items()}
    if errors:
        return Mended([], [], typed, errors)
    made = [CorrectionRecord(session.id, kind, utc_s, None, now_utc) for kind in changed if (utc_s := wanted[kind])]
    return Mended(made, back, typed, {})


def read_not_me(
    form: Form,
    session: SessionRecord,
    standing: Sequence[CorrectionRecord],
    within: Stretch,
    zone: ZoneInfo,
    now_utc: int,
) -> Mended:
    """Minutes of somebody else: the whole stay at one tap, or from one time to another."""
    fields = ("from", "to", "not_me_which")
    typed = shown(session, standing, zone) | {name: form.get(name, "").strip() for name in fields}
    errors: dict[str, str] = {}
    if form.get("whole", "") and session.left_utc is not None:
        ends = [session.entered_utc, session.left_utc]
    else:
        ends = []
        for name in ("from", "to"):
            try:
                ends.append(read_clock(typed[name], within, zone, SECOND.get(typed["not_me_which"])))
            except CorrectionError as error:
                errors[name] = heard(str(error))
    if not errors:
        try:
            return Mended([not_me(ends[0], ends[1], standing, session.id, now_utc, zone)], [], typed, {})
        except CorrectionError as error:
            errors["to"] = heard(str(error))
    return Mended([], [], typed, errors)
