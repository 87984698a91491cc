from __future__ import annotations

import pytest

from alphadiffract_stream.sources._formats._axis_names import axis_of, axis_of_units


@pytest.mark.parametrize(
    ("label", "unit", "scale"),
    [
        ("2-Theta Angle (Degrees)", "2th_deg", 1),
        ("Q (Inverse Nanometres)", "q_nm^-1", 1),
        ("D-spacing (Angstroms)", "d_A", 1),
        ("Pos. [°2Th.]", "2th_deg", 1),
        ("ttheta", "2th_deg", 1),
        ("scattering vector q (nm⁻¹)", "q_nm^-1", 1),
        (r"q (\AA^{-1})", "q_A^-1", 1),
        ("q (m^-1)", "q_A^-1", 1e-10),
        ("2th_rad", "2th_rad", 1),
        ("2theta (centidegrees)", "2th_deg", 0.01),
    ],
)
def test_labels(label, unit, scale):
    axis = axis_of(label)
    assert axis is not None
    assert (axis.unit, axis.scale) == (unit, scale)


@pytest.mark.parametrize(
    "label", ["r_mm", "Radial Distance (mm)", "chi_deg", "Azimuth", "TOF (us)", "d*2_A^-2", "theta"]
)
def test_labels_that_cannot_be_analysed(label):
    axis = axis_of(label)
    assert axis is not None
    assert axis.unit is None
    assert axis.why


@pytest.mark.parametrize(
    "label", ["x", "Intensity", "", "quartz", "data", "sigma", "detector", "I"]
)
def test_labels_that_say_nothing(label):
    assert axis_of(label) is None


@pytest.mark.parametrize(
    ("units", "unit"),
    [("deg", "2th_deg"), ("^{o}", "2th_deg"), ("rad", "2th_rad"), ("1/nm", "q_nm^-1"),
     (r"\AA^{-1}", "q_A^-1"), ("1/angstrom", "q_A^-1"), ("2th", "2th_deg")],
)  # fmt: skip
def test_bare_units(units, unit):
    axis = axis_of_units(units)
    assert axis is not None
    assert axis.unit == unit


@pytest.mark.parametrize("units", ["mm", "counts", ""])
def test_bare_units_that_say_nothing(units):
    assert axis_of_units(units) is None
