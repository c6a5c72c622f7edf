"""``kill -9`` of the real process, again and again over eight set times: ``python tests/kill_process.py`` (9 minutes).

Eight alarms are a minute apart, so that each takes over from the one before.  The process is killed at random moments,
often within seconds of a set time, and started again after systemd's ``RestartSec``.  What is judged: each alarm's
facts as they lie on the disk at the end, and after each start whether and when the status tells of ringing.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.alarm_copy import AlarmCopy
from appliance.alarm_setting import MOST_ALARMS, AlarmSetting
from appliance.bedside import Bedside
from appliance.morning import Morning
from appliance.status import read_status

RESTART_S = 1.0  # RestartSec of the unit
PATIENCE_S = 30.0
SEED = 1


def main() -> None:
    """Prints what became of each set time and how long starts took."""
    dice = random.Random(SEED)
    first = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
    dues = [first + timedelta(minutes=k) for k in range(MOST_ALARMS)]
    with tempfile.TemporaryDirectory(prefix="firstlight-kill-") as name:
        folder = Path(name)
        config = _furnish(folder, dues)
        down: list[tuple[float, float]] = []  # from the kill to when the alarm was seen at work again
        kills, ends = 0, dues[-1].timestamp() + 30.0
        while time.time() < ends:
            began = time.time()
            process = subprocess.Popen([sys.executable, "-m", "appliance", "run", "--config", str(config)])
            try:
                _until_told(folder, began)
                if down and began > dues[0].timestamp():
                    down[-1] = (down[-1][0], _until_ringing(folder))
                time.sleep(max(0.0, min(_moment(dice, dues) - time.time(), ends - time.time())))
            finally:
                process.kill()
                process.wait()
            kills += 1
            down.append((time.time(), time.time()))
            time.sleep(RESTART_S)
        _tell(folder, dues, down[:-1], kills)


def _moment(dice: random.Random, dues: list[datetime]) -> float:
    """When to kill: within two seconds of the coming set time, or, as often, any time soon."""
    now = time.time()
    coming = [due.timestamp() for due in dues if due.timestamp() > now - 1.0]
    if coming and coming[0] - now < 6.0:
        return coming[0] + dice.uniform(-2.0, 2.0)
    return now + dice.uniform(0.0, 4.0)


def _furnish(folder: Path, dues: list[datetime]) -> Path:
    alarms = [
        AlarmSetting(enabled=True, hour=due.hour, minute=due.minute, timezone="UTC", id=k)
        for k, due in enumerate(dues, 1)
    ]
    assert AlarmCopy(folder).save({**Bedside(Morning(alarms)).document(), "bed_side": "left"})
    config = folder / "config.toml"
    config.write_text(
        f'[radar]\nport = "{folder / "radar"}"\n[environment]\nenabled = false\n[outputs]\npins = "mock"\n'
        f'[paths]\nstate = "{folder}"\nrun = "{folder}"\n',
        encoding="utf-8",
    )
    return config


def _until_told(folder: Path, began: float) -> None:
    while time.time() < began + PATIENCE_S:
        status = read_status(folder / "status.json")
        if status is not None and status.utc_s > began:
            return
        time.sleep(0.02)
    raise SystemExit("the process told nothing within 30 s")


def _until_ringing(folder: Path) -> float:
    deadline = time.time() + PATIENCE_S
    while time.time() < deadline:
        status = read_status(folder / "status.json")
        if status is not None and status.alarm_phase == "ringing":
            return time.time()
        time.sleep(0.02)
    return float("inf")


def _tell(folder: Path, dues: list[datetime], down: list[tuple[float, float]], kills: int) -> None:
    document = AlarmCopy(folder).load() or {"facts": {}}
    delays = []
    for k, due in enumerate(dues, 1):
        rang = document["facts"].get(str(k), {}).get("rang_utc")
        late = None if rang is None else rang - due.timestamp()
        was_down = any(killed < due.timestamp() + 1.0 and back > due.timestamp() for killed, back in down)
        delays.append(late)
        print(
            f"set time {due:%H:%M:%S}: rang {'never' if late is None else f'{late:.0f} s after it'}, down: {was_down}"
        )
    after = [(killed, back - killed) for killed, back in down if killed > dues[0].timestamp()]
    gaps = sorted(gap for _, gap in after)
    print(f"{kills} kills; {len(gaps)} in mid-ring, of which {sum(gap < PATIENCE_S for gap in gaps)} rang on")
    waits = f"median {gaps[len(gaps) // 2]:.1f} s, longest {gaps[-1]:.1f} s"
    print(f"from the kill to ringing again, {RESTART_S:.0f} s before each start included: {waits}")


if __name__ == "__main__":
    main()
