"""The exploration server of Acconeer A121 modules (XM125): bytes <-> Frame <-> RadarSample."""

from drivers.acconeer.conversation import Conversation
from drivers.acconeer.frame import MAX_FRAME, Frame, FrameDecoder, describe, encode, is_forbidden
from drivers.acconeer.messages import Layout
from drivers.acconeer.setup import SensorConfig, Subsweep

__all__ = [
    "MAX_FRAME",
    "Conversation",
    "Frame",
    "FrameDecoder",
    "Layout",
    "SensorConfig",
    "Subsweep",
    "describe",
    "encode",
    "is_forbidden",
]
