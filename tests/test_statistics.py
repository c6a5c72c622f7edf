"""The night's fourteen: nights worked out by hand, and real hypnograms counted by others as well."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_sleep import NIGHT, night

from appliance.figures import fourteen
from appliance.sleep import Hypnogram, SleepStatistics
from models.contract import EPOCH_S, SleepStage, StageEstimate

FOUR = {
    -1: SleepStage.UNSCORED,
    0: SleepStage.WAKE,
    1: SleepStage.LIGHT,
    2: SleepStage.LIGHT,
    3: SleepStage.DEEP,
    4: SleepStage.REM,
}


def counted(text: str, began_trying_s: float | None = None) -> dict[str, float | None]:
    epochs = night(text)
    end_s = epochs[-1].start_s + EPOCH_S
    return fourteen(SleepStatistics.of(Hypnogram.of(epochs, 0, end_s), began_trying_s).as_dict())


def test_the_fourteen_of_a_night_by_hand() -> None:
    """10W 20L 40D 2W 10L 20R 4U 6L 8W, an hour: TST 20 + 5 + 10 + 3 + 10 = 48 min, of it light 18, deep 20, REM 10."""
    told = fourteen(SleepStatistics.of(Hypnogram.of(NIGHT, 0, 3600)).as_dict())
    assert told == {
        "tib_min": 60.0,
        "spt_min": 51.0,
        "tst_min": 48.0,
        "sol_min": 5.0,
        "waso_min": 5.0,
        "se_pct": 80.0,
        "rem_latency_min": 36.0,
        "awakenings": 1,
        "light_min": 18.0,
        "deep_min": 20.0,
        "rem_min": 10.0,
        "light_pct": 37.5,
        "deep_pct": pytest.approx(100 * 20 / 48),
        "rem_pct": pytest.approx(100 * 10 / 48),
    }
    assert len(told) == 14


def test_a_night_without_rem_by_hand() -> None:
    """4W 8L 2W 2D: in bed 8 min, asleep 5, so SE 62.5 % and light 80 % of TST."""
    told = counted("4W 8L 2W 2D")
    assert (told["tib_min"], told["tst_min"], told["se_pct"]) == (8.0, 5.0, 62.5)
    assert (told["light_pct"], told["deep_pct"], told["rem_pct"]) == (80.0, 20.0, 0.0)
    assert (told["sol_min"], told["waso_min"], told["awakenings"], told["rem_latency_min"]) == (2.0, 1.0, 1, None)


def test_trying_later_changes_latency_and_efficiency_alone() -> None:
    """The same, with two minutes of reading first: TIB 6 min, SOL 0, SE 5 of 6."""
    told = counted("4W 8L 2W 2D", began_trying_s=120)
    assert (told["tib_min"], told["sol_min"], told["tst_min"]) == (6.0, 0.0, 5.0)
    assert told["se_pct"] == pytest.approx(100 * 5 / 6)


@pytest.mark.parametrize("text", ["10W", "10U", "5W 5U"])
def test_a_night_without_sleep_is_none_and_never_zero(text: str) -> None:
    told = counted(text)
    assert told.pop("tib_min") == 5.0
    assert set(told.values()) == {None}


def test_of_nothing_nothing_is_known() -> None:
    assert set(fourteen({}).values()) == {None}


# Real nights


def real_nights(folder: Path) -> Iterator[tuple[str, NDArray[np.int8]]]:
    """Every night of one scorer, from its first to its last epoch."""
    path = folder / "data" / "hypnograms.npz"
    path = path if path.exists() else folder / "hypnograms.npz"
    if not path.exists():
        pytest.skip("needs hypnograms.npz in FIRSTLIGHT_DATA")
    with np.load(path) as archive:
        for key in archive:
            if archive[key].ndim == 1:
                yield key, archive[key]


def ours(stages: NDArray[np.int8]) -> dict[str, float | None]:
    estimates = [StageEstimate(k, 30.0 * k, FOUR[int(code)], None, 1.0) for k, code in enumerate(stages)]
    return fourteen(SleepStatistics.of(Hypnogram.of(estimates, 0, 30.0 * len(stages))).as_dict())


def by_the_manual(stages: NDArray[np.int8]) -> dict[str, Any]:
    """The AASM manual's report (section II.C, sleep scoring data) once more, from the epochs' numbers alone.

    Total recording time is the whole array; WASO is recording time - SOL - TST, less what nobody scored after onset.
    """
    asleep = np.flatnonzero(stages > 0)
    first, last = int(asleep[0]), int(asleep[-1])
    rem = np.flatnonzero(stages == 4)
    tst = len(asleep)
    inside = stages[first : last + 1]
    scored = inside[inside >= 0]  # unscored between two halves of a bout of wake does not make it two
    count = {"light": np.isin(stages, (1, 2)).sum(), "deep": (stages == 3).sum(), "rem": len(rem)}
    minutes = {
        "tib": len(stages),
        "spt": last - first + 1,
        "tst": tst,
        "sol": first,
        "waso": len(stages) - first - tst - (stages[first:] < 0).sum(),
        "rem_latency": rem[0] - first if len(rem) else None,
        **count,
    }
    return {
        **{f"{key}_min": None if value is None else value / 2 for key, value in minutes.items()},
        **{f"{key}_pct": 100 * value / tst for key, value in count.items()},
        "se_pct": 100 * tst / len(stages),
        "awakenings": int(((scored[:-1] > 0) & (scored[1:] == 0)).sum()),
    }


def test_six_hundred_real_nights_by_the_manual(shared_folder: Path) -> None:
    nights = 0
    for key, stages in real_nights(shared_folder):
        if not (stages > 0).any():
            continue
        told, expected = ours(stages), by_the_manual(stages)
        assert told.keys() == expected.keys()
        for name, value in expected.items():
            assert told[name] == (None if value is None else pytest.approx(value)), (key, name)
        nights += 1
    assert nights > 600


def test_six_hundred_real_nights_by_yasa(shared_folder: Path) -> None:
    """Equal where the definitions are; WASO and REM latency differ by exactly what the definitions do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yasa = pytest.importorskip("yasa", reason="YASA comes with the readers extra", exc_type=ImportError)
    nights = 0
    for key, stages in real_nights(shared_folder):
        if not (stages > 0).any():
            continue
        theirs, told = yasa.sleep_statistics(stages, sf_hyp=1 / EPOCH_S), ours(stages)
        assert told["se_pct"] is not None
        same = {
            "tib_min": theirs["TIB"],
            "spt_min": theirs["SPT"],
            "tst_min": theirs["TST"],
            "sol_min": theirs["SOL"],
            "se_pct": theirs["SE"],
            "light_min": theirs["N1"] + theirs["N2"],
            "deep_min": theirs["N3"],
            "rem_min": theirs["REM"],
            "light_pct": theirs["%N1"] + theirs["%N2"],
            "deep_pct": theirs["%N3"],
            "rem_pct": theirs["%REM"],
            # From sleep onset, and not from the beginning of the record.
            "rem_latency_min": None if np.isnan(theirs["Lat_REM"]) else theirs["Lat_REM"] - theirs["SOL"],
            # Until getting up, and not until the final awakening.
            "waso_min": theirs["WASO"] + (stages[np.flatnonzero(stages > 0)[-1] :] == 0).sum() / 2,
        }
        for name, value in same.items():
            assert told[name] == (None if value is None else pytest.approx(value)), (key, name)
        nights += 1
    assert nights > 600
