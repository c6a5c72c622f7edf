"""Nights beside each other as SVG, drawn by the server like every picture of the page."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from markupsafe import Markup

from appliance.trends import Band, TrendNight, since_noon_min
from appliance.web.charts import panel
from appliance.web.words import full_hour, local, number

TIMES_PX, STAGES_PX, RATE_PX, FOOT_PX = 180, 120, 110, 22
STAGES = ("deep", "light", "rem")
LEFT = 12.0  # per cent of the width for what stands at the axis


def times(nights: Sequence[TrendNight], zone: ZoneInfo, label: str) -> Markup:
    """Each night as a bar from going to bed to getting up, with the sleep in it, by the clock on that wall."""
    starts = [since_noon_min(night.entered_utc, zone) for night in nights]
    first = min(starts) // 60 * 60
    last = max(s + (n.left_utc - n.entered_utc) / 60 for s, n in zip(starts, nights, strict=True)) // 60 * 60 + 60
    scale = TIMES_PX / (last - first)
    hours = range(int(first), int(last), 120)
    parts = [_mark((m - first) * scale, full_hour((m // 60 + 12) % 24), below=True) for m in hours]
    for k, (start, night) in enumerate(zip(starts, nights, strict=True)):
        spans = [("track-bed", night.entered_utc, night.left_utc)]
        if night.onset_utc is not None and night.final_utc is not None:
            spans.append(("light", night.onset_utc, night.final_utc))
        for kind, begin_utc, end_utc in spans:
            top = (start + (begin_utc - night.entered_utc) / 60 - first) * scale
            parts.append(_rect(kind, _column(k, len(nights)), top, max((end_utc - begin_utc) / 60 * scale, 1.0)))
    return panel("".join(parts) + _days(nights, zone, TIMES_PX), TIMES_PX + FOOT_PX, label)


def stages(nights: Sequence[TrendNight], zone: ZoneInfo, label: str) -> Markup:
    """Hours of deep, light and REM sleep, one on the other."""
    most = max([sum((n.told.get(f"{s}_s") or 0) for s in STAGES) for n in nights] + [8 * 3600])
    scale = (STAGES_PX - 12) / most  # room for the uppermost hour's name
    parts = [_mark(STAGES_PX - h * 3600 * scale, f"{h} h" if h else "") for h in range(0, most // 3600 + 1, 2)]
    for k, night in enumerate(nights):
        top = float(STAGES_PX)
        for stage in STAGES:
            height = (night.told.get(f"{stage}_s") or 0) * scale
            top -= height
            parts.append(_rect(stage, _column(k, len(nights)), top, height))
    return panel("".join(parts) + _days(nights, zone, STAGES_PX), STAGES_PX + FOOT_PX, label)


def rates(nights: Sequence[TrendNight], usual: Band | None, zone: ZoneInfo, label: str) -> Markup:
    """Mean breathing rate of each night, before its usual band."""
    known = [n.rate_brpm for n in nights if n.rate_brpm is not None]
    if not known:
        return Markup("")
    ends = [*known, *((usual.low, usual.high) if usual else ())]
    low, high = min(ends) - 0.5, max(ends) + 0.5

    def y(rate: float) -> float:
        return float(RATE_PX * (high - rate) / (high - low))

    parts = []
    if usual is not None:
        parts.append(_rect("usual", (LEFT, 100 - LEFT), y(usual.high), y(usual.low) - y(usual.high)))
        parts += [f'<text x="0" y="{y(v) + 4:.1f}">{number(v, digits=1)}</text>' for v in (usual.low, usual.high)]
    for k, night in enumerate(nights):
        if night.rate_brpm is not None:
            left, width = _column(k, len(nights))
            parts.append(f'<circle class="here" cx="{left + width / 2:.2f}%" cy="{y(night.rate_brpm):.1f}" r="4"/>')
    return panel("".join(parts) + _days(nights, zone, RATE_PX), RATE_PX + FOOT_PX, label)


def _rect(kind: str, column: tuple[float, float], top: float, height: float) -> str:
    left, width = column
    return f'<rect class="{kind}" x="{left:.2f}%" width="{width:.2f}%" y="{top:.1f}" height="{height:.1f}"/>'


def _mark(y: float, name: str, below: bool = False) -> str:
    text = f'<text x="0" y="{y + (11 if below else -2):.1f}">{name}</text>'
    return f'<line class="mark" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>{text}'


def _column(k: int, count: int) -> tuple[float, float]:
    """Left edge and width in per cent."""
    step = (100.0 - LEFT) / max(count, 7)
    return LEFT + step * (k + 0.15), 0.7 * step


def _days(nights: Sequence[TrendNight], zone: ZoneInfo, top: int) -> str:
    every = -(-len(nights) // 7)
    texts = []
    for k, night in enumerate(nights):
        if k % every == 0:
            left, width = _column(k, len(nights))
            day, middle = local(night.left_utc, zone), left + width / 2
            texts.append(f'<text x="{middle:.2f}%" y="{top + 16}" text-anchor="middle">{day.day}/{day.month}</text>')
    return "".join(texts)
