from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.wire import Serializer, document_name, encode_message, skim_message

KEYS = {"uid", "seq_num"}
EVENT = {
    "data": {"det": np.arange(5000.0), "deep": [[[1, {"uid": "no"}]]]},
    "uid": "e1",
    "timestamps": {"det": 1.0},
    "seq_num": 7,
    "time": 3.5,
}


def test_what_is_asked_for_is_found_whatever_is_around_it():
    message = encode_message("event", EVENT, Serializer.MSGPACK, b"raw")
    assert skim_message(message, KEYS) == {"uid": "e1", "seq_num": 7}
    assert document_name(message) == b"event"


def test_messages_without_a_prefix_or_a_payload():
    assert document_name(encode_message("stop", {}, Serializer.MSGPACK)) == b"stop"
    assert document_name(b"raw event") == b""


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        msgpack.packb({"uid": "e" * 301}),
        msgpack.packb({"seq_num": [1, 2]}),
        msgpack.packb({"uid": {"a": 1}}),
        msgpack.packb({"data": list(range(9))})[:-3],
        b"\x81" + b"\x91" * 5000,
        b"\x81\xdd\xff\xff\xff\xff\x01",
    ],
)
def test_what_is_no_event_or_would_take_room_is_refused(payload):
    with pytest.raises(DecodeError, match="no msgpack document"):
        skim_message(b"raw event " + payload, KEYS)


@given(st.binary(max_size=200))
def test_any_bytes_are_skimmed_or_refused(payload):
    try:
        found = skim_message(b"raw event " + payload, KEYS)
    except DecodeError:
        return
    assert found.keys() <= KEYS
