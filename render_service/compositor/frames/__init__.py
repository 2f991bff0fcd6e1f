"""Frames in memory: YUV 4:2:0 planes and the overlays blended over them."""
