"""Which real or made-up device each name in the configuration means, and how the outputs are put to rest.

Light to import: ``firstlight rest`` runs after every end of the service, before it is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.config_values import AUTO
from drivers.environment.bus import open_bus
from drivers.lamp_channels import Background, Channels, HardwarePwm, LedStrip, Pca9685, open_spi
from drivers.outputs import PinChannels, hold_low, open_pins
from drivers.readings import DriverError

MODEL = Path("/proc/device-tree/model")


def port_of(config: Config) -> str | None:
    """The radar's port by name, None to look for it."""
    return None if config.radar.port == AUTO else config.radar.port


def pins_of(config: Config) -> str:
    """Which pins: those of a Pi, or made-up ones where there is none."""
    if config.outputs.pins != AUTO:
        return config.outputs.pins
    return "lgpio" if MODEL.exists() and b"Raspberry Pi" in MODEL.read_bytes() else "mock"


def bus_of(config: Config, clock: Callable[[], float]) -> Any:
    """The room's I2C bus.  Raises DriverError with one line."""
    if config.environment.bus == "twin":
        from drivers.twins.i2c import room_bus

        return room_bus(clock)
    return open_bus(int(config.environment.bus))


def open_channels(config: Config) -> Channels:
    """The lamp's channels where they are no plain pins, opened now.  Raises DriverError or OSError."""
    out = config.outputs
    match out.lamp_driver:
        case "hardware":
            return HardwarePwm(out.lamp)
        case "pca9685":
            return Pca9685(bus_of(config, lambda: 0.0), out.lamp_address, out.lamp)
        case "strip":
            return LedStrip(out.lamp_leds, open_spi())
    raise DriverError(f"outputs.lamp_driver {out.lamp_driver} has no channels of its own")


def lamp_of(config: Config, factory: Any) -> Channels:
    """The lamp's channels; those on a bus have a thread of their own.  Raises DriverError with one line."""
    if config.outputs.lamp_driver == "pins":
        return PinChannels(config.outputs.lamp, factory)
    return Background(lambda: open_channels(config))


def rest(config: Config) -> Iterator[tuple[str, str | None]]:
    """Put lamp, buzzer and indicator to rest; yields each with what went wrong, None if nothing.

    On a Pi's kernel a pin keeps its level when its process dies, and none of the other drivers knows that it did.
    """
    out = config.outputs
    pins = [out.buzzer, out.indicator]
    if out.lamp_driver == "pins":
        pins += out.lamp
    else:
        try:
            open_channels(config).close()
            yield f"lamp ({out.lamp_driver})", None
        except (DriverError, OSError) as error:
            yield f"lamp ({out.lamp_driver})", str(error)
    try:
        factory = open_pins(pins_of(config))
    except (DriverError, OSError) as error:
        yield "pins", str(error)
        return
    for pin in pins:
        try:
            hold_low(pin, factory)
            yield f"GPIO {pin}", None
        except DriverError as error:
            yield f"GPIO {pin}", str(error)
