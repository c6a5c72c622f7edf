"""``config.toml`` to frozen values: how this box is built.

What the sleeper changes at night is data and not configuration.  Every key has a default that fits a Raspberry Pi, and
the defaults live in these classes alone.  A mistake is one line that names the key.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeVar

from appliance import config_values as be
from appliance.atomic import replace_file
from appliance.config_values import AUTO
from drivers.lamp import HARDWARE_PINS, PCA_OUTPUTS, SPI_PINS, STRIP_MOST
from drivers.readings import Module


class ConfigError(Exception):
    """The configuration cannot be: one line that names the key and says what it takes."""


def _by(check: Callable[[object], Any]) -> dict[str, Any]:
    return {"check": check}


# The sections.


@dataclass(frozen=True, slots=True)
class RadarConfig:
    """Where the radar is; ``auto`` (None) is found by probing."""

    port: str = field(default=AUTO, metadata=_by(be.port))
    module: Module | None = field(default=None, metadata=_by(be.module))
    baud: int | None = field(default=None, metadata=_by(be.baud))


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """The I2C bus of the room's sensors; ``twin`` is a made-up room."""

    enabled: bool = field(default=True, metadata=_by(be.flag))
    bus: int | str = field(default=1, metadata=_by(be.bus))
    warmth_c: float = field(default=0.0, metadata=_by(be.number(-5.0, 15.0)))  # of the box's air over the room's


@dataclass(frozen=True, slots=True)
class OutputsConfig:
    """GPIO (BCM) numbers; ``auto`` pins are lgpio's on a Pi and made-up ones elsewhere."""

    pins: str = field(default=AUTO, metadata=_by(be.word(AUTO, "lgpio", "mock")))
    # 12, 13, 18 and 19 are those with hardware PWM, two channels of it up to the Pi 4 and four on a Pi 5.
    lamp_driver: str = field(default="pins", metadata=_by(be.word("pins", "hardware", "pca9685", "strip")))
    lamp: tuple[int, ...] = field(default=(12, 13, 19), metadata=_by(be.lamp_outputs))  # GPIO, or the PCA9685's outputs
    lamp_address: int = field(default=0x40, metadata=_by(be.whole(0x40, 0x7F)))  # of the PCA9685
    lamp_leds: int = field(default=30, metadata=_by(be.whole(1, STRIP_MOST)))  # of the strip
    lamp_gamma: float = field(default=1.0, metadata=_by(be.number(1.0, 3.0)))  # light = duty ** gamma; plain PWM has 1
    lamp_gains: tuple[float, ...] = field(default=(), metadata=_by(be.gains))  # of each channel; empty: all full
    buzzer: int = field(default=18, metadata=_by(be.pin))
    buzzer_kind: str = field(default="passive", metadata=_by(be.word("passive", "active")))
    button: int = field(default=17, metadata=_by(be.pin))
    indicator: int = field(default=27, metadata=_by(be.pin))
    radar_power: tuple[int, ...] = field(default=(), metadata=_by(be.pin_if_any))

    @property
    def lamp_channels(self) -> int:
        """How many duties the lamp takes; a strip takes red, green and blue."""
        return 3 if self.lamp_driver == "strip" else len(self.lamp)

    def __post_init__(self) -> None:
        if len(self.lamp_gains) not in (0, self.lamp_channels):
            raise ConfigError(
                f"outputs.lamp_gains: must be {self.lamp_channels} numbers, one for each channel of the lamp"
            )
        taken: dict[int, str] = {}
        if self.lamp_driver == "strip":
            taken.update(dict.fromkeys(SPI_PINS, "lamp_driver, whose strip is on SPI"))
        several = [(name, pin) for name in ("lamp", "radar_power") for pin in getattr(self, name)]
        single = [(name, getattr(self, name)) for name in ("buzzer", "button", "indicator")]
        for name, pin in several + single:
            if name == "lamp":
                self._check_lamp(pin)
                if self.lamp_driver in ("pca9685", "strip"):
                    continue
            if pin in taken:
                raise ConfigError(f"outputs.{name}: GPIO {pin} is taken already by outputs.{taken[pin]}")
            taken[pin] = name

    def _check_lamp(self, output: int) -> None:
        try:
            if self.lamp_driver == "pins":
                be.pin(output)
            elif self.lamp_driver == "hardware" and output not in HARDWARE_PINS:
                raise ValueError(f"must be GPIO 12, 13, 18 or 19, which have hardware PWM, not {output}")
            elif self.lamp_driver == "pca9685" and output >= PCA_OUTPUTS:
                raise ValueError(f"must be outputs 0 to 15 of the PCA9685, such as [0, 1, 2], not {output}")
        except ValueError as error:
            raise ConfigError(f"outputs.lamp: {error}") from error


@dataclass(frozen=True, slots=True)
class PathsConfig:
    """Where nights are kept, and where the present second is."""

    state: Path = field(default=Path("/var/lib/firstlight"), metadata=_by(be.path))
    run: Path = field(default=Path("/run/firstlight"), metadata=_by(be.path))


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Where the page listens, how the box is called there, and who may see it."""

    host: str = field(default="127.0.0.1", metadata=_by(be.host))
    port: int = field(default=8080, metadata=_by(be.whole(1, 65_535)))
    names: tuple[str, ...] = field(default=(), metadata=_by(be.names))  # besides its addresses and its own host name
    pairing: bool = field(default=True, metadata=_by(be.flag))

    def __post_init__(self) -> None:
        if not self.pairing and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ConfigError("web.pairing: must be true where web.host lets others than this computer in")


@dataclass(frozen=True, slots=True)
class BedConfig:
    """The sleeper's side of the bed, lying on the back, until the page says otherwise."""

    side: str = field(default="left", metadata=_by(be.word("left", "right")))


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The stager's file; ``auto`` (None) is the one that came with this version."""

    path: Path | None = field(default=None, metadata=_by(be.path_or_auto))


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """Whether the radar's own bytes are kept beside the nights."""

    keep_raw: bool = field(default=False, metadata=_by(be.flag))


@dataclass(frozen=True, slots=True)
class Config:
    """All of it."""

    timezone: str = field(default="UTC", metadata=_by(be.zone))  # of a new alarm; where the key is absent, the system's
    radar: RadarConfig = RadarConfig()
    environment: EnvironmentConfig = EnvironmentConfig()
    outputs: OutputsConfig = OutputsConfig()
    paths: PathsConfig = PathsConfig()
    web: WebConfig = WebConfig()
    bed: BedConfig = BedConfig()
    model: ModelConfig = ModelConfig()
    capture: CaptureConfig = CaptureConfig()


T = TypeVar("T")


def parse(text: str, defaults: Config | None = None) -> Config:
    """The configuration in TOML; keys that are absent are as in ``defaults``.  Raises ``ConfigError``."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"this is not TOML: {error}") from error
    return _filled(defaults or Config(), table, "")


def load(path: Path) -> Config:
    """The configuration in a file; where there is none the defaults hold.  Raises ``ConfigError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: cannot be read ({error})") from error
    try:
        return parse(text, Config(timezone=_system_zone()))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def load_or_last_good(path: Path, last_good: Path, keep: bool = True) -> tuple[Config, str | None]:
    """What a service starts on, and a line for the page when that is not what ``path`` says.  Never raises.

    A bad configuration makes way for the one at ``last_good``, and without that for the defaults.  With ``keep`` a good
    one is kept there: the supervisor's task, since a file has one writer.
    """
    try:
        config = load(path)
    except ConfigError as error:
        try:
            return parse(last_good.read_text(encoding="utf-8")), f"{error}; the last good configuration is in force"
        except (OSError, UnicodeDecodeError, ConfigError):
            return Config(timezone=_system_zone()), f"{error}; the defaults are in force"
    if not keep:
        return config, None
    kept = render(config).encode()
    try:
        if not last_good.exists() or last_good.read_bytes() != kept:
            last_good.parent.mkdir(parents=True, exist_ok=True)
            replace_file(last_good, kept, durable=True)
    except OSError as error:
        return config, f"{last_good}: a copy of the configuration cannot be kept ({error}): free or mend the disk"
    return config, None


def render(config: Config) -> str:
    """The configuration in force, every key of it, as TOML that ``parse`` takes."""
    lines = [f"timezone = {_toml(config.timezone)}"]
    for section in fields(config)[1:]:
        lines += ["", f"[{section.name}]"]
        values = getattr(config, section.name)
        lines += [f"{key.name} = {_toml(getattr(values, key.name))}" for key in fields(values)]
    return "\n".join(lines) + "\n"


def _filled(defaults: T, table: Mapping[str, Any], prefix: str) -> T:
    """``defaults`` with the table's values in place; a field without a check of its own is a section."""
    known = {f.name: f for f in fields(defaults)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + (name if name.replace("_", "").isalnum() else short(name))
        if name not in known:
            raise ConfigError(f"{key}: unknown key, {_suggestion(name, list(known))}")
        check = known[name].metadata.get("check")
        if check is None and not isinstance(value, dict):
            raise ConfigError(f"{key}: is a section, write [{key}] and its keys below")
        try:
            values[name] = check(value) if check else _filled(getattr(defaults, name), value, f"{key}.")
        except ValueError as error:
            raise ConfigError(f"{key}: {error}") from error
    return replace(defaults, **values)  # type: ignore[type-var]


def _suggestion(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _toml(value: object) -> str:
    if value is None:
        return f'"{AUTO}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def _system_zone() -> str:
    """The system's time zone by name, as Debian keeps it; UTC where it has none."""
    try:
        return be.zone(os.readlink("/etc/localtime").partition("zoneinfo/")[2])
    except (OSError, ValueError):
        return "UTC"
