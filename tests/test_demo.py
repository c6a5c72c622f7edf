"""The demo's radar, which nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

import numpy as np

from appliance.demo import _and_then_nobody
from drivers.twins import Scene, Twin


class Talker:
    """Says a byte for each second of each scene."""

    def speak(self, scene: Scene) -> Iterator[tuple[float, bytes]]:
        """All of its seconds but the first, which the scene before had."""
        for t_s in scene.t_s[1:]:
            yield float(t_s), b"." if scene.bodies else b"-"


def test_the_radar_goes_on_talking_of_an_empty_room_for_days() -> None:
    t_s = np.arange(0.0, 121.0)
    night = Scene.of_one(t_s, np.zeros(len(t_s)), np.full(len(t_s), 0.6), np.zeros(len(t_s)))
    spoken = [item for item in islice(_and_then_nobody(cast(Twin, Talker()), night), 3 * 86_400 * 61 // 60) if item[1]]
    assert [at_s for at_s, _ in spoken] == list(range(1, len(spoken) + 1))
    assert "".join(data.decode() for _, data in spoken) == "." * 120 + "-" * (len(spoken) - 120)
    assert len(spoken) >= 3 * 86_400 - 60
