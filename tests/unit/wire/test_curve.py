"""Keys of 0MQ sockets: which are taken, which are refused and why. Sockets: tests/system."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sinks import open_sink
from alphadiffract_stream.sources import open_source
from alphadiffract_stream.wire._curve import admitted, secret_certificate


@pytest.fixture
def keys(tmp_path) -> Path:
    folder = tmp_path / "keys"
    made = CliRunner().invoke(app, ["keys", "new", str(folder)])
    assert made.exit_code == 0, made.output
    return folder


def test_new_keys_are_nobody_elses(keys):
    modes = {file.name: file.stat().st_mode & 0o777 for file in keys.iterdir()}

    assert modes == {
        "service.key": 0o644,
        "service.key_secret": 0o600,
        "client.key": 0o644,
        "client.key_secret": 0o600,
    }
    assert keys.stat().st_mode & 0o777 == 0o700
    assert len(admitted(keys)) == 2


def test_keys_are_not_overwritten(keys):
    before = (keys / "client.key_secret").read_bytes()

    made = CliRunner().invoke(app, ["keys", "new", str(keys), "other", "client"])

    assert made.exit_code == 1
    assert "not overwritten" in made.output
    assert (keys / "client.key_secret").read_bytes() == before
    assert not (keys / "other.key").exists()


@pytest.mark.parametrize("name", ["../up", "/etc/x", ".", ".hidden", ""])
def test_a_name_is_no_path(tmp_path, name):
    made = CliRunner().invoke(app, ["keys", "new", str(tmp_path), name])

    assert made.exit_code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o620])
def test_a_secret_others_may_read_is_refused(keys, mode):
    file = keys / "service.key_secret"
    file.chmod(mode)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        secret_certificate(file)


def test_what_is_no_secret_certificate_is_named(keys, tmp_path):
    for name, content in {
        "empty": b"",
        "binary": b"\xff\0",
        "damaged": b'public-key = "short"',
    }.items():
        file = tmp_path / name
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(ConfigurationError, match=name):
            secret_certificate(file)
    public = keys / "service.key"
    public.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"give NAME\.key_secret"):
        secret_certificate(public)
    with pytest.raises(ConfigurationError, match="No such file"):
        secret_certificate(tmp_path / "nowhere")


FRAMES, DOCUMENTS = "frames://127.0.0.1:0?bind=yes", "bluesky-zmq://127.0.0.1:5999?"


@pytest.mark.parametrize(
    ("opener", "url", "words"),
    [
        (open_source, f"{FRAMES}&key={{0}}/service.key_secret", "key= and clients= only"),
        (open_source, f"{FRAMES}&clients={{0}}", "key= and clients= only"),
        (
            open_source,
            f"{FRAMES}&key={{0}}/service.key_secret&server={{0}}/client.key",
            "key= and clients= only",
        ),
        (
            open_source,
            f"{FRAMES}&key={{0}}/service.key_secret&clients={{0}}/none",
            "no such folder",
        ),
        (open_source, f"{FRAMES}&key={{0}}/service.key_secret&clients={{1}}", "nobody could"),
        (open_source, f"{DOCUMENTS}key={{0}}/client.key_secret", "key= and server= only"),
        (open_source, f"{DOCUMENTS}server={{0}}/service.key", "key= and server= only"),
        (open_sink, f"{DOCUMENTS}key={{0}}/client.key_secret&clients={{0}}", "server= only"),
        (open_sink, f"{DOCUMENTS}bind=yes&key={{0}}/client.key_secret", "clients= only"),
        (open_sink, f"{DOCUMENTS}key={{0}}/client.key_secret&server={{1}}/x", "no certificate"),
    ],
)
def test_half_of_the_keys_is_not_taken_for_none(keys, tmp_path, opener, url, words):
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(ConfigurationError, match=words):
        opener(url.format(keys, empty))
