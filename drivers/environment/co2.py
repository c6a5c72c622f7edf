"""Carbon dioxide: Sensirion SCD40, SCD41 (datasheet 1.x)."""

from __future__ import annotations

from drivers.environment.bus import Wire
from drivers.environment.climate import Columns, crc8, sensirion_temperature_c, sensirion_words

STOP, SERIAL, START = b"\x3f\x86", b"\x36\x82", b"\x21\xb1"
DATA_READY, READ = b"\xe4\xb8", b"\xec\x05"
PRESSURE, PRESSURE_STEP_HPA = b"\xe0\x00", 1.0  # it may be told the air's pressure while it measures
PATIENCE = 3  # readings without news before it is started again: it forgets its task with its power


def scd4x_columns(data: bytes) -> Columns:
    """A 9-byte measurement.  Temperature and humidity are its second-best: the chip warms itself by about 4 C."""
    co2, temperature, humidity = sensirion_words(data)
    columns = {"temperature_c": sensirion_temperature_c(temperature), "humidity_pct": 100 * humidity / 65535}
    # 0 ppm is what it says before its first measurement.
    return columns | ({"co2_ppm": float(co2)} if co2 else {})


def scd4x_ready(data: bytes) -> bool:
    """The reply to the question whether a measurement waits: any of its low 11 bits."""
    return bool(sensirion_words(data)[0] & 0x07FF)


class Scd4x:
    """Measures by itself every 5 s, so that every look at the room finds something new.

    Its automatic self-calibration wants fresh air for an hour a day; in a closed bedroom the readings drift.
    """

    name = "SCD4x"
    addresses = (0x62,)

    def __init__(self, wire: Wire, address: int) -> None:
        """OSError or DriverError where no such chip answers."""
        self._wire, self._address = wire, address
        wire.write(address, STOP)  # while it measures it answers little else
        wire.sleep(0.5)
        sensirion_words(wire.ask(address, SERIAL, 0.001, 9))
        wire.write(address, START)
        self._misses = 0
        self._pressure_hpa = 0.0  # that it was told; it takes sea level until then

    def hear_pressure(self, pressure_hpa: float) -> None:
        """What a barometer beside it tells: thinner air holds less of everything, CO2 too (1 % for 10 hPa)."""
        if abs(pressure_hpa - self._pressure_hpa) < PRESSURE_STEP_HPA:
            return
        word = round(pressure_hpa).to_bytes(2, "big")  # in 100 Pa
        self._wire.write(self._address, PRESSURE + word + bytes((crc8(word),)))
        self._wire.sleep(0.001)
        self._pressure_hpa = pressure_hpa

    def read(self) -> Columns:
        """The newest measurement; nothing when none came since the last call."""
        if not scd4x_ready(self._wire.ask(self._address, DATA_READY, 0.001, 3)):
            self._misses += 1
            if self._misses >= PATIENCE:
                raise OSError("it no longer measures")
            return {}
        self._misses = 0
        return scd4x_columns(self._wire.ask(self._address, READ, 0.001, 9))
