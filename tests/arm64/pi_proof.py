"""What the emulated Pi is asked from within: pi.sh puts this on its card, pi-alarm and pi-proof.service start it.

pi_proof.py alarm    sets an alarm some minutes ahead, once; after a power cut the one that was set stands
pi_proof.py watch    tells boot, sensing, page, memory and ringing, a line each
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import AlarmSetting
from appliance.bedside import Bedside
from appliance.morning import Morning
from appliance.status import Status, read_status

STATE, STATUS = Path("/var/lib/firstlight"), Path("/run/firstlight/status.json")
AHEAD = timedelta(minutes=10)
PATIENCE_S = 2400.0
UNITS = ("firstlight.service", "firstlight-web.service")


def set_alarm() -> None:
    copy = AlarmCopy(STATE)
    if "firstlight.keep" in Path("/proc/cmdline").read_text().split():
        return
    due = datetime.now(UTC) + AHEAD
    alarm = AlarmSetting(enabled=True, hour=due.hour, minute=due.minute, timezone="UTC", dawn_min=5)
    if not copy.save({**Bedside(Morning([alarm])).document(), "bed_side": "left"}):
        sys.exit("the alarm could not be written")


def tell(text: str) -> None:
    print(f"proof {float(Path('/proc/uptime').read_text().split()[0]):.0f} s after the kernel: {text}", flush=True)


def show(unit: str, *names: str) -> str:
    command = ["systemctl", "show", unit, *(f"--property={name}" for name in names)]
    return " ".join(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split())


def get(path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=60) as answer:
            return f"{answer.status} {answer.read(40)!r}"
    except urllib.error.HTTPError as error:
        return f"{error.code}"
    except OSError as error:
        return str(error)


def memory() -> str:
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free, total = (int(fields[name].split()[0]) / 1024 for name in ("MemAvailable", "MemTotal"))
    parts = [f"{free:.0f} of {total:.0f} MB free"]
    for unit in UNITS:
        pid = int(show(unit, "MainPID").partition("=")[2])
        if pid:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            parts.append(f"{unit} {pss / 1024:.0f} MB PSS")
    return ", ".join(parts)


def watch() -> None:
    tell(show("firstlight.service", "ActiveState", "NRestarts", "ActiveEnterTimestampMonotonic"))
    awaited: dict[str, Callable[[Status], bool]] = {
        "a status": lambda status: True,
        "the radar answers": lambda status: status.radar.connected,
        "the page answers": lambda status: "200" in get("/health"),
        "somebody is there": lambda status: bool(status.present),
        "breathing": lambda status: status.rate_brpm is not None,
        "a stage": lambda status: status.stage not in (None, "unscored"),
        "the dawn": lambda status: status.alarm_phase == "dawn",
        "the alarm rings": lambda status: status.alarm_phase == "ringing",
    }
    restarts, ends = show("firstlight.service", "NRestarts"), time.monotonic() + PATIENCE_S
    while awaited and time.monotonic() < ends:
        time.sleep(1)
        if restarts != (restarts := show("firstlight.service", "NRestarts")):
            journal = ["journalctl", "--unit=firstlight", "--output=cat", "--lines=12", "--no-pager"]
            last = subprocess.run(journal, stdout=subprocess.PIPE, text=True, check=False).stdout
            tell(f"the supervisor was started again: {restarts}\n{last}")
        status = read_status(STATUS)
        for what in [what for what, holds in awaited.items() if status is not None and holds(status)]:
            del awaited[what]
            tell(f"{what}; alarm {status.alarm_phase}, breathing {status.rate_brpm}, stage {status.stage}")
            tell(memory())
    tell(f"page: / {get('/')}, /settings {get('/settings')}; not seen: {', '.join(awaited) or 'nothing'}")
    document = AlarmCopy(STATE).load() or {}
    tell(f"facts {document.get('facts')}, now {datetime.now(UTC):%H:%M:%S} UTC")
    for unit in UNITS:
        tell(show(unit, "Id", "ActiveState", "NRestarts", "MemoryCurrent", "CPUUsageNSec"))
    tell(memory())
    tell("over")


if __name__ == "__main__":
    set_alarm() if sys.argv[1:] == ["alarm"] else watch()
