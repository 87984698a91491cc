from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.sources._read import read_results

XRDML = """<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{schema}" status="Completed">
 <sample type="To be analyzed"><id>s1</id><name>corundum</name></sample>
 <xrdMeasurement measurementType="Scan" status="Completed">
  <usedWavelength intended="{intended}">
   <kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>
   <kBeta unit="Angstrom">1.3922500</kBeta><ratioKAlpha2KAlpha1>{ratio}</ratioKAlpha2KAlpha1>
  </usedWavelength>
  <incidentBeamPath><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube>{optics}</incidentBeamPath>
  {scans}
 </xrdMeasurement>
</xrdMeasurements>"""
SCAN = """<scan appendNumber="0" scanAxis="Gonio" status="Completed"><dataPoints>
 <positions axis="2Theta" unit="deg">{two_theta}</positions>
 <positions axis="Omega" unit="deg"><commonPosition>5</commonPosition></positions>
 {rest}</dataPoints></scan>"""
ENDS = "<startPosition>10.0</startPosition><endPosition>12.0</endPosition>"
COUNTS = '<intensities unit="counts">100 400 900</intensities>'
MEAN = (1.5405980 + 0.5 * 1.5444260) / 1.5


def xrdml(*rests, two_theta=ENDS, schema="1.5", intended="K-Alpha 1", ratio="0.5", optics=""):
    scans = "\n".join(SCAN.format(two_theta=two_theta, rest=rest) for rest in rests or (COUNTS,))
    return XRDML.format(schema=schema, intended=intended, ratio=ratio, optics=optics, scans=scans)


def test_a_scan(read):
    pattern = read("a.xrdml", xrdml())
    assert list(pattern.axis) == [10, 11, 12]
    assert list(pattern.intensity) == [100, 400, 900]
    assert list(pattern.sigma) == [10, 20, 30]
    assert pattern.metadata == {"sample": "corundum", "anode": "Cu", "scan_axis": "Gonio"}


@pytest.mark.parametrize(
    ("said", "wavelength"),
    [
        ({}, MEAN),
        ({"intended": "K-Alpha"}, MEAN),
        ({"ratio": "0"}, 1.5405980),
        ({"optics": "<monochromator/>"}, 1.5405980),
        ({"optics": "<monochromator/>", "intended": "K-Alpha"}, MEAN),
    ],
)
def test_the_unresolved_doublet_gives_its_mean(read, said, wavelength):
    assert read("a.xrdml", xrdml(**said)).wavelength == pytest.approx(wavelength, rel=1e-9)


def test_the_wavelengths_source_names_both_lines(read):
    assert read("a.xrdml", xrdml()).wavelength_source == (
        "usedWavelength/kAlpha1 and Kα2, mean weighted 1:0.5"
    )


def test_listed_positions(read):
    listed = "<listPositions>10 10.5 12</listPositions>"
    assert list(read("a.xrdml", xrdml(two_theta=listed)).axis) == [10, 10.5, 12]


def test_counts_are_multiplied_by_the_attenuation_and_intensities_are_not(read):
    factors = "<beamAttenuationFactors>1 100 1</beamAttenuationFactors>"
    raw = read("a.xrdml", xrdml(f"{factors}<counts>100 400 900</counts>", schema="2.1"))
    assert list(raw.intensity) == [100, 40000, 900]
    assert list(raw.sigma) == [10, 2000, 30]
    corrected = read("b.xrdml", xrdml(factors + COUNTS))
    assert list(corrected.intensity) == [100, 400, 900]
    assert list(corrected.sigma) == pytest.approx([10, 200, 30])


def test_unequal_counting_times_are_divided_out_and_a_common_one_is_not(read):
    times = "<countingTimes unit='seconds'>1 2 3</countingTimes>"
    assert list(read("a.xrdml", xrdml(times + COUNTS)).intensity) == [100, 200, 300]
    common = "<commonCountingTime unit='seconds'>2</commonCountingTime>"
    assert list(read("b.xrdml", xrdml(common + COUNTS)).intensity) == [100, 400, 900]


def test_counts_per_second_have_no_poisson_sigma(read):
    assert read("a.xrdml", xrdml('<intensities unit="cps">1 2 3</intensities>')).sigma is None


def test_several_scans_and_a_bad_one(write):
    content = xrdml(COUNTS, '<intensities unit="counts">1 x 3</intensities>', COUNTS)
    results = list(read_results(write("a.xrdml", content)))
    assert [isinstance(one, Pattern) for one in results] == [True, False, True]
    assert "intensities" in str(results[1])


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (xrdml()[:900], "not well-formed"),
        ("<xrdMeasurements/>", "no scan"),
        (xrdml(two_theta="<commonPosition>30</commonPosition>"), "stands still"),
        (xrdml().replace('axis="2Theta"', 'axis="Phi"'), "Omega, Phi"),
        (xrdml("<x/>"), "missing"),
        (xrdml('<intensities unit="counts"></intensities>'), "no numbers"),
        (xrdml(COUNTS, two_theta="<listPositions>1 2</listPositions>"), "2 positions for 3"),
        (xrdml("<countingTimes>1 2</countingTimes>" + COUNTS), "2 values for 3"),
        (xrdml(two_theta=ENDS.replace("10.0", "ten")), "ten"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><xrdMeasurements>&b;</xrdMeasurements>', "DTDForbidden"),
    ],
)
def test_bad_files(refusal, content, value):
    error = refusal("a.xrdml", content)
    assert value in error.value
    assert "a.xrdml" in error.value


def test_xml_in_another_ending_is_known_by_content(read):
    assert np.isfinite(read("a.xml", xrdml()).wavelength)
