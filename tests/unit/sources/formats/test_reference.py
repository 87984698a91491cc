"""docs/reference/file-formats.md: names every ending, format and option; its examples are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alphadiffract_stream.pattern import RadialUnit
from alphadiffract_stream.sources._formats import FORMATS, SUFFIXES
from alphadiffract_stream.sources._watch import WatchOptions

EXAMPLE = re.compile(r"```text (\S+)\n(.*?)```", re.DOTALL)
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "file-formats.md"


@pytest.mark.parametrize("name", [*SUFFIXES, *FORMATS, *WatchOptions.model_fields, *RadialUnit])
def test_the_reference_names_it(name):
    assert f"`{name}`" in PAGE.read_text()


def test_the_examples_are_read_as_the_page_says(read):
    examples = EXAMPLE.findall(PAGE.read_text())
    patterns = {name: read(name, content) for name, content in examples}
    assert {name: (p.unit, p.wavelength, p.sigma is not None) for name, p in patterns.items()} == {
        "frame_0001.dat": ("q_nm^-1", pytest.approx(0.413), True),
        "scan.csv": ("2th_deg", None, True),
        "ceo2.chi": ("2th_deg", None, False),
        "jadarite.fxye": ("2th_deg", 0.413529, True),
        "Quartz__R040031.txt": ("2th_deg", 1.541838, False),
    }
    for pattern in patterns.values():
        assert list(pattern.intensity) == [120.5, 118.2]
