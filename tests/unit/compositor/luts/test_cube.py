"""Reading `.cube` files of callers."""

import time

import numpy as np
import pytest

from render_service.compositor.luts.cube import MAX_BYTES, CubeError, read_cube

ROWS = [f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)]
GOOD = "\n".join(["LUT_3D_SIZE 2", *ROWS])


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD.replace("\n", "\r\n") + "\r\n\r\n",
        GOOD.replace("\n", "\r"),
        '# made by hand\nTITLE "caf\u00e9 # 1"\n\n'
        + GOOD.replace("LUT_3D_SIZE 2", "lut_3d_size\t2  # points")
        + "\n# \n",
        GOOD.replace("0 0 0", "  -0.0\t0e0   +.0 # black"),
        "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1.0 1.0 1.0\n" + GOOD,
        "LUT_3D_INPUT_RANGE 0 1\n" + GOOD,
    ],
    ids=["plain", "bom-crlf", "cr", "comments", "numbers", "domain", "range"],
)
def test_what_editors_write_is_read(text: str) -> None:
    table = read_cube(text.encode())
    assert (table.dimensions, table.size, table.is_of_unit) == (3, 2, True)
    assert [" ".join(f"{abs(value):g}" for value in row) for row in table.rows] == ROWS


def test_the_input_of_a_table_may_reach_further() -> None:
    table = read_cube(("DOMAIN_MIN -0.1 0 0\nDOMAIN_MAX 1.2 1 2\n" + GOOD).encode())
    assert (table.low, table.high, table.is_of_unit) == ((-0.1, 0, 0), (1.2, 1, 2), False)
    curve = read_cube(b"LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE -1 2\n0 0 0\n.5 .4 .3\n1 1 1")
    assert (curve.dimensions, curve.size, curve.low, curve.high) == (1, 3, (-1,) * 3, (2,) * 3)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no .cube LUT"),
        ("\0\1\2", "no .cube LUT"),
        ("# nothing", "no LUT_3D_SIZE"),
        ("\n".join(ROWS), "line 1 of the LUT comes before LUT_3D_SIZE"),
        ("<html>", "line 1 of the LUT comes before"),
        (GOOD.replace("SIZE 2", "SIZE 66"), "line 1 of the LUT has no LUT_3D_SIZE from 2 to 65"),
        (GOOD.replace("SIZE 2", "SIZE 1"), "line 1 of the LUT has no LUT_3D_SIZE"),
        (GOOD.replace("SIZE 2", "SIZE 2.0"), "line 1 of the LUT has no LUT_3D_SIZE"),
        (GOOD.replace("SIZE 2", "SIZE " + "9" * 300), "line 1 of the LUT has no LUT_3D_SIZE"),
        (GOOD.replace("SIZE 2", "SIZE ²"), "line 1 of the LUT has no LUT_3D_SIZE"),
        ("LUT_1D_SIZE 65537\n", "line 1 of the LUT has no LUT_1D_SIZE"),
        (GOOD + "\n0 0 0", "line 10 of the LUT is a row beyond the 8"),
        (GOOD.rpartition("\n")[0], "ends after 7 of the 8 rows"),
        (GOOD.replace("1 0 1", "1 0"), "line 7 of the LUT has 2 numbers"),
        (GOOD.replace("1 0 1", "1 0 1 1"), "line 7 of the LUT has 4 numbers"),
        (GOOD.replace("1 0 1", "1 0 nan"), "line 7 of the LUT has 'nan'"),
        (GOOD.replace("1 0 1", "inf 0 1"), "line 7 of the LUT has 'inf'"),
        (GOOD.replace("1 0 1", "1 1e300 1"), "line 7 of the LUT has '1e300'"),
        (GOOD.replace("1 0 1", "1 1_0 1"), "line 7 of the LUT has '1_0', which is no number"),
        (GOOD.replace("1 0 1", "1 0x1 1"), "line 7 of the LUT has '0x1', which is no number"),
        (GOOD.replace("1 0 1", "1 0,5 1"), "line 7 of the LUT has '0,5', which is no number"),
        ("DOMAIN_MIN 0 0\n" + GOOD, "line 1 of the LUT has 2 numbers instead of 3"),
        ("DOMAIN_MIN 0 0 1\n" + GOOD, "DOMAIN_MIN of the LUT is not below DOMAIN_MAX"),
        ("DOMAIN_MIN 0 0 nan\n" + GOOD, "line 1 of the LUT has 'nan'"),
        ("LUT_3D_SIZE 2\nLUT_1D_SIZE 2\n", "line 2 of the LUT gives the file a second table"),
        ("LUT_3D_SIZE 2\n" + GOOD, "line 2 of the LUT repeats LUT_3D_SIZE of line 1"),
        ("LUT_IN_VIDEO_RANGE\n" + GOOD, "line 1 of the LUT has 'LUT_IN_VIDEO_RANGE', which is not supported"),
        (GOOD + '\nTITLE "late"', "line 10 of the LUT has 'TITLE' after the first row"),
        (GOOD + "\n" + "#" * 600, "line 10 of the LUT is longer"),
    ],
)
def test_faults_are_named_with_their_line(text: str, fault: str) -> None:
    with pytest.raises(CubeError) as refused:
        read_cube(text.encode())
    assert fault in str(refused.value)
    assert "; " in str(refused.value), "a remedy follows"


def test_the_largest_table_takes_little_time() -> None:
    data = b"LUT_3D_SIZE 65\n" + b"0.12345678 0.23456789 0.34567890\n" * 65**3
    begun = time.thread_time()
    assert read_cube(data).rows.shape == (65**3, 3)
    assert time.thread_time() - begun < 5
    for hostile in (b"1 " * (MAX_BYTES // 2), b"\n" * MAX_BYTES, b"#" * MAX_BYTES, b" " * (MAX_BYTES + 1)):
        with pytest.raises(CubeError):
            read_cube(hostile)
    assert time.thread_time() - begun < 20


def test_a_table_is_written_as_it_was_read() -> None:
    rows = np.random.default_rng(1).random((27, 3))
    table = read_cube(("LUT_3D_SIZE 3\n" + "\n".join(" ".join(map(str, row)) for row in rows)).encode())
    assert np.abs(read_cube(table.written()).rows - rows).max() < 1e-6
