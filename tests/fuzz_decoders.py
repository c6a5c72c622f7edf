"""Random and mutated bytes over the three decoders and conversations; whatever raises, shows itself.

    python tests/fuzz_decoders.py --bytes 20_000_000 [--seed 1]

Every decoder gets all the bytes: noise, good frames of any content, and good frames that were damaged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from random import Random

from drivers import acconeer, micradar, tinyframe
from drivers.decode import WIRES
from drivers.micradar.kinds import KINDS as MICRADAR_KINDS
from drivers.readings import LinkCounters, Module
from drivers.tinyframe.frame import KINDS as TINYFRAME_KINDS

MAX_FRAME = {
    Module.TINYFRAME: 8 + tinyframe.MAX_PAYLOAD + 1,
    Module.MICRADAR: 9 + micradar.MAX_DATA,
    Module.ACCONEER: acconeer.MAX_FRAME,
}
CONVERSATIONS: dict[Module, Callable[[], tinyframe.Conversation | micradar.Conversation | acconeer.Conversation]] = {
    Module.TINYFRAME: tinyframe.Conversation,
    Module.MICRADAR: micradar.Conversation,
    Module.ACCONEER: acconeer.Conversation,
}
# Numbers that break careless arithmetic, as well as everyday ones.
ODD = (0, 1, -1, 2, 4, 255, 4095, 4096, 65535, 1 << 31, 1 << 64, 10**400, 0.0, 1.5, -1e308, "", "1", None, True, [], {})


def good_frame(module: Module, random: Random) -> bytes:
    """A frame with good checks, of any kind and content."""
    if module is Module.TINYFRAME:
        kind = random.choice([*TINYFRAME_KINDS, random.randrange(65536)])
        size = random.choice((0, 1, 2, 4, 4, 8, 8, 12, 12, 12, 20, 24, 36, 44, random.randrange(1025)))
        data = random.choice((random.randbytes(size), bytes(size), b"\x01" + bytes(max(size - 1, 0))))
        return tinyframe.encode(tinyframe.Frame(random.randrange(65536), kind, data))
    if module is Module.MICRADAR:
        control, command = random.choice([*MICRADAR_KINDS, (random.randrange(256), random.randrange(256))])
        size = random.choice((0, 1, 1, 1, 2, 2, 5, 6, 8, 12, random.randrange(micradar.MAX_DATA + 1)))
        frame = micradar.Frame(control, command | random.choice((0, 0x80)), random.randbytes(size))
        return micradar.encode(frame)
    return _acconeer_message(random)


def _acconeer_message(random: Random) -> bytes:
    odd = random.choice(ODD)
    sweep, sweeps = random.randrange(1, 9), random.randrange(1, 5)
    metadata = {
        "frame_data_length": sweep * sweeps,
        "sweep_data_length": sweep,
        "subsweep_data_offset": [0],
        "subsweep_data_length": [sweep],
        "base_step_length_m": 0.0025,
    }
    info = {"tick": random.randrange(1 << 32), "temperature": 20, "data_saturated": False, "calibration_needed": False}
    payload = random.randbytes(4 * sweep * sweeps)
    result = {"status": "ok", "result_info": [[info]], "payload_size": len(payload)}
    message, binary = random.choice(
        (
            ({"status": "ok", "metadata": [[metadata]]}, b""),
            (result, payload),
            (result, payload),
            ({"status": "ok", "system_info": {"rss_version": odd, "ticks_per_second": odd}}, b""),
            ({"status": random.choice(("start", "stop", "error", "log")), "message": odd}, b""),
            ({"status": "ok", "sensor_info": [{"connected": odd}]}, b""),
            ({"cmd": odd}, b""),
        )
    )
    if random.random() < 0.3:  # something of another type than promised, somewhere
        inside = random.choice((message, metadata, info))
        inside[random.choice(list(inside))] = odd
    return json.dumps(message).encode() + b"\n" + binary


def damaged(frame: bytes, random: Random) -> bytes:
    """The frame with a byte changed, lost, added or doubled, or its end cut off."""
    where = random.randrange(len(frame))
    match random.randrange(5):
        case 0:
            return frame[:where] + bytes((frame[where] ^ random.randrange(1, 256),)) + frame[where + 1 :]
        case 1:
            return frame[:where] + frame[where + 1 :]
        case 2:
            return frame[:where] + random.randbytes(1) + frame[where:]
        case 3:
            return frame[:where] + frame[where : where + 1] + frame[where:]
        case _:
            return frame[:where]


def chunks(module: Module, random: Random, size: int) -> Iterator[bytes]:
    """``size`` bytes in pieces as a port might read them."""
    heads = {Module.TINYFRAME: b"\x01", Module.MICRADAR: b"\x53\x59", Module.ACCONEER: b'{"'}
    made, waiting = 0, b""
    while made < size:
        draw = random.random()
        if draw < 0.4:
            piece = good_frame(module, random)
        elif draw < 0.8:
            piece = damaged(good_frame(module, random), random)
        elif draw < 0.9:
            piece = heads[module] * random.randrange(1, 20)
        else:
            piece = random.randbytes(random.randrange(200))
        piece = piece[: size - made]
        made += len(piece)
        waiting += piece
        if random.random() < 0.5:
            cut = random.randrange(len(waiting) + 1)
            yield waiting[:cut]
            waiting = waiting[cut:]
    yield waiting


def fuzz(module: Module, size: int, seed: int) -> LinkCounters:
    """Feeds ``size`` bytes to a decoder and to a conversation; returns what the decoder met."""
    random = Random(seed)
    decoder, describe, talk = WIRES[module].decoder(), WIRES[module].describe, CONVERSATIONS[module]()
    t_s = told_s = 0.0
    for data in chunks(module, random, size):
        quiet = random.random() < 0.05
        frames = decoder.feed(data) + (decoder.idle() if quiet else [])
        assert decoder.pending < MAX_FRAME[module], f"{module}: {decoder.pending} bytes wait"
        for frame in frames:
            json.dumps(describe(frame), allow_nan=False)
        t_s += random.choice((0.0, 0.01, 0.1, 1.0, 20.0))
        samples = talk.receive(t_s, data) + (talk.idle(t_s) if quiet else [])
        for sample in samples:
            assert sample.t_s >= told_s, f"{module}: {sample.t_s} after {told_s}"
            told_s = sample.t_s
        talk.transmit(t_s)
        talk.fault(t_s)
    counters = decoder.counters
    assert counters.garbage_bytes + decoder.pending <= size
    return counters


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bytes", type=int, default=1_000_000, help="for each decoder; 20_000_000 may be written so")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for module in Module:
        began_s = time.perf_counter()
        counters = fuzz(module, arguments.bytes, arguments.seed)
        took_s = time.perf_counter() - began_s
        print(f"{module}: {arguments.bytes} bytes, {counters}, nothing raised, {took_s:.0f} s")


if __name__ == "__main__":
    main()
