"""The configuration: what it takes, how it complains, and what a service starts on when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import (
    BedConfig,
    CaptureConfig,
    Config,
    ConfigError,
    EnvironmentConfig,
    ModelConfig,
    OutputsConfig,
    PathsConfig,
    RadarConfig,
    WebConfig,
    load,
    load_or_last_good,
    parse,
    render,
)
from drivers.readings import Module

WHOLE = """
timezone = "Europe/Berlin"

[radar]
port = "/dev/serial0"
module = "tinyframe"
baud = 115200

[environment]
enabled = true
bus = "twin"
warmth_c = 2.5

[outputs]
pins = "mock"
lamp_driver = "pins"
lamp = [5, 6, 7, 8]
lamp_address = 65
lamp_leds = 60
lamp_gamma = 1.5
lamp_gains = [1.0, 0.5, 0.25, 1.0]
buzzer = 9
buzzer_kind = "active"
button = 10
indicator = 11
radar_power = [22]

[paths]
state = "/tmp/state"
run = "/tmp/run"

[web]
host = "0.0.0.0"
port = 80
names = ["bedside.home"]
pairing = true

[bed]
side = "right"

[model]
path = "/tmp/stager.tflite"

[capture]
keep_raw = true
"""


def test_every_key_is_taken() -> None:
    assert parse(WHOLE) == Config(
        timezone="Europe/Berlin",
        radar=RadarConfig("/dev/serial0", Module.TINYFRAME, 115200),
        environment=EnvironmentConfig(True, "twin", 2.5),
        outputs=OutputsConfig(
            "mock", "pins", (5, 6, 7, 8), 65, 60, 1.5, (1.0, 0.5, 0.25, 1.0), 9, "active", 10, 11, (22,)
        ),
        paths=PathsConfig(Path("/tmp/state"), Path("/tmp/run")),
        web=WebConfig("0.0.0.0", 80, ("bedside.home",), True),
        bed=BedConfig("right"),
        model=ModelConfig(Path("/tmp/stager.tflite")),
        capture=CaptureConfig(True),
    )
    assert render(parse(WHOLE)).split() == WHOLE.split()


def test_absent_keys_are_the_defaults() -> None:
    assert parse("") == Config()
    assert parse('[radar]\nmodule = "auto"\nbaud = "auto"\n[model]\npath = "auto"') == Config()
    assert parse("[web]\nport = 8081").web == WebConfig("127.0.0.1", 8081)
    assert parse(render(Config())) == Config()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[radar]\nprt = "auto"', "radar.prt: unknown key, did you mean port?"),
        ('[radr]\nport = "auto"', "radr: unknown key, did you mean radar?"),
        ("[bed]\ncolour = 1", "bed.colour: unknown key, known are side"),
        ('[bed]\n"a\\nb" = 1', "bed.'a\\nb': unknown key, known are side"),
        ("radar = 1", "radar: is a section, write [radar] and its keys below"),
        ("[radar]\nport = 1", "radar.port: must be auto or a device such as /dev/serial0, not 1"),
        ('[radar]\nport = "ttyAMA0"', "radar.port: must be auto or a device such as /dev/serial0, not 'ttyAMA0'"),
        ('[radar]\nmodule = "mr60"', "radar.module: must be auto, tinyframe, micradar or acconeer, not 'mr60'"),
        ("[radar]\nbaud = 300", "radar.baud: must be auto or a whole number from 9600 to 4000000, not 300"),
        ("[environment]\nenabled = 1", "environment.enabled: must be true or false, not 1"),
        ("[environment]\nbus = true", "environment.bus: must be twin or a whole number from 0 to 31, not true"),
        ('[outputs]\npins = "rpi"', "outputs.pins: must be auto, lgpio or mock, not 'rpi'"),
        (
            "[outputs]\nlamp = 12",
            "outputs.lamp: must be a list of 1 (white), 2 (warm, cold), 3 (red, green, blue) or 4 (and white)"
            " numbers, not 12",
        ),
        (
            "[outputs]\nbutton = 14",
            "outputs.button: must be a GPIO (BCM) number from 4 to 27, without 14 and 15, not 14",
        ),
        ("[outputs]\nlamp_gamma = 0.5", "outputs.lamp_gamma: must be a number from 1 to 3, not 0.5"),
        ("[outputs]\nlamp_gains = [1.0, 0.0]", "outputs.lamp_gains: must be a number from 0.05 to 1, not 0.0"),
        (
            "[outputs]\nlamp_gains = [1.0, 0.5]",
            "outputs.lamp_gains: must be 3 numbers, one for each channel of the lamp",
        ),
        ("[outputs]\nlamp = [12, 12]", "outputs.lamp: must be a list of different numbers, not [12, 12]"),
        (
            "[outputs]\nlamp = [14]",
            "outputs.lamp: must be a GPIO (BCM) number from 4 to 27, without 14 and 15, not 14",
        ),
        (
            '[outputs]\nlamp_driver = "hardware"\nlamp = [5]',
            "outputs.lamp: must be GPIO 12, 13, 18 or 19, which have hardware PWM, not 5",
        ),
        (
            '[outputs]\nlamp_driver = "pca9685"',
            "outputs.lamp: must be outputs 0 to 15 of the PCA9685, such as [0, 1, 2], not 19",
        ),
        (
            '[outputs]\nlamp_driver = "strip"\nbutton = 10',
            "outputs.button: GPIO 10 is taken already by outputs.lamp_driver, whose strip is on SPI",
        ),
        (
            '[outputs]\nlamp_driver = "strip"\nlamp_gains = [1.0]',
            "outputs.lamp_gains: must be 3 numbers, one for each channel of the lamp",
        ),
        ("[outputs]\nlamp_leds = 0", "outputs.lamp_leds: must be a whole number from 1 to 300, not 0"),
        ('[outputs]\nbuzzer_kind = "loud"', "outputs.buzzer_kind: must be passive or active, not 'loud'"),
        (
            "[outputs]\nradar_power = 22",
            "outputs.radar_power: must be a list of one GPIO number, or an empty one, not 22",
        ),
        ("[outputs]\nradar_power = [17]", "outputs.button: GPIO 17 is taken already by outputs.radar_power"),
        ("[outputs]\nbuzzer = 12", "outputs.buzzer: GPIO 12 is taken already by outputs.lamp"),
        ('[paths]\nstate = "state"', "paths.state: must be a path that begins with /, not 'state'"),
        (
            '[web]\nhost = "my box"',
            "web.host: must be an address such as 127.0.0.1, or 0.0.0.0 for the whole local network, not 'my box'",
        ),
        ("[web]\nport = 65536", "web.port: must be a whole number from 1 to 65535, not 65536"),
        ("[web]\nport = 80.0", "web.port: must be a whole number from 1 to 65535, not 80.0"),
        (
            '[web]\nnames = ["http://bedside"]',
            "web.names: must be a list of host names such as [\"bedside.home\"], or an empty one, not ['http://bedside']",
        ),
        (
            '[web]\nhost = "0.0.0.0"\npairing = false',
            "web.pairing: must be true where web.host lets others than this computer in",
        ),
        ('[bed]\nside = "middle"', "bed.side: must be left or right, not 'middle'"),
        (
            "[capture]\nkeep_raw = 2026-11-24",
            "capture.keep_raw: must be true or false, not datetime.date(2026, 11, 24)",
        ),
        ('timezone = "Berlin"', "timezone: must be a time zone such as Europe/Berlin, not 'Berlin'"),
        ('timezone = "Europe"', "timezone: must be a time zone such as Europe/Berlin, not 'Europe'"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        load(path)
    assert str(refusal.value) == f"config.toml: {line}"


@pytest.mark.parametrize("data", [b"port", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_what_is_not_toml_is_refused_in_one_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"^config\.toml: [^\n]+$"):
        load(path)


def test_a_missing_file_is_the_defaults(tmp_path: Path) -> None:
    config = load(tmp_path / "none.toml")
    assert config == Config(timezone=config.timezone)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read"):
        load(tmp_path)


LINES = st.lists(
    st.tuples(
        st.sampled_from(["timezone", "radar", "port", "bus", "lamp", "side", "x y", ""]),
        st.one_of(st.integers().map(str), st.text(max_size=6), st.sampled_from(["true", '"auto"', "[1]", "{}", "1e9"])),
    ).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    max_size=4,
)


@given(st.sampled_from(["", "[radar]", "[outputs]", "[nothing]", "[[web]]", "[bed.side]"]), LINES)
def test_any_text_is_taken_or_refused_in_one_line(head: str, lines: list[str]) -> None:
    try:
        parse("\n".join([head, *lines]))
    except ConfigError as error:
        line = str(error)
    else:
        line = ""
    assert len(line.splitlines()) <= 1


PATHS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12).map(lambda text: Path("/" + text))
CONFIGS = st.builds(
    Config,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"]),
    radar=st.builds(
        RadarConfig,
        port=st.one_of(st.just("auto"), PATHS.map(str)),
        module=st.one_of(st.none(), st.sampled_from(Module)),
        baud=st.one_of(st.none(), st.integers(9600, 4_000_000)),
    ),
    environment=st.builds(EnvironmentConfig, st.booleans(), st.one_of(st.just("twin"), st.integers(0, 31))),
    paths=st.builds(PathsConfig, PATHS, PATHS),
    web=st.one_of(
        st.builds(
            WebConfig,
            st.sampled_from(["::1", "0.0.0.0", "bedside.local"]),
            st.integers(1, 65535),
            st.lists(st.sampled_from(["bedside.home", "10.1.2.3"])).map(tuple),
        ),
        st.just(WebConfig("127.0.0.1", pairing=False)),
    ),
    bed=st.builds(BedConfig, st.sampled_from(["left", "right"])),
    model=st.builds(ModelConfig, st.one_of(st.none(), PATHS)),
    capture=st.builds(CaptureConfig, st.booleans()),
)


@given(CONFIGS)
def test_what_is_rendered_is_what_was_read(config: Config) -> None:
    assert parse(render(config)) == config


# Starting a service


def test_a_good_configuration_is_kept_and_a_bad_one_makes_way_for_it(tmp_path: Path) -> None:
    path, last_good = tmp_path / "config.toml", tmp_path / "state" / "last-good.toml"
    path.write_text(WHOLE)
    assert load_or_last_good(path, last_good) == (parse(WHOLE), None)
    path.write_text("[radar]\nprt = 1")
    assert load_or_last_good(path, last_good) == (
        parse(WHOLE),
        "config.toml: radar.prt: unknown key, did you mean port?; the last good configuration is in force",
    )
    path.write_text("[web]\nport = 8081")
    config, complaint = load_or_last_good(path, last_good)
    assert (config.web.port, config.bed.side, complaint) == (8081, "left", None)
    assert parse(last_good.read_text()) == config


def test_a_good_configuration_is_written_once(tmp_path: Path) -> None:
    path, last_good = tmp_path / "config.toml", tmp_path / "last-good.toml"
    load_or_last_good(path, last_good)
    before = last_good.stat().st_ino
    load_or_last_good(path, last_good)
    assert last_good.stat().st_ino == before


@pytest.mark.parametrize("kept", [None, b"\xff", b"[radar]\nprt = 1"])
def test_without_a_good_copy_the_defaults_are_in_force(kept: bytes | None, tmp_path: Path) -> None:
    path, last_good = tmp_path / "config.toml", tmp_path / "last-good.toml"
    path.write_text("[web]\nport = 0")
    if kept is not None:
        last_good.write_bytes(kept)
    config, complaint = load_or_last_good(path, last_good)
    assert config == Config(timezone=config.timezone)
    assert complaint == (
        "config.toml: web.port: must be a whole number from 1 to 65535, not 0; the defaults are in force"
    )


def test_a_copy_that_cannot_be_kept_does_not_stop_the_service(tmp_path: Path) -> None:
    path, last_good = tmp_path / "config.toml", tmp_path / "file" / "last-good.toml"
    path.write_text(WHOLE)
    (tmp_path / "file").write_text("in the way")
    config, complaint = load_or_last_good(path, last_good)
    assert config == parse(WHOLE)
    assert complaint is not None
    assert "cannot be kept" in complaint
    assert len(complaint.splitlines()) == 1
