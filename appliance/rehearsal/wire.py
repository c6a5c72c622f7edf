"""The module's side of the wire: a simulated sleeper's night as bytes in time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np

from appliance.rehearsal.faults import Conditions
from appliance.rehearsal.plan import Plan
from drivers import acconeer
from drivers.probing import PROTOCOLS
from drivers.radar import Conversation
from drivers.readings import Module
from drivers.twins import AcconeerTwin, MicradarTwin, Scene, TinyFrameTwin
from models.sleeper import random_person, random_plan, simulate

BLOCK_S = 30.0


_TWINS: dict[Module, type[TinyFrameTwin | MicradarTwin | AcconeerTwin]] = {
    twin.module: twin for twin in (TinyFrameTwin, MicradarTwin, AcconeerTwin)
}


class Wire:
    """The module's side: its bytes in time, with whatever is wrong with it."""

    def __init__(self, plan: Plan, conditions: Conditions) -> None:
        self._plan = plan
        self._twin = twin_of(plan.module, plan.seed)
        self.greeting()  # an Acconeer module speaks only once it is set up
        self._conditions = conditions
        self._spoken = self._speak()
        self._next: tuple[float, bytes] | None = next(self._spoken, None)

    def until(self, t_s: float) -> Iterator[tuple[float, bytes]]:
        """What has arrived by ``t_s`` and was not asked for before."""
        while self._next is not None and self._next[0] <= t_s:
            yield self._next
            self._next = next(self._spoken, None)

    def greeting(self) -> list[bytes]:
        """What the module answers to a host that sets it up."""
        return self._twin.setup_replies() if isinstance(self._twin, AcconeerTwin) else []

    def conversation(self) -> Conversation:
        """The host's side of a talk with this module."""
        if isinstance(self._twin, AcconeerTwin):
            return acconeer.Conversation(self._twin.sensor_config)
        talk: Conversation = PROTOCOLS[self._twin.module].Conversation()
        return talk

    def _speak(self) -> Iterator[tuple[float, bytes]]:
        plan = self._plan
        rng = np.random.default_rng([plan.seed, 3])
        person = random_person(rng)
        night = simulate(person, random_plan(rng, person, plan.hours), plan.hours, plan.seed)
        scene = Scene.of_one(
            night.t_s,
            night.displacement_mm.astype(np.float64),
            night.distance_m.astype(np.float64),
            night.moving.astype(np.float64),
        )
        for block in scene.blocks(BLOCK_S):
            self._twin.frozen = self._conditions.is_frozen
            yield from self._twin.speak(block)


class CoarseWire(Wire):
    """The same bytes of a minute over and over, a message now and then: enough for a link to live and to fail."""

    def _speak(self) -> Iterator[tuple[float, bytes]]:
        every_s = self._plan.pace.radar_s
        assert every_s is not None
        for number in itertools.count():
            minute = _minute(self._plan.module, self._conditions.is_frozen)
            t_s = number * every_s
            yield t_s, minute[round(t_s) % len(minute)]


@cache
def _minute(module: Module, frozen: bool) -> list[bytes]:
    """What the module says at the beginning of each second of a minute, somebody breathing before it."""
    twin = twin_of(module, 0)
    if isinstance(twin, AcconeerTwin):
        twin.setup_replies()
    t_s = np.arange(0.0, 121.0, 0.05)
    scene = Scene.of_one(t_s, 3.0 * np.sin(2 * np.pi * 0.25 * t_s), np.full(len(t_s), 0.8))
    seconds: dict[int, bytes] = {}
    for block in scene.blocks(60.0):
        for at_s, data in twin.speak(block):
            seconds.setdefault(int(at_s), data)
        twin.frozen = frozen
    return [seconds[second] for second in range(60, 120)]


def twin_of(module: Module, seed: int) -> TinyFrameTwin | MicradarTwin | AcconeerTwin:
    """Of this module."""
    return _TWINS[module](seed)
