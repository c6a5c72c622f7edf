"""What each piece of the presence gate's evidence is worth: scenes played with it left out.

    python tests/ablation.py [--seed N] [--jobs N]

One row for each piece: epochs given to the right person, and for how long somebody was said to be where nobody is.  The
scenes are those in which a piece can matter: breathing hard to see, hands that hide it, and what moves without it.
"""

from __future__ import annotations

import argparse

from scenario_figures import Played, figures_of
from scenario_suite import SCENARIOS, parts_of, play_all

from appliance.presence import EVIDENCE
from drivers.readings import Module

BODIES = ("apnoea", "turned_away", "shallow_breather", "phone_in_bed", "drop_outs")
NOBODY = ("curtain_empty", "fan_empty", "empty_bed")


def row(name: str, played: list[Played]) -> str:
    """One line of the table."""
    there = figures_of([one.verdict for one in played if one.scenario in BODIES])
    cells = [f"{100 * there.share:.2f} %", f"{100 * there.worst_night:.1f} %", f"{there.sessions_wrong}"]
    for module in Module:
        own = [one.verdict.phantom_s for one in played if one.scenario in NOBODY and one.module is module]
        cells.append(f"{sum(own)} s")
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Worth of each piece of the presence gate's evidence.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    paths = [SCENARIOS / f"{name}.toml" for name in (*BODIES, *NOBODY)]
    modules = ", ".join(str(module) for module in Module)
    print(f"| left out | epochs right | least | sessions wrong | nobody called somebody, of 3 h each: {modules} | | |")
    print("|---|---|---|---|---|---|---|")
    for name in ("", *sorted(EVIDENCE)):
        parts = parts_of(paths, list(Module), [options.seed], without=(name,) if name else ())
        print(row(name or "nothing", play_all(parts, options.jobs)), flush=True)


if __name__ == "__main__":
    main()
