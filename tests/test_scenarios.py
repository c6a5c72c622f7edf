"""Every scenario, one seed, through a module that its file lists as able to know: are you told from the others?

In `make scenarios` all modules play all that they can know, which takes too long here.  The Micradar, whose
nights cost least, plays what it can, the TinyFrame the others, and the A121 every fifth of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from typing import cast

import pytest
from scenario_figures import SHARE_OF_EACH
from scenario_judge import Verdict
from scenario_suite import SCENARIOS, Part, parts_of, verdict_of, workers

from drivers.readings import Module

EVERY = parts_of(sorted(SCENARIOS.glob("*.toml")), list(Module), seeds=[1])
CHEAP = [part for part in EVERY if part.module is Module.MICRADAR]
DEAR = [part for part in EVERY if part.module is Module.ACCONEER]
LEFT = [part for part in EVERY if part.module is Module.TINYFRAME and part.path not in {one.path for one in CHEAP}]
PARTS = [*DEAR[1::5], *CHEAP, *LEFT]


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> Iterator[dict[Part, Future[Verdict]]]:
    """The nights that were asked for, played side by side while the tests wait for them one by one."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = [cast(Part, item.callspec.params["part"]) for item in items]
    pool = workers(os.cpu_count() or 1)
    yield {part: pool.submit(verdict_of, part) for part in asked}
    pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.path.stem}-{part.module}")
def test_you_are_told_from_the_others(part: Part, verdicts: dict[Part, Future[Verdict]]) -> None:
    verdict = verdicts[part].result()
    assert verdict.epochs.share >= SHARE_OF_EACH
    wrong = (verdict.sessions.lost, verdict.sessions.merged, verdict.sessions.invented)
    assert wrong == (0, 0, 0), f"sessions lost, merged, invented; {verdict.sessions.true} were true"
