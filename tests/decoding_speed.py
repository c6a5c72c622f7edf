"""Microseconds for each frame from bytes to samples, on this machine.

    python tests/decoding_speed.py [--minutes 10]

TinyFrame as in a night: phases 16 Hz, distance and targets 8 Hz, rates 1 Hz; Acconeer 16 sweeps of 4 points at 20 Hz.
"""

from __future__ import annotations

import argparse
import math
import struct
import time
from random import Random

from drivers import acconeer, tinyframe
from drivers.tinyframe import BREATH_RATE, DISTANCE, HEART_RATE, PHASES, TARGETS

Timed = list[tuple[float, bytes]]


def tinyframe_night(minutes: float) -> Timed:
    """(time, one frame's bytes) of a sleeper at 0.8 m."""
    out: Timed = []
    for index in range(round(minutes * 60 * 16)):
        t_s = 1.0 + index / 16
        said = [(PHASES, struct.pack("<3f", 5 * math.sin(index / 10), 1.0, 0.5))]
        if index % 2:
            said.append((DISTANCE, struct.pack("<If", 1, 80.0)))
        else:
            said.append((TARGETS, struct.pack("<Iffii", 1, 0.1, 0.8, 0, 1)))
        if index % 16 == 0:
            said += [(BREATH_RATE, struct.pack("<f", 15.0)), (HEART_RATE, struct.pack("<f", 60.0))]
        out += [(t_s, tinyframe.encode(tinyframe.Frame(len(out) + at & 0xFFFF, *one))) for at, one in enumerate(said)]
    return out


def acconeer_night(minutes: float) -> Timed:
    """(time, one result's bytes) of noise."""
    random, out = Random(1), []
    for index in range(round(minutes * 60 * 20)):
        info = {
            "tick": 50 * index,
            "data_saturated": False,
            "frame_delayed": False,
            "calibration_needed": False,
            "temperature": 20,
        }
        message = {"status": "ok", "result_info": [[info]], "payload_size": 256}
        out.append((1.0 + index / 20, acconeer.encode(acconeer.Frame(message, random.randbytes(256)))))
    return out


def microseconds(talk: tinyframe.Conversation | acconeer.Conversation, night: Timed, chunk_s: float) -> float:
    """For each frame, where a port is read every ``chunk_s`` seconds."""
    chunks: list[tuple[float, bytes]] = []
    for t_s, data in night:
        due_s = math.ceil(t_s / chunk_s) * chunk_s
        if chunks and chunks[-1][0] == due_s:
            chunks[-1] = (due_s, chunks[-1][1] + data)
        else:
            chunks.append((due_s, data))
    began_s = time.process_time()
    samples = sum(len(talk.receive(t_s, data)) for t_s, data in chunks)
    took_s = time.process_time() - began_s
    assert samples == len(night)
    return took_s / len(night) * 1e6


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    sensor_config = {"start_point": 160, "num_points": 4, "step_length": 48, "sweeps_per_frame": 16, "frame_rate": 20}
    for chunk_s in (0.1, 0.25, 1.0):
        of_tinyframe = microseconds(tinyframe.Conversation(), tinyframe_night(minutes), chunk_s)
        of_acconeer = microseconds(acconeer.Conversation(sensor_config), acconeer_night(minutes), chunk_s)
        print(f"read every {chunk_s} s: tinyframe {of_tinyframe:.1f} us a frame, acconeer {of_acconeer:.1f} us a frame")


if __name__ == "__main__":
    main()
