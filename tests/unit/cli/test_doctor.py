from __future__ import annotations

import json
import socket

import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from tests.support import make_tiny_model


@pytest.fixture
def engine(tmp_path) -> str:
    return f"onnx:{make_tiny_model(tmp_path)}"


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def checks(*arguments: str) -> tuple[dict[str, dict], int]:
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    return {check["name"]: check for check in json.loads(result.stdout)}, result.exit_code


def test_a_sound_installation(engine):
    found, code = checks("--engine", engine)
    assert code == 0
    assert found["numpy"]["state"] == "OK"
    assert found[f"engine {engine}"]["state"] == "OK"
    assert found["golden inference"]["state"] == "OK"
    assert all(check["state"] in ("OK", "ABSENT") for check in found.values())


def test_an_absent_extra_says_how_to_get_it(engine, monkeypatch):
    from importlib.metadata import PackageNotFoundError, version

    from alphadiffract_stream.cli._checks import _installation

    def without(name: str) -> str:
        if name in ("caproto", "h5py"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(_installation, "version", without)
    found, code = checks("--engine", engine)
    assert code == 1, "h5py is needed"
    assert found["extra epics"]["state"] == "ABSENT"
    assert "pip install 'alphadiffract-stream[epics]'" in found["extra epics"]["remedy"]
    assert found["h5py"]["state"] == "ERROR"
    assert "pip install 'h5py" in found["h5py"]["remedy"]


def test_a_damaged_model_is_an_error(tmp_path):
    path = make_tiny_model(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    found, code = checks("--engine", f"onnx:{path}")
    assert code == 1
    check = found[f"engine onnx:{path}"]
    assert check["state"] == "ERROR"
    assert "sha256" in check["found"]
    assert check["remedy"]


def test_a_model_that_gives_other_numbers_is_an_error(tmp_path):
    wrong = [1.0, 0, 0, 0, 0, 0, 0]
    path = make_tiny_model(tmp_path, card={"golden": wrong})
    found, code = checks("--engine", f"onnx:{path}")
    assert code == 1
    assert found["golden inference"]["state"] == "ERROR"


def test_endpoints(engine, listening, closed_port, tmp_path):
    reached = f"bluesky-zmq://127.0.0.1:{listening}"
    refused = f"frames://127.0.0.1:{closed_port}"
    bound = "frames://0.0.0.0:5999?bind=yes"
    written, nowhere = f"jsonl:{tmp_path}/out.jsonl", f"jsonl:{tmp_path}/no/out.jsonl"
    sources = [reached, refused, bound, f"watch:{tmp_path}", f"watch:{tmp_path}/none"]
    arguments = [x for url in sources for x in ("--source", url)]
    arguments += [x for url in (written, nowhere) for x in ("--sink", url)]
    found, code = checks("--engine", engine, *arguments)
    assert code == 1
    states = {name: check["state"] for name, check in found.items()}
    assert states[f"source {reached}"] == "OK"
    assert states[f"source {refused}"] == "ERROR"
    assert found[f"source {refused}"]["remedy"]
    assert states[f"source {bound}"] == "OK"
    assert states[f"source watch:{tmp_path}"] == "OK"
    assert states[f"source watch:{tmp_path}/none"] == "ERROR"
    assert states[f"sink {written}"] == "OK"
    assert states[f"sink {nowhere}"] == "ERROR"
    assert not (tmp_path / "out.jsonl").exists(), "a check writes nothing"


def test_a_silent_source_is_a_timeout(engine, listening):
    url = f"frames://127.0.0.1:{listening}"
    found, code = checks("--engine", engine, "--source", url, "--listen", "0.2")
    assert code == 1
    assert found[f"source {url}"]["state"] == "TIMEOUT"
    assert "silent for 0.2 s" in found[f"source {url}"]["found"]


def test_a_file_source_is_heard(engine, tmp_path):
    (tmp_path / "a.xy").write_text("\n".join(f"{i} {i % 7}" for i in range(5, 40)))
    url = f"file:{tmp_path}/*.xy"
    found, _ = checks("--engine", engine, "--source", url, "--listen", "2")
    assert "heard RunStarted" in found[f"source {url}"]["found"]


def test_the_table_for_people(engine):
    result = CliRunner().invoke(app, ["doctor", "--engine", engine])
    assert result.exit_code == 0
    assert "golden inference" in " ".join(result.stdout.split())
