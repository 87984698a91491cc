from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.sources import read_pattern
from alphadiffract_stream.sources._read import read_patterns

X = np.linspace(5, 20, 50)
Y = X**2
E = np.sqrt(Y)


@pytest.fixture
def save(tmp_path):
    def save(array, **options):
        np.save(tmp_path / "a.npy", array, **options)
        return tmp_path / "a.npy"

    return save


@pytest.mark.parametrize("array", [np.array([X, Y]), np.column_stack([X, Y])])
def test_two_columns_or_rows(save, array):
    pattern = read_pattern(save(array))
    assert np.array_equal(pattern.axis, X)
    assert np.array_equal(pattern.intensity, Y)
    assert pattern.sigma is None


@pytest.mark.parametrize("array", [np.array([X, Y, E]), np.column_stack([X, Y, E])])
def test_three_columns_or_rows(save, array):
    assert np.array_equal(read_pattern(save(array)).sigma, E)


def test_fortran_order_and_integers(save):
    array = np.asfortranarray(np.column_stack([np.arange(9), np.arange(9) ** 2]))
    assert list(read_pattern(save(array)).intensity) == [i**2 for i in range(9)]


def test_a_stack_has_its_axis_in_row_0(save):
    patterns = list(read_patterns(save(np.array([X, Y, E, -Y]))))
    assert [p.metadata["frame"] for p in patterns] == [0, 1, 2]
    assert [p.origin.seq_num for p in patterns] == [1, 2, 3]
    assert np.array_equal(patterns[2].intensity, -Y)
    with pytest.raises(PatternError, match="more than one pattern"):
        read_pattern(save(np.array([X, Y, E, -Y])))


def test_named_fields(save):
    fields = np.zeros(3, dtype=[("q_nm^-1", float), ("intensity", "f4"), ("sigma", "f4")])
    fields["q_nm^-1"] = [1, 2, 3]
    pattern = read_pattern(save(fields))
    assert pattern.unit == "q_nm^-1"
    assert list(pattern.axis) == [1, 2, 3]


@pytest.mark.parametrize(
    "array",
    [X, np.zeros((4, 5, 6)), np.zeros((2, 2)), np.zeros((3, 3)), np.zeros((5, 50)),
     X.astype(complex), np.zeros((0, 2)), np.array([["a", "b"]] * 4),
     np.zeros(3, dtype=[("q", float)])],
)  # fmt: skip
def test_arrays_that_are_no_pattern(save, array):
    with pytest.raises(PatternError, match=r"a\.npy"):
        read_pattern(save(array))


def test_a_pickle_inside_is_not_opened(save):
    with pytest.raises(PatternError, match="without objects"):
        read_pattern(save(np.array([{"a": 1}, None], dtype=object), allow_pickle=True))


def test_a_truncated_array(save):
    path = save(np.array([X, Y]))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PatternError, match="truncated"):
        read_pattern(path)
