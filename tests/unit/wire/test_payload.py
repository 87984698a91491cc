import contextlib
import json
import pickle
from pathlib import Path

import msgpack
import msgpack_numpy
import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphadiffract_stream.errors import ConfigurationError, DecodeError
from alphadiffract_stream.wire import Serializer, checked_prefix, decode_message, encode_message

SAFE = [Serializer.MSGPACK, Serializer.JSON]


class Evil:
    """Runs code when unpickled: touches a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def message(payload: bytes) -> bytes:
    return b"raw event " + payload


@pytest.mark.parametrize("serializer", [*SAFE, Serializer.PICKLE])
def test_a_document_comes_back(serializer):
    document = {"uid": "a b c", "time": 1.5, "data": {"x": [1, 2.5, None, "é"]}, "n": 2**40}

    frame = encode_message("event", document, serializer, b"raw")

    assert decode_message(frame, allow_pickle=True) == (b"raw", "event", document)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "|u1", "|b1", "<U3"])
def test_arrays_of_bluesky_publishers_come_back(dtype):
    array = np.array([[0, 1, 1]] * 2).astype(dtype)

    _, _, document = decode_message(message(msgpack_numpy.packb({"x": array, "n": np.int64(3)})))

    np.testing.assert_array_equal(document["x"], array)
    assert document["x"].dtype == array.dtype
    assert document["n"] == 3


def test_our_arrays_are_what_msgpack_numpy_reads():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1]
    frame = encode_message("event", {"x": array}, Serializer.MSGPACK)

    np.testing.assert_array_equal(msgpack_numpy.unpackb(frame.split(b" ", 2)[2])["x"], array)


def test_json_writes_arrays_and_null_for_nan():
    document = {"x": np.array([1.0, np.nan]), "y": np.float32(2), "z": float("nan")}

    frame = encode_message("event", document, Serializer.JSON)

    assert orjson.loads(frame.split(b" ", 2)[2]) == {"x": [1.0, None], "y": 2.0, "z": None}


def test_nan_as_python_writes_it_is_read():
    payload = json.dumps({"x": [1.0, float("nan"), float("inf")]}).encode()

    _, _, document = decode_message(message(payload))

    np.testing.assert_array_equal(document["x"], [1.0, np.nan, np.inf])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_is_read_unless_allowed(tmp_path, protocol):
    touched = tmp_path / "touched"
    frame = message(pickle.dumps(Evil(touched), protocol))

    for serializer in Serializer:
        with pytest.raises(DecodeError, match="allow_pickle"):
            decode_message(frame, serializer=serializer)
    assert not touched.exists()

    with pytest.raises(DecodeError, match="mapping"):
        decode_message(frame, allow_pickle=True)
    assert touched.exists()


def test_a_pickle_inside_msgpack_is_not_read(tmp_path):
    touched = tmp_path / "touched"
    hidden = np.array([Evil(touched)], dtype=object)
    as_packed = msgpack_numpy.packb({"x": hidden})
    by_hand = msgpack.packb(
        {"x": {b"nd": True, b"kind": b"O", b"type": "<f8", b"data": pickle.dumps(Evil(touched))}}
    )

    for payload in (as_packed, by_hand):
        with pytest.raises(DecodeError, match="only numbers and text"):
            decode_message(message(payload), allow_pickle=True)
    assert not touched.exists()
    msgpack_numpy.unpackb(by_hand)
    assert touched.exists(), "the attack is real: msgpack_numpy itself falls for it"


@pytest.mark.parametrize(
    "array",
    [
        {b"nd": True, b"type": "<f8", b"shape": [3], b"data": b"12345678"},
        {b"nd": True, b"type": "<f8", b"shape": [-1], b"data": b"12345678"},
        {b"nd": True, b"type": "<f8", b"shape": [2**40, 2**40], b"data": b"12345678"},
        {b"nd": True, b"type": "<f8", b"shape": [1], b"data": b"1234567"},
        {b"nd": True, b"type": "O", b"shape": [1], b"data": b"12345678"},
        {b"nd": True, b"type": "f8,O", b"shape": [1], b"data": b"1" * 16},
        {b"nd": True, b"type": "<U0", b"shape": [1], b"data": b""},
        {b"nd": True, b"type": 7, b"shape": [1], b"data": b""},
        {b"nd": True, b"type": "<f8", b"shape": [1], b"data": [1]},
        {b"nd": False, b"type": "<f8", b"data": b"1" * 16},
        {b"nd": True},
        {b"complex": True},
    ],
)
def test_forged_arrays_are_refused(array):
    with pytest.raises(DecodeError):
        decode_message(message(msgpack.packb({"x": array})))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "prefix name payload"),
        (b"start", "prefix name payload"),
        (b" start ", "neither JSON, msgpack nor pickle"),
        (b" start [1]", "neither JSON, msgpack nor pickle"),
        (b" start {", "no json document"),
        (b" start {" + b'"a":' + b"[" * 100_000, "start document: 100001 lists"),
        (b" start " + msgpack.packb({"a": 1})[:-1], "msgpack cut off"),
        (b" start \x81" + b"\x91" * 100_000, "65 levels of nesting"),
        (b" \xff\xfe {}", "no document name"),
        (b" sta/rt {}", "no document name"),
    ],
)
def test_what_is_no_document_is_named(frame, reason):
    with pytest.raises(DecodeError, match=reason):
        decode_message(frame)


def test_the_size_is_checked_before_anything_is_read():
    with pytest.raises(DecodeError, match="max_message"):
        decode_message(b"x" * 101, max_message=100)


@given(st.binary(max_size=200))
@example(b"\x80")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xc7\x04\xff1234")
def test_random_payloads_are_documents_or_refused(payload):
    with contextlib.suppress(DecodeError):
        _, name, document = decode_message(message(payload))
        assert name == "event"
        assert isinstance(document, dict)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(width=64),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_msgpack_keeps_every_plain_document(document):
    frame = encode_message("start", document, Serializer.MSGPACK)

    assert repr(decode_message(frame)[2]) == repr(document)


@pytest.mark.parametrize("serializer", SAFE)
def test_what_cannot_be_sent_is_said(serializer):
    with pytest.raises(TypeError, match=r"cannot be sent|not JSON serializable"):
        encode_message("start", {"x": object()}, serializer)
    with pytest.raises(TypeError, match=r"cannot be sent|not JSON serializable"):
        encode_message("start", {"x": np.array([object()])}, Serializer.MSGPACK)


def test_a_prefix_has_no_space():
    assert checked_prefix("raw") == b"raw"
    with pytest.raises(ConfigurationError, match="may not contain a space"):
        checked_prefix("r aw")


def test_a_pickle_that_begins_like_msgpack_is_not_read(tmp_path):
    touched = tmp_path / "touched"
    disguised = b"\x88" + b"0" + pickle.dumps(Evil(touched), 0)  # true, taken off the stack again

    with pytest.raises(DecodeError, match="a pickle can run any code"):
        decode_message(message(disguised), serializer=Serializer.PICKLE)
    assert not touched.exists()
    with pytest.raises(DecodeError):
        decode_message(message(disguised))
    assert not touched.exists()
