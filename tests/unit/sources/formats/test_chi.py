from __future__ import annotations

import pytest

FIT2D = "scan.tif: {label}\n {label}\n Intensity\n       {n}\n  1.0  2.0\n  2.0  3.0\n  3.0  4.0\n"


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("2-Theta Angle (Degrees)", "2th_deg"),
        ("Q (Inverse Nanometres)", "q_nm^-1"),
        ("D-spacing (Angstroms)", "d_A"),
    ],
)
def test_fit2d_labels(read, label, unit):
    pattern = read("a.chi", FIT2D.format(label=label, n=3))
    assert pattern.unit == unit
    assert list(pattern.axis) == [1, 2, 3]
    assert list(pattern.intensity) == [2, 3, 4]


def test_fit2d_count_with_data_set_number(read):
    assert read("a.chi", FIT2D.format(label="2-Theta Angle (Degrees)", n="3  1")).axis.size == 3


@pytest.mark.parametrize("label", ["Radial Distance (mm)", "Azimuth Angle (Degrees)", "Row"])
def test_other_labels_are_refused(refusal, label):
    assert refusal("a.chi", FIT2D.format(label=label, n=3)).field == "radial axis"


def test_missing_rows_are_refused(refusal):
    error = refusal("a.chi", FIT2D.format(label="2-Theta Angle (Degrees)", n=4))
    assert "a.chi:4: 3 of 4 points" in error.value


@pytest.mark.parametrize("count", ["", "many", "-1"])
def test_a_bad_count_is_refused(refusal, count):
    error = refusal("a.chi", FIT2D.format(label="2-Theta Angle (Degrees)", n=count))
    assert error.field == "number of points"


def test_a_pyfai_chi_has_a_commented_header(read):
    content = (
        "# == pyFAI calibration ==\n# Wavelength: 1e-10 m\n#  q_nm^-1   I\n 1.0 2.0\n 2.0 3.0\n"
    )
    pattern = read("a.chi", content)
    assert (pattern.unit, pattern.wavelength) == ("q_nm^-1", 1.0)
