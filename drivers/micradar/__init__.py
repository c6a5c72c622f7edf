from drivers.micradar.frame import Frame, FrameDecoder, encode, is_forbidden

__all__ = ["Frame", "FrameDecoder", "encode", "is_forbidden"]
