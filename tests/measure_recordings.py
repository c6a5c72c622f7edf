"""Real recordings through the whole supervisor: presence against the truth, breaths against a belt.

    python tests/measure_recordings.py FOLDER [seats|vendor|desk|belts|orientation]

FOLDER holds the recordings (FIRSTLIGHT_DATA).  Each is turned into the wire bytes of its module and replayed; the
tables are Markdown.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import recordings

from appliance.alarm_setting import AlarmSetting
from appliance.box import sense_with
from appliance.displacement import Tick
from appliance.loading import load_stager
from appliance.replay import replay
from appliance.respiration import Respiration
from appliance.settings import Settings
from models.contract import SIGNAL_HZ

BELTS = ("07_20231116", "17_20231124", "24_20231203")
SETTLED_S = 30.0  # after sitting down, before rates are compared
ENTERED_S = 3.0  # to which the moment of sitting down is known
FRESH_S = 5.0  # to either side of a belt's value, new every ten seconds: its half minute and ours are then the same


def replayed(path: Path, setting: AlarmSetting | None = None) -> list[dict[str, Any]]:
    """The lines of a replay."""
    stager, complaint = load_stager(None)
    if complaint:
        raise SystemExit(complaint)
    lines: list[dict[str, Any]] = []
    replay(path, Settings(() if setting is None else (setting,)), sense_with(stager), lines.append)
    return lines


def presence(lines: list[dict[str, Any]], end_s: float) -> np.ndarray:
    """Whether somebody was there, second by second."""
    there = np.zeros(int(end_s) + 1, bool)
    for line in lines:
        if line["kind"] == "presence":
            there[min(int(line["t"]), len(there)) :] = line["present"]
    return there


def rates(lines: list[dict[str, Any]]) -> np.ndarray:
    """(n, 2): second, breaths a minute."""
    told = [(line["t"], line["brpm"]) for line in lines if line["kind"] == "breath" and line["brpm"] is not None]
    return np.array(told, float).reshape(-1, 2)


def end_of(lines: list[dict[str, Any]]) -> float:
    """Length of the capture in seconds."""
    return float(lines[-1]["t"])


def median(values: np.ndarray) -> str:
    """A median to one decimal, or a dash."""
    return f"{np.median(values):.1f}" if len(values) else "-"


def seats(data: Path, out: Path) -> Iterator[str]:
    """XM125 at a seat that is empty and then taken."""
    yield "| session | seat empty | called occupied then | noticed after | occupied from then | ours /min | belt /min |"
    yield "|---|---|---|---|---|---|---|"
    away: list[float] = []
    for source in sorted((data / "xm125_seat_enter").glob("*.npz")):
        capture, enter_s = recordings.xm125_seat(source, out / "seat.flcap")
        lines = replayed(capture)
        there = presence(lines, end_of(lines))
        before, after = there[: int(enter_s) - 3], there[int(enter_s) :]
        noticed = int(np.argmax(after)) if after.any() else -1
        with np.load(source) as night:
            belt_s = night["belt_t_unix"] - night["t_unix"][0]
            fresh = np.isfinite(night["belt_bpm"]) & (belt_s > enter_s + SETTLED_S + ENTERED_S)
            belt_s, belt = belt_s[fresh & (belt_s < end_of(lines))], night["belt_bpm"][fresh & (belt_s < end_of(lines))]
        told = rates(lines)
        ours = told[told[:, 0] > enter_s + SETTLED_S, 1]
        for t_s, brpm in zip(belt_s, belt, strict=True):
            near = told[np.abs(told[:, 0] - t_s) <= FRESH_S, 1]
            away.append(abs(float(np.median(near)) - brpm) if len(near) else np.nan)
        yield (
            f"| {source.stem} | {enter_s:.0f} s | {100 * before.mean():.0f} % | {noticed} s | "
            f"{100 * after[max(noticed, 0) :].mean():.0f} % | {median(ours)} | {median(belt)} |"
        )
    rated = np.array(away)[np.isfinite(away)]
    yield (
        f"\n{len(rated)} of {len(away)} instants of the belt rated; error: median {np.median(rated):.2f}/min, "
        f"{100 * (rated <= 1.0).mean():.0f} % within 1, {100 * (rated <= 2.0).mean():.0f} % within 2"
    )


def vendor(data: Path, out: Path) -> Iterator[str]:
    """The A121 recordings of the module's maker."""
    yield "| recording | length | occupied | first noticed | our rate /min, quartiles | seconds with a rate |"
    yield "|---|---|---|---|---|---|"
    for source in sorted((data / "a121_vendor").glob("a121_*.npz")):
        lines = replayed(recordings.a121_vendor(source, out / "vendor.flcap"))
        there = presence(lines, end_of(lines))
        told = rates(lines)[:, 1]
        first = f"{int(np.argmax(there))} s" if there.any() else "never"
        spread = " ".join(f"{q:.1f}" for q in np.percentile(told, (25, 50, 75))) if len(told) else "-"
        yield f"| {source.stem} | {len(there)} s | {100 * there.mean():.0f} % | {first} | {spread} | {len(told)} |"


def desk(data: Path, out: Path) -> Iterator[str]:
    """A Micradar module at a desk, before an empty room and before a wall; no waveform was logged."""
    yield "| recording | length | occupied | body movement <= 3 | module reports a breathing rate |"
    yield "|---|---|---|---|---|"
    everybody: list[float] = []
    for name, log in recordings.micradar_logs(data / "mr60bha1_logs" / "module_log.csv").items():
        lines = replayed(recordings.micradar_log(log, out / "desk.flcap"))
        there = presence(lines, end_of(lines))
        body = np.array([value for _, key, value in log if key == "body"])
        rate = np.array([value for _, key, value in log if key == "rr"])
        shares = (there.mean(), (body <= 3).mean(), (rate > 0).mean())
        if name.startswith("S"):
            everybody.append(shares[0])
        yield f"| {name} | {len(there)} s | " + " | ".join(f"{100 * share:.0f} %" for share in shares) + " |"
    least, mean = 100 * min(everybody), 100 * np.mean(everybody)
    yield f"| seated, all {len(everybody)} | | {mean:.0f} %, least {least:.0f} % | | |"


def belts(data: Path, out: Path) -> Iterator[str]:
    """Whole nights of a belt as TinyFrame phases, with an alarm half an hour before the end."""
    yield "| night | length | occupied | rate against the belt's spectrum, 5 min windows | W L D R . min | alarm |"
    yield "|---|---|---|---|---|---|"
    for name in BELTS:
        source = data / "overnight_belts" / f"{name}_resp.npz"
        belt_s, mm = recordings.belt_mm(source)
        due_min = int((22 * 3600 + belt_s[-1] - 1800) // 60) % 1440
        setting = AlarmSetting(enabled=True, hour=due_min // 60, minute=due_min % 60, timezone="UTC")
        lines = replayed(recordings.belt_night(source, out / "belt.flcap"), setting)
        there = presence(lines, end_of(lines))[int(recordings.LEAD_S) + 60 :]
        away, clear = _against_spectrum(rates(lines), belt_s + recordings.LEAD_S, mm)
        near = np.abs(away) < 1.0
        stages = [line["stage"] for line in lines if line["kind"] == "epoch"]
        minutes = " ".join(f"{stages.count(word) / 2:.0f}" for word in ("wake", "light", "deep", "rem", "unscored"))
        rang = [line["t"] for line in lines if line["kind"] == "alarm" and line["phase"] == "ringing"]
        due_s = (due_min * 60 - 22 * 3600) % 86_400
        alarm = "rang at the set time" if rang and abs(rang[0] - due_s) <= 1.0 else f"{rang}, due {due_s}"
        yield (
            f"| {name} | {belt_s[-1] / 3600:.1f} h | {100 * there.mean():.1f} % | median difference "
            f"{np.median(np.abs(away)):.2f}/min, {100 * near.mean():.0f} % of {len(away)} within 1/min; "
            f"of the {clear.sum()} with a clear peak {100 * near[clear].mean():.0f} % "
            f"| {minutes} | {alarm} |"
        )


def _against_spectrum(
    told: np.ndarray, belt_s: np.ndarray, mm: np.ndarray, window_s: float = 300.0
) -> tuple[np.ndarray, np.ndarray]:
    """Our median rate less the highest peak of the belt's spectrum between 6 and 30 a minute, window by window.

    A peak is clear when half of that band's power lies within 1.5 a minute of it.
    """
    fs = 1.0 / float(np.median(np.diff(belt_s)))
    size = int(window_s * fs)
    away, clear = [], []
    for start in range(0, len(mm) - size, size):
        piece = mm[start : start + size]
        power = np.abs(np.fft.rfft((piece - piece.mean()) * np.hanning(size), 8 * size)) ** 2
        brpm = np.fft.rfftfreq(8 * size, 1 / fs) * 60
        band = (brpm >= 6) & (brpm <= 30)
        peak = brpm[band][np.argmax(power[band])]
        from_s, to_s = belt_s[start], belt_s[start + size]
        ours = told[(told[:, 0] >= from_s) & (told[:, 0] < to_s), 1]
        if len(ours) >= 60:
            away.append(float(np.median(ours)) - peak)
            clear.append(power[band & (np.abs(brpm - peak) <= 1.5)].sum() >= 0.5 * power[band].sum())
    return np.array(away), np.array(clear, bool)


def orientation(data: Path, out: Path) -> Iterator[str]:
    """Twelve pieces of two minutes of each belt, which rises with the breath in: what the breaths alone say of that."""
    yield "| time into a piece | sign told | of those right |"
    yield "|---|---|---|"
    confirmed: dict[float, list[int | None]] = {30.0: [], 60.0: [], 120.0: []}
    for source in sorted((data / "overnight_belts").glob("*_resp.npz")):
        _, mm = recordings.belt_mm(source)
        for start in np.linspace(0.1, 0.9, 12) * len(mm):
            respiration = Respiration()
            piece = mm[int(start) : int(start) + 1220]
            for k, value in enumerate(piece.tolist()):
                report = respiration.update(Tick(k / SIGNAL_HZ, value, 0.0))
                if report is not None and report.t_s in confirmed:
                    confirmed[report.t_s].append(report.inhaling_sign)
    for t_s, signs in confirmed.items():
        told = [sign for sign in signs if sign is not None]
        share = 100 * sum(sign > 0 for sign in told) / max(len(told), 1)
        yield f"| {t_s:.0f} s | {100 * len(told) / len(signs):.0f} % of {len(signs)} | {share:.1f} % |"


TABLES = {"seats": seats, "vendor": vendor, "desk": desk, "belts": belts, "orientation": orientation}


def main() -> None:
    """The tables that were asked for, or all."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    data = Path(sys.argv[1]) / "data"
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or TABLES:
            print(f"\n{name}\n")
            for row in TABLES[name](data, Path(folder)):
                print(row, flush=True)


if __name__ == "__main__":
    main()
