from drivers.acconeer.frame import Frame, FrameDecoder, Layout, encode, is_forbidden

__all__ = ["Frame", "FrameDecoder", "Layout", "encode", "is_forbidden"]
