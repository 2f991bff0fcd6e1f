"""HDR becomes SDR with dark parts as they are, a soft shoulder for highlights, true greys and hues."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.compositor.media.tone_mapping import HdrTransfer, cube, to_sdr

unit = st.floats(0, 1)
both = pytest.mark.parametrize("transfer", list(HdrTransfer))


@given(unit, unit, unit, st.sampled_from(list(HdrTransfer)))
def test_every_colour_stays_in_range(red: float, green: float, blue: float, transfer: HdrTransfer) -> None:
    colour = to_sdr(np.array([red, green, blue]), transfer)
    assert np.isfinite(colour).all()
    assert colour.min() >= 0
    assert colour.max() <= 1


@both
def test_greys_stay_grey_and_rise_steadily(transfer: HdrTransfer) -> None:
    ramp = to_sdr(np.repeat(np.linspace(0, 1, 200)[:, None], 3, axis=1), transfer)
    assert np.abs(ramp - ramp[:, :1]).max() < 1e-3
    assert (np.diff(ramp[:, 0]) >= -1e-9).all()
    assert ramp[0, 0] < 0.01
    assert ramp[-1, 0] > 0.97


def test_dark_parts_keep_their_brightness() -> None:
    # 10 nits in PQ (code 0.3026) are 10 / 203 of SDR white.
    found = to_sdr(np.array([0.3026] * 3), HdrTransfer.PQ)[0]
    assert found == pytest.approx((10 / 203) ** (1 / 2.4), abs=0.01)


@both
def test_highlights_above_white_stay_distinguishable(transfer: HdrTransfer) -> None:
    # 203, 400 and 800 nits: PQ codes, and HLG signals of a 1000-nit display.
    codes = {HdrTransfer.PQ: (0.5807, 0.6526, 0.7276), HdrTransfer.HLG: (0.75, 0.867, 0.966)}[transfer]
    white, bright, brighter = (to_sdr(np.array([code] * 3), transfer)[0] for code in codes)
    assert 0.7 < white < bright - 0.02
    assert bright < brighter - 0.01


@both
def test_hues_stay(transfer: HdrTransfer) -> None:
    red, green, blue = to_sdr(np.array([[0.55, 0.3, 0.3], [0.3, 0.55, 0.3], [0.3, 0.3, 0.55]]), transfer)
    assert np.argmax(red) == 0
    assert np.argmax(green) == 1
    assert np.argmax(blue) == 2


@both
def test_the_table_has_the_form_that_its_reader_wants(transfer: HdrTransfer) -> None:
    head, *rows = cube(transfer).splitlines()
    assert head == "LUT_3D_SIZE 33"
    assert len(rows) == 33**3
    # Red changes fastest: the second row is a little red and nothing else.
    assert np.argmax([float(value) for value in rows[8].split()]) == 0
