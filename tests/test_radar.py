"""The radar's port against twins behind a pseudo-terminal: real serial code on our end, faults on theirs."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from drivers import micradar, tinyframe
from drivers.capture import Channel
from drivers.probing import PROTOCOLS, find, open_port, probe
from drivers.radar import Conversation, Radar, RadarChunk
from drivers.readings import DriverError, LinkCounters, Module, RadarSample
from drivers.twins import AcconeerTwin, MicradarTwin, Scene, TinyFrameTwin, Twin
from drivers.twins.port import Fault, PtyPort, live

SPEED = 20.0
PATIENCE_S = 15.0  # real time; a busy runner is not a wrong answer

ALL_TWINS: list[Callable[[], Twin]] = [TinyFrameTwin, MicradarTwin, AcconeerTwin]


class Clock:
    """Runs ``SPEED`` times as fast as real time."""

    def __init__(self, speed: float = SPEED) -> None:
        self._speed, self._origin_s = speed, time.monotonic()

    def __call__(self) -> float:
        return (time.monotonic() - self._origin_s) * self._speed


class Bench:
    """A radar in its thread, and what came out of it."""

    def __init__(self, radar: Radar, samples: list[RadarSample], teed: list[tuple[float, Channel, bytes]]) -> None:
        self.radar, self.samples, self.teed = radar, samples, teed

    def waits_for(self, condition: Callable[[], bool]) -> None:
        """Until it holds, or the test has failed."""
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end_s, f"waited in vain; {self.radar.health()}"
            time.sleep(0.005)

    def waits_for_samples(self, more: int = 1) -> None:
        """Until ``more`` of them have come from now on."""
        wanted = len(self.samples) + more
        self.waits_for(lambda: len(self.samples) >= wanted)


def sleeper(seconds: float = 3000.0) -> Scene:
    """Somebody at 0.6 m who breathes 3 mm to each side 15 times a minute."""
    t_s = np.arange(round(seconds * 20) + 1) / 20
    return Scene.of_one(t_s, 3 * np.sin(2 * np.pi * 0.25 * t_s), np.full(len(t_s), 0.6), np.zeros(len(t_s)))


@contextmanager
def listening(
    port: Path,
    clock: Clock,
    module: Module | None = None,
    baud: int | None = None,
    converse: Callable[[Module], Conversation] | None = None,
) -> Iterator[Bench]:
    """A radar on a port, stopped at the end."""
    samples: list[RadarSample] = []
    teed: list[tuple[float, Channel, bytes]] = []

    def deliver(chunk: RadarChunk) -> None:
        samples.extend(chunk.samples)

    def tee(t_s: float, channel: Channel, data: bytes) -> None:
        teed.append((t_s, channel, data))

    radar, stop = Radar(str(port), module, baud, clock, deliver, tee, SPEED, converse), threading.Event()
    thread = threading.Thread(target=radar.run, args=(stop,))
    thread.start()
    try:
        yield Bench(radar, samples, teed)
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def wired(tmp_path: Path, twin: Twin, clock: Clock) -> AbstractContextManager[PtyPort]:
    """The twin of a sleeper behind a port."""
    return PtyPort(tmp_path / "radar", twin, live(twin, sleeper()), clock)


@pytest.mark.parametrize("twin", ALL_TWINS)
def test_a_module_is_found_and_understood(tmp_path: Path, twin: Callable[[], Twin]) -> None:
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock) as bench:
        bench.waits_for_samples(20)
        health = bench.radar.health()
        assert (health.connected, health.module, health.baud, health.fault) == (True, module.module, 115_200, None)
        assert health.counters.frames > 10
        assert health.counters.bad_checksums == 0
        times = [sample.t_s for sample in bench.samples]
        assert times == sorted(times)
        assert times[-1] <= clock() + 1.0


@pytest.mark.parametrize("twin", ALL_TWINS)
def test_in_standby_the_port_is_closed_and_not_a_byte_is_read(tmp_path: Path, twin: Callable[[], Twin]) -> None:
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock, module.module, 115_200) as bench:
        bench.waits_for_samples()
        bench.radar.rest(True)
        bench.waits_for(lambda: not bench.radar.health().connected)
        with open_port(str(port.link), 115_200):  # exclusive, so nobody else has it
            read = len(bench.teed)
            time.sleep(0.3)
            assert len(bench.teed) == read
        assert bench.radar.health().fault is None
        bench.radar.rest(False)
        bench.waits_for_samples()
        assert bench.radar.health().connected


def test_the_port_with_a_radar_is_found_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    twin = MicradarTwin(1)
    with (
        PtyPort(tmp_path / "silent", Mute(), iter([]), clock),
        PtyPort(tmp_path / "radar", twin, live(twin, sleeper()), clock),
    ):
        names = [str(tmp_path / "gone"), str(tmp_path / "silent"), str(tmp_path / "radar")]
        monkeypatch.setattr("drivers.probing.ports", lambda: names)
        assert find(None, clock, SPEED, threading.Event(), None) == (names[2], Module.MICRADAR, 115_200)


def test_no_port_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.probing.ports", list)
    with pytest.raises(DriverError, match="plug the radar in"):
        find(None, Clock(), SPEED, threading.Event(), None)


def test_the_fast_kind_of_tinyframe_is_found(tmp_path: Path) -> None:
    clock = Clock()
    with wired(tmp_path, TinyFrameTwin(baud=1_382_400), clock) as port:
        assert probe(str(port.link), clock, SPEED) == (Module.TINYFRAME, 1_382_400)


@pytest.mark.parametrize("twin", ALL_TWINS)
def test_breathing_comes_through_each_module(tmp_path: Path, twin: Callable[[], Twin]) -> None:
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock, module.module, 115_200) as bench:
        bench.waits_for(lambda: sum(_breath(sample) for sample in bench.samples) >= 40)


def _breath(sample: RadarSample) -> bool:
    return sample.phase_rad is not None or sample.wave is not None or sample.iq is not None


def test_a_micradar_as_delivered_is_told_to_send_its_waveform(tmp_path: Path) -> None:
    clock, twin = Clock(), MicradarTwin(waveform=False, firmware="G60-twin")
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.MICRADAR, 115_200) as bench:
        bench.waits_for(lambda: any(sample.wave is not None for sample in bench.samples))
        assert bench.radar.health().firmware == "G60-twin"
        port.start(Fault.UNPLUG)  # and with it the switch is off again
        bench.waits_for(lambda: not bench.radar.health().connected)
        port.end(Fault.UNPLUG)
        bench.samples.clear()
        bench.waits_for(lambda: any(sample.wave is not None for sample in bench.samples))


def test_an_acconeer_is_woken_and_set_up(tmp_path: Path) -> None:
    clock, twin = Clock(), AcconeerTwin()
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.ACCONEER, 115_200) as bench:
        bench.waits_for(lambda: any(sample.iq is not None for sample in bench.samples))
        assert twin.streaming
        assert all(channel in (Channel.RADAR_RX, Channel.RADAR_TX) for _, channel, _ in bench.teed)


@pytest.mark.parametrize("twin", ALL_TWINS)
def test_what_was_teed_gives_the_same_samples_again(tmp_path: Path, twin: Callable[[], Twin]) -> None:
    """A live night and its capture: the same bytes at the same times through the same conversation."""
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock, module.module, 115_200) as bench:
        bench.waits_for_samples(200)
    talk = PROTOCOLS[module.module].Conversation()
    again = []
    for t_s, channel, data in bench.teed:
        if channel is Channel.RADAR_RX:
            again += talk.receive(t_s, data)
        else:
            talk.transmit(t_s)
    assert len(again) >= 200
    assert [_plain(sample) for sample in again] == [_plain(sample) for sample in bench.samples]


def _plain(sample: RadarSample) -> tuple[object, ...]:
    return tuple(value.tolist() if isinstance(value, np.ndarray) else value for value in sample)


@pytest.mark.parametrize("twin", ALL_TWINS)
def test_unplugging_is_told_once_and_coming_back_once(
    tmp_path: Path, twin: Callable[[], Twin], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="drivers.radar")
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock, module.module, 115_200) as bench:
        bench.waits_for_samples()
        port.start(Fault.UNPLUG)
        bench.waits_for(lambda: not bench.radar.health().connected)
        time.sleep(5 / SPEED)
        assert bench.radar.health().fault is not None
        port.end(Fault.UNPLUG)
        bench.waits_for(lambda: bench.radar.health().connected)
        bench.waits_for_samples()
        bench.waits_for(lambda: bench.radar.health().fault is None)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO"], caplog.text


def test_a_silent_module_is_noticed_after_five_seconds(tmp_path: Path) -> None:
    clock, twin = Clock(), TinyFrameTwin()
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.TINYFRAME, 115_200) as bench:
        bench.waits_for_samples(50)
        port.start(Fault.SILENCE)
        start_s = clock()
        bench.waits_for(lambda: not bench.radar.health().connected)
        assert clock() - start_s >= 4.5
        assert "silent" in str(bench.radar.health().fault)
        port.end(Fault.SILENCE)
        bench.waits_for_samples(50)


def test_a_frozen_module_stays_connected_and_is_told(tmp_path: Path) -> None:
    clock, twin = Clock(), TinyFrameTwin()
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.TINYFRAME, 115_200) as bench:
        bench.waits_for(lambda: any(sample.phase_rad is not None for sample in bench.samples))
        port.start(Fault.FROZEN)
        bench.waits_for(lambda: "frozen" in str(bench.radar.health().fault))
        assert bench.radar.health().connected
        port.end(Fault.FROZEN)
        bench.waits_for(lambda: bench.radar.health().fault is None)


@pytest.mark.parametrize("twin", ALL_TWINS)
@pytest.mark.parametrize("fault", [Fault.CUT_FRAME, Fault.FLIP_BYTE, Fault.TEXT_NOISE])
def test_a_damaged_frame_costs_little(tmp_path: Path, twin: Callable[[], Twin], fault: Fault) -> None:
    clock, module = Clock(), twin()
    with wired(tmp_path, module, clock) as port, listening(port.link, clock, module.module, 115_200) as bench:
        for _ in range(3):
            bench.waits_for_samples(5)
            port.start(fault)
        bench.waits_for_samples(20)
        counters = bench.radar.health().counters
        assert counters.garbage_bytes + counters.bad_checksums + counters.lost_frames > 0 or fault is Fault.FLIP_BYTE
        assert bench.radar.health().connected


def test_a_wrong_baud_is_told_and_mended(tmp_path: Path) -> None:
    clock, twin = Clock(), TinyFrameTwin()
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.TINYFRAME, 115_200) as bench:
        port.start(Fault.WRONG_BAUD)
        bench.waits_for(lambda: "baud" in str(bench.radar.health().fault))
        port.end(Fault.WRONG_BAUD)
        bench.waits_for_samples(20)
        bench.waits_for(lambda: bench.radar.health().fault is None)


def test_a_module_of_another_kind_is_told(tmp_path: Path) -> None:
    clock, twin = Clock(), MicradarTwin()
    with wired(tmp_path, twin, clock) as port, listening(port.link, clock, Module.TINYFRAME, 115_200) as bench:
        bench.waits_for(lambda: "kind of module" in str(bench.radar.health().fault))


class OldTwin(MicradarTwin):
    """A MR60BHA1 of 2022: frames that begin with 55."""

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        return [(t_s, bytes.fromhex("55 08 00 03 01 01 00 7a") * 3) for t_s, _ in super().speak(scene)]

    def hear(self, t_s: float, data: bytes) -> bytes:
        return b""


def test_old_firmware_is_named(tmp_path: Path) -> None:
    clock, twin = Clock(), OldTwin()
    with wired(tmp_path, twin, clock) as port:
        with pytest.raises(DriverError, match="unsupported old firmware"):
            probe(str(port.link), clock, SPEED)
        with listening(port.link, clock, Module.MICRADAR, 115_200) as bench:
            bench.waits_for(lambda: "unsupported old firmware" in str(bench.radar.health().fault))


class Mute(TinyFrameTwin):
    """Nothing is on the wire; what was asked is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    def speak(self, scene: Scene) -> list[tuple[float, bytes]]:
        return []

    def hear(self, t_s: float, data: bytes) -> bytes:
        self.heard += data
        return b""


def test_a_silent_line_is_asked_harmless_questions_alone(tmp_path: Path) -> None:
    clock, twin = Clock(), Mute()
    with wired(tmp_path, twin, clock) as port, pytest.raises(DriverError, match="nothing answers"):
        probe(str(port.link), clock, SPEED)
    asked = bytes.fromhex("53 59 80 81 00 01 0F BD 54 43") + bytes.fromhex("01 00 01 00 00 FF FF FF")
    assert twin.heard == asked + b'{"cmd":"get_system_info"}\n'  # the twin hears at 115200 alone


def test_noise_is_no_radar(tmp_path: Path) -> None:
    clock, twin = Clock(), TinyFrameTwin()
    with wired(tmp_path, twin, clock) as port:
        port.start(Fault.WRONG_BAUD)
        with pytest.raises(DriverError, match="no radar that is known"):
            probe(str(port.link), clock, SPEED)


class Rogue:
    """A conversation that would send what no host may send."""

    firmware: str | None = None

    def __init__(self, data: bytes) -> None:
        self.counters = LinkCounters()
        self._data = data

    def receive(self, t_s: float, data: bytes) -> list[RadarSample]:
        self.counters.frames += 1
        return [RadarSample(t_s)]

    def idle(self, t_s: float) -> list[RadarSample]:
        return []

    def transmit(self, t_s: float) -> bytes:
        return self._data

    def fault(self, t_s: float) -> str | None:
        return None


FORBIDDEN = {
    "ota loader": (TinyFrameTwin, tinyframe.encode(tinyframe.Frame(0, 0x3000, b""))),
    "factory": (TinyFrameTwin, tinyframe.encode(tinyframe.Frame(0, 0x4000, b""))),
    "behind a good one": (TinyFrameTwin, bytes.fromhex("010001 0000 FFFF FF 010000 0000 3000 CE")),
    "ota": (MicradarTwin, micradar.encode(micradar.Frame(0x03, 0x01, b"\0\0\0\x13"))),
    "reboot": (AcconeerTwin, b'{"cmd":"reboot_to_bootloader"}\n'),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_command_never_leaves(tmp_path: Path, name: str) -> None:
    kind, command = FORBIDDEN[name]
    clock, twin = Clock(), kind()
    twin.hear(0.0, b'{"cmd":"start_streaming"}\n')
    with (
        wired(tmp_path, twin, clock) as port,
        listening(port.link, clock, twin.module, 115_200, lambda module: Rogue(command)) as bench,
    ):
        bench.waits_for(lambda: bench.radar.health().refused_commands > 3)
        assert all(channel is Channel.RADAR_RX for _, channel, _ in bench.teed)
    assert not getattr(twin, "lost", False)


def test_a_full_receiver_costs_chunks_and_not_time(tmp_path: Path) -> None:
    clock, twin, stop = Clock(), TinyFrameTwin(), threading.Event()
    room: queue.Queue[RadarChunk] = queue.Queue(maxsize=2)
    with wired(tmp_path, twin, clock) as port:
        radar = Radar(str(port.link), Module.TINYFRAME, 115_200, clock, room.put_nowait, speed=SPEED)
        thread = threading.Thread(target=radar.run, args=(stop,))
        thread.start()
        end_s = time.monotonic() + PATIENCE_S
        while radar.health().dropped_chunks < 5 and time.monotonic() < end_s:
            time.sleep(0.01)
        stop.set()
        thread.join(PATIENCE_S)
    assert radar.health().dropped_chunks >= 5
    assert room.full()


class Counted(threading.Event):
    """Keeps how long it was waited for, and does not wait."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits_s: list[float] = []
        self._waits = waits

    def wait(self, timeout: float | None = None) -> bool:
        self.waits_s.append(timeout or 0.0)
        if len(self.waits_s) == self._waits:
            self.set()
        return self.is_set()


def test_a_port_that_does_not_exist_is_one_line_and_tried_ever_more_rarely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = Counted(9)
    radar = Radar(str(tmp_path / "nothing"), None, None, time.monotonic, lambda chunk: None)
    radar.run(stop)
    assert stop.waits_s == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(caplog.records) == 1
    assert f"no serial port {tmp_path / 'nothing'}: plug the radar in" in caplog.text
    assert not radar.health().connected


def test_a_port_can_be_opened_once_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    with (
        wired(tmp_path, TinyFrameTwin(), clock) as port,
        open_port(str(port.link), 115_200),
        pytest.raises(DriverError, match="cannot open"),
    ):
        open_port(str(port.link), 115_200)


def test_bytes_of_a_recording_come_through_unchanged_and_in_their_time(tmp_path: Path) -> None:
    """What the pseudo-terminal carried is what was played, to the last byte."""
    clock = Clock()
    said = list(TinyFrameTwin().night(sleeper(30.0)))
    begin_s = clock() + 4.0  # so that the radar listens before the first byte leaves
    played = [(begin_s + t_s, data) for t_s, data in said]
    with (
        PtyPort(tmp_path / "radar", Mute(), played, clock) as port,
        listening(port.link, clock, Module.TINYFRAME, 115_200) as bench,
    ):
        wanted = b"".join(data for _, data in said)
        bench.waits_for(lambda: sum(len(data) for _, channel, data in bench.teed if not channel) >= len(wanted))
        arrived_s = [t_s for t_s, channel, _ in bench.teed if not channel]
    assert b"".join(data for _, channel, data in bench.teed if not channel) == wanted
    assert arrived_s[0] >= begin_s
    assert arrived_s[-1] - arrived_s[0] == pytest.approx(30.0, abs=10.0)
