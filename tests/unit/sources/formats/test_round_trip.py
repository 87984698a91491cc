"""What was written is what is read, to the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphadiffract_stream.pattern import RadialUnit
from alphadiffract_stream.sources import read_pattern

EXAMPLES = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBER = st.floats(-1e12, 1e12, allow_nan=False)
ANGLE = st.floats(0.001, 179)
ROWS = st.lists(st.tuples(ANGLE, NUMBER, NUMBER), min_size=2, max_size=20, unique_by=lambda r: r[0])


def expect(path, table, **said):
    pattern = read_pattern(path, **said)
    assert np.array_equal(pattern.axis, table[:, 0])
    assert np.array_equal(pattern.intensity, table[:, 1])
    if table.shape[1] == 3:
        assert np.array_equal(pattern.sigma, table[:, 2])
    return pattern


@EXAMPLES
@given(
    separator=st.sampled_from([" ", "\t", ",", ";", ", "]),
    width=st.integers(2, 3),
    rows=ROWS,
    header=st.sampled_from(["", "# measured at noon\n", "title\n\n"]),
)
def test_columns(tmp_path, separator, width, rows, header):
    table = np.array(rows)[:, :width]
    body = "\n".join(separator.join(f"{v!r}" for v in row) for row in table.tolist())
    path = tmp_path / "a.txt"
    path.write_text(header + body)
    expect(path, table)


@EXAMPLES
@given(separator=st.sampled_from([" ", ";", "\t"]), rows=ROWS)
def test_decimal_commas(tmp_path, separator, rows):
    written = [[f"{v:.6f}" for v in row] for row in rows]
    body = "\n".join(separator.join(row) for row in written).replace(".", ",")
    path = tmp_path / "a.csv"
    path.write_text(body)
    expect(path, np.array(written, dtype=float))


@EXAMPLES
@given(rows=ROWS, unit=st.sampled_from(RadialUnit), wavelength=st.floats(0.1, 10))
def test_a_header_with_unit_and_wavelength(tmp_path, rows, unit, wavelength):
    path = tmp_path / "a.xye"
    body = "\n".join(" ".join(f"{v!r}" for v in row) for row in rows)
    path.write_text(f"# wavelength: {wavelength!r} A\n# {unit} I sigma\n{body}\n")
    pattern = expect(path, np.array(rows))
    assert pattern.unit is unit
    assert pattern.wavelength == wavelength


@EXAMPLES
@given(rows=ROWS)
def test_fit2d(tmp_path, rows):
    path = tmp_path / "a.chi"
    body = "\n".join(f"  {x!r}  {y!r}" for x, y, _ in rows)
    path.write_text(f"title\n Q (Inverse Nanometres)\n Intensity\n   {len(rows)}\n{body}\n")
    assert expect(path, np.array(rows)[:, :2]).unit is RadialUnit.Q_INV_NM


@EXAMPLES
@given(counts=st.lists(st.integers(0, 999999), min_size=1, max_size=40), start=st.integers(1, 9000))
def test_gsas_std(tmp_path, counts, start):
    cells = [f" 1{n:6d}" for n in counts]
    records = ["".join(cells[i : i + 10]) for i in range(0, len(cells), 10)]
    path = tmp_path / "a.gsas"
    bank = f"BANK 1 {len(counts)} {len(records)} CONST {start} 2 0 0 STD"
    path.write_text("\n".join(["title", bank, *records]))
    pattern = read_pattern(path)
    assert list(pattern.intensity) == counts
    assert np.allclose(pattern.axis, (start + 2 * np.arange(len(counts))) / 100)


@EXAMPLES
@given(
    counts=st.lists(st.integers(0, 10**9), min_size=2, max_size=40), ends=st.tuples(ANGLE, ANGLE)
)
def test_xrdml(tmp_path, counts, ends):
    path = tmp_path / "a.xrdml"
    path.write_text(
        "<xrdMeasurements><xrdMeasurement><scan><dataPoints><positions axis='2Theta'>"
        f"<startPosition>{ends[0]!r}</startPosition><endPosition>{ends[1]!r}</endPosition>"
        f"</positions><counts>{' '.join(map(str, counts))}</counts></dataPoints></scan>"
        "</xrdMeasurement></xrdMeasurements>"
    )
    expect(path, np.column_stack([np.linspace(*ends, len(counts)), counts]))
