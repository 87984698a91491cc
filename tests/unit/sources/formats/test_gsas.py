from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import Pattern, RadialUnit
from alphadiffract_stream.sources._read import read_results

TITLE = "jadarite\nInstrument parameter file: bm11.prm\n# Calibrated wavelength = 0.413529\n"
FXYE = "BANK {n} {points} {points} CONST 500.0 1.0 0 0 FXYE\n"
ROWS = " 500.0  10.0  3.0\n 501.0  11.0  3.1\n 502.5  12.0  3.2\n"


def std(values, counters):
    cells = [f"{c}{v:6d}" for c, v in zip(counters, values, strict=True)]
    return "".join("".join(cells[i : i + 10]) + "\n" for i in range(0, len(cells), 10))


def test_fxye_is_in_centidegrees(read):
    pattern = read("a.fxye", TITLE + FXYE.format(n=1, points=3) + ROWS)
    assert np.allclose(pattern.axis, [5.0, 5.01, 5.025], rtol=1e-12)
    assert list(pattern.intensity) == [10, 11, 12]
    assert list(pattern.sigma) == [3.0, 3.1, 3.2]
    assert pattern.unit is RadialUnit.TWO_THETA_DEG
    assert pattern.wavelength == 0.413529
    assert pattern.metadata == {"sample": "jadarite", "bank": "1"}


def test_std_has_detector_counts_and_ten_values_a_record(read):
    values = np.arange(100, 113)
    counters = ["  ", " 4"] + [" 1"] * 11
    content = f"t\nBANK 1 13 2 CONST 1000.0 2.0 0 0 STD\n{std(values, counters)}"
    pattern = read("a.gsas", content)
    assert np.allclose(pattern.axis, 10 + 0.02 * np.arange(13))
    assert np.array_equal(pattern.intensity, values)
    assert pattern.sigma[0] == 10
    assert pattern.sigma[1] == pytest.approx(np.sqrt(101 / 4))


def test_a_bank_without_layout_is_std(read):
    content = f"t\nBANK 1 2 1 CONST 1000.0 2.0 0 0\n{std([7, 8], [' 1', ' 1'])}"
    assert list(read("a.raw", content).intensity) == [7, 8]


def test_esd_has_five_pairs_a_record(read):
    pairs = [(100.0 + i, 1.5 + i) for i in range(7)]
    cells = [f"{y:8.1f}{e:8.1f}" for y, e in pairs]
    content = "t\nBANK 1 7 2 CONS 500 1 0 0 ESD\n" + "".join(cells[:5]) + "\n" + "".join(cells[5:])
    pattern = read("a.raw", content)
    assert np.array_equal(np.column_stack([pattern.intensity, pattern.sigma]), pairs)
    assert pattern.axis[-1] == pytest.approx(5.06)


def test_content_decides_over_the_ending(read):
    assert read("a.dat", TITLE + FXYE.format(n=1, points=3) + ROWS).axis[0] == 5.0


def test_several_banks_are_several_patterns_and_a_bad_one_loses_only_itself(write):
    tof = FXYE.format(n=2, points=3).replace("CONST", "SLOG ")
    content = TITLE + "".join(
        head + ROWS for head in (FXYE.format(n=1, points=3), tof, FXYE.format(n=3, points=3))
    )
    first, bad, last = read_results(write("a.fxye", content))
    assert isinstance(first, Pattern)
    assert isinstance(bad, PatternError)
    assert "SLOG" in str(bad)
    assert isinstance(last, Pattern)
    assert (last.metadata["bank"], last.origin.seq_num) == ("3", 3)


@pytest.mark.parametrize(
    ("bank", "rows", "value"),
    [
        ("BANK 1 4 4 CONST 500 1 0 0 FXYE\n", ROWS, "3 of the 4"),
        ("BANK 1 3 3 RALF 500 1 0 0 FXYE\n", ROWS, "RALF"),
        ("BANK 1 3 3 CONST 500 1 0 0 ALT\n", ROWS, "ALT"),
        ("BANK 1 3 3 CONST x 1 0 0 FXYE\n", ROWS, "CONST x 1"),
        ("BANK 1 3 3 CONST 500\n", ROWS, "CONST 500"),
        ("BANK 1\n", ROWS, "nothing"),
        ("BANK 1 3 3 CONST 500 1 0 0 FXYE\n", "500 1\n501 2\n502 3\n", "2"),
        ("BANK 1 3 3 CONST 500 1 0 0 ESD\n", "     1.0     x.0\n", "x.0"),
        ("BANK 1 9 1 CONST 500 1 0 0 STD\n", " 1   100 1   100\n", "2 of the 9"),
    ],
)
def test_bad_banks(refusal, bank, rows, value):
    error = refusal("a.fxye", "title\n" + bank + rows)
    assert "a.fxye:" in error.value
    assert value in error.value


def test_a_gsas_ending_without_a_bank(refusal):
    assert "BANK" in refusal("a.fxye", "5 1\n6 2\n").value
