from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.brml", b"PK\x03\x04....", "BRML"),
        ("a.raw", b"RAW1.01\0\0\0", "Bruker RAW"),
        ("a.raw", b"RAW4.00\0\0\0", "Bruker RAW"),
        ("a.raw", b"RAW_1.06Powdat\0", "STOE"),
        ("a.ras", b"*RAS_DATA_START\n", "Rigaku"),
        ("a.xy", b"*RAS_DATA_START\n5 1 1\n6 2 1\n", "Rigaku"),
        ("a.cif", b"data_\n", "CIF"),
        ("a.npz", b"PK\x03\x04", "zip"),
        ("a.tif", b"II*\0", "image"),
    ],
)
def test_other_programs_files_are_refused_by_name(refusal, name, content, what):
    error = refusal(name, content)
    assert error.field == "format"
    assert what in error.value
    assert error.remedy


@pytest.mark.parametrize("name", ["a.h5", "a.npy"])
def test_an_ending_that_is_not_true(refusal, name):
    assert "does not begin as" in refusal(name, b"5 1\n6 2\n").value


def test_unknown_format_name(refusal):
    assert "columns" in refusal("a.xy", "5 1\n6 2\n", format="bruker").remedy


def test_a_missing_file_a_folder_and_an_impossible_name(tmp_path):
    from alphadiffract_stream.errors import PatternError
    from alphadiffract_stream.sources import read_pattern

    for path in (tmp_path / "none.xy", tmp_path, "a\0b.xy"):
        with pytest.raises(PatternError):
            read_pattern(path)
