"""What a message holds is known before objects are made of it."""

import contextlib
import json
import struct

import msgpack
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.wire import Serializer, decode_message, decode_pair, encode_message
from alphadiffract_stream.wire._limits import (
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_VALUES,
    check_json,
    check_msgpack,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(st.floats()),
    max_leaves=30,
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
LONG_LIST = b"\xdd" + struct.pack(">I", 2**32 - 1)


@settings(max_examples=40)
@given(VALUES)
def test_whatever_msgpack_packs_is_let_through(value):
    check_msgpack(msgpack.packb(value))


@settings(max_examples=40)
@given(PLAIN)
def test_whatever_json_writes_is_let_through(value):
    check_json(orjson.dumps(value))


@settings(max_examples=40)
@given(st.text(alphabet='[]{}"\\,a'))
def test_brackets_in_texts_are_no_nesting(text):
    check_json(orjson.dumps([text * 100] * 100))


@given(st.binary())
def test_other_bytes_are_let_through_or_refused(data):
    for check in (check_json, check_msgpack):
        with contextlib.suppress(DecodeError):
            check(data)


def nested(depth: int):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("pack", [msgpack.packb, orjson.dumps])
def test_the_deepest_is_let_through_and_one_deeper_is_not(pack):
    check = check_json if pack is orjson.dumps else check_msgpack

    check(pack(nested(MAX_DEPTH)))

    with pytest.raises(DecodeError, match=f"{MAX_DEPTH + 1} levels of nesting"):
        check(pack(nested(MAX_DEPTH + 1)))


BOMBS = {
    "json nesting": b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "json that never ends": b'{"a":' + b"[" * 1_000_000,
    "json lists": b'{"a":[' + b"[]," * 1_000_000 + b"[]]}",
    "json values": b'{"a":[' + b"0," * MAX_VALUES + b"0]}",
    "json with NaN": json.dumps({"a": nested(200), "b": float("nan")}).encode(),
    "msgpack nesting": b"\x81\xa1a" + b"\x91" * 900 + b"\xc0",
    "msgpack lists": b"\x81\xa1a\xdd"
    + struct.pack(">I", MAX_CONTAINERS)
    + b"\x90" * MAX_CONTAINERS,
    "msgpack values": b"\x81\xa1a\xdd"
    + struct.pack(">I", MAX_VALUES + 1)
    + b"\0" * (MAX_VALUES + 1),
    "msgpack announced": b"\x81\xa1a" + LONG_LIST + b"\0" * 100,
    "msgpack announced, in each other": b"\x81\xa1a" + LONG_LIST * 500,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_not_go_off(bomb):
    with pytest.raises(DecodeError, match=r"at most|values announced"):
        decode_message(b"raw start " + bomb)


@pytest.mark.parametrize("bomb", [b'["start",' + b"[" * 500 + b"]" * 501, b"\x92\xa1a" + LONG_LIST])
def test_nor_does_one_in_a_pair(bomb):
    with pytest.raises(DecodeError, match="at most"):
        decode_pair(bomb)


def test_quotes_that_never_end_are_read_once():
    with pytest.raises(DecodeError):
        decode_message(b'raw start {"' + b'\\"' * 2_000_000 + b"[" * 100)


def test_a_page_of_a_thousand_patterns_is_let_through():
    page = {"data": {"x": [[1.5] * 1000] * 1000, "n": list(range(1000)), "y": np.ones((1000, 9))}}
    for serializer in (Serializer.MSGPACK, Serializer.JSON):
        _, _, read = decode_message(encode_message("event_page", page, serializer))
        assert len(read["data"]["x"]) == 1000


@given(
    st.lists(st.integers(-(2**63), 2**64 - 1) | st.floats() | st.none(), min_size=60), st.booleans()
)
def test_long_lists_of_numbers_of_all_kinds_are_followed_to_their_end(numbers, inside):
    packed = msgpack.packb([numbers * 3, "x"] if inside else numbers * 3)

    check_msgpack(packed)
    with pytest.raises(DecodeError):
        check_msgpack(packed[:-1])
