"""The charts: one axis of local hours for all, no hole without a name, and what is stretched keeps its line width."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.records import EpochRecord, SessionRecord
from appliance.status import BedStatus
from appliance.web import charts
from appliance.web.nights import EPOCH_S, last_night, middle_range, runs, series, totals

BERLIN = ZoneInfo("Europe/Berlin")
T0 = 1_795_644_600  # Wed 25 Nov 2026, 22:10 UTC, 23:10 in Berlin; a whole epoch


def epoch(k: int, stage: str = "light", rate: float | None = 14.0, primary: bool = True) -> EpochRecord:
    return EpochRecord(T0 + EPOCH_S * k, T0, stage, None, None, None, None, 1.0, rate, 0.0, primary)


def lengths(epochs: list[EpochRecord], end: int, absences: tuple[tuple[int, int], ...] = ()) -> list[tuple[str, int]]:
    return [(run.stage, run.length_s) for run in runs(epochs, T0, T0 + end, absences)]


def test_epochs_of_one_stage_become_one_run_with_its_mean_rate() -> None:
    found = runs([epoch(0, rate=14.0), epoch(1, rate=None), epoch(2, rate=16.0), epoch(3, "rem")], T0, T0 + 120)
    assert [(r.stage, r.start_utc - T0, r.end_utc - T0, r.rate_brpm) for r in found] == [
        ("light", 0, 90, 15.0),
        ("rem", 90, 120, 14.0),
    ]


def test_a_hole_is_not_enough_signal_unless_the_bed_is_known_to_have_been_empty() -> None:
    epochs = [epoch(0), epoch(10)]
    assert lengths(epochs, 360) == [("light", 30), ("unscored", 270), ("light", 30), ("unscored", 30)]
    away = ((T0 + 60, T0 + 200),)
    expected = [("light", 30), ("unscored", 30), ("away", 140), ("unscored", 100), ("light", 30)]
    assert lengths(epochs, 330, away) == expected
    assert lengths([], 60) == [("unscored", 60)]
    assert lengths([], 0) == []


def test_somebody_else_is_not_the_sleeper() -> None:
    assert lengths([epoch(0), epoch(1, primary=False), epoch(2, "unscored", primary=False)], 90) == [
        ("light", 30),
        ("other", 30),
        ("unscored", 30),
    ]


@given(
    st.lists(st.tuples(st.integers(-5, 60), st.sampled_from(["wake", "light", "unscored"])), max_size=30),
    st.lists(st.tuples(st.integers(-100, 2000), st.integers(0, 500)), max_size=4),
    st.integers(0, 1800),
)
def test_a_night_is_tiled_without_hole_or_overlap(
    rows: list[tuple[int, str]], away: list[tuple[int, int]], end: int
) -> None:
    epochs = [epoch(k, stage) for k, stage in sorted(dict(rows).items())]
    absences = [(T0 + start, T0 + start + length) for start, length in sorted(away)]
    found = runs(epochs, T0, T0 + end, absences)
    assert sum(totals(found).values()) == end
    edges = [T0, *(run.end_utc for run in found)]
    assert [run.start_utc for run in found] == edges[:-1]
    assert edges[-1] == T0 + end
    assert all(a.stage != b.stage for a, b in pairwise(found))


def test_a_measurement_breaks_at_a_hole() -> None:
    assert series([epoch(0, rate=14.0), epoch(1, rate=None), epoch(5, rate=15.0)], lambda e: e.rate_brpm) == [
        (T0, 14.0),
        (T0 + 30, None),
        (T0 + 60, None),
        (T0 + 150, 15.0),
    ]


def test_the_range_leaves_a_few_outliers_out() -> None:
    # 98 values from 13.0 to 15.9 and one on either side: the outer 2 % do not stretch the scale.
    values = [5.0, *(13.0 + 0.03 * k for k in range(98)), 40.0]
    assert middle_range(list(enumerate(values))) == (12, 17)
    assert middle_range([(0, None)]) is None


def test_last_night_is_the_one_in_progress_or_the_last_long_one() -> None:
    def stay(start_h: float, length_h: float | None) -> SessionRecord:
        start = T0 + int(3600 * start_h)
        return SessionRecord(start, start, left_utc=None if length_h is None else start + int(3600 * length_h))

    night, nap, open_stay = stay(0, 8), stay(15, 0.5), stay(24, None)
    assert last_night([]) is None
    assert last_night([night]) is night
    assert last_night([nap, night]) is night
    assert last_night([open_stay, nap, night]) is open_stay
    late_nap = stay(40, 0.5)  # more than a day after the night ended
    assert last_night([late_nap, night]) is late_nap


def test_hours_are_those_of_the_local_clock_even_when_it_is_set() -> None:
    # 25 Oct 2026 in Berlin: 02:00 to 03:00 happens twice. From 00:30 local (22:30 UTC) for six hours.
    start = 1_792_881_000
    axis = charts.Axis(start, start + 6 * 3600, BERLIN)
    assert [hour for _, hour in axis.hours()] == [1, 2, 2, 3, 4, 5]
    assert [round(share, 2) for share, _ in axis.hours()][:2] == [8.33, 25.0]
    # Kathmandu is 5:45 ahead: its full hours are at a quarter past ours.
    axis = charts.Axis(T0, T0 + 7200, ZoneInfo("Asia/Kathmandu"))  # 03:55 local
    assert [(round(share, 2), hour) for share, hour in axis.hours()] == [(4.17, 4), (54.17, 5)]


@pytest.mark.parametrize("hours", [0, 1, 3, 8, 14, 40])
def test_few_hours_are_named_and_none_at_the_edge(hours: int) -> None:
    texts = re.findall(r'x="([\d.]+)%"', charts.ticks(charts.Axis(T0, T0 + 3600 * hours, BERLIN)))
    assert len(texts) <= charts.NAMED_HOURS
    assert all(5 < float(x) < 95 for x in texts)


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def paths(svg: str, kind: str) -> list[str]:
    return [p.attrib["d"] for p in drawn(svg).iter("path") if kind in p.attrib.get("class", "").split()]


def test_a_hypnogram_draws_wake_on_top_and_joins_only_neighbours() -> None:
    axis = charts.Axis(T0, T0 + 300, BERLIN)
    epochs = [epoch(0, "wake"), epoch(1, "deep"), epoch(3, "light"), *(epoch(k, "light") for k in range(4, 10))]
    svg = charts.hypnogram(axis, runs(epochs, T0, T0 + 300), 'said "so" & <so>')
    assert paths(svg, "wake") == ["M0.00 17H10.00"]
    assert paths(svg, "deep") == ["M10.00 119H20.00"]
    assert paths(svg, "light") == ["M30.00 85H100.00"]
    assert paths(svg, "joint") == ["M10.00 17V119"]  # none across the hole
    (band,) = [r for r in drawn(svg).iter("rect") if r.attrib.get("class") == "unscored"]
    assert (band.attrib["x"], band.attrib["width"], band.attrib["fill"]) == ("20.00%", "10.00%", "url(#hatch)")
    assert drawn(svg).attrib["aria-label"] == 'said "so" & <so>'


def test_a_line_breaks_where_a_value_is_missing_and_stays_inside() -> None:
    axis = charts.Axis(T0, T0 + 100, BERLIN)
    values = [(T0, 10.0), (T0 + 10, 20.0), (T0 + 20, None), (T0 + 30, 99.0), (T0 + 40, -5.0)]
    (d,) = paths(charts.line(axis, values, 10, 20, "rate"), "line")
    assert d == "M0.00 72.0L10.00 0.0M30.00 0.0L40.00 72.0"
    assert charts.line(axis, [], 10, 20, "nothing")


def test_a_long_night_is_thinned_but_keeps_its_peaks() -> None:
    axis = charts.Axis(T0, T0 + 30 * 2000, BERLIN)
    values: list[tuple[int, float | None]] = [(T0 + 30 * k, 1.0 if k == 777 else 0.0) for k in range(2000)]
    (d,) = paths(charts.bars(axis, values, "movement"), "stem")
    assert d.count("M") == 1
    assert d.endswith(f"v-{charts.MOTION_PX:.1f}")
    flat: list[tuple[int, float | None]] = [(T0 + 30 * k, 14.0) for k in range(2000)]
    (line,) = paths(charts.line(axis, flat, 10, 20, "rate"), "line")
    assert line.count("L") < charts.MAX_POINTS


def test_a_trace_of_nearly_nothing_is_drawn_nearly_flat() -> None:
    (d,) = paths(charts.trace([0.0, 0.01, None, 0.0]), "line")
    heights = [float(y) for y in re.findall(r" ([\d.]+)", d)]
    assert max(heights) - min(heights) < 2.0
    assert charts.trace([]) == ""
    assert charts.trace([None, None]) == ""


def test_the_lamp_is_drawn_as_the_eye_sees_its_light() -> None:
    # Linear 0.5 is 0.5 ** (1 / 2.2) = 0.730 of the screen's scale: 186 of 255.
    svg = charts.lamp((0.5, 0.0, 0.0))
    assert 'fill="rgb(186,0,0)"' in svg
    assert "73 per cent as the eye sees it" in svg


def test_shares_fill_the_bar() -> None:
    svg = charts.shares([("deep", 25.0), ("light", 75.0), ("rem", 0.0)])
    assert [(r.attrib["x"], r.attrib["width"]) for r in drawn(svg)] == [
        ("0.00%", "25.00%"),
        ("25.00%", "75.00%"),
        ("100.00%", "0.00%"),
    ]
    assert charts.shares([("deep", 0.0)]) == ""


def test_a_meter_is_as_long_as_its_level() -> None:
    assert ET.fromstring(charts.meter(0.25, "poor"))[1].attrib == {
        "class": "poor", "width": "25.0%", "height": "10", "rx": "5",
    }  # fmt: skip
    assert len(ET.fromstring(charts.meter(None, "unknown"))) == 1


def test_the_bed_lies_where_it_was_learnt() -> None:
    # The farthest place is 1.6 m; with a quarter of a metre to spare and rounded up to a half the picture ends at 2 m.
    picture = ET.fromstring(charts.bed(BedStatus(0.4, 1.6, 0.6, 1.2, 30.0), 0.5, "bed"))
    where = {(part.tag, part.get("class")): part for part in picture if part.get("class")}
    assert where["rect", "gap"].get("width") == "20.00%"
    assert (where["rect", "bed"].get("x"), where["rect", "bed"].get("width")) == ("20.00%", "60.00%")
    assert where["circle", "usual"].get("cx") == "30.00%"
    assert where["circle", "other"].get("cx") == "60.00%"
    assert where["line", "here"].get("x1") == "25.00%"
    assert charts.bed(BedStatus(learnt_h=3.0), 0.5, "bed") == ""


_PLACE_M = st.none() | st.floats(0.0, 9.0)


@given(st.floats(0.0, 9.0), _PLACE_M, _PLACE_M, _PLACE_M, _PLACE_M)
def test_whatever_was_learnt_fits_into_the_picture(
    near_m: float, far_m: float | None, usual_m: float | None, other_m: float | None, now_m: float | None
) -> None:
    picture = ET.fromstring(charts.bed(BedStatus(near_m, far_m, usual_m, other_m), now_m, "a <bed>"))
    shares = [float(value[:-1]) for part in picture for value in part.attrib.values() if value.endswith("%")]
    assert all(0.0 <= share <= 100.0 for share in shares)
