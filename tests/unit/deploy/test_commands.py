"""Every command line in deploy/ is one the program understands today."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from alphadiffract_stream.cli import app
from alphadiffract_stream.service import Settings
from alphadiffract_stream.urls import parse_url, schemes
from tests import deploy_commands
from tests.deploy_commands import DEPLOY, ROOT, UsageError, commands, parse

COMMANDS = list(commands())


def proxy(words: list[str]) -> None:
    zmq_proxy = pytest.importorskip("bluesky.commandline.zmq_proxy")
    made: list[object] = []

    class Proxy:
        in_port = out_port = 0

        def __init__(self, *addresses: object, **options: object) -> None:
            made.append(addresses)

        def start(self) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zmq_proxy, "Proxy", Proxy)
        patch.setattr(sys, "argv", ["bluesky-0MQ-proxy", *words])
        zmq_proxy.main()
    assert made


def training(words: list[str]) -> None:
    pytest.importorskip("torch")
    from training.commands import app as training_app

    try:
        parse(training_app, words)
    except UsageError as error:
        if words[0] in str(error) and "No such command" in str(error):
            pytest.skip(f"python -m training has no {words[0]} yet")
        raise


PARSERS = {
    "alphadiffract-stream": lambda words: parse(app, words),
    "bluesky-0MQ-proxy": proxy,
    "training": training,
}


@pytest.mark.parametrize(("place", "words"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_the_command_line_is_understood(place, words):
    assert words, f"{place} runs nothing"
    if deploy_commands.check(words, PARSERS) is None:
        assert words[0] in ("tritonserver", "--config.file=/etc/prometheus/prometheus.yml"), place


def test_the_check_sees_an_option_that_is_gone():
    with pytest.raises(UsageError, match="No such option"):
        deploy_commands.check(["alphadiffract-stream", "serve", "--no-such-option"], PARSERS)


@pytest.mark.parametrize(("place", "words"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_urls_in_command_lines_name_transports_there_are(place, words):
    if words[:1] != ["alphadiffract-stream"]:
        return
    known = {
        kind: schemes(f"alphadiffract_stream.{kind}s") for kind in ("source", "sink", "engine")
    }
    for kind, url in re.findall(r"--(source|sink|engine)[ =](\S+)", " ".join(words)):
        assert parse_url(url).scheme in known[kind], f"{place}: {url}"


def settings_files() -> list[Path]:
    return sorted(DEPLOY.rglob("serve.toml"))


@pytest.mark.parametrize("path", settings_files(), ids=lambda p: p.relative_to(DEPLOY).as_posix())
def test_settings_files_are_settings(path):
    settings = Settings.load(path)
    table = tomllib.loads(path.read_text("utf-8"))
    assert settings.sources == table["sources"]
    assert settings.engine == table["engine"]


def test_variables_name_settings():
    text = "\n".join(p.read_text("utf-8") for p in DEPLOY.rglob("*") if p.is_file())
    named = set(re.findall(r"\bALPHADIFFRACT_[A-Z_]+\b", text))
    known = {f"ALPHADIFFRACT_{name.upper()}" for name in Settings.model_fields}
    assert "ALPHADIFFRACT_ENGINE" in named
    assert sorted(named - known) == [], "no such settings"


def test_containers_get_what_they_copy():
    """Each COPY source exists and is let through by .dockerignore."""
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")
    ]
    for path in (DEPLOY / "container").glob("*Containerfile"):
        copies = re.findall(r"^COPY (?!--from)(.+) \S+$", path.read_text("utf-8"), re.MULTILINE)
        assert copies
        for source in " ".join(copies).split():
            assert (ROOT / source).exists(), f"{path.name}: {source}"
            assert any(source == p or source.startswith(f"{p}/") for p in let_through), source


def test_containers_run_without_root():
    for path in (DEPLOY / "container").glob("*Containerfile"):
        users = re.findall(r"^USER (\S+)$", path.read_text("utf-8"), re.MULTILINE)
        assert users[-1] == "10001:10001", path.name


def test_yaml_files_can_be_read():
    paths = [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")]
    assert len(paths) > 10
    for path in paths:
        assert list(yaml.safe_load_all(path.read_text("utf-8"))), path
