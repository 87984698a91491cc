"""What a ``triton:`` URL may say; the engine itself is tested with a real server (system tests)."""

from __future__ import annotations

import os

import pytest

from alphadiffract_stream.engines._triton._options import TritonOptions
from alphadiffract_stream.engines._triton._token import Token
from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.urls import parse_url


def options(text: str):
    return TritonOptions.of(parse_url(text))


def test_host_port_and_model():
    assert options("triton://gpu/alphadiffract")[:2] == ("gpu:8001", "alphadiffract")
    assert options("triton://gpu/m?protocol=http")[0] == "gpu:8000"
    assert options("triton://[fe80::1]:9000/m")[0] == "[fe80::1]:9000"
    given = options("triton://gpu/m?version=3&deadline=0.5&tls=yes&max_batch=32")[2]
    assert (given.version, given.deadline, given.tls, given.max_batch) == (3, 0.5, True, 32)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("speed=1", "unknown option 'speed'; known: ca, card, certificate"),
        ("protocol=carrier", "protocol='carrier'"),
        ("deadline=0", "deadline='0'"),
        ("deadline=inf", "deadline='inf'"),
        ("version=0", "version='0'"),
        ("certificate=/nowhere&tls=yes", "give both or neither"),
        ("ca=/nowhere", "are for tls=yes"),
        ("ca=/nowhere&tls=yes", "/nowhere: no such file"),
        ("shared_memory=yes", "on this machine"),
    ],
)
def test_options_that_make_no_sense(query, words):
    with pytest.raises(ConfigurationError, match=words):
        options(f"triton://gpu/m?{query}")


@pytest.mark.parametrize("url", ["triton://gpu", "triton:///m", "triton:m", "triton://gpu/a/b"])
def test_a_url_without_host_or_model(url):
    with pytest.raises(ConfigurationError, match=r"write triton://HOST\[:PORT\]/MODEL"):
        options(url)


def test_a_token_is_read_again_when_it_changes_and_never_sent_in_the_clear(tmp_path):
    path = tmp_path / "token"
    path.write_text("first\n")
    with pytest.raises(ConfigurationError, match="over TLS only"):
        options(f"triton://gpu/m?token_file={path}")
    options(f"triton://localhost/m?token_file={path}")
    token = Token(options(f"triton://gpu/m?tls=yes&token_file={path}")[2].token_file)
    assert token.headers() == {"authorization": "Bearer first"}
    path.write_text("second\n")
    os.utime(path, ns=(1, 1))
    assert token.headers() == {"authorization": "Bearer second"}
    path.unlink()
    with pytest.raises(EngineError, match="token_file"):
        token.headers()
    assert Token(None).headers() == {}
