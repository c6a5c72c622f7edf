"""setup.sh install and uninstall below a root of their own, with commands that write down what they were told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("setup.sh", "pyproject.toml", "README.md", "systemd")

# Every command of the system that the installer calls.  One stands for all and looks at its own name.
COMMANDS = (
    "apt-get",
    "chown",
    "dpkg-query",
    "hostname",
    "hostnamectl",
    "runuser",
    "systemctl",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "udevadm",
    "uname",
)
COMMAND = r"""#!/usr/bin/env bash
name=${0##*/}
case $name in
  uname) echo "${MACHINE:-aarch64}"; exit ;;
  hostname) echo "${HOST:-raspberrypi}"; exit ;;
  dpkg-query) [[ " ${HAS:-} " == *" ${*: -1} "* ]] && printf 'install ok installed\n'; exit ;;
esac
printf '%s %s\n' "$name" "$*" >>"$LOG"
# What does not come to life: the service of a release whose folder has this file.
if [[ $name == systemctl && $1 == is-active ]]; then [[ ! -e $FIRSTLIGHT_ROOT/opt/firstlight/dead ]]; fi
"""
# A Python that makes venvs of itself, runs "-" and "-c" for real where that looks at files alone, and installs nothing.
PYTHON = r"""#!/usr/bin/env bash
case "$*" in
  *calcsize*) echo "3.11 64" ;;
  "-m venv "*)
    bin=${*: -1}/bin
    mkdir -p "$bin" && cp "$0" "$bin/python" && cp "$0" "$bin/firstlight" ;;
  "-m pip "*)
    printf 'pip %s\n' "$*" >>"$LOG"
    exit "${PIP:-0}" ;;
  "- "*) exec "$REAL_PYTHON" "$@" ;;
  *urlopen*) ;;
  *) printf 'python %s\n' "$*" >>"$LOG" ;;
esac
"""

CONFIG = "# mine\ndtparam=audio=on\n[pi4]\nmax_framebuffers=2\n"
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=4e6-02 rootfstype=ext4 fsck.repair=yes rootwait\n"


class Pi:
    """A root folder, a clone beside it, and the log of what the system was told."""

    def __init__(self, folder: Path) -> None:
        self.root, self.clone, self.bin = folder / "root", folder / "a clone", folder / "bin"
        for each in (self.root / "boot/firmware", self.clone, self.bin):
            each.mkdir(parents=True)
        (self.root / "boot/firmware/config.txt").write_text(CONFIG)
        (self.root / "boot/firmware/cmdline.txt").write_text(CMDLINE)
        for name in SOURCES:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, self.clone / name)
        for name in ("appliance", "drivers", "models"):
            (self.clone / name).mkdir()
            (self.clone / name / "__init__.py").write_text("")
        for name in COMMANDS:
            self._program(self.bin / name, COMMAND)
        self._program(self.bin / "python", PYTHON)
        self.log_file = folder / "log"
        self.log_file.touch()

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        names = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHON": str(self.bin / "python"),
            "REAL_PYTHON": sys.executable,
            "LOG": str(self.log_file),
            "FIRSTLIGHT_ROOT": str(self.root),
            "FIRSTLIGHT_HEALTHY_S": "0",
        }
        return subprocess.run(
            [self.clone / "setup.sh", *arguments],
            env=names | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def done(self, *arguments: str, **environment: str) -> str:
        """What it said, having gone well."""
        done = self.run(*arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def log(self) -> list[str]:
        """What the system was told since the last look."""
        lines = self.log_file.read_text().splitlines()
        self.log_file.write_text("")
        return lines

    def tree(self) -> dict[str, str]:
        """Every file and link below the root, with a fingerprint of what it holds."""
        return {
            str(path.relative_to(self.root)): os.readlink(path)
            if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink() or path.is_file()
        }

    def boot(self, name: str) -> str:
        """A file of the boot partition."""
        return (self.root / "boot/firmware" / name).read_text()

    @property
    def in_force(self) -> Path:
        """The release that the link names."""
        return Path(os.readlink(self.root / "opt/firstlight"))

    @property
    def nights(self) -> Path:
        """The database, as it were."""
        return self.root / "var/lib/firstlight/firstlight.db"

    def newer(self) -> None:
        """The clone is pulled."""
        (self.clone / "appliance/new.py").write_text("NEW = 1\n")


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def test_a_dry_run_says_every_step_and_changes_nothing(pi: Pi) -> None:
    before = pi.tree()
    said = pi.done("install", "--dry-run")
    assert pi.tree() == before
    assert pi.log() == []
    steps = [line for line in said.splitlines() if line[:2].strip().isdigit()]
    assert [int(line.split(".")[0]) for line in steps] == list(range(1, len(steps) + 1))
    assert "Nothing was changed." in said
    real = [line for line in pi.done("install").splitlines() if line[:2].strip().isdigit()]
    assert real == steps  # what it does is what it said that it would do


def test_a_fresh_pi_gets_everything_in_order(pi: Pi) -> None:
    said = pi.done("install")
    log = pi.log()
    assert log[0].startswith("apt-get update")
    assert log[1] == "apt-get install --yes --no-install-recommends python3-venv python3-lgpio avahi-daemon"
    pip = [line for line in log if line.startswith("pip ")]
    assert "--require-hashes" in pip[0]
    assert "--only-binary :all:" in pip[0]
    assert "--no-deps" in pip[1]
    assert "--no-build-isolation" in pip[1]
    units = pi.root / "etc/systemd/system"
    for name in ("firstlight.service", "firstlight-web.service", "firstlight-web.socket"):
        assert (units / name).read_text() == (ROOT / "systemd" / name).read_text()
    assert (pi.root / "etc/udev/rules.d/99-firstlight.rules").exists()
    assert any(line.startswith("systemd-sysusers ") for line in log)
    assert "hostnamectl set-hostname firstlight" in log
    warmed = next(k for k, line in enumerate(log) if "runuser -u firstlight" in line and "warm()" in line)
    started = next(k for k, line in enumerate(log) if line.startswith("systemctl restart"))
    assert warmed < started
    assert (pi.in_force / "bin/firstlight").exists()
    assert not (pi.in_force / "source").exists()
    assert "http://127.0.0.1, on this computer alone" in said
    assert "hold the button" in said
    assert "sudo reboot" in said


def test_twice_is_once(pi: Pi) -> None:
    pi.done("install")
    before = pi.tree()
    pi.log()
    said = pi.done("install")
    assert pi.tree() == before
    assert not any(line.startswith("pip ") for line in pi.log())
    assert "sudo reboot" not in said


def test_what_is_there_is_not_fetched_again(pi: Pi) -> None:
    pi.done("install", HAS="python3-venv avahi-daemon python3-lgpio", HOST="bedside")
    log = pi.log()
    assert not any(line.startswith(("apt-get", "hostnamectl")) for line in log)


def test_boot_settings_are_added_once_and_every_other_line_stays(pi: Pi) -> None:
    pi.done("install")
    config = pi.boot("config.txt")
    assert config.startswith(CONFIG)
    added = config[len(CONFIG) :].split("[all]")[1].splitlines()
    assert "enable_uart=1" in added
    assert "dtparam=i2c_arm=on" in added
    assert config.rstrip().endswith("[all]")  # what is written below later still holds for every model
    assert pi.boot("config.txt.before-firstlight") == CONFIG
    assert pi.boot("cmdline.txt") == "console=tty1 root=PARTUUID=4e6-02 rootfstype=ext4 fsck.repair=yes rootwait\n"
    assert pi.boot("cmdline.txt.before-firstlight") == CMDLINE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("console=tty1 root=/dev/mmcblk0p2 rootwait", "console=tty1 root=/dev/mmcblk0p2 rootwait"),
        ("console=tty1 console=ttyAMA0,115200 rootwait", "console=tty1 rootwait"),
        ("rootwait console=ttyS0,9600n8", "rootwait"),
        ("console=serial0 quiet", "quiet"),
        ("console=ttyS01 x=console=serial0", "console=ttyS01 x=console=serial0"),
    ],
)
def test_only_the_serial_console_leaves_the_kernels_line(pi: Pi, before: str, after: str) -> None:
    (pi.root / "boot/firmware/cmdline.txt").write_text(before + "\n")
    pi.done("install")
    assert pi.boot("cmdline.txt") == after + "\n"


def test_the_page_is_opened_on_request_and_stays_as_it_was_answered(pi: Pi) -> None:
    socket_conf = pi.root / "etc/systemd/system/firstlight-web.socket.d/network.conf"
    pi.done("install", "--yes")
    assert not socket_conf.exists()
    said = pi.done("install", "--network", HOST="firstlight")
    assert "http://firstlight.local" in said
    text = socket_conf.read_text()
    assert text.index("ListenStream=\n") < text.index("ListenStream=80\n")
    assert "192.168.0.0/16" in text
    service = pi.root / "etc/systemd/system/firstlight-web.service.d/network.conf"
    assert "IPAddressAllow=10.0.0.0/8" in service.read_text()
    pi.done("install")
    assert socket_conf.exists()
    pi.done("install", "--no-network")
    assert not socket_conf.exists()
    assert not service.exists()


def test_an_upgrade_keeps_nights_and_the_release_before(pi: Pi) -> None:
    pi.done("install")
    first = pi.in_force
    pi.nights.parent.mkdir(parents=True)
    pi.nights.write_text("nights")
    pi.newer()
    said = pi.done("install")
    assert pi.in_force != first
    assert f"in place of {first.name}" in said
    assert pi.nights.read_text() == "nights"
    assert first.exists()
    assert not (pi.root / "var/lib/firstlight-before-upgrade").exists()
    (pi.clone / "appliance/newest.py").write_text("")
    pi.done("install")
    assert not first.exists()  # only the last two stay


def test_an_upgrade_that_does_not_come_to_life_goes_back_by_itself(pi: Pi) -> None:
    pi.done("install")
    first = pi.in_force
    pi.nights.parent.mkdir(parents=True)
    pi.nights.write_text("nights")
    pi.newer()
    with (pi.clone / "systemd/firstlight.service").open("a") as unit:
        unit.write("# newer\n")
    # The new version turns the nights into something the old one cannot read, and does not live.
    stand_in = pi.bin / "systemctl"
    stand_in.write_text(
        stand_in.read_text()
        + '[[ $1 == restart && $(readlink "$FIRSTLIGHT_ROOT/opt/firstlight") != *'
        + first.name
        + ' ]] && { echo newer >"$FIRSTLIGHT_ROOT/var/lib/firstlight/firstlight.db"; exit 1; }\nexit 0\n'
    )
    pi.log()
    failed = pi.run("install")
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("setup.sh: version 0.1.0-")
    assert f"{first.name} runs again" in failed.stderr
    assert pi.in_force == first
    assert pi.nights.read_text() == "nights"
    assert "# newer" not in (pi.root / "etc/systemd/system/firstlight.service").read_text()
    assert [line for line in pi.log() if line.startswith("systemctl ")][-1].startswith("systemctl restart")


def test_a_first_installation_that_does_not_live_says_where_to_look(pi: Pi) -> None:
    stand_in = pi.bin / "systemctl"
    stand_in.write_text(stand_in.read_text() + "[[ $1 != is-active ]]\n")
    failed = pi.run("install")
    assert failed.returncode == 1
    assert "journalctl -u firstlight" in failed.stderr


def test_what_cannot_be_fetched_changes_no_service(pi: Pi) -> None:
    failed = pi.run("install", PIP="1")
    assert failed.returncode == 1
    assert "nothing was changed" in failed.stderr
    assert not any(line.startswith("systemctl") for line in pi.log())
    assert not (pi.root / "opt/firstlight").exists()
    pi.done("install")  # and once the network is back it goes on


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        ({"next_alarm_utc": 1800.0, "alarm_phase": "idle"}, True),
        ({"next_alarm_utc": 7200.0, "alarm_phase": "idle"}, False),
        ({"next_alarm_utc": None, "alarm_phase": "idle"}, False),
        ({"next_alarm_utc": 86_400.0, "alarm_phase": "ringing"}, True),
        ({"next_alarm_utc": 86_400.0, "alarm_phase": "snoozed"}, True),
    ],
)
def test_an_alarm_that_is_near_is_not_disturbed(pi: Pi, status: dict[str, object], waits: bool) -> None:
    due_s = status["next_alarm_utc"]
    if isinstance(due_s, float):
        status = status | {"next_alarm_utc": time.time() + due_s}
    path = pi.root / "run/firstlight/status.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(status))
    done = pi.run("install")
    assert (done.returncode == 1) is waits, done.stderr
    if waits:
        assert "an alarm is due" in done.stderr
        assert pi.log() == []


def test_uninstall_keeps_the_nights_unless_told(pi: Pi) -> None:
    pi.done("install", "--network")
    pi.nights.parent.mkdir(parents=True)
    pi.nights.write_text("nights")
    before = pi.tree()
    pi.done("uninstall", "--dry-run")
    assert pi.tree() == before
    pi.done("uninstall", "--yes")
    left = set(pi.tree())
    assert {name for name in left if not name.startswith("boot/")} == {"var/lib/firstlight/firstlight.db"}
    assert any(line.startswith("systemctl disable --quiet --now") for line in pi.log())
    pi.done("install")
    pi.done("uninstall", "--delete-data")
    assert not pi.nights.parent.exists()


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("install", "--fast"),
        ("install", "--delete-data"),
        ("uninstall", "now"),
        ("uninstall", "--network"),
        ("uninstall", "--no-network"),
    ],
)
def test_an_unknown_option_is_one_line(pi: Pi, command: str, option: str) -> None:
    failed = pi.run(command, option)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"setup.sh: {command} takes")
    assert pi.log() == []


def test_a_32_bit_system_is_refused(pi: Pi) -> None:
    failed = pi.run("install", MACHINE="armv7l")
    assert failed.returncode == 1
    assert "64-bit" in failed.stderr


def test_every_requirement_is_pinned_hashed_and_wanted() -> None:
    text = (ROOT / "systemd/requirements.txt").read_text()
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry and not entry.startswith("#")]
    assert all("==" in entry.split()[0] and "--hash=sha256:" in entry for entry in entries)
    pinned = {entry.split("==")[0].lower() for entry in entries}
    project = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("]")[0]
    wanted = {
        line.strip().strip('",').split(">=")[0].split("==")[0].strip('"').lower()
        for line in project.splitlines()
        if line.strip().startswith('"')
    }
    assert len(wanted) > 8
    assert wanted <= pinned
    assert "://" not in text


SERVE = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
from pathlib import Path
from appliance.web import serve
serve(Path(sys.argv[1]) / "firstlight.db", Path(sys.argv[1]) / "status.json", host="192.0.2.1", port=1)
"""


def test_the_page_answers_at_a_socket_that_systemd_opened(tmp_path: Path) -> None:
    """Handed over as descriptor 3, as systemd does; the address in the configuration is not used then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        page = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec 3<&{listener.fileno()}; exec "$0" -c "$1" "$2"',
                sys.executable,
                SERVE,
                str(tmp_path),
            ],
            pass_fds=[listener.fileno()],
            env={**os.environ, "LISTEN_FDS": "1", "PYTHONPATH": str(ROOT)},
        )
    try:
        for _ in range(100):
            with contextlib.suppress(ConnectionError, TimeoutError):
                answer = _ask(port)
                assert answer == b"silent\n"  # its word where no supervisor lives
                return
            assert page.poll() is None, "the page ended"
            time.sleep(0.2)
        pytest.fail("the page did not answer")
    finally:
        page.terminate()
        page.wait(10)


def _ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as asking:
        asking.sendall(f"GET /health HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: asking.recv(4096), b""))
    return answer.split(b"\r\n\r\n", 1)[1]
