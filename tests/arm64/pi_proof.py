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


def wait_for(what: str, holds: Callable[[Status], bool], patience_s: float) -> Status | None:
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        status = read_status(STATUS)
        if status is not None and holds(status):
            seen = f"present {status.present}, breathing {status.rate_brpm}, stage {status.stage}"
            tell(f"{what}: {status.alarm_phase}, {seen}, {show('firstlight.service', 'NRestarts')}")
            return status
        time.sleep(0.5)
    tell(f"NOT {what} in {patience_s:.0f} s")
    return None


def watch() -> None:
    tell(show("firstlight.service", "ActiveState", "NRestarts", "ActiveEnterTimestampMonotonic"))
    wait_for("a status", lambda status: True, 600)
    wait_for("the radar answers", lambda status: status.radar.connected, 600)
    ends = time.monotonic() + 300
    while "200" not in get("/health") and time.monotonic() < ends:  # it starts beside the supervisor, and no faster
        time.sleep(1)
    tell(f"page: /health {get('/health')}, / {get('/')}, /settings {get('/settings')}")
    tell(memory())
    wait_for("somebody is there", lambda status: status.present, 900)
    wait_for("breathing", lambda status: status.rate_brpm is not None, 600)
    wait_for("a stage", lambda status: status.stage is not None, 600)
    tell(memory())
    wait_for("the dawn", lambda status: status.alarm_phase in ("dawn", "ringing"), 1200)
    wait_for("the alarm rings", lambda status: status.alarm_phase == "ringing", 1200)
    document = AlarmCopy(STATE).load() or {}
    tell(f"facts {document.get('facts')}, now {datetime.now(UTC):%H:%M:%S} UTC")
    for unit in UNITS:
        tell(show(unit, "Id", "ActiveState", "NRestarts", "MemoryCurrent", "CPUUsageNSec"))
    tell(memory())
    tell("over")


if __name__ == "__main__":
    set_alarm() if sys.argv[1:] == ["alarm"] else watch()
