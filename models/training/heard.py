"""An evening as the box hears it: the module's own bytes, decoded and followed as on the device.

Up to ten times as dear as models/training/radar.py, and true to what that leaves out: a Micradar's fifths of a second
that stand exactly on the grid, with a movement index that trembles at rest; a TinyFrame module's targets and their
speeds; an A121's sweeps.  Gate and tracker have no part: only what is in bed is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.displacement import Bodies, Tick
from appliance.scenario import wire_of
from appliance.scenario.words import Knows, NightFacts, Scenario, Sleeper
from drivers.probing import PROTOCOLS
from drivers.readings import Module
from models.contract import EPOCH_S
from models.sleeper import SimulatedNight

SLEEPER = Sleeper("A", ())


def heard_ticks(night: SimulatedNight, module: Module, seed: int) -> Iterator[Tick]:
    """Ticks of the nearest body, instant by instant, from an empty bed before the night to one after it."""
    facts = NightFacts(hours=night.doing.size * EPOCH_S / 3600.0)
    scenario = Scenario("evening", facts, (SLEEPER,), (), (), (), Knows())
    _, spoken = wire_of(scenario, [night], module, seed)
    talk = PROTOCOLS[module].Conversation()
    bodies = Bodies(module)
    for t_s, data in spoken:
        for sample in talk.receive(t_s, data):
            for row in bodies.update(sample):
                if row[0] is not None:
                    yield row[0]
