"""``python tests/weigh.py STATEMENT...``: what each statement of a fresh process, such as an import, takes in its turn.

It imports nothing but what Python has imported already, and so weighs nothing of its own.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    """One after the other."""
    sys.path.insert(0, "")
    scope: dict[str, object] = {}
    before = _memory()
    print(f"  {'Python itself':58s}          {before[0]:6.1f} MB, of it its own {before[1]:5.1f} MB")
    for statement in sys.argv[1:]:
        began = time.perf_counter()
        exec(statement, scope)
        took_ms, now = 1e3 * (time.perf_counter() - began), _memory()
        words = statement.rsplit("; ", 1)[-1]
        print(
            f"  {words:58s} {took_ms:5.0f} ms {now[0] - before[0]:6.1f} MB, of it its own {now[1] - before[1]:5.1f} MB"
        )
        before = now
    print(f"  {'together':58s}          {before[0]:6.1f} MB, of it its own {before[1]:5.1f} MB")


def _memory() -> tuple[float, float]:
    """(resident, of it in no file and so never shared with another program) in MB."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB\n")}
    return kb["Rss"] / 1024, kb["Anonymous"] / 1024


if __name__ == "__main__":
    main()
