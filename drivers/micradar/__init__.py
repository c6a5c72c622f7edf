"""The Micradar "53 59" protocol (R60ABD1, R60BHA1, MR60BHA1, C1001): bytes <-> Frame <-> RadarSample."""

from drivers.micradar.conversation import Conversation
from drivers.micradar.frame import MAX_DATA, Frame, FrameDecoder, encode, is_forbidden
from drivers.micradar.messages import describe

__all__ = ["MAX_DATA", "Conversation", "Frame", "FrameDecoder", "describe", "encode", "is_forbidden"]
