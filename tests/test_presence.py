"""Who is there: sleepers who stay, sleepers who leave, and things that are nobody."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from breathing import Motion, breath, echoes, human, phases, ticks_of, waves

from appliance.displacement import Tick
from appliance.presence import Presence, PresenceGate
from appliance.respiration import Respiration
from drivers.readings import Module, RadarSample

NAN = math.nan


def judge(module: Module, ticks: list[Tick]) -> list[Presence]:
    gate = PresenceGate(module)
    return [verdict for tick in ticks if (verdict := gate.update(tick)) is not None]


def seen(module: Module, samples: list[RadarSample]) -> list[Presence]:
    return judge(module, ticks_of(module, samples))


def share_present(verdicts: list[Presence], start_s: float, end_s: float) -> float:
    return float(np.mean([verdict.present for verdict in verdicts if start_s < verdict.t_s <= end_s]))


def stays(motion: Motion, start_s: float, held_s: float) -> Motion:
    """The breath is held for ``held_s`` from ``start_s``."""
    return lambda t_s: motion(min(t_s, start_s) + max(0.0, t_s - start_s - held_s))


def walk(t_s: float) -> float:
    """Somebody moves: centimetres, several times a second."""
    return 8.0 * math.sin(7.0 * t_s) + 5.0 * math.sin(11.3 * t_s)


def test_one_verdict_a_second_with_a_reason() -> None:
    verdicts = seen(Module.TINYFRAME, phases(human(14, 100), 0, 60))
    assert [verdict.t_s for verdict in verdicts] == [float(second) for second in range(1, 60)]
    assert all(0.0 <= verdict.confidence <= 1.0 and verdict.reason for verdict in verdicts)
    assert verdicts[-1].reason == "breathing 14 a minute"


SAMPLES: dict[Module, Callable[[Motion, float, float], list[RadarSample]]] = {
    Module.TINYFRAME: phases,
    Module.MICRADAR: waves,
    Module.ACCONEER: echoes,
}


@pytest.mark.parametrize("module", list(Module))
def test_a_sleeper_is_found_and_kept(module: Module) -> None:
    motion = human(14, 620, cv=0.1)
    verdicts = seen(module, SAMPLES[module](motion, 0, 300))
    assert share_present(verdicts, 45, 300) == 1.0


def test_somebody_comes_and_goes() -> None:
    samples = phases(walk, 0, 30, distance_m=None)
    samples += phases(lambda t: walk(t), 30, 36, distance_m=1.0)
    samples += phases(human(15, 500), 36, 200)
    samples += phases(walk, 200, 206)
    samples += phases(walk, 206, 300, distance_m=None)
    verdicts = seen(Module.TINYFRAME, samples)
    present = [verdict.t_s for verdict in verdicts if verdict.present]
    assert 30 < min(present) <= 50
    assert 206 < max(present) <= 236  # absence within half a minute
    assert share_present(verdicts, 50, 206) == 1.0


@pytest.mark.parametrize("module", list(Module))
def test_a_held_breath_stays_somebody(module: Module) -> None:
    motion = stays(human(13, 400, cv=0.1), 120.0, 40.0)
    pulse = lambda t: motion(t) + 0.1 * math.sin(2 * math.pi * 1.1 * t)  # noqa: E731
    verdicts = seen(module, SAMPLES[module](pulse, 0, 240))
    assert share_present(verdicts, 60, 240) == 1.0


def test_shallow_breath_is_somebody() -> None:
    verdicts = seen(Module.TINYFRAME, phases(human(16, 400, depth_mm=0.3), 0, 200))
    assert share_present(verdicts, 60, 200) == 1.0


def test_a_turn_in_bed_is_no_departure() -> None:
    samples = phases(human(14, 400), 0, 120) + phases(walk, 120, 132) + phases(human(15, 400, seed=3), 132, 220)
    assert share_present(seen(Module.TINYFRAME, samples), 60, 220) == 1.0
    samples = echoes(human(14, 400), 0, 120) + echoes(walk, 120, 132) + echoes(human(15, 400, seed=3), 132, 220)
    assert share_present(seen(Module.ACCONEER, samples), 60, 220) == 1.0


def test_a_lost_target_of_a_still_sleeper_is_waited_for() -> None:
    """Modules drop their lock for 10 to 60 s now and then."""
    samples = phases(human(14, 400), 0, 120) + phases(breath(14), 120, 160, distance_m=None)
    samples += phases(human(14, 400), 160, 240)
    assert share_present(seen(Module.TINYFRAME, samples), 60, 240) == 1.0


def test_twenty_silent_minutes_do_not_end_a_night_but_an_hour_does() -> None:
    for silence_s, stays_present in ((1200, True), (3600, False)):
        samples = phases(human(14, 400), 0, 120)
        samples += [RadarSample(120.0 + silence_s + k / 8, no_target=False) for k in range(40)]
        verdicts = seen(Module.TINYFRAME, samples)
        assert verdicts[-1].present is stays_present


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_nobody(seed: int) -> None:
    """White noise, and a drift of 20 um/rtHz at 0.1 Hz: as a random walk 0.003 mm a tick."""
    rng = np.random.default_rng(seed)
    white = [Tick(k / 10, 0.03 * float(rng.standard_normal()), 0.0, distance_m=0.7) for k in range(6000)]
    wander = np.cumsum(0.003 * rng.standard_normal(6000)).tolist()
    for ticks in (white, [tick._replace(displacement=level) for tick, level in zip(white, wander, strict=True)]):
        assert share_present(judge(Module.TINYFRAME, ticks), 0, 600) == 0.0


def test_an_empty_seat_is_nobody() -> None:
    assert share_present(seen(Module.ACCONEER, echoes(breath(15), 0, 120, reflection=0.0)), 0, 120) == 0.0


def test_no_target_and_no_phase_is_nobody() -> None:
    assert share_present(seen(Module.TINYFRAME, phases(breath(15), 0, 120, distance_m=None)), 0, 120) == 0.0


def test_micradar_empty_room_as_logged() -> None:
    """An empty room reports body movement 1, rarely more, and a target that hops between walls."""
    rng = np.random.default_rng(0)
    samples = []
    for second in range(600):
        pct = int(rng.choice([0, 1, 2, 3, 7, 27], p=[0.03, 0.88, 0.04, 0.02, 0.02, 0.01]))
        metres = float(rng.choice([0.23, 0.47, 0.71, 1.78, 1.9]))
        samples.append(RadarSample(float(second), movement_pct=pct, distance_m=metres, module_breath_brpm=15.0))
    assert share_present(seen(Module.MICRADAR, samples), 0, 600) == 0.0


def test_micradar_log_of_somebody_seated() -> None:
    """Seated people move by 4 to 20 most of the time; such a log has no waveform."""
    rng = np.random.default_rng(0)
    samples = [RadarSample(float(k), movement_pct=int(rng.integers(1, 20)), distance_m=0.47) for k in range(300)]
    assert share_present(seen(Module.MICRADAR, samples), 30, 300) == 1.0


def test_the_modules_own_word_counts_for_nothing() -> None:
    samples = phases(breath(15), 0, 60, noise_rad=0.005, distance_m=None)
    believed = [sample._replace(module_present=True, module_breath_brpm=16.0) for sample in samples]
    assert share_present(seen(Module.TINYFRAME, believed), 0, 60) == 0.0


def test_a_fan_is_not_breathing() -> None:
    """Swings at 8/min whose intervals vary by less than 1 % are a machine's, once three minutes of them are known."""
    verdicts = seen(Module.TINYFRAME, phases(breath(8, 3.0), 0, 900))
    assert share_present(verdicts, 300, 900) == 0.0
    assert "machine" in verdicts[-1].reason


def test_a_curtain_is_let_go() -> None:
    """Incommensurate swings between 0.1 and 1 Hz in gusts: movement now and then, and no breath that goes on."""

    def sways(t_s: float) -> float:
        gust = max(0.0, math.sin(t_s / 31.0)) ** 2
        return gust * sum(math.sin(2 * math.pi * hz * t_s + 7 * hz) for hz in (0.137, 0.291, 0.463, 0.619, 0.883))

    verdicts = seen(Module.TINYFRAME, phases(sways, 0, 1800))
    assert share_present(verdicts, 900, 1800) < 0.3


def gusts(moved: tuple[tuple[float, float], ...], seconds: float) -> list[Tick]:
    """Something 1.2 m away that stirs in these spans, and hangs still in between."""
    rng = np.random.default_rng(4)
    told = []
    for k in range(round(seconds * 10)):
        stirs = any(start <= k / 10 < end for start, end in moved)
        told.append(Tick(k / 10, rng.normal(0, 1.0 if stirs else 0.004), 0.8 if stirs else 0.1, distance_m=1.2))
    return told


@pytest.mark.parametrize("module", [Module.TINYFRAME, Module.MICRADAR])
def test_what_moves_and_never_breathes_is_let_go_and_believed_less_the_next_time(module: Module) -> None:
    """Five nats at a tenth a second, from the thirtieth second on."""
    verdicts = judge(module, gusts(((60.0, 75.0), (400.0, 408.0)), 600.0))
    assert share_present(verdicts, 70.0, 90.0) == 1.0
    assert not any(verdict.present for verdict in verdicts if verdict.t_s > 75.0 + 30.0 + 50.0)


@pytest.mark.parametrize("module", [Module.TINYFRAME, Module.MICRADAR])
def test_who_comes_after_a_curtain_stirred_is_somebody_within_half_a_minute(module: Module) -> None:
    chest = ticks_of(Module.TINYFRAME, phases(human(15, 400), 0, 300, distance_m=1.2))
    comes = [tick._replace(t_s=tick.t_s + 300.0) for tick in chest]
    verdicts = judge(module, gusts(((60.0, 75.0), (295.0, 300.0)), 300.0) + comes)
    assert not any(verdict.present for verdict in verdicts if 155.0 < verdict.t_s < 295.0)
    assert share_present(verdicts, 330.0, 600.0) == 1.0


@pytest.mark.parametrize("distance_m", [0.6, 2.2])
def test_beyond_the_bed_nobody_lies(distance_m: float) -> None:
    samples = [one._replace(distance_m=distance_m) for one in waves(human(14, 310, cv=0.1), 0, 300, movement_pct=12)]
    assert share_present(seen(Module.MICRADAR, samples), 60, 300) == (distance_m < 1.7)


def test_evidence_can_be_left_out_to_see_its_worth() -> None:
    ticks = ticks_of(Module.TINYFRAME, phases(human(14, 130), 0, 120))
    gate = PresenceGate(Module.TINYFRAME, frozenset({"breathing", "movement"}))
    assert not any(verdict.present for tick in ticks if (verdict := gate.update(tick)) is not None)
    with pytest.raises(ValueError, match=r"^no such evidence: magic$"):
        PresenceGate(Module.TINYFRAME, frozenset({"magic"}))


def test_an_even_sleeper_is_not_taken_for_a_machine() -> None:
    """Deep sleep's least interval variation is about 0.03 (MESA, N3 lower quartile 0.048)."""
    verdicts = seen(Module.TINYFRAME, phases(human(13, 1000, cv=0.03), 0, 900))
    assert share_present(verdicts, 60, 900) == 1.0


def test_verdicts_do_not_depend_on_what_else_is_done_between() -> None:
    ticks = ticks_of(Module.TINYFRAME, phases(human(14, 200), 0, 100))
    alone = judge(Module.TINYFRAME, ticks)
    gate, respiration, beside = PresenceGate(Module.TINYFRAME), Respiration(), []
    for tick in ticks:
        verdict = gate.update(tick)
        respiration.update(tick)
        if verdict is not None:
            beside.append(verdict)
    assert pickle.dumps(beside) == pickle.dumps(alone)


def test_memory_is_constant() -> None:
    gate, sizes = PresenceGate(Module.TINYFRAME), []
    ticks = ticks_of(Module.TINYFRAME, phases(human(14, 900), 0, 900))
    for half in (ticks[:4500], ticks[4500:]):
        for tick in half:
            gate.update(tick)
        sizes.append(len(pickle.dumps(gate)))
    assert sizes[1] <= sizes[0] * 1.05
