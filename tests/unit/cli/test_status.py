from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.cli._status import ranges
from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.telemetry import Endpoint, Reply, Security
from tests.streams import (
    EchoEngine,
    MemorySink,
    MemorySource,
    constant,
    marked,
    started,
    stopped,
)


def run(*arguments: str):
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["status", *arguments])


@contextmanager
def answering(told: dict, security: Security | None = None):
    def reply(trusted: bool) -> Reply | None:
        return Reply(told) if trusted else None

    endpoint = Endpoint("127.0.0.1", 0, json={"/status": reply}, guarded={}, security=security)
    try:
        yield endpoint.address
    finally:
        endpoint.close()


@pytest.fixture
async def told() -> dict:
    """What a service says that has seen a run."""
    items = [started(), marked(1), marked(1), constant(2), marked(6), stopped(7)]
    service = Service(
        [MemorySource(items)], [MemorySink()], EchoEngine(), Settings(reorder_wait=0.05)
    )
    await service.run()
    return service.state.status()


def test_the_account_of_each_run_is_shown(told):
    with answering(told) as address:
        result = run(address)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    header = next(line for line in lines if line[:2] == ["run", "scan"])
    cells = next(line for line in lines if line[:1] == ["run"] and line != header)
    row = dict(zip(header, cells, strict=False))
    assert (row["scan"], row["state"]) == ("5", "success")
    counts = {name: int(row[name]) for name in ("received", "predicted", "refused", "failed")}
    assert counts == {"received": 3, "predicted": 2, "refused": 1, "failed": 0}
    assert (row["missing"], row["duplicates"]) == ("4", "1")
    assert "3-5 7" in result.stdout
    assert ["all", "3", "2", "1", "0", "0", "0", "4", "1", "0"] in lines
    assert "engine in order" in " ".join(" ".join(line) for line in lines)
    assert any(line[:2] == ["infer", str(told["seconds"]["infer"]["count"])] for line in lines)


def test_json_is_what_the_service_says(told):
    with answering(told) as address:
        result = run(address + "/status", "--json")
    assert json.loads(result.stdout) == json.loads(json.dumps(told))


def test_a_service_that_wants_a_token_gets_it(told, tmp_path):
    token = tmp_path / "token"
    token.write_text("t\n")
    with answering(told, Security(token_file=token)) as address:
        refused = run(address)
        given = run(address, "--token-file", str(token))
    assert refused.exit_code == 1
    assert "401" in refused.stderr
    assert "give --token-file" in refused.stderr
    assert given.exit_code == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:1", "no service answers"),
        ("localhost:9464", "give the address"),
        ("file:///etc/passwd", "give the address"),
    ],
)
def test_what_does_not_answer_is_said_in_words(address, words):
    result = run(address)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_what_is_no_service_of_ours_is_recognised():
    with answering({"status": "fine"}) as address:
        result = run(address)
    assert result.exit_code == 1
    assert "is no alphadiffract-stream" in result.stderr


def test_watching_asks_again_until_interrupted(told, monkeypatch):
    pauses = iter([None, None])

    def sleep(_: float) -> None:
        if next(pauses, "end") == "end":
            raise KeyboardInterrupt

    # Its own name for the module: other threads of this process sleep as ever.
    monkeypatch.setattr("alphadiffract_stream.cli._status.time", SimpleNamespace(sleep=sleep))
    asked: list[bool] = []

    def reply(trusted: bool) -> Reply:
        asked.append(trusted)
        return Reply(told)

    endpoint = Endpoint("127.0.0.1", 0, json={"/status": reply}, guarded={})
    try:
        result = run(endpoint.address, "--watch", "0.1")
    finally:
        endpoint.close()
    assert result.exit_code == 0
    assert len(asked) == 3


@given(st.sets(st.integers(0, 50)))
def test_ranges_name_every_number_once(numbers):
    named: list[int] = []
    for part in ranges(sorted(numbers)).split():
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(numbers)
