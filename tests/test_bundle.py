"""The report for a bug: what helps is in it, and nothing that is anybody's own."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from appliance.__main__ import main
from appliance.config import Config, parse, render
from appliance.doctor.bundle import report
from appliance.doctor.private import OUT, scrub
from appliance.doctor.verdict import Verdict
from appliance.records import EventRecord
from appliance.status import RadarStatus, RoomStatus, Status, write_status
from appliance.store import Role, Store

SECRETS = (
    *("zelda", "bedside.home", "lovelace-box", "Australia/Adelaide", "192.168.7.31", "fe80::1c2f:aaff:fe3d:9901"),
    *("b8:27:eb:4f:12:cd", "A50285BI", "06:45", "2026-01-06", "zelda@example.org", "0.83", "13.7", "stage", "412 ppm"),
    *("/home/zelda", "example.org", "Alarm ringing", "deadbeefdeadbeef01"),
)


def _config(folder: Path) -> Config:
    return parse(
        f"""
        timezone = "Australia/Adelaide"
        [radar]
        port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
        [environment]
        bus = "twin"
        [outputs]
        pins = "mock"
        button = 24
        [paths]
        state = "{folder}/home/zelda"
        run = "{folder}"
        [web]
        host = "192.168.7.31"
        names = ["bedside.home"]
        [bed]
        side = "right"
        """
    )


STATUS = Status(
    utc_s=1_767_679_200.0,
    present=True,
    who="you",
    distance_m=0.83,
    rate_brpm=13.7,
    stage="light",
    alarms=({"hour": 6, "minute": 45, "label": "06:45"},),
    radar=RadarStatus(True, "tinyframe", "1.2.3", "silent for 9 s"),
    room=RoomStatus(temperature_c=18.5, co2_ppm=412.0),
    complaints=("config.toml: web.names: must be a list, not bedside.home; zelda@lovelace-box saw /home/zelda/x",),
    trace=(0.5,) * 10,
)
JOURNAL = """\
[    7.1] firstlight[401]: radar: tinyframe on /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 is back
[    8.2] firstlight[401]: /home/zelda/raw/2026-01-06T221500Z.flcap cannot be kept
[    9.3] firstlight-web[402]: http://192.168.7.31:8080 asked by 192.168.7.31 and fe80::1c2f:aaff:fe3d:9901%wlan0
[   10.0] firstlight-web[402]: b8:27:eb:4f:12:cd at 06:45 as zelda, cookie deadbeefdeadbeef01, mail zelda@example.org
[   11.5] firstlight[401]: SHT4x at 0x44 is gone (Remote I/O error)"""


def _run(command: Sequence[str]) -> str:
    return JOURNAL if command[0] == "journalctl" else "Id=firstlight.service\nNRestarts=3"


def _report(folder: Path) -> str:
    config = _config(folder)
    write_status(folder / "status.json", STATUS)
    with Store(folder / "firstlight.db", Role.SUPERVISOR) as store:
        store.write([EventRecord(1_767_679_200, "alarm", "Alarm ringing: set time")])
    (folder / "proc/device-tree").mkdir(parents=True)
    (folder / "proc/device-tree/model").write_text("Raspberry Pi Zero 2 W Rev 1.0\0")
    usb = folder / "sys/bus/usb/devices/1-1"
    usb.mkdir(parents=True)
    for name, text in (("idVendor", "0403"), ("idProduct", "6001"), ("product", "FT232R"), ("serial", "A50285BI")):
        (usb / name).write_text(f"{text}\n")
    verdicts = iter(
        [
            Verdict("room", True, "SHT4x at 0x44, SCD4x at 0x62: 18.5 °C, 412 ppm CO2", "asking"),
            Verdict("radar", False, f"may not open {config.radar.port}", "listening", "a group", "join group dialout"),
        ]
    )
    return report(config, verdicts, _run, folder, "lovelace-box.fritz.box", ["zelda"])


def test_nothing_private_is_in_it(tmp_path: Path) -> None:
    text = _report(tmp_path).lower()
    assert [secret for secret in SECRETS if secret.lower() in text] == []
    assert "fritz.box" not in text


def test_what_helps_is_in_it(tmp_path: Path) -> None:
    text = _report(tmp_path)
    for line in (
        "board: Raspberry Pi Zero 2 W Rev 1.0",
        "outputs.button = 24",
        "timezone: changed",
        "bed.side: changed",
        "model.path: as it comes",
        "clock = network",
        "radar: connected = True, tinyframe, firmware 1.2.3",
        "radar: fault = silent for 9 s",
        "room tells temperature_c, co2_ppm",
        "ok    room: SHT4x at 0x44, SCD4x at 0x62",
        "        next: join group dialout",
        "USB 0403-6001 FT232R",
        "NRestarts=3",
        "[   11.5] firstlight[401]: SHT4x at 0x44 is gone (Remote I/O error)",
        f"[    7.1] firstlight[401]: radar: tinyframe on {OUT} is back",
    ):
        assert line in text.splitlines(), line


ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)
MACS = st.lists(st.integers(0, 255), min_size=6, max_size=6)


@given(
    ADDRESSES,
    st.sampled_from(
        ["{}", "from {}", "[{}]:8080", "({})", "{}, twice {}", "host={};", "http://{}/x", "a{{'ip': '{}'}}", "{}%wlan0"]
    ),
)
def test_no_address_comes_through(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> None:
    for told in (str(address), address.exploded):
        left = scrub(text.format(told, told))
        assert told not in left or told == "::" or len(told) < 4
        assert not any(part in left for part in told.replace(".", ":").split(":") if len(part) > 3)


@given(MACS, st.sampled_from([":", "-"]))
def test_no_hardware_address_comes_through(mac: list[int], between: str) -> None:
    told = between.join(f"{value:02x}" for value in mac)
    assert told not in scrub(f"station {told} joined")
    assert told.upper() not in scrub(f"station {told.upper()} joined")


@given(st.text(st.characters(categories=("L", "N")), min_size=2, max_size=12))
def test_no_name_comes_through(name: str) -> None:
    assert name not in scrub(f"user {name} and /home/{name}/x", [name]).replace(OUT, "").split()


@pytest.mark.parametrize(
    "text",
    [
        "SHT4x at 0x44 is gone (Remote I/O error)",
        "python 3.11.7, numpy 1.26.4, kernel 6.12.34+rpt-rpi-v8",
        "micradar on /dev/ttyUSB0 at 115200 baud",
        "[    7.123456] firstlight[401]: the lamp failed and is tried again at every turn: not today",
        'File "/opt/firstlight/lib/python3.11/site-packages/appliance/box.py", line 12, in build',
        "ratio 0.5: 3 of 6",
    ],
)
def test_what_is_not_private_stays(text: str) -> None:
    assert scrub(text, ["zelda"]) == text


def test_the_command_writes_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(render(_config(tmp_path)), encoding="utf-8")
    out = tmp_path / "report.txt"
    done = CliRunner().invoke(main, ["doctor", "--bundle", str(out), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# Firstlight: a report for a bug")
    assert "bedside.home" not in text
    assert "A50285BI" not in text
    refused = CliRunner().invoke(main, ["doctor", "--bundle", str(tmp_path / "no/such"), "--config", str(config)])
    assert refused.exit_code != 0
    assert "cannot be written" in refused.output
