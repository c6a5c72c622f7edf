"""A night may have been staged more than once; which answer is shown, and what is slept by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.belief import told_stages
from appliance.records import EpochRecord, RestagedEpochRecord, RestagedRecord, SessionRecord


def told_by(told: RestagedRecord | None, session: SessionRecord) -> SessionRecord:
    """The session with the figures of its second staging, if there was one."""
    if told is None:
        return session
    return replace(
        session,
        onset_utc=told.onset_utc,
        final_awakening_utc=told.final_awakening_utc,
        statistics=told.statistics,
        model=told.model,
    )


def staged_by(again: Sequence[RestagedEpochRecord], epochs: Sequence[EpochRecord]) -> list[EpochRecord]:
    """The epochs with the stages of their second staging; those that had none keep the live one."""
    told = {one.start_utc: one for one in again}
    return [_staged_by(told.get(epoch.start_utc), epoch) for epoch in epochs]


def believed(session: SessionRecord, epochs: Sequence[EpochRecord]) -> list[EpochRecord]:
    """The epochs with the stages that are told where it is known when sleep is believed; the database keeps its own."""
    if session.intent is None:
        return list(epochs)
    told = told_stages([(epoch.start_utc, epoch.stage) for epoch in epochs], session.intent.get("slept", ()))
    return [replace(epoch, stage=stage) for epoch, stage in zip(epochs, told, strict=True)]


def _staged_by(one: RestagedEpochRecord | None, epoch: EpochRecord) -> EpochRecord:
    if one is None:
        return epoch
    return replace(
        epoch,
        stage=one.stage,
        model=one.model,
        p_wake=one.p_wake,
        p_light=one.p_light,
        p_deep=one.p_deep,
        p_rem=one.p_rem,
    )
