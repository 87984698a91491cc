from __future__ import annotations

import pytest

from alphadiffract_stream.sources._formats._beam import beam_of

HC = 12.398419843


@pytest.mark.parametrize(
    ("line", "wavelength"),
    [
        ("# wavelength 0.4135", 0.4135),
        ("# Wavelength (A): 0.4135", 0.4135),
        ("# wavelength_A = 0.4135", 0.4135),
        ("Wavelength [nm] = 0.04135", 0.4135),
        ("# Wavelength= 4.135e-11m", 0.4135),
        ("# Wavelength: 4.135e-11", 0.4135),
        ('# "wavelength": 4.135e-11,', 0.4135),
        ("# wavelength: 41.35 pm", 0.4135),
        ("! Lambda = 0.4135 Angstrom", 0.4135),
        ("' λ=0,4135 Å", 0.4135),
        ("_diffrn_radiation_wavelength 0.4135", 0.4135),
        ("##X-RAY WAVELENGTH=1.541838", 1.541838),
        ("# Monochromator calibrated wavelength = 0.4135", 0.4135),
        ("# energy 30", HC / 30),
        ("# photon energy: 30.0 keV, threshold energy: 15 keV", HC / 30),
        ("# incident_energy = 30000 eV", HC / 30),
        ("# Energy (eV): 30000", HC / 30),
        ("# beam energy 30000", HC / 30),
        ("# wavelength: None", None),
        ("# ring energy = 6.0", None),
        ("# threshold energy: 15 keV", None),
        ("# energy resolution: 1.2e-4", None),
        ("# wavelength calibration of 2021", None),
        ("# storage ring: 6 GeV", None),
        ("# anode Cu, K-Beta wavelength,1.39225", None),
        ("# Cu Ka radiation", None),
    ],
)
def test_header_lines(line, wavelength):
    beam = beam_of([(0, line)], "f")
    assert beam.doubt is None
    assert beam.wavelength == (wavelength if wavelength is None else pytest.approx(wavelength))


def test_the_doublet_gives_its_weighted_mean():
    lines = ["K-Alpha1 wavelength,1.54060", "K-Alpha2 wavelength,1.54443", "K-Beta wavelength,1.39"]
    ratio = "Ratio K-Alpha2/K-Alpha1,0.25000"
    half = beam_of(enumerate(lines), "f").wavelength
    quarter = beam_of(enumerate([*lines, ratio]), "f").wavelength
    assert half == pytest.approx((1.54060 + 0.5 * 1.54443) / 1.5)
    assert quarter == pytest.approx((1.54060 + 0.25 * 1.54443) / 1.25)


def test_one_line_of_the_doublet_is_taken_as_it_is():
    assert beam_of([(0, "# lambda1: 1.5406")], "f").wavelength == 1.5406


def test_a_rounded_energy_beside_the_wavelength_is_no_contradiction():
    beam = beam_of([(0, "# energy 30 keV"), (1, "# wavelength 0.4135 A")], "f")
    assert (beam.wavelength, beam.source) == (0.4135, "header 'wavelength', line 2")


@pytest.mark.parametrize(
    "lines",
    [
        ["wavelength 0.41", "wavelength 0.51"],
        ["wavelength 0.41", "energy 20 keV"],
        ["wavelength 0"],
        ["wavelength -1"],
        ["wavelength 0.41 keV"],
        ["wavelength 0.0041"],
        ["energy 0"],
        ["energy 3e9"],
    ],
)
def test_contradictions_and_impossible_values_are_doubts(lines):
    beam = beam_of(enumerate(lines), "f")
    assert beam.wavelength is None
    assert beam.doubt is not None
    assert "line" in str(beam.doubt)


def test_a_doubt_counts_only_where_the_wavelength_is_needed(read, refusal):
    assert "wavelength" in str(refusal("a.xy", "# wavelength 0\n5 1\n6 2\n"))
    assert read("a.xy", "# wavelength 0\n5 1\n6 2\n", wavelength=0.4).wavelength == 0.4
    assert read("a.xy", "# wavelength 0\n# d I\n5 1\n6 2\n").wavelength is None
