"""Thousands of recordings, each alone in memory: on the processes of this computer or of a Dask cluster.

Where ``distributed`` is installed, Dask hands the recordings out (its own processes here, or a cluster's workers, which
must see the same folders and have this program); without it Python's own process pool does, or one job does all.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from appliance.edf import EdfError
from models.training.corpora.catalogue import Recording
from models.training.corpora.nights import PREFIX, night_of
from models.training.corpora.stages import CorpusError
from models.training.dataset import write_night

_ALONE = threading.Lock()  # a cluster's worker may have several threads: one night in memory all the same


class Prepared(NamedTuple):
    """What became of a recording."""

    recording: Recording
    problem: str  # why it was skipped, one line; empty where it was not
    peak_mb: float = 0.0  # the most memory that its process has held so far; 0 where the night was there already


def has_dask() -> bool:
    """Whether Dask's scheduler and workers are installed."""
    return find_spec("distributed") is not None


def prepare(recordings: Sequence[Recording], out: Path, jobs: int, scheduler: str | None = None) -> Iterator[Prepared]:
    """Write the nights that ``out`` does not hold yet; what became of each recording, in the order of being done.

    ``scheduler`` is the address of a Dask cluster, which decides by itself how many processes there are.  Raises
    OSError when it does not answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = []
    for recording in recordings:
        if (out / f"{PREFIX}{recording.key}.npz").exists():
            yield Prepared(recording, "")
        else:
            missing.append(recording)
    if scheduler is None and (jobs == 1 or len(missing) <= 1):
        yield from (make(out, recording) for recording in missing)
    elif has_dask():
        yield from _by_dask(missing, out, jobs, scheduler)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            futures = {pool.submit(make, out, recording): recording for recording in missing}
            for future in as_completed(futures):
                yield _outcome(future, futures[future])


def make(out: Path, recording: Recording) -> Prepared:
    """One recording into one night of ``out``."""
    problem = ""
    with _ALONE:
        try:
            write_night(out, night_of(recording))
        except (CorpusError, EdfError, ValueError) as error:
            problem = str(error)
        except Exception as error:  # a defect that one recording brings out must not cost the others
            problem = _in_words(error)
    return Prepared(recording, problem, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _by_dask(recordings: Sequence[Recording], out: Path, jobs: int, scheduler: str | None) -> Iterator[Prepared]:
    distributed: Any = import_module("distributed")
    local = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(scheduler) if scheduler else distributed.Client(**local) as client:
        made = client.map(make, [out] * len(recordings), recordings, pure=False)
        futures = dict(zip(made, recordings, strict=True))
        for future in distributed.as_completed(made):
            yield _outcome(future, futures.pop(future))


def _outcome(future: Any, recording: Recording) -> Prepared:
    """Nor must a process that died cost the others."""
    try:
        prepared: Prepared = future.result()
    except Exception as error:
        return Prepared(recording, _in_words(error))
    return prepared


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
