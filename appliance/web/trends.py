"""The page of trends: a week or a month of nights beside each other."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from appliance.answers import told_by
from appliance.insights import insights
from appliance.records import SessionRecord
from appliance.store import Store
from appliance.trends import TrendNight, band, one_a_day, regularity
from appliance.web import pages, trend_charts

SPANS = {"week": 7, "month": 30}
ASLEEP = ("light", "deep", "rem")
STAYS = 4  # in bed a day, at most, naps included: how far back is looked

bp = Blueprint("trends", __name__)


@bp.get("/trends")
def trends() -> str:
    """The nights of the last week or month that there were."""
    span = request.args.get("span", "week")
    span = span if span in SPANS else "week"
    zone = pages.glance().zone
    with pages.files().store() as store:
        month = _month(store)
        all_nights = one_a_day([_night(store, one) for one in month], zone)
    last = all_nights[-1].day(zone) if all_nights else None
    nights = [one for one in all_nights if last is not None and (last - one.day(zone)).days < SPANS[span]]
    return render_template(
        "trends.html",
        span=span,
        nights=nights,
        zone=zone,
        draw=trend_charts,
        regularity=regularity(nights, zone),
        usual=band([night.rate_brpm for night in all_nights]),
        insights=insights(nights, zone),
    )


def _month(store: Store) -> list[SessionRecord]:
    """The stays of the last month that there was; a week's usual band comes from it too."""
    latest = [one for one in store.sessions(SPANS["month"] * STAYS) if one.left_utc is not None]
    return [one for one in latest if (latest[0].left_utc or 0) - one.entered_utc <= SPANS["month"] * 86_400]


def _night(store: Store, measured: SessionRecord) -> TrendNight:
    again = store.restaged(measured.id)
    session = told_by(again, measured)
    told = store.slept(measured)
    stages = {start: stage for start, stage, _ in told}
    if again is not None:
        stages |= {one.start_utc: one.stage for one in store.restaged_epochs(measured, again.model)}
    rates = [rate for start, _, rate in told if rate is not None and stages[start] in ASLEEP]
    warmth, air = store.room(measured.entered_utc, measured.left_utc or measured.entered_utc)
    return TrendNight(
        id=measured.id,
        entered_utc=measured.entered_utc,
        left_utc=measured.left_utc or measured.entered_utc,
        trying_utc=session.began_trying_utc,
        onset_utc=session.onset_utc,
        final_utc=session.final_awakening_utc,
        told=session.statistics or {},
        asleep=[start for start, stage in stages.items() if stage in ASLEEP],
        rate_brpm=sum(rates) / len(rates) if rates else None,
        temperature_c=warmth,
        co2_ppm=air,
    )
