from __future__ import annotations

import builtins
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_version():
    from importlib.metadata import version

    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.strip() == f"alphadiffract-stream {version('alphadiffract-stream')}"


@pytest.mark.parametrize("command", ["demo", "serve", "predict", "replay", "doctor"])
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no source"),
        (["--source", "nope://x:1", "--engine", "onnx:/none.onnx"], "no such model"),
        (["--config", "/none.toml"], "no such file"),
        (["--source", "file:x", "--energy", "1", "--wavelength", "1"], "not both"),
        (["--source", "file:x", "--log-level", "loud"], "log_level"),
    ],
)
def test_serve_says_in_words_why_it_cannot_start(options, words):
    result = run("serve", *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_the_demo_without_bluesky_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_bluesky(name, globals=None, locals=None, fromlist=(), level=0):
        if level and name == "demo" and "run_demo" in (fromlist or ()):
            raise ModuleNotFoundError("No module named 'bluesky'", name="bluesky")
        return real(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without_bluesky)
    result = run("demo")
    assert result.exit_code == 1
    assert "pip install 'alphadiffract-stream[demo]'" in result.stderr


def test_importing_the_package_and_the_command_line_is_light():
    """Help and completion must not wait for ONNX Runtime, 0MQ or scipy."""
    heavy = "{'onnxruntime', 'zmq', 'scipy', 'pybaselines', 'h5py', 'bluesky', 'torch', 'gemmi'}"
    code = f"import sys, alphadiffract_stream.cli; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
