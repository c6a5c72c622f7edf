"""The TinyFrame protocol of Hi-Link HLK-LD6002 and Seeed MR60BHA2: bytes <-> Frame <-> RadarSample."""

from drivers.tinyframe.conversation import Conversation
from drivers.tinyframe.frame import (
    BREATH_RATE,
    DISTANCE,
    HEART_RATE,
    MAX_PAYLOAD,
    PHASES,
    POINTS,
    POSITION,
    PRESENCE,
    STATUS,
    TARGETS,
    TEXT,
    VERSION,
    Frame,
    FrameDecoder,
    encode,
    is_forbidden,
)
from drivers.tinyframe.messages import describe

__all__ = [
    "BREATH_RATE",
    "DISTANCE",
    "HEART_RATE",
    "MAX_PAYLOAD",
    "PHASES",
    "POINTS",
    "POSITION",
    "PRESENCE",
    "STATUS",
    "TARGETS",
    "TEXT",
    "VERSION",
    "Conversation",
    "Frame",
    "FrameDecoder",
    "describe",
    "encode",
    "is_forbidden",
]
