"""What a subverted process may send, and what becomes of it."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.errors import DecodeError, PatternError
from alphadiffract_stream.sources import Hdf5Reader, read_results
from alphadiffract_stream.sources._hdf5_process._framing import receive_answer, send
from alphadiffract_stream.sources._hdf5_process._process import LostError, Process
from alphadiffract_stream.sources._hdf5_process._protocol import ANSWERS, Array, FoundRows


def received(data: bytes, *, end: bool = True, limit: float = 30.0):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = threading.Thread(target=theirs.sendall, args=(data,))
        sending.start()
        try:
            if end:
                sending.join()
                theirs.shutdown(socket.SHUT_WR)
            return receive_answer(ours, time.monotonic() + limit)
        finally:
            ours.close()
            sending.join()


def message(raw: bytes = b"", **fields) -> bytes:
    text = json.dumps(fields).encode()
    return len(text).to_bytes(4, "big") + text + raw


def rows(dtype: str, *shape: int) -> dict:
    return {"kind": "rows", "arrays": [{"role": "rows", "dtype": dtype, "shape": shape}]}


@pytest.mark.parametrize("shape", [(0,), (7,), (2, 0, 3), (300, 1000), ()])
def test_arrays_come_as_they_went(shape):
    values = np.random.default_rng(0).normal(size=shape).astype("f4")
    answer = FoundRows(arrays=[Array(role="rows", dtype="f4", shape=shape)])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = threading.Thread(
            target=send, args=(theirs, answer.model_dump_json().encode(), [values])
        )
        sending.start()
        _, arrays = receive_answer(ours, time.monotonic() + 30)
        sending.join()
    np.testing.assert_array_equal(arrays["rows"], values)


def test_no_bool_is_anything_but_true_or_false():
    _, arrays = received(message(b"\0\1\2\xff", **rows("b1", 4)))
    assert arrays["rows"].view(np.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xff\xff\xff", "a text of 4294967295 bytes"),
        (message(**rows("f8", 2**39)), "bytes; at most"),
        (message(**rows("f8", 2**40, 2**40, 2**40)), "bytes; at most"),
        (message(**rows("f8", -1)), "greater than or equal to 0"),
        (message(**rows("O", 1)), "dtype"),
        (message(**rows("f8", *[1] * 40)), "at most 32 items"),
        (message(kind="nothing"), "kind"),
        (message(kind="end", more=1), "more"),
        (message(kind="not yet", text="x" * 10**5), "at most 2000"),
        (b"\0\1\0\0" + b"[" * 65536, "JSON"),
        (b"\0\0\0\2\xff\xfe", "JSON"),
        (b"\0\0\0\x0c" + pickle.dumps(1.5, 2), "JSON"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_not_read(data, words):
    with pytest.raises(DecodeError, match=words):
        received(data)


def test_an_answer_cut_off_or_never_ending():
    with pytest.raises(EOFError):
        received(message(b"\0" * 7, **rows("f8", 1)))
    with pytest.raises(TimeoutError):
        received(message(b"\0" * 7, **rows("f8", 1)), end=False, limit=0.1)


@given(st.binary(max_size=200))
def test_anything(data):
    try:
        received(data)
    except (DecodeError, EOFError):
        pass
    else:
        ANSWERS.validate_json(data[4 : 4 + int.from_bytes(data[:4], "big")])


@pytest.mark.parametrize(
    "answer",
    [b"\0\0\0\4evil", message(kind="ready"), message(kind="rows"), message(**rows("f8", 1)),
     message(kind="pattern", unit=None, scale=1, wavelength=None, wavelength_source="",
             doubts={}, metadata={})],
)  # fmt: skip
def test_a_subverted_process_is_ended_and_its_file_refused(tmp_path, monkeypatch, answer):
    """It answers with what was never asked for, or leaves out what belongs to an answer."""
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    ended = []

    def ask(self, request):
        try:
            return received(answer + b"\0" * 8)
        except DecodeError as error:
            raise LostError(f"was subverted: {error}") from None

    monkeypatch.setattr(Process, "__init__", lambda self: None)
    monkeypatch.setattr(Process, "ask", ask)
    monkeypatch.setattr(Process, "end", lambda self: ended.append(self) or True)
    reader = Hdf5Reader()

    with pytest.raises(PatternError, match="was subverted"):
        list(read_results(Path(path), hdf5=reader))
    assert len(ended) == 1
    assert reader._idle == []
