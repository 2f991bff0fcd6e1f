"""Frames in memory: YUV 4:2:0 planes and what is blended over them."""
