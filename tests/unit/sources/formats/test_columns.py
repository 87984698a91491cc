from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.pattern import RadialUnit

ROWS = [(5.0, 100.5), (5.5, 120.0), (6.0, 90.25)]


def test_two_columns_are_two_theta_and_intensity(read):
    pattern = read("a.xy", "5.0 100.5\n5.5 120\n6.0 90.25\n")
    assert pattern.unit is RadialUnit.TWO_THETA_DEG
    assert np.array_equal(np.column_stack([pattern.axis, pattern.intensity]), ROWS)
    assert pattern.sigma is None
    assert pattern.wavelength is None


def test_third_column_is_sigma(read):
    assert list(read("a.xye", "5 100 10\n6 121 11\n").sigma) == [10, 11]


def test_origin_names_file_and_its_time(read, tmp_path):
    origin = read("a.xy", "5 1\n6 2\n").origin
    path = tmp_path / "a.xy"
    assert (origin.transport, origin.name, origin.seq_num) == ("file", str(path), 1)
    assert origin.time == path.stat().st_mtime


@pytest.mark.parametrize(
    "content",
    [
        "5.0,100.5\n5.5,120\n6.0,90.25\n",
        "5.0, 100.5,\n5.5, 120,\n6.0, 90.25,\n",
        "5.0;100.5\n5.5;120\n6.0;90.25\n",
        "5,0;100,5\n5,5;120\n6,0;90,25\n",
        "5,0 100,5\n5,5 120\n6,0 90,25\n",
        "5\t100,5\n5,5\t120\n6\t90,25\n",
        '"5.0","100.5"\n"5.5","120"\n"6.0","90.25"\n',
        "5.0 1.005D+02\n5.5 120.0D0\n6.0 9.025d1\n",
        "\n\n5.0 100.5\n\n5.5 120\r\n6.0 90.25\r",
        "5.0 100.5 # first\n5.5 120\n6.0 90.25\n",
        "title of the scan\n# c\n; c\n! c\n' c\n// c\n/* c\n c */\n"
        "5.0 100.5\n5.5 120\n6.0 90.25\n##END=\n",
        b"\xef\xbb\xbf5.0 100.5\n5.5 120\n6.0 90.25\n",
        "5.0 100.5\n5.5 120\n6.0 90.25\n".encode("utf-16"),
        "# 5 µm, 20 °C\n5.0 100.5\n5.5 120\n6.0 90.25\n".encode("latin-1"),
        "5.0 100.5\n5.5 120\n6.0 90.25\n\x1a",
    ],
)
def test_every_way_to_write_columns_gives_the_same_numbers(read, content):
    pattern = read("a.dat", content)
    assert np.array_equal(np.column_stack([pattern.axis, pattern.intensity]), ROWS)


@pytest.mark.parametrize(
    ("header", "unit", "scale"),
    [
        ("two_theta,intensity,sigma", "2th_deg", 1),
        ("2theta,I,error", "2th_deg", 1),
        ("# tth(rad), counts, esd", "2th_rad", 1),
        ("2θ (mrad),I,σ", "2th_rad", 1e-3),
        ("q_nm^-1,I,sigma", "q_nm^-1", 1),
        ("Q (1/Å),Intensity (a.u.),err", "q_A^-1", 1),
        ("q_A^-1,I,sigma", "q_A^-1", 1),
        ("d,I,sigma", "d_A", 1),
        ("d-spacing (nm),I,sigma", "d_A", 10),
        ("Angle,Intensity,ESD", "2th_deg", 1),
        ("q,I,sigma\n1/nm,counts,counts", "q_nm^-1", 1),
    ],
)
def test_column_names_give_the_unit(read, header, unit, scale):
    pattern = read("a.csv", f"{header}\n1.5,10,3\n2.5,20,4\n")
    assert pattern.unit == unit
    assert np.allclose(pattern.axis, np.array([1.5, 2.5]) * scale, rtol=1e-12)
    assert list(pattern.sigma) == [3, 4]


def test_columns_are_found_by_name_in_any_order(read):
    pattern = read(
        "a.csv", "weight,I,q (1/nm),background,I_error\n9,100,15.5,3,10\n9,99,15.6,3,11\n"
    )
    assert list(pattern.axis) == [15.5, 15.6]
    assert list(pattern.intensity) == [100, 99]
    assert list(pattern.sigma) == [10, 11]
    assert pattern.metadata["unused_columns"] == ["weight", "background"]


def test_a_third_column_with_another_name_is_not_sigma(read):
    pattern = read("a.csv", "2theta,intensity,background\n5,10,3\n6,11,3\n")
    assert pattern.sigma is None
    assert pattern.metadata["unused_columns"] == ["background"]


PYFAI = """# == pyFAI calibration ==
# Distance Sample to Detector: 0.25 m
# Wavelength: 4.13e-11 m
# Mask applied: provided
# --> scan_0001.dat
#       {unit}             I             sigma
  1.000000e+00    2.000000e+00  1.0e+00
  2.000000e+00    3.000000e+00  1.0e+00
"""


@pytest.mark.parametrize("unit", ["2th_deg", "2th_rad", "q_nm^-1", "q_A^-1"])
def test_pyfai_header(read, unit):
    pattern = read("scan_0001.dat", PYFAI.format(unit=unit))
    assert pattern.unit == unit
    assert pattern.wavelength == pytest.approx(0.413)
    assert pattern.wavelength_source == "header 'Wavelength', line 3"


@pytest.mark.parametrize("unit", ["r_mm", "chi_deg"])
def test_axes_that_cannot_be_analysed_are_refused(refusal, unit):
    error = refusal("a.dat", PYFAI.format(unit=unit))
    assert error.field == "radial axis"
    assert "integrate on 2θ, q or d" in error.remedy


def test_q_without_its_unit_is_refused_and_the_operator_may_give_it(read, refusal):
    content = "# q  I\n1.5 10\n2.5 20\n"
    assert "q_A^-1 or q_nm^-1" in str(refusal("a.dat", content))
    assert read("a.dat", content, unit="q_nm^-1").unit is RadialUnit.Q_INV_NM


def test_the_operators_unit_means_the_numbers_as_they_stand(read):
    pattern = read("a.csv", "d (nm),I\n0.2,5\n0.3,6\n", unit=RadialUnit.D_ANGSTROM)
    assert list(pattern.axis) == [0.2, 0.3]


def test_the_operators_wavelength_goes_before_the_headers(read):
    content = "# wavelength 1.5406\n5 1\n6 2\n"
    assert read("a.xy", content).wavelength == 1.5406
    pattern = read("a.xy", content, wavelength=0.4)
    assert (pattern.wavelength, pattern.wavelength_source) == (0.4, "argument")


def test_dash_xye_has_the_wavelength_alone_on_the_first_line(read):
    content = "0.826300\n5 1 1\n6 2 1\n"
    assert read("a.xye", content).wavelength == 0.8263
    assert read("a.xy", content).wavelength is None
    assert read("a.xye", "1500\n5 1 1\n6 2 1\n").wavelength is None


def test_an_anode_name_is_metadata_and_no_wavelength(read):
    pattern = read("a.xy", "# Anode: Cu\n# Sample: corundum\n5 1\n6 2\n")
    assert pattern.wavelength is None
    assert pattern.metadata == {"anode": "Cu", "sample": "corundum"}


@pytest.mark.parametrize(
    ("content", "place", "value"),
    [
        ("5 1\n6 x1\n7 3\n", ":2", "x1"),
        ("5 1 1\n6 2 1\n7 3\n", ":3", "2 in this row"),
        ("5 1\n6 2\n7 3 1\n", ":3", "3 in this row"),
        ("# h\n5,1\n6,\n7,3\n", ":3", "1 in this row"),
        ("5,1,1\n6,,1\n7,3,1\n", ":2", "empty"),
        ("5.0 1,200\n6.0 1,300\n", ":1", "1,200"),
        ("5,01,100\n5,02,101\n", ":1", "5,01,100"),
        ("5 1\n6 2\nsecond scan\n7 3\n", ":3", "second"),
        ("1 2 3 4\n2 3 4 5\n", "", "4 and no header"),
        ("only words\n", "", "no rows of numbers"),
        ("1\n2\n3\n", ":1", "no row of numbers"),
        ("", "", "empty"),
        ("5 1\n6 2\n\0\0\0", "", "binary"),
        (bytes(range(256)), "", "binary"),
    ],
)
def test_a_bad_file_is_refused_with_line_value_and_remedy(refusal, content, place, value):
    error = refusal("a.xy", content)
    assert f"a.xy{place}: " in error.value or (not place and "a.xy" in str(error.value))
    assert value in error.value
    assert error.remedy


def test_a_file_over_the_limit_is_refused_before_it_is_parsed(write, refusal):
    error = refusal("a.xy", "5 1\n6 2\n" * 10, max_bytes=40)
    assert "more than" in error.value
    assert "max_mib" in error.remedy


def test_a_clock_time_in_the_last_header_line_is_no_axis(read):
    pattern = read("a.xy", "# Energy 20 keV\n# Time 12:00\n5 1\n6 2\n")
    assert pattern.unit is RadialUnit.TWO_THETA_DEG
    assert pattern.wavelength == pytest.approx(12.398419843 / 20)


def test_two_axes_in_the_header_are_refused(refusal):
    error = refusal("a.dat", "# unit: q_nm^-1\n# unit: q_A^-1\n5 1\n6 2\n")
    assert "more than one" in error.value
