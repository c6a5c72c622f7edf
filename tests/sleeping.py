"""Epochs of a made-up sleeper whose breathing is known to the sample: what the stager's tests are fed."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from models.contract import EPOCH_S, EPOCH_SAMPLES, SIGNAL_HZ, Breath, Epoch


def breathing_epochs(
    count: int, *, brpm: float = 15.0, cv: float = 0.0, depth_mm: float = 4.0, moving_share: float = 0.0, seed: int = 1
) -> list[Epoch]:
    """``count`` epochs of cosine breaths whose lengths vary by ``cv``; ``moving_share`` of the seconds move."""
    rng = np.random.default_rng(seed)
    total_s = count * EPOCH_S
    nominal_s = 60.0 / brpm
    lengths = nominal_s * np.exp(cv * rng.standard_normal(int(total_s / nominal_s * 1.5) + 8))
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    t_s = np.arange(total_s * SIGNAL_HZ) / SIGNAL_HZ
    phase = np.interp(t_s, starts, np.arange(starts.size))
    displacement = (depth_mm / 2 * np.cos(2 * np.pi * phase)).astype(np.float32)
    middles = (starts[:-1] + starts[1:]) / 2
    breaths = [Breath(float(t), float(i), depth_mm, True) for t, i in zip(starts[1:], np.diff(starts), strict=True)]
    breaths += [Breath(float(t), float(i), depth_mm, False) for t, i in zip(middles[1:], np.diff(middles), strict=True)]
    breaths.sort()
    ends = [b.t_s for b in breaths]
    motion = (rng.random(total_s) < moving_share).astype(np.float32)
    return [
        Epoch(
            index=k,
            start_s=float(k * EPOCH_S),
            displacement=displacement[k * EPOCH_SAMPLES : (k + 1) * EPOCH_SAMPLES],
            motion=motion[k * EPOCH_S : (k + 1) * EPOCH_S],
            breaths=tuple(breaths[bisect_left(ends, k * EPOCH_S) : bisect_left(ends, (k + 1) * EPOCH_S)]),
            coverage=1.0,
        )
        for k in range(count)
    ]
