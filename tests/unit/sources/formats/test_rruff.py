from __future__ import annotations

RRUFF = """##NAMES=Quartz
##LOCALITY=Spruce Claim, Washington, USA
##RRUFFID=R040031-1
##IDEAL CHEMISTRY=SiO_2_
##CELL PARAMETERS=a: 4.9158(3) b: 4.9158(3) c: 5.4091(2) alpha: 90 beta: 90 gamma: 120
##X-RAY WAVELENGTH=1.541838
##URL=rruff.info/R040031
5.0000, 120.5
5.0100, 118.25
##END=
"""


def test_rruff(read):
    pattern = read("Quartz__R040031.txt", RRUFF)
    assert list(pattern.axis) == [5.0, 5.01]
    assert list(pattern.intensity) == [120.5, 118.25]
    assert pattern.wavelength == 1.541838
    assert pattern.wavelength_source == "header 'WAVELENGTH', line 6"
    assert pattern.metadata["sample"] == "Quartz"
    assert pattern.metadata["rruff_id"] == "R040031-1"
    assert pattern.metadata["cell_parameters"].startswith("a: 4.9158(3)")


def test_rruff_without_a_wavelength_is_not_given_one(read):
    content = RRUFF.replace("##X-RAY WAVELENGTH=1.541838\n", "")
    assert read("a.txt", content).wavelength is None


def test_rruff_in_another_ending_and_crlf(read):
    assert read("a.xy", RRUFF.replace("\n", "\r\n")).metadata["rruff_id"] == "R040031-1"
