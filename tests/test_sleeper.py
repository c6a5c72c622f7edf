"""The simulated sleeper against what was measured on real ones, and against its own contract."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.contract import SleepStage
from models.sleeper import (
    SAMPLE_HZ,
    Activity,
    Cues,
    Person,
    SimulatedNight,
    random_person,
    random_plan,
    simulate,
    simulate_night,
)
from models.sleeper.body import LARGE
from models.sleeper.breathing import Breaths, chest_and_belly
from models.sleeper.hypnogram import N1, N2, N3, R, SleepTraits, W, draw_hypnogram, pools
from models.sleeper.noise import drift, wander
from models.sleeper.parameters import TABLE, Parameters

PLAN = [Activity(2.0, "enter"), Activity(3.0, "read"), Activity(10.0, "try_to_sleep"), Activity(475.0, "leave")]


@pytest.fixture(scope="module")
def nights() -> list[SimulatedNight]:
    """Twenty people's nights with cues as published."""
    made = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        person = random_person(rng)
        made.append(simulate(person, random_plan(rng, person, 8.0), 8.0, seed, view="belt"))
    return made


def sleep_periods(pool: str, minutes: int, count: int) -> list[NDArray[np.int8]]:
    """Nights of one pool, cut from the first to the last sleep epoch."""
    out = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        awake = np.zeros(2 * minutes + 4, dtype=np.bool_)
        awake[:2] = awake[-2:] = True
        stages = draw_hypnogram(pools()[pool], SleepTraits(), awake, rng)
        asleep = np.flatnonzero(stages != W)
        out.append(stages[asleep[0] : asleep[-1] + 1])
    return out


# Sleep-EDF SC by age: TST, WASO (min), N1, N2, N3, REM (per cent of TST), REM latency (median, min), REM periods.
@pytest.mark.parametrize(
    ("pool", "minutes", "published"),
    [
        ("home_young", 458, (433, 25, 8.1, 51.7, 17.4, 22.8, 80, 4.2)),
        ("home_middle", 447, (404, 43, 15.1, 57.1, 8.0, 19.9, 83, 3.8)),
        ("home_older", 473, (405, 67, 19.8, 52.2, 9.7, 18.3, 72, 4.1)),
    ],
)
def test_nights_have_the_published_make_up(pool: str, minutes: int, published: tuple[float, ...]) -> None:
    found = []
    for night in sleep_periods(pool, minutes, 80):
        asleep = night != W
        shares = [100.0 * np.sum(night == stage) / asleep.sum() for stage in (N1, N2, N3, R)]
        rem = np.flatnonzero(night == R)
        latency = rem[0] / 2 if rem.size else np.nan
        periods = 1 + np.sum(np.diff(rem) > 30)  # REM less than 15 min apart is one period
        found.append([asleep.sum() / 2, np.sum(~asleep) / 2, *shares, latency, periods])
    mean = np.nanmean(found, axis=0)
    mean[6] = np.nanmedian(np.array(found)[:, 6])
    # About a third of the published spread between nights: the mean of eighty is known to a tenth of it.
    tolerance = (20, 12, 2.5, 4.0, 3.0, 3.0, 15, 0.5)
    assert (np.abs(mean - published) <= tolerance).all(), np.round(mean, 1)


def test_nights_have_the_published_course() -> None:
    """Shares by half hour from onset, Sleep-EDF SC 25-34 y; rows W, N1, N2, N3, R."""
    published = {
        0: (0.08, 0.25, 0.50, 0.17, 0.00),
        1: (0.05, 0.06, 0.36, 0.50, 0.03),
        2: (0.07, 0.05, 0.47, 0.22, 0.20),
        5: (0.03, 0.05, 0.47, 0.15, 0.30),
        8: (0.08, 0.07, 0.54, 0.08, 0.23),
        11: (0.08, 0.07, 0.46, 0.08, 0.33),
    }
    made = sleep_periods("home_young", 458, 150)
    for half_hour, shares in published.items():
        epochs = np.concatenate([night[60 * half_hour : 60 * (half_hour + 1)] for night in made])
        assert np.bincount(epochs, minlength=5) / epochs.size == pytest.approx(shares, abs=0.13), half_hour


def test_traits_make_a_night_restless_or_deep() -> None:
    awake = np.zeros(900, dtype=np.bool_)

    def share(stage: int, traits: SleepTraits) -> float:
        drawn = [draw_hypnogram(pools()["lab"], traits, awake, np.random.default_rng(k)) for k in range(30)]
        return float(np.mean(np.concatenate(drawn) == stage))

    assert share(W, SleepTraits(wake=0.7)) > 1.5 * share(W, SleepTraits())
    assert share(N3, SleepTraits(deep=0.5)) > 1.15 * share(N3, SleepTraits())


def window_cv(night: SimulatedNight, stage: int) -> list[float]:
    """Robust CV of breath intervals over 270 s windows that are one stage throughout."""
    starts, found = night.breaths.start_s, []
    for end in range(9, night.stage5.size, 3):
        if np.all(night.stage5[end - 9 : end] == stage) and night.in_bed[end - 9 : end].all():
            window = (starts >= 30 * (end - 9)) & (starts < 30 * end)
            intervals = night.breaths.interval_s[window]
            middle = np.median(intervals)
            found.append(1.4826 * float(np.median(np.abs(intervals - middle)) / middle))
    return found


def test_intervals_vary_as_published(nights: list[SimulatedNight]) -> None:
    """Medians between the suggested young and the measured older values, widened by a fifth for twenty people."""
    for stage, low, high in ((W, 0.152, 0.16), (N2, 0.070, 0.078), (N3, 0.048, 0.060), (R, 0.125, 0.125)):
        median = np.median(np.concatenate([window_cv(night, stage) for night in nights]))
        assert 0.8 * low < median < 1.2 * high, (stage, median)


def memory(at_s: NDArray[np.float64], deep: NDArray[np.bool_]) -> float:
    """Rank correlation of each interval between deep sleep's events with the next; NaN where there are too few."""
    intervals = np.diff(np.where(deep, at_s, np.nan))
    pairs = np.stack((intervals[:-1], intervals[1:]))
    ranks = np.argsort(np.argsort(pairs[:, np.isfinite(pairs).all(0)], axis=1), axis=1)
    return float(np.corrcoef(ranks)[0, 1]) if ranks.shape[1] > 200 else np.nan


def test_breaths_counted_from_peaks_follow_each_other_as_freely_as_from_troughs(nights: list[SimulatedNight]) -> None:
    """In NREM intervals have no memory but the slow wandering of the rate (Rostig 2005); where peaks lie adds none."""
    found = []
    for night in nights:
        starts, breaths = night.breaths.start_s, night.breaths
        peaks = starts + breaths.interval_s * breaths.inspired
        deep = night.stage5[np.minimum((starts / 30).astype(int), night.stage5.size - 1)] == N3
        found.append((memory(peaks, deep), memory(starts, deep)))
    from_peaks, from_troughs = np.nanmedian(found, axis=0)
    assert from_peaks == pytest.approx(from_troughs, abs=0.1)


def test_people_breathe_at_published_rates() -> None:
    """Natarajan 2021: mean 15.4, 90 % within 11.8-19.2 breaths a minute."""
    rates = [random_person(np.random.default_rng(seed)).breaths_brpm for seed in range(400)]
    assert np.mean(rates) == pytest.approx(15.4, abs=0.4)
    assert np.quantile(rates, (0.05, 0.95)) == pytest.approx((11.8, 19.2), abs=0.7)


def test_a_persons_rate_is_kept() -> None:
    night = simulate(Person(breaths_brpm=12.0), PLAN, 8.0, 1, view="belt")
    asleep = night.stage5[np.minimum((night.breaths.start_s / 30).astype(int), night.stage5.size - 1)] == N2
    assert 60.0 / np.median(night.breaths.interval_s[asleep]) == pytest.approx(12.0, rel=0.12)


def test_sleepers_move_as_published(nights: list[SimulatedNight]) -> None:
    """Ibrahim 2023: 6.8 large movements an hour of sleep, quartiles 4.5-10.8; Skarpsno 2017: 1.6 position shifts."""
    per_h, shifts_per_h = [], []
    for night in nights:
        epoch = np.minimum((night.moves.start_s / 30).astype(int), night.stage5.size - 1)
        asleep = (night.stage5[epoch] != W) & (night.moves.size >= LARGE)
        hours = np.sum(night.stage5 != W) / 120.0
        per_h.append(asleep.sum() / hours)
        shifts_per_h.append((asleep & night.moves.shift).sum() / hours)
    assert 4.5 < np.median(per_h) < 10.8
    assert 0.9 < np.mean(shifts_per_h) < 2.5


def test_without_cues_the_stages_breathe_alike() -> None:
    found: dict[int, list[float]] = {N3: [], R: []}
    for seed in range(6):
        night = simulate(Person(apnoea_per_h=0.0), PLAN, 8.0, seed, view="belt", cues=Cues(0.0, 0.0, 0.0, 0.0, 0.0))
        for stage, values in found.items():
            values += window_cv(night, stage)
    # REM keeps its bursts; as published the ratio is 2.
    assert np.median(found[R]) / np.median(found[N3]) < 1.5


@pytest.mark.parametrize("view", ["radar", "belt"])
def test_the_same_seed_gives_the_same_night(view: str) -> None:
    first, again, other = (simulate_night(seed, view, hours=2.0) for seed in (5, 5, 6))  # type: ignore[arg-type]
    for field in dataclasses.fields(SimulatedNight):
        one, two = getattr(first, field.name), getattr(again, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.displacement_mm, other.displacement_mm)


def test_both_views_see_the_same_night() -> None:
    radar, belt = (simulate_night(11, view, hours=3.0) for view in ("radar", "belt"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(radar.stage5, belt.stage5)
    np.testing.assert_array_equal(radar.breaths.start_s, belt.breaths.start_s)
    np.testing.assert_array_equal(radar.moves.start_s, belt.moves.start_s)


def test_the_variant_sleeper_is_another() -> None:
    plain, other = Parameters(), Parameters(variant=True)
    changed = [name for name in TABLE if plain.all(name) != other.all(name)]
    assert {"interval_cv", "amplitude_cv", "moves", "rate_stage"} <= set(changed)
    main, variant = simulate_night(3, "belt", hours=2.0), simulate_night(3, "belt", hours=2.0, variant=True)
    assert not np.array_equal(main.displacement_mm, variant.displacement_mm)


def test_every_parameter_has_unit_and_source() -> None:
    assert [name for name, law in TABLE.items() if not law.unit or not law.source or not law.values] == []
    assert [name for name, law in TABLE.items() if law.variant and len(law.variant) != len(law.values)] == []


def test_truth_and_signals_agree() -> None:
    plan = [*PLAN[:3], Activity(200.0, "visit_bathroom"), PLAN[3]]
    night = simulate(Person(), plan, 8.0, 4)
    samples = 8 * 3600 * SAMPLE_HZ
    assert night.t_s.size == night.displacement_mm.size == night.distance_m.size == night.moving.size == samples
    assert night.stage.size == night.in_bed.size == night.intent.size == night.posture.size == 960
    assert np.isfinite(night.displacement_mm).all()
    assert ((night.moving >= 0.0) & (night.moving <= 1.0)).all()
    share_there = np.isfinite(night.distance_m).reshape(960, -1).mean(1)
    np.testing.assert_array_equal(share_there >= 0.5, night.in_bed)
    # Nobody sleeps out of bed, before trying, or after leaving; the trip is out of bed and inside the intent.
    assert (night.stage[~night.in_bed] == SleepStage.WAKE).all()
    assert (night.stage[:20] == SleepStage.WAKE).all()
    assert (night.stage[950:] == SleepStage.WAKE).all()
    assert not night.intent[:20].any()
    assert night.intent[20:950].all()
    assert not night.in_bed[950:].any()
    assert 2 <= np.sum(~night.in_bed[400:425]) <= 16  # lognormal about 3.5 minutes
    assert night.moving[round(200 * 60 * SAMPLE_HZ) : round(200.2 * 60 * SAMPLE_HZ)].max() == 0.0  # away


def test_a_plan_without_sleep_has_none() -> None:
    night = simulate(Person(), [Activity(1.0, "enter"), Activity(2.0, "phone")], 1.0, 0)
    assert (night.stage == SleepStage.WAKE).all()
    assert not night.intent.any()
    assert night.in_bed[4:].all()


def test_an_empty_bed_is_nearly_still() -> None:
    night = simulate(Person(), [], 0.5, 0)
    assert np.isnan(night.distance_m).all()
    assert not night.in_bed.any()
    seconds = night.displacement_mm.reshape(-1, SAMPLE_HZ)
    assert np.median(seconds.std(axis=1)) < 0.1  # mm; a breath moves several


def test_a_phone_moves_more_than_a_book_and_both_more_than_sleep() -> None:
    def small_moves(what: str) -> int:
        night = simulate(Person(), [Activity(0.0, "enter"), Activity(1.0, what)], 2.0, 7)
        return int(np.sum(night.moves.size < LARGE))

    assert small_moves("phone") > 3 * small_moves("read")


def one_breath(interval_s: float, inspired: float, pause: float) -> Breaths:
    ones = np.ones(1)
    share = 0.54 * ones
    return Breaths(0 * ones, interval_s * ones, ones, inspired * ones, pause * ones, share, np.zeros(1, dtype=np.bool_))


def test_a_breath_rises_falls_and_rests() -> None:
    """4 s, 40 % in, 10 % rest: half-way up at .8 s, full at 1.6 s, and flat from 3.6 s."""
    person = Person(chest_mm=5.0, belly_mm=6.0, expiration_tau_s=0.6)
    chest, belly = chest_and_belly(one_breath(4.0, 0.4, 0.1), person, 5 * SAMPLE_HZ)
    assert chest[0] == 0.0
    assert chest[16] == pytest.approx(2.5)
    assert chest[32] == pytest.approx(5.0)
    # Passive from there: at 2.2 s, one time constant later, (exp(-1) - exp(-2/.6)) / (1 - exp(-2/.6)) of 5 mm.
    assert chest[44] == pytest.approx(5.0 * (0.36788 - 0.03567) / (1 - 0.03567), rel=1e-3)
    assert (chest[72:80] == 0.0).all()
    assert belly == pytest.approx(chest * 6.0 / 5.0)


def test_wander_forgets_in_its_time() -> None:
    """Ornstein-Uhlenbeck: unit variance and a correlation of exp(-1) after one time constant."""
    noise = wander(np.random.default_rng(0), 200_000, 20.0)
    assert noise.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(noise[:-20], noise[20:])[0, 1] == pytest.approx(np.exp(-1.0), abs=0.03)


def test_drift_has_the_density_asked_for() -> None:
    """20 um/sqrt(Hz) at 0.1 Hz, and 1/f in power: ten times lower at 1 mHz would be a factor of 10 in amplitude."""
    noise = drift(np.random.default_rng(1), 20 * 7200, 20.0, 0.020)
    parts = noise.reshape(18, -1)  # 400 s each
    spectrum = np.mean(np.abs(np.fft.rfft(parts * np.hanning(8000), axis=1)) ** 2, axis=0) * 2 / (20.0 * 3000.0)
    frequency = np.fft.rfftfreq(8000, 0.05)
    tenth = np.sqrt(spectrum[(frequency > 0.08) & (frequency < 0.125)].mean())
    hundredth = np.sqrt(spectrum[(frequency > 0.008) & (frequency < 0.0125)].mean())
    assert tenth == pytest.approx(0.020, rel=0.35)
    assert hundredth / tenth == pytest.approx(np.sqrt(10.0), rel=0.4)


def test_statistics_can_be_made_again(shared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed file is what the command makes, so that nobody has to believe it."""
    from models.training import statistics

    out = tmp_path / "statistics.json"
    monkeypatch.setattr("sys.argv", ["statistics", "--data", str(shared_folder / "data"), "--out", str(out)])
    statistics.main()
    assert json.loads(out.read_text()) == json.loads(statistics.OUT.read_text())


def test_belts_are_compared_measure_by_measure() -> None:
    from models.training.belts import MEASURES, measures_of, told_apart

    assert told_apart(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 0.0
    assert told_apart(np.array([1.0, 4.0]), np.array([2.0, 3.0])) == 0.5
    t_s = np.arange(0.0, 1200.0, 0.1)
    windows = measures_of(np.sin(2.0 * np.pi * t_s / 4.0), 10.0)  # fifteen a minute, like clockwork, 20 minutes
    assert windows.shape == (4, len(MEASURES))
    assert windows[:, 0] == pytest.approx(15.0, abs=0.05)
    assert (windows[1:, 1] < 0.01).all()
    assert (windows[:, 6] == 0.0).all()
