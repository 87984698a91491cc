"""Networks in pieces: written, joined, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.prediction import network_bytes, write_pieces


@given(st.binary(max_size=400), st.integers(1, 60))
def test_pieces_are_joined_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "net.onnx"
    written = write_pieces(path, content, size)
    assert all(0 < piece.stat().st_size <= size for piece in written)
    if content:
        assert network_bytes(path) == content


def test_more_than_ten_pieces_stay_in_order(tmp_path: Path) -> None:
    content = bytes(range(24))
    write_pieces(tmp_path / "net.onnx", content, 2)
    assert network_bytes(tmp_path / "net.onnx") == content


def test_earlier_pieces_are_replaced(tmp_path: Path) -> None:
    write_pieces(tmp_path / "net.onnx", b"a longer one", 3)
    write_pieces(tmp_path / "net.onnx", b"short", 3)
    assert network_bytes(tmp_path / "net.onnx") == b"short"


def test_a_whole_file_counts_before_pieces_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.bak").write_bytes(b"no")
    with pytest.raises(FileNotFoundError, match=r"net\.onnx\.0"):
        network_bytes(tmp_path / "net.onnx")
    write_pieces(tmp_path / "net.onnx", b"pieces", 3)
    (tmp_path / "net.onnx").write_bytes(b"whole")
    assert network_bytes(tmp_path / "net.onnx") == b"whole"
