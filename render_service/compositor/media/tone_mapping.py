"""Brings HDR pictures (PQ, HLG; BT.2020) into the range and gamut of BT.709, as one table of colours."""

from enum import Enum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float64]

_SIZE = 33
_SDR_WHITE_NITS = 203.0  # BT.2408: what reference white of SDR is in HDR
_HDR_PEAK_NITS = 1000.0  # what nearly all HDR is graded to; brighter highlights clip
_HLG_GAMMA = 1.2  # BT.2100, table 5: for a display of 1000 nits

# BT.2020 to BT.709 primaries, linear light (BT.2087-0, annex).
_TO_BT709 = np.array(
    (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    )
)
_LUMINANCE_2020 = np.array((0.2627, 0.6780, 0.0593))
_LUMINANCE_709 = np.array((0.2126, 0.7152, 0.0722))

# SMPTE ST 2084 (BT.2100, table 4).
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


class HdrTransfer(Enum):
    """Transfer functions of HDR video, by their numbers in ITU-T H.273, table 3."""

    PQ = 16
    HLG = 18


def _pq_to_nits(signal: Light) -> Light:
    root = np.power(np.clip(signal, 0, 1), 1 / _M2)
    return 10_000 * np.power(np.maximum(root - _C1, 0) / (_C2 - _C3 * root), 1 / _M1)


def _nits_to_pq(nits: Light) -> Light:
    power = np.power(np.clip(nits, 0, None) / 10_000, _M1)
    return np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)


def _hlg_to_nits(signal: Light) -> Light:
    """Inverse OETF and OOTF of BT.2100, table 5, for a display of `_HDR_PEAK_NITS`."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _LUMINANCE_2020, 1e-9)
    nits: Light = _HDR_PEAK_NITS * scene * np.power(luminance, _HLG_GAMMA - 1)[..., None]
    return nits


def _compressed(nits: Light) -> Light:
    """Map 0–`_HDR_PEAK_NITS` to 0–`_SDR_WHITE_NITS` by the EETF of BT.2390-10, 5.4.1, a soft shoulder."""
    peak = float(_nits_to_pq(np.array(_HDR_PEAK_NITS)))
    target = float(_nits_to_pq(np.array(_SDR_WHITE_NITS))) / peak
    signal = np.clip(_nits_to_pq(nits) / peak, 0, 1)
    knee = 1.5 * target - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    shoulder = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    return _pq_to_nits(np.where(signal < knee, signal, shoulder) * peak)


def to_sdr(signal: Light, transfer: HdrTransfer) -> Light:
    """Convert HDR colours to SDR.

    Args:
        signal: (…, 3) coded R'G'B' of BT.2100, 0–1.
        transfer: How they are coded.

    Returns:
        (…, 3) coded R'G'B' of BT.709 for a BT.1886 display (gamma 2.4), 0–1.
    """
    nits = _pq_to_nits(signal) if transfer is HdrTransfer.PQ else _hlg_to_nits(signal)
    # The brightest channel decides the compression for all three, so that hues stay.
    brightest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-6)
    linear = nits * (_compressed(brightest) / brightest) / _SDR_WHITE_NITS
    linear = linear @ _TO_BT709.T
    # Colours outside BT.709 move towards grey of their own luminance until they fit.
    grey = (linear @ _LUMINANCE_709)[..., None].clip(0, 1)
    below = np.where(linear < 0, grey / np.maximum(grey - linear, 1e-9), 1.0)
    above = np.where(linear > 1, (1 - grey) / np.maximum(linear - grey, 1e-9), 1.0)
    kept = np.minimum(below, above).min(axis=-1, keepdims=True)
    signal_709: Light = np.power(np.clip(grey + (linear - grey) * kept, 0, 1), 1 / 2.4)
    return signal_709


@cache
def cube(transfer: HdrTransfer) -> str:
    """Return the conversion as the text of a `.cube` table, red changing fastest."""
    axis = np.linspace(0, 1, _SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    colours = to_sdr(np.stack([red, green, blue], axis=-1), transfer).reshape(-1, 3)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in colours)
    return f"LUT_3D_SIZE {_SIZE}\n{rows}\n"


def write_cube(transfer: HdrTransfer, path: Path) -> None:
    """Write the conversion as a `.cube` file."""
    path.write_text(cube(transfer), "ascii")
