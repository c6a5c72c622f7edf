"""The radar's bytes in time, the room and the button, as one process after another takes them."""

from __future__ import annotations

from collections import deque

from appliance.clock import Instant
from appliance.rehearsal.world import World
from appliance.status import RadarStatus
from appliance.turn import Inputs
from drivers.environment import Environment
from drivers.outputs import PressDetector
from drivers.radar import Conversation
from drivers.readings import EnvironmentReading, RadarSample
from drivers.twins.i2c import room_bus

QUIET_S = 0.1  # after which a decoder gives up the frame that waits


class WorldSenses:
    """The radar's bytes, the room and the button, as one process takes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._module = world.plan.module
        self._zero_s = world.conditions.t_s
        self._talk: Conversation | None = None
        self._spoke_s = 0.0
        self._presses = PressDetector()
        world.hand.edges.clear()
        self._waited_s = self._looked_s = 0.0
        self._bus = room_bus(self._room_s)
        self._room = Environment(self._bus, self._room_s, self._wait)

    def take(self, now: Instant) -> Inputs:
        """What came since the last turn."""
        self._world.step()
        conditions = self._world.conditions
        samples = self._listen(now.mono_s)
        fault = "The radar is not connected" if self._talk is None else self._talk.fault(now.mono_s)
        presses = []
        edges = self._world.hand.edges
        while edges and edges[0][0] <= conditions.t_s:
            at_s, down = edges.popleft()
            presses += self._presses.edge(at_s - self._zero_s, down)
        presses += self._presses.poll(now.mono_s)
        return Inputs(
            module=None if self._talk is None else self._module,
            radar=samples,
            room=self._look(now.mono_s),
            presses=presses,
            link=RadarStatus(self._talk is not None, self._module.value, None, fault),
            complaints=() if conditions.has_room else ("No room sensors",),
        )

    def _listen(self, now_s: float) -> list[RadarSample]:
        conditions, samples = self._world.conditions, list[RadarSample]()
        arrived = self._world.wire.until(conditions.t_s)
        if not conditions.is_plugged:
            deque(arrived, maxlen=0)
            self._talk = None
            return samples
        if self._talk is None:
            deque(arrived, maxlen=0)  # nobody listened
            self._talk, self._spoke_s = self._world.wire.conversation(), now_s
            for reply in self._world.wire.greeting():
                self._talk.receive(now_s, reply)
            return samples
        for true_s, data in arrived:
            if conditions.is_silent:
                continue
            t_s = true_s - self._zero_s
            if t_s - self._spoke_s > QUIET_S:
                samples += self._talk.idle(self._spoke_s + QUIET_S)
            self._spoke_s = t_s
            samples += self._talk.receive(t_s, conditions.garble(data) if conditions.is_garbled else data)
        return samples

    def _look(self, now_s: float) -> list[EnvironmentReading]:
        conditions = self._world.conditions
        if not conditions.has_room or conditions.bus_hangs or now_s < self._looked_s:
            return []  # a bus that hangs holds the room's thread, of which the loop hears nothing at all
        self._looked_s = now_s + self._world.plan.pace.room_s
        self._bus.dead = set(self._bus.chips) if conditions.bus_fails else set()
        return [self._room.read()]

    def _room_s(self) -> float:
        return self._world.conditions.t_s + self._waited_s

    def _wait(self, seconds: float) -> None:
        self._waited_s += seconds
