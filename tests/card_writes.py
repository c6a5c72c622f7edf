"""What a night costs a whole file system, its journal and SQLite's index included: root, and a file system of its own.

    truncate -s 200M card.img && mkfs.ext4 -q card.img && mount -o loop,noatime card.img /mnt
    python tests/card_writes.py /mnt [HOURS]

The recorded night (recorded_night.py), and every 30 s of it the file system writes all that is dirty, as Linux does
with what has been dirty for so long.  Sectors are counted by the block device below it.  Beside it: without those 30 s.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from recorded_night import AFTER_MIN, live

from appliance.disk import Disk

WRITEBACK_S = 30  # vm.dirty_expire_centisecs; the journal's commit interval, 5 s, is shorter than an epoch too


def main() -> None:
    """Both."""
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    mount = Path(sys.argv[1])
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0 + AFTER_MIN / 60.0
    device = os.stat(mount).st_dev
    stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    sync = ctypes.CDLL(None).syncfs
    folder = os.open(mount, os.O_RDONLY)
    null = os.open(os.devnull, os.O_WRONLY)
    serve = Disk.serve
    rounds = 0

    def serve_and_write_back(self: Disk, now_s: float, patience_s: float = 0.0) -> None:
        nonlocal rounds
        serve(self, now_s, patience_s)
        rounds += 1
        if rounds % WRITEBACK_S == 0:
            sync(folder)

    nights = (("what is synced alone", serve), ("and the rest every 30 s", serve_and_write_back))
    for number, (words, round_of) in enumerate(nights):
        Disk.serve = round_of  # type: ignore[method-assign]
        state = mount / f"night-{os.getpid()}-{number}" / "state"
        state.mkdir(parents=True)
        sync(folder)
        before = _written(stat)
        live(state, null, hours, seed=1)
        sync(folder)
        calls, sectors = (after - earlier for after, earlier in zip(_written(stat), before, strict=True))
        print(f"{words}: {sectors * 512 / 1e6:.1f} MB in {calls} writes of the device")


def _written(stat: Path) -> tuple[int, int]:
    fields = stat.read_text(encoding="ascii").split()
    return int(fields[4]), int(fields[6])


if __name__ == "__main__":
    main()
