"""Bodies at different ranges of one Acconeer profile, followed apart."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from appliance.displacement import Bodies, Tick
from appliance.echo import BODIES, Echo
from appliance.presence import Presence
from appliance.respiration import Breathing
from appliance.sensing import Sensing, StagedEpoch
from appliance.tracking import PrimaryUser, PrimaryUserTracker, Who
from drivers.readings import Module, RadarSample

RANGES_M = tuple(0.36 + 0.12 * k for k in range(12))
ENVELOPE_M = 0.12  # of a range point, as the A121's profile 5 has it
NOISE = 8.0


def breath(rate_brpm: float, mm: float) -> Callable[[float], float]:
    """Displacement in mm of a chest that breathes evenly but for a slow drift of its period (so no machine)."""
    return lambda t_s: mm / 2 * math.sin(2 * math.pi * rate_brpm / 60 * t_s + 1.2 * math.sin(0.11 * t_s))


def frames(
    seconds: float, *chests: tuple[float, float, Callable[[float], float]], start_s: float = 0.0
) -> Iterator[RadarSample]:
    """20 Hz; each chest is (range in m, amplitude in counts, displacement)."""
    rng = np.random.default_rng(3)
    away = np.array(RANGES_M)
    for k in range(round(20 * seconds)):
        t_s = start_s + k / 20
        iq = NOISE / math.sqrt(6) * (rng.standard_normal(12) + 1j * rng.standard_normal(12))
        for range_m, counts, displacement in chests:
            envelope = np.exp(-((away - range_m) ** 2) / (2 * ENVELOPE_M**2))
            iq = iq + counts * envelope * np.exp(4j * math.pi / 4.955 * displacement(t_s))
        spread = np.full(12, NOISE * math.sqrt(2), np.float32)
        yield RadarSample(t_s, iq=iq.astype(np.complex64), ranges_m=RANGES_M, sweep_spread=spread)


YOU = (0.60, 900.0, breath(14.0, 4.0))
PARTNER = (1.32, 200.0, breath(19.0, 3.0))


def seen(*samples: Iterator[RadarSample]) -> list[list[Tick | None]]:
    bodies = Bodies(Module.ACCONEER)
    return [row for stream in samples for sample in stream for row in bodies.update(sample)]


def test_one_body_has_the_whole_profile() -> None:
    rows = seen(frames(30.0, YOU))
    assert all(tick is None for row in rows for tick in row[1:])
    assert rows[-1][0] is not None
    assert rows[-1][0].distance_m == pytest.approx(0.60, abs=0.03)


def test_two_bodies_move_by_themselves() -> None:
    """The distances of both, and each one's own swing: 4 mm and 3 mm from peak to peak."""
    rows = seen(frames(60.0, YOU, PARTNER))[-300:]
    found = sorted(
        ((row[k].distance_m, row[k].displacement) for row in rows for k in range(len(row)) if row[k] is not None),  # type: ignore[union-attr]
    )
    near = [mm for distance_m, mm in found if distance_m < 0.9]
    far = [mm for distance_m, mm in found if distance_m > 0.9]
    assert max(near) - min(near) == pytest.approx(4.0, abs=0.4)
    assert max(far) - min(far) == pytest.approx(3.0, abs=0.4)


def test_a_body_that_went_is_let_go() -> None:
    rows = seen(frames(30.0, YOU, PARTNER), frames(120.0, YOU, start_s=30.0))
    assert sum(tick is not None for tick in rows[290]) == 2
    assert sum(tick is not None for tick in rows[-1]) == 1


def test_a_flash_at_another_range_is_no_body() -> None:
    rows = seen(frames(30.0, YOU), frames(1.0, YOU, PARTNER, start_s=30.0), frames(60.0, YOU, start_s=31.0))
    assert sum(tick is not None for tick in rows[-1]) == 1


def test_without_ranges_there_is_one_body() -> None:
    echo = Echo()
    for sample in frames(20.0, YOU, PARTNER):
        assert sample.iq is not None
        steps = echo.update(sample.t_s, sample.iq, sample.sweep_spread)
        assert len(steps) == BODIES
        assert steps[1:] == [None] * (BODIES - 1)


def test_the_sleeper_is_followed_beside_a_partner_who_was_there_first() -> None:
    sensing = Sensing(Module.ACCONEER, PrimaryUserTracker(Module.ACCONEER), None)
    people: list[PrimaryUser] = []
    rates: list[float] = []
    for stream in (frames(90.0, PARTNER), frames(90.0, YOU, PARTNER, start_s=90.0)):
        for sample in stream:
            for finding in sensing.update([sample], sample.t_s):
                if isinstance(finding, PrimaryUser):
                    people.append(finding)
                elif isinstance(finding, Breathing) and finding.rate_brpm is not None and sample.t_s > 150.0:
                    rates.append(finding.rate_brpm)
                else:
                    assert isinstance(finding, Presence | Breathing) or finding.primary is not None
    assert {one.who for one in people if 40.0 < one.t_s < 90.0} == {Who.OTHER}
    assert people[-1].is_primary
    assert rates
    # The phase modulation moves a period of 14 a minute by up to a tenth.
    assert sum(rates) / len(rates) == pytest.approx(14.0, abs=1.5)


def test_an_empty_room_leaves_nothing_behind_and_the_first_epoch_is_whoever_comes() -> None:
    """Seconds of nobody are no part of an epoch: neither memory, nor a say in whose it is."""
    sensing = Sensing(Module.ACCONEER, PrimaryUserTracker(Module.ACCONEER), None)
    sizes = []
    for minute in range(40):
        for sample in frames(60.0, start_s=60.0 * minute):
            sensing.update([sample], sample.t_s)
        sizes.append(len(pickle.dumps(sensing)))
    assert sizes[-1] < 1.02 * sizes[19]
    epochs = [
        finding
        for sample in frames(90.0, YOU, start_s=2400.0)
        for finding in sensing.update([sample], sample.t_s)
        if isinstance(finding, StagedEpoch)
    ]
    assert epochs
    assert epochs[0].primary.is_primary
