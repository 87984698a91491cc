from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.sources._assembler._series import file_of_series


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("%s%s_%6.6d.tiff", "scan_000012.tiff"),
        ("%s%s_%06d.cbf", "scan_000012.cbf"),
        ("%s/%s_%d.tif", "/scan_12.tif"),
        ("%s_%03d.tif", "scan_012.tif"),
        ("_{:06d}.tiff", "_000012.tiff"),
        ("{}.tiff", "12.tiff"),
        ("/{:d}.tiff", "/12.tiff"),
    ],
)
def test_the_templates_that_are_in_use(template, name):
    assert file_of_series(template, "scan", 12) == name


@pytest.mark.parametrize(
    "template",
    [
        "",
        "one.tiff",
        "%d_%d.tif",
        "%s%s%s_%d.tif",
        "%999999999d.tif",
        "{:999999999d}.tif",
        "{0.__class__}.tif",
        "{!r}.tif",
        "%n_%d.tif",
        "%%_%d.tif",
        "x" * 600 + "%d",
    ],
)
def test_others_are_not_obeyed(template):
    with pytest.raises(DecodeError, match="template"):
        file_of_series(template, "scan", 12)


@given(
    st.lists(st.sampled_from(["%s", "%d", "%6.6d", *"{}:%da", "06"])).map("".join),
    st.text(max_size=20),
    st.integers(0, 10**9),
)
def test_whatever_the_template_the_name_is_short_or_there_is_none(template, filename, number):
    try:
        name = file_of_series(template, filename, number)
    except DecodeError:
        return
    assert str(number) in name
    assert len(name) <= len(template) + len(filename) + 99
