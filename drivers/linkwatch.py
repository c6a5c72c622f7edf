"""Is anybody speaking sense on the line?  The one judgement that all three radar protocols share."""

from __future__ import annotations

SILENT_S = 5.0  # without a good frame; modules send at least one a second


class LinkWatch:
    """Knows when the last good frame came and whether other bytes came since."""

    def __init__(self, protocol: str) -> None:
        """``protocol``: the name that a fault tells the user."""
        self._protocol = protocol
        self._good_s: float | None = None
        self._odd_bytes = 0

    def begin(self, t_s: float) -> None:
        """The line is open from the first of these calls on."""
        if self._good_s is None:
            self._good_s = t_s

    def heard(self, t_s: float, frames: int, size: int) -> None:
        """``size`` bytes came at ``t_s`` and completed ``frames`` good frames."""
        if frames:
            self._good_s = t_s
            self._odd_bytes = 0
        else:
            self.begin(t_s)
            self._odd_bytes += size

    def fault(self, t_s: float) -> str | None:
        """One line once no good frame has come for 5 s, or None."""
        if self._good_s is None or t_s - self._good_s < SILENT_S:
            return None
        waited_s = int(t_s - self._good_s)
        if self._odd_bytes:
            return (
                f"no {self._protocol} frame for {waited_s} s, only {self._odd_bytes} bytes that make no sense: "
                "check the baud rate, the wiring and the kind of module"
            )
        return f"silent for {waited_s} s: check the module's power and wiring"
