import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.wire import decode_value, encode_value

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back(value):
    assert decode_value(encode_value(value)) == value


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<u2", "?"])
def test_arrays_come_back(dtype):
    array = np.arange(6).astype(dtype).reshape(2, 3)
    back = decode_value(encode_value({"a": [array]}))["a"][0]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_nan_stays_nan():
    assert np.isnan(decode_value(encode_value(float("nan"))))


@pytest.mark.parametrize(
    ("value", "text"),
    [(2**70, str(2**70)), ("\ud800", "?"), (1 + 2j, "(1+2j)"), (np.array([{}]), "[{}]")],
)
def test_what_has_no_form_is_kept_as_text(value, text):
    assert decode_value(encode_value({"x": value})) == {"x": text}


def test_a_value_that_holds_itself_ends():
    value: dict = {}
    value["self"] = value
    assert decode_value(encode_value(value))["self"]
