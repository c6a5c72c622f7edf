"""Which signal of a sleep recording is the breathing: a table of names.

The names are those of real corpora, from their public descriptions:

- Sleep-EDF Expanded (PhysioNet): ``Resp oro-nasal``
- SHHS (National Sleep Research Resource, NSRR): ``THOR RES``, ``ABDO RES``, ``AIRFLOW``, ``NEW AIR``
- MESA (NSRR): ``Thor``, ``Abdo``, ``Flow``, ``Pres``
- BOAS (OpenNeuro ds005555, its README): ``PSG_THOR``, ``PSG_ABD``, ``PSG_THER``, ``PSG_CAN``
- MIT-BIH Polysomnographic Database, slpdb (PhysioNet): ``Resp (chest)``, ``Resp (abdominal)``, ``Resp (nasal)``,
  ``Resp (sum)``
- Challenge 2018 (PhysioNet): ``CHEST``, ``ABD``, ``AIRFLOW``
- EDF+ standard texts (edfplus.info, section 3.2): ``Resp chest``, ``Resp abdomen``, ``Resp nasal``, ``Effort tho``
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# In order of preference: a belt round the chest is nearest to what a radar sees, and flow is furthest from it.
BREATHING = (
    re.compile(r"thor|\btho\b|chest|\brib"),
    re.compile(r"abd"),
    re.compile(r"\b(sum|rip|belt|effort)\b"),
    re.compile(r"flow|nasal|cannula|therm|\b(new air|can|ther|pres|ptaf|npt)\b"),
    re.compile(r"\bresp"),
)
# Electrodes on the chest, figures worked out from breathing, and machines that breathe for one.
OTHERS = re.compile(r"\b(ecg|ekg|emg|eeg|eog|rate|snore|limitation|cpap|tidal|leak)\b")


def breathing_signals(labels: Sequence[str]) -> list[int]:
    """Places of the labels that name breathing, the preferred first; equals keep the order of the file."""
    found = []
    for place, label in enumerate(labels):
        words = re.sub(r"[^a-z0-9]+", " ", label.lower())
        ranks = [rank for rank, names in enumerate(BREATHING) if names.search(words)]
        if ranks and not OTHERS.search(words):
            found.append((ranks[0], place))
    return [place for _, place in sorted(found)]
