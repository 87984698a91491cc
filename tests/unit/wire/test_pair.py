"""``[name, document]`` in one message."""

from __future__ import annotations

import json
import pickle

import msgpack
import msgpack_numpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.wire import decode_pair, encode_pair

DOCUMENT = {"uid": "a", "data": {"i": np.arange(3.0)}, "time": 1.5}


def test_there_and_back():
    name, document = decode_pair(encode_pair("event", DOCUMENT))
    assert (name, document["uid"]) == ("event", "a")
    assert document["data"]["i"].tolist() == [0, 1, 2]


def test_what_bluesky_kafka_packs_is_read_and_it_reads_what_we_pack():
    packed = msgpack.packb(("event", DOCUMENT), default=msgpack_numpy.encode)
    assert decode_pair(packed)[1]["data"]["i"].tolist() == [0, 1, 2]
    name, document = msgpack.unpackb(
        encode_pair("event", DOCUMENT), object_hook=msgpack_numpy.decode
    )
    assert (name, document["data"]["i"].tolist()) == ("event", [0, 1, 2])


def test_json_is_read_too():
    assert decode_pair(json.dumps(["start", {"uid": "a"}]).encode()) == ("start", {"uid": "a"})


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_never_read(protocol):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("it was run",))

    with pytest.raises(DecodeError, match="so it is not read"):
        decode_pair(pickle.dumps(("start", Bomb()), protocol))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"[1", "send msgpack"),
        (msgpack.packb({"uid": "a"}), "no \\[name, document\\] but dict"),
        (msgpack.packb(["start"]), "no \\[name, document\\]"),
        (msgpack.packb(["start", 5]), "a mapping, not int"),
        (msgpack.packb([5, {}]), "no \\[name, document\\]"),
        (encode_pair("a", {"x": "y" * 100}), "more than 99"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(message, reason):
    with pytest.raises(DecodeError, match=reason):
        decode_pair(message, max_message=99)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_decode_error(message):
    try:
        name, document = decode_pair(message)
    except DecodeError:
        return
    assert isinstance(name, str)
    assert isinstance(document, dict)
