"""The units, accounts and device names as systemd itself reads them, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from appliance.__main__ import main

FOLDER = Path(__file__).parent.parent / "systemd"
UNITS = ("firstlight.service", "firstlight-web.service")
SOCKET = "firstlight-web.socket"
# Exposure out of 10, lower is safer.  What remains of the supervisor's is its devices and numba's writable-executable
# memory; of the page's, that it answers on the network at all.
WORST_EXPOSURE = {"firstlight.service": 1.5, "firstlight-web.service": 1.0}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def settings(unit: str) -> dict[str, list[str]]:
    """Every value of every key; a key may be given more than once."""
    values: dict[str, list[str]] = {}
    for line in (FOLDER / unit).read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return values


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as if installed under tmp_path, for verify wants the program that they start to be there."""
    program = tmp_path / "opt/firstlight/bin/firstlight"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in (*UNITS, SOCKET):
        text = (FOLDER / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(text.replace("/opt/firstlight", f"{tmp_path}/opt/firstlight"), encoding="utf-8")
    return tmp_path


def complaints(folder: Path, unit: str) -> list[str]:
    """What verify says of our units.  Its exit status is no judge: it is 0 for unknown keys and a wrong Type=."""
    verified = run("systemd-analyze", "verify", "--man=no", str(folder / unit))
    lines = verified.stderr.splitlines()
    ours = [line for line in lines if "firstlight" in line]
    return ours or (lines if verified.returncode else [])


@pytest.mark.parametrize("unit", [*UNITS, SOCKET])
def test_units_verify(installed: Path, unit: str) -> None:
    assert complaints(installed, unit) == []


@pytest.mark.parametrize(
    ("right", "wrong"), [("Type=notify", "Type=notfy"), ("WatchdogSec=30", "WatchDogSec=30"), ("User=", "Usr=")]
)
def test_a_slip_in_a_unit_is_noticed(installed: Path, right: str, wrong: str) -> None:
    path = installed / "firstlight.service"
    path.write_text(path.read_text().replace(right, wrong))
    assert complaints(installed, "firstlight.service") != []


@pytest.mark.parametrize("unit", UNITS)
def test_units_expose_little(unit: str) -> None:
    scored = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(FOLDER / unit))
    overall = re.search(r"exposure level for \S+: ([\d.]+)", scored.stdout)
    assert overall is not None, scored.stdout + scored.stderr
    assert float(overall[1]) <= WORST_EXPOSURE[unit], scored.stdout


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_gives_up_the_alarm_or_waits_for_a_network(unit: str) -> None:
    values = settings(unit)
    assert values["Restart"] == ["always"]
    assert values["StartLimitIntervalSec"] == ["0"]
    waits_for = [unit for key in ("After", "Wants", "Requires") for unit in values.get(key, [])]
    assert "network" not in " ".join(waits_for)


def test_the_outputs_are_put_to_rest_whenever_the_service_has_ended() -> None:
    (command,) = settings("firstlight.service")["ExecStopPost"]
    assert command.startswith("-")  # what cannot be put to rest must not keep the next start from happening
    assert command.split()[1] in main.commands


def test_only_the_supervisor_has_devices_and_only_the_page_has_a_network() -> None:
    supervisor, page = settings("firstlight.service"), settings("firstlight-web.service")
    assert supervisor["DevicePolicy"] == page["DevicePolicy"] == ["closed"]
    assert all(device.endswith(" rw") for device in supervisor["DeviceAllow"])
    assert "DeviceAllow" not in page
    assert page["PrivateDevices"] == ["yes"]
    assert supervisor["PrivateNetwork"] == ["yes"]
    assert page["IPAddressAllow"] == ["localhost"]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving folders to other users needs root")
def test_accounts_and_folders_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    # Pi OS has a gpio group of its own, with members; it must be joined and not made anew.
    (tmp_path / "etc/group").write_text("root:x:0:\ngpio:x:900:pi\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    made = run("systemd-sysusers", f"--root={tmp_path}", str(FOLDER / "sysusers.d/firstlight.conf"))
    assert made.returncode == 0, made.stderr
    users = {line.split(":")[0]: line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    groups = {line.split(":")[0]: line.split(":") for line in (tmp_path / "etc/group").read_text().splitlines()}
    assert set(users) == {"root", "firstlight", "firstlight-web"}
    assert users["firstlight"][3] == users["firstlight-web"][3] == groups["firstlight"][2]
    assert groups["gpio"][2] == "900"
    assert set(groups["gpio"][3].split(",")) == {"pi", "firstlight"}
    assert all(groups[name][3] == "firstlight" for name in ("i2c", "spi", "dialout"))

    made = run("systemd-tmpfiles", f"--root={tmp_path}", "--create", str(FOLDER / "tmpfiles.d/firstlight.conf"))
    assert made.returncode == 0, made.stderr
    nights = (tmp_path / "var/lib/firstlight").stat()
    assert (nights.st_uid, nights.st_gid) == (int(users["firstlight"][2]), int(groups["firstlight"][2]))
    assert stat.S_IMODE(nights.st_mode) == 0o770


def test_device_names_are_described() -> None:
    rules = FOLDER / "udev/99-firstlight.rules"
    done = run("udevadm", "verify", str(rules))
    if done.returncode and "Unknown command" in done.stderr:
        pytest.skip("udevadm has no verify before 254")
    assert done.returncode == 0, done.stdout + done.stderr
