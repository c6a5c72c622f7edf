"""When was it sampled?  A module samples evenly; the bytes arrive unevenly, several samples in one read."""

from __future__ import annotations

_WIDE, _SETTLED = 0.5, 0.1  # share of an arrival's lateness that is believed, at first and once the rate is known
_OUTLIER_S = 0.5  # further off than this the module paused: begin again


class SamplePacer:
    """Recovers even sample times from uneven arrival times with an alpha-beta filter, as audio clocks are recovered.

    Its gains begin wide, so that a module's true rate is learnt within a second or two, and settle: then reads a tenth
    of a second apart cost a millisecond or two of jitter instead of thirty.  Times never decrease, and lie ahead of
    an arrival by no more than the arrivals jitter.
    """

    def __init__(self, period_s: float) -> None:
        """``period_s``: the nominal time between two samples; the true one may differ up to four-fold."""
        self._nominal_s = self._period_s = period_s
        self._last_s: float | None = None
        self._gain = _WIDE

    @property
    def last_s(self) -> float | None:
        """Time of the last sample, None before the first."""
        return self._last_s

    def advance(self, t_s: float, count: float = 1.0) -> tuple[float, float]:
        """``count`` sample periods went by with what arrived at ``t_s``: (start, step), sample i at start + i * step.

        i runs from 1 to ``count``.
        """
        last_s = self._last_s
        if last_s is None:
            step_s = min(self._period_s, max(t_s, 0.0) / count)  # nothing was sampled before the clock's zero
            self._last_s = t_s
            return t_s - count * step_s, step_s
        expected_s = last_s + count * self._period_s
        late_s = t_s - expected_s
        gain = self._gain
        if abs(late_s) > max(_OUTLIER_S, 0.75 * self._nominal_s):
            seen_s = max((t_s - last_s) / count, 0.0)
            start_s, step_s = last_s, seen_s
            if seen_s > self._period_s:  # a pause, and then samples as fast as ever
                step_s = self._period_s
                start_s = t_s - count * step_s
            self._last_s = max(t_s, last_s)
            self._gain = _WIDE
            if self._is_plausible(seen_s):  # or no pause but another rate, which long reads show at once
                self._period_s = seen_s
        else:
            self._last_s = max(expected_s + gain * late_s, last_s)
            self._gain = max(_SETTLED, gain / (1.0 + 0.5 * gain))
            period_s = self._period_s + gain * gain / (2.0 - gain) * late_s / count  # critically damped
            if self._is_plausible(period_s):
                self._period_s = period_s
            start_s, step_s = last_s, (self._last_s - last_s) / count
        return start_s, step_s

    def _is_plausible(self, period_s: float) -> bool:
        return self._nominal_s / 4.0 <= period_s <= self._nominal_s * 4.0
