"""The form in which all sound is decoded and mixed."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000  # samples per second

Sound = NDArray[np.float32]
"""Samples of both channels: (2, n), full scale at ±1."""
