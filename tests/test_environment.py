"""Room sensors: conversions against the makers' numbers, and whole readings from twins on a bus."""

from __future__ import annotations

import json
import logging
import re
import threading
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import CaptureClock, Instant
from appliance.senses import LiveSenses
from drivers.environment import Environment, open_bus
from drivers.environment.bme68x import Calibration68x, bme68x_columns, calibration68x
from drivers.environment.climate import (
    aht20_columns,
    cooler,
    crc8,
    saturation_hpa,
    sensirion_words,
    sht3x_columns,
    sht4x_columns,
)
from drivers.environment.co2 import scd4x_columns, scd4x_ready
from drivers.environment.light import bh1750_lx, ltr329_lx, tsl2591_lx, veml7700_corrected_lx, veml7700_lx
from drivers.environment.pressure import Calibration, bmx280_columns, calibration
from drivers.radar import RadarHealth
from drivers.readings import DriverError, EnvironmentReading, LinkCounters
from drivers.twins.air_chips import Bme68
from drivers.twins.i2c import TwinBus, room_bus
from drivers.twins.room import Room, bedroom, words

ALL_CHIPS = ("SHT4x", "SHT3x", "AHT20", "SCD4x", "BME280", "BMP280", "VEML7700", "BH1750", "TSL2591")


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def wired(room: Room, *chips: str) -> tuple[Environment, TwinBus, Time]:
    """An environment with the chips in a room that does not change."""
    time = Time()
    bus = room_bus(time.clock, lambda t_s: room, chips)
    return Environment(bus, time.clock, time.sleep), bus, time


def settled(environment: Environment, time: Time) -> EnvironmentReading:
    """The reading a minute after the first: an SCD4x has nothing to tell at once."""
    environment.read()
    time.sleep(60)
    return environment.read()


# Conversions


@pytest.mark.parametrize(("data", "check"), [("BEEF", 0x92), ("0000", 0x81), ("6667", 0xA2), ("01F4", 0x33)])
def test_check_byte_of_sensirion_datasheets(data: str, check: int) -> None:
    assert crc8(bytes.fromhex(data)) == check


@pytest.mark.parametrize("setting", ["07E6 48", "079E 09", "03DB 42", "01E0 B4"])
def test_check_byte_of_setting_words(setting: str) -> None:
    assert sensirion_words(bytes.fromhex(setting)) == [int(setting[:4], 16)]


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=4), st.integers(0, 95))
def test_a_flipped_bit_never_passes_the_check_byte(values: list[int], bit: int) -> None:
    data = bytearray(words(*values))
    assert sensirion_words(bytes(data)) == values
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    with pytest.raises(DriverError, match="check byte"):
        sensirion_words(bytes(data))


def test_sht4x_formula() -> None:
    assert sht4x_columns(words(0x6667, 0xBEEF)) == pytest.approx(
        {"temperature_c": 25.003, "humidity_pct": 87.231}, abs=1e-3
    )
    assert sht4x_columns(words(0x6667, 0x5EB9))["humidity_pct"] == pytest.approx(40.252, abs=1e-3)
    assert [sht4x_columns(words(0, raw))["humidity_pct"] for raw in (0, 0xFFFF)] == [0.0, 100.0]  # -6 and 119, clipped


@pytest.mark.parametrize(
    "data", ["01 F4 33", "66 67 A2", "5E B9 3C", "07 E6 48", "BE EF 92 00 00 81", "F8 96 31 9F 07 C2 3B BE 89"]
)
def test_check_bytes_of_whole_replies(data: str) -> None:
    assert len(sensirion_words(bytes.fromhex(data))) == len(bytes.fromhex(data)) // 3


def test_scd4x_example_of_the_datasheet() -> None:
    told = scd4x_columns(bytes.fromhex("01F433 6667A2 5EB93C"))
    assert told == pytest.approx({"co2_ppm": 500.0, "temperature_c": 25.003, "humidity_pct": 37.002}, abs=1e-3)
    with pytest.raises(DriverError, match="check byte"):  # the datasheet's own misprint of the first check byte
        scd4x_columns(bytes.fromhex("01F47B 6667A2 5EB93C"))
    serial = sensirion_words(bytes.fromhex("F89631 9F07C2 3BBE89"))
    assert serial[0] << 32 | serial[1] << 16 | serial[2] == 273325796834238
    assert not scd4x_ready(words(0x8000))
    assert scd4x_ready(words(0x8006))
    assert not scd4x_ready(words(0xF800))  # only the low eleven bits count


def test_sht3x_formula() -> None:
    told = sht3x_columns(bytes.fromhex("BEEF92 BEEF92"))
    assert told == pytest.approx({"temperature_c": 85.523, "humidity_pct": 74.585}, abs=1e-3)


def _burst(p: int, t: int, h: int | None = None) -> bytes:
    """20 bits of pressure and of temperature, left-aligned in three bytes each; 16 of humidity."""
    return (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + (b"" if h is None else h.to_bytes(2, "big"))


def test_bmp280_example_of_the_datasheet() -> None:
    constants = Calibration((27504, 26435, -1000), (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000), None)
    told = bmx280_columns(constants, _burst(415148, 519888))
    assert told["temperature_c"] == pytest.approx(25.0825, abs=1e-4)
    assert told["pressure_hpa"] == pytest.approx(1006.5327, abs=1e-4)


def test_bme280_vector_of_pimoroni_s_tests() -> None:
    constants = Calibration(
        (28009, 25654, 50), (39145, -10750, 3024, 5667, -120, -7, 15500, -14600, 6000), (75, 376, 0, 286, 50, 30)
    )
    told = bmx280_columns(constants, _burst(326816, 529191, 30281))
    assert told == pytest.approx(
        {"temperature_c": 24.78949, "pressure_hpa": 1006.61518, "humidity_pct": 68.66997}, abs=1e-4
    )


def test_warm_air_of_the_box_is_told_as_the_room_s() -> None:
    """22 C and 40 % in the box, 4 C above the room: psychrometric tables give 26.43 and 20.63 hPa when full."""
    told = cooler({"temperature_c": 22.0, "humidity_pct": 40.0, "co2_ppm": 700.0}, 4.0)
    assert told["temperature_c"] == 18.0
    assert told["humidity_pct"] == pytest.approx(40.0 * 26.43 / 20.63, abs=0.1)
    assert told["co2_ppm"] == 700.0
    assert cooler({"illuminance_lx": 3.0}, 4.0) == {"illuminance_lx": 3.0}
    assert cooler({"temperature_c": 22.0, "humidity_pct": 95.0}, 4.0)["humidity_pct"] == 100.0


@given(st.floats(0.0, 40.0), st.floats(1.0, 60.0), st.floats(0.0, 8.0))
def test_taking_warmth_off_keeps_the_water_in_the_air(warm_c: float, humidity_pct: float, warmth_c: float) -> None:
    told = cooler({"temperature_c": warm_c, "humidity_pct": humidity_pct}, warmth_c)
    vapour_hpa = humidity_pct / 100 * saturation_hpa(warm_c)
    assert told["humidity_pct"] <= 100.0
    assert told["humidity_pct"] == 100.0 or told["humidity_pct"] / 100 * saturation_hpa(
        told["temperature_c"]
    ) == pytest.approx(vapour_hpa, rel=1e-9)


def test_aht20_formula() -> None:
    half = bytes.fromhex("18 8000080000")  # 20 bits each
    assert aht20_columns(half + bytes((crc8(half),))) == {"temperature_c": 50.0, "humidity_pct": 50.0}
    with pytest.raises(DriverError, match="check byte"):
        aht20_columns(half + b"\0")


def test_bme280_signs_of_the_shared_nibbles() -> None:
    low = bytes(26)
    assert calibration(low, bytes.fromhex("0000 00 11 2E 03 00")).h == (0, 0, 0, 286, 50, 0)
    # i8(F0) * 16 + 5 = -251 and i8(FF) * 16 + 10 = -6
    assert calibration(low, bytes.fromhex("0000 00 F0 A5 FF FE")).h == (0, 0, 0, -251, -6, -2)


def test_bmx280_leaves_out_what_was_not_measured() -> None:
    constants = Calibration(
        (27504, 26435, -1000), (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000), (75, 376, 0, 286, 50, 30)
    )
    skipped = bytes.fromhex("800000 7eed00 8000")
    assert list(bmx280_columns(constants, skipped)) == ["temperature_c"]
    assert bmx280_columns(constants, bytes.fromhex("655ac0 800000 7649")) == {}
    nothing = constants._replace(p=(0,) * 9)  # would divide by zero
    assert "pressure_hpa" not in bmx280_columns(nothing, bytes.fromhex("655ac0 7eed00 7649"))


def test_veml7700_formula() -> None:
    assert veml7700_lx(1, 1.0, 100) == pytest.approx(0.0672)
    assert veml7700_lx(1, 1 / 8, 100) == pytest.approx(0.5376)
    assert veml7700_lx(1, 2.0, 800) == pytest.approx(0.0042)
    assert veml7700_lx(1480, 1 / 4, 100) == pytest.approx(397.8, abs=0.05)
    assert veml7700_corrected_lx(537.6) == pytest.approx(560.98, abs=0.01)
    assert veml7700_lx(5000, 1 / 8, 100) == pytest.approx(veml7700_corrected_lx(2688.0))


def test_bh1750_formula() -> None:
    assert bh1750_lx(0x8390) == pytest.approx(28066.7, abs=0.05)
    assert bh1750_lx(0x0110) == pytest.approx(226.7, abs=0.05)
    assert bh1750_lx(0x0110, half=True) == pytest.approx(113.3, abs=0.05)
    assert bh1750_lx(0x0110, half=True, measurement_time=254) == pytest.approx(30.79, abs=0.005)


def test_tsl2591_formula() -> None:
    assert tsl2591_lx(1000, 200, 25, 100) == pytest.approx(104.45, abs=0.005)
    assert tsl2591_lx(0, 0, 25, 100) == 0.0


@pytest.mark.parametrize(
    ("both", "infrared", "gain", "ms", "lx"),
    [(1000, 200, 1, 100, 1995.48), (1000, 1000, 8, 200, 145.231), (300, 800, 96, 400, 0.7098), (10, 990, 1, 100, 0.0)],
)
def test_ltr329_formula(both: int, infrared: int, gain: float, ms: int, lx: float) -> None:
    assert ltr329_lx(both, infrared, gain, ms) == pytest.approx(lx, rel=1e-4)
    assert ltr329_lx(0, 0, gain, ms) == 0.0


def test_bme680_constants_and_formulas() -> None:
    constants = calibration68x(Bme68.LOW, Bme68.HIGH)
    assert constants == Calibration68x(
        (26180, 26300, 3),
        (36100, -10420, 88, 8200, -140, 30, 40, -2900, -2500, 30),
        (740, 1010, 0, 45, 20, 120, -100),
    )
    told = bme68x_columns(constants, b"\x80\x00" + _burst(378000, 492000, 21500))
    assert told == {"temperature_c": 22.93, "pressure_hpa": 929.29, "humidity_pct": 49.857}
    assert list(bme68x_columns(constants, b"\x80\x00" + _burst(0x80000, 492000, 0x8000))) == ["temperature_c"]
    assert bme68x_columns(constants, b"\x80\x00" + _burst(378000, 0x80000, 21500)) == {}
    nothing = constants._replace(p=(0,) * 10)  # would divide by zero
    assert "pressure_hpa" not in bme68x_columns(nothing, b"\x80\x00" + _burst(378000, 492000, 21500))


def captured(path: Path) -> tuple[dict[str, bytes], list[dict[str, object]]]:
    """The labelled bytes and the expectations of a capture file."""
    _, rest = path.read_text().split("[hex]")
    lines, expect = rest.split("[expect]")
    labelled = (line.split(":") for line in lines.strip().splitlines())
    return {label: bytes.fromhex(data) for label, data in labelled}, [
        json.loads(line) for line in expect.split("\n") if line
    ]


def test_sensirion_capture(shared_folder: Path) -> None:
    data, expect = captured(shared_folder / "captures" / "env-01-sensirion.txt")
    measured = scd4x_columns(data["SCD4x read_measurement"])
    told = {"co2_ppm": measured["co2_ppm"], "temp_c": measured["temperature_c"], "rh": measured["humidity_pct"]}
    assert told == pytest.approx(expect[0], abs=1e-3)
    serial = sensirion_words(data["SCD4x get_serial_number"])
    assert serial[0] << 32 | serial[1] << 16 | serial[2] == expect[1]["serial"]
    assert scd4x_ready(data["SCD4x data-ready word"]) is expect[2]["data_ready"]
    for name in ("offset 5.4 C", "altitude 1950 m", "pressure 98700 Pa"):
        assert sensirion_words(data[f"SCD4x set {name}"][2:])
    sht = sht3x_columns(data["SHT3x reading"])
    assert {"temp_c": sht["temperature_c"], "rh": sht["humidity_pct"]} == pytest.approx(expect[6], abs=1e-3)


def test_bosch_capture(shared_folder: Path) -> None:
    data, (first, second) = captured(shared_folder / "captures" / "env-02-bmx280.txt")
    a = bmx280_columns(calibration(data["A 88"], None), data["A F7"])
    assert {"temp_c": a["temperature_c"], "pressure_pa": a["pressure_hpa"] * 100} == pytest.approx(first["A"], abs=1e-2)
    # The line of 88-A1 begins with a stray byte, its own length: 26 bytes follow, and T1 is 6d69 = 28009.
    low = data["B 88"][-26:]
    b = bmx280_columns(calibration(low, data["B E1"]), data["B F7"])
    told = {"temp_c": b["temperature_c"], "pressure_hpa": b["pressure_hpa"], "rh": b["humidity_pct"]}
    assert told == pytest.approx(second["B"], abs=1e-3)


# Whole readings

ROOM = Room(temperature_c=19.3, humidity_pct=47.5, illuminance_lx=12.0, co2_ppm=1234.0, pressure_hpa=998.7)
TOLD = {
    "SHT4x": {"temperature_c": 19.3, "humidity_pct": 47.5},
    "SHT3x": {"temperature_c": 19.3, "humidity_pct": 47.5},
    "AHT20": {"temperature_c": 19.3, "humidity_pct": 47.5},
    "BME280": {"temperature_c": 19.3, "humidity_pct": 47.5, "pressure_hpa": 998.7},
    "BMP280": {"temperature_c": 19.3, "pressure_hpa": 998.7},
    "BME680": {"temperature_c": 19.3, "humidity_pct": 47.5, "pressure_hpa": 998.7},
    "BME688": {"temperature_c": 19.3, "humidity_pct": 47.5, "pressure_hpa": 998.7},
    "LTR-329": {"illuminance_lx": 12.0},
    "SCD4x": {"temperature_c": 19.3, "humidity_pct": 47.5, "co2_ppm": 1234.0},
    "VEML7700": {"illuminance_lx": 12.0},
    "BH1750": {"illuminance_lx": 12.0},
    "TSL2591": {"illuminance_lx": 12.0},
}


@pytest.mark.parametrize("chip", [*ALL_CHIPS, "BME680", "BME688", "LTR-329"])
def test_each_chip_alone_tells_its_own_columns(chip: str) -> None:
    environment, _, time = wired(ROOM, chip)
    reading = settled(environment, time)._asdict()
    told = {name: value for name, value in reading.items() if value is not None and name != "t_s"}
    assert told == pytest.approx(TOLD[chip], rel=0.01)
    assert [name.split(" at ")[0] for name in environment.sensors] == [chip]


def test_all_chips_together_fill_every_column_from_the_best_teller() -> None:
    environment, bus, time = wired(ROOM, *ALL_CHIPS)
    reading = settled(environment, time)
    assert None not in reading
    bus.dead.add(0x44)
    environment.read()
    assert environment.read().temperature_c == pytest.approx(19.3, abs=0.01)
    assert len(environment.sensors) == len(ALL_CHIPS) - 1


def test_one_dead_chip_costs_only_its_own_column_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    environment, bus, time = wired(ROOM, "SHT4x", "VEML7700", "SCD4x")
    assert settled(environment, time).illuminance_lx is not None
    caplog.set_level(logging.INFO)
    caplog.clear()
    bus.dead.add(0x10)
    for _ in range(3):
        time.sleep(60)
        reading = environment.read()
        assert reading.illuminance_lx is None
        assert None not in (reading.temperature_c, reading.humidity_pct, reading.co2_ppm)
    bus.dead.clear()
    time.sleep(60)
    assert environment.read().illuminance_lx == pytest.approx(12.0, rel=0.01)
    said = [record.getMessage() for record in caplog.records]
    assert [re.sub(r" \(.*", "", line) for line in said] == ["VEML7700 at 0x10 is gone", "VEML7700 at 0x10 is back"]


@pytest.mark.parametrize("chip", ["SHT4x", "SHT3x", "SCD4x"])
def test_a_noisy_line_gives_no_value_rather_than_a_wrong_one(chip: str) -> None:
    environment, bus, time = wired(ROOM, chip)
    assert settled(environment, time).temperature_c is not None
    bus.noisy.update(bus.chips)
    time.sleep(60)
    reading = environment.read()
    assert (reading.temperature_c, reading.humidity_pct, reading.co2_ppm) == (None, None, None)


def test_values_out_of_range_are_missing() -> None:
    environment, _, time = wired(ROOM._replace(co2_ppm=45_000.0, temperature_c=110.0), "SCD4x")
    reading = settled(environment, time)
    assert (reading.co2_ppm, reading.temperature_c) == (None, None)
    assert reading.humidity_pct == pytest.approx(47.5, abs=0.01)


@pytest.mark.parametrize("chip", ["VEML7700", "BH1750", "TSL2591", "LTR-329"])
@pytest.mark.parametrize("lx", [0.0, 0.5, 8.0, 300.0, 5_000.0, 60_000.0])
def test_light_from_a_dark_bedroom_to_a_sunlit_window(chip: str, lx: float) -> None:
    if chip == "TSL2591" and lx > 50_000:
        pytest.skip("more than a TSL2591 can take at its shortest time")
    environment, _, _ = wired(Room(illuminance_lx=lx), chip)
    environment.read()
    told = environment.read().illuminance_lx
    assert told == pytest.approx(lx, rel=0.05, abs=0.06)


def test_a_light_sensor_that_was_without_power_is_set_up_again() -> None:
    environment, bus, _ = wired(Room(illuminance_lx=0.5), "VEML7700")
    assert environment.read().illuminance_lx == pytest.approx(0.5, rel=0.05)
    bus.chips[0x10].write(0.0, b"\x00\x01\x00")
    assert environment.read().illuminance_lx == pytest.approx(0.5, rel=0.05)


def test_co2_is_missing_between_measurements_and_not_repeated() -> None:
    environment, _, time = wired(ROOM, "SCD4x")
    assert settled(environment, time).co2_ppm == 1234.0
    assert environment.read().co2_ppm is None


def test_a_co2_sensor_that_forgot_its_task_is_started_again() -> None:
    environment, bus, time = wired(ROOM, "SCD4x")
    settled(environment, time)
    bus.chips[0x62].write(time.now_s, b"\x3f\x86")
    told = []
    for _ in range(6):
        time.sleep(60)
        told.append(environment.read().co2_ppm)
    assert told == [None, None, None, None, 1234.0, 1234.0]


def test_the_box_s_warmth_is_taken_off_every_reading() -> None:
    time = Time()
    bus = room_bus(time.clock, lambda t_s: ROOM, ("SHT4x", "BME280"))
    reading = Environment(bus, time.clock, time.sleep, warmth_c=3.0).read()
    assert reading.temperature_c == pytest.approx(16.3, abs=0.01)
    assert reading.humidity_pct == pytest.approx(47.5 * saturation_hpa(19.3) / saturation_hpa(16.3), abs=0.01)
    assert reading.pressure_hpa == pytest.approx(998.7, abs=0.1)


def test_a_hung_bus_costs_no_turn_and_is_told() -> None:
    """A chip holds the line down: the kernel's call does not come back, and the loop goes on without it."""
    entered, free = threading.Event(), threading.Event()

    class Hung:
        def i2c_rdwr(self, *messages: object) -> None:
            entered.set()
            free.wait()
            raise OSError(5, "Input/output error")

    class NoRadar:
        def run(self, stop: threading.Event) -> None:
            stop.wait()

        def health(self) -> RadarHealth:
            return RadarHealth(False, None, None, None, None, LinkCounters(), None, 0, 0)

    time = Time()
    clock = CaptureClock(0.0)
    senses = LiveSenses(
        lambda deliver, tee: NoRadar(),  # type: ignore[arg-type,return-value]
        lambda: Environment(Hung(), time.clock, time.sleep),
        None,
        clock,
    )
    stop = threading.Event()
    threads = senses.threads(stop)
    for thread in threads:
        thread.start()
    assert entered.wait(10.0)
    began_s = monotonic()
    for tenth in range(100):
        assert senses.take(Instant(tenth / 10, 0.0)).complaints == ()
    assert monotonic() - began_s < 1.0
    assert senses.take(Instant(60.0, 0.0)).complaints == (
        "The I2C bus hangs: check the sensors' wires, then switch the box off and on",
    )
    stop.set()
    free.set()
    for thread in threads:
        thread.join(10.0)
    assert senses.take(Instant(120.0, 0.0)).complaints == ()


def test_a_co2_sensor_is_told_the_pressure_of_the_barometer_beside_it() -> None:
    time = Time()
    pressures = [998.7]
    bus = room_bus(time.clock, lambda t_s: ROOM._replace(pressure_hpa=pressures[-1]), ("SCD4x", "BME280"))
    environment, written = Environment(bus, time.clock, time.sleep), list[bytes]()
    chip = bus.chips[0x62]
    told = chip.write

    def write(t_s: float, data: bytes) -> None:
        written.append(data)
        told(t_s, data)

    chip.write = write  # type: ignore[method-assign]
    for pressure in (998.7, 998.9, 987.0):
        pressures.append(pressure)
        time.sleep(60.0)
        assert environment.read().pressure_hpa == pytest.approx(pressure, abs=0.1)
    heard = [data for data in written if data[:2] == b"\xe0\x00"]
    # 999 hPa = 03E7 at first, nothing for a change of 0.2, and for 98700 Pa the datasheet's example 03DB with 42.
    assert [data[2:4].hex() for data in heard] == ["03e7", "03db"]
    assert heard[1] == bytes.fromhex("e000 03db 42")


def test_the_two_chips_of_one_address_are_told_apart() -> None:
    for chip in ("TSL2591", "LTR-329"):
        environment, _, _ = wired(ROOM, chip)
        environment.read()
        assert environment.sensors == (f"{chip} at 0x29",)


def test_a_bus_without_sensors_gives_a_reading_of_nothing() -> None:
    environment, _, time = wired(ROOM)
    assert environment.read() == EnvironmentReading(time.now_s)
    assert environment.sensors == ()


def test_another_chip_at_a_known_address_is_left_alone() -> None:
    environment, bus, _ = wired(ROOM, "BME280", "TSL2591")
    bus.chips[0x76].write(0.0, b"\xd0\x55")  # a BMP180
    bus.chips[0x23] = bus.chips.pop(0x29)
    assert environment.read().pressure_hpa is None


def test_a_bus_that_is_not_there_is_one_line() -> None:
    with pytest.raises(DriverError, match="raspi-config"):
        open_bus(97)


def test_the_twin_bedroom_stays_a_bedroom_for_a_night() -> None:
    for hour in range(12):
        room = bedroom(hour * 3600.0)
        assert 15 < room.temperature_c < 25
        assert 30 < room.humidity_pct < 70
        assert 400 < room.co2_ppm < 2000
        assert 0 < room.illuminance_lx < 100
        assert 980 < room.pressure_hpa < 1040
