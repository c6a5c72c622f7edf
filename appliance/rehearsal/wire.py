"""The module's side of the wire: a simulated sleeper's night as bytes in time."""

from __future__ import annotations

from collections.abc import Iterator

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
        rng = np.random.default_rng([plan.seed, 3])
        person = random_person(rng)
        night = simulate(person, random_plan(rng, person, plan.hours), plan.hours, plan.seed)
        scene = Scene.of_one(
            night.t_s,
            night.displacement_mm.astype(np.float64),
            night.distance_m.astype(np.float64),
            night.moving.astype(np.float64),
        )
        self._twin = _TWINS[plan.module](plan.seed)
        self.greeting()  # an Acconeer module speaks only once it is set up
        self._conditions = conditions
        self._spoken = self._speak(scene)
        self._next: tuple[float, bytes] | None = next(self._spoken)

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

    def _speak(self, scene: Scene) -> Iterator[tuple[float, bytes]]:
        for block in scene.blocks(BLOCK_S):
            self._twin.frozen = self._conditions.is_frozen
            yield from self._twin.speak(block)
