from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.telemetry import JsonLines, TextLines, redact

ORIGIN = Origin("frames", "tcp://here:1", "run-1", "d-1", None, 7)


def recorded(message: str, *arguments, error: BaseException | None = None, **extra):
    found = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, message, arguments, found)
    record.__dict__.update(extra)
    return record


def line(record) -> dict:
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_an_origin_among_the_arguments_is_told_as_fields():
    found = line(recorded("%s came late", ORIGIN))
    assert found["run_uid"] == "run-1"
    assert found["descriptor_uid"] == "d-1"
    assert found["seq_num"] == 7
    assert found["level"] == "WARNING"
    assert found["message"] == "frames tcp://here:1 run run-1 seq_num 7 came late"


def test_fields_given_with_extra_go_before_and_what_does_not_apply_is_left_out():
    assert line(recorded("%s", ORIGIN, seq_num=8))["seq_num"] == 8
    assert line(recorded("run stopped", run_uid="r"))["run_uid"] == "r"
    assert not {"run_uid", "seq_num"} & line(recorded("engine: %s", "no")).keys()


SECRETS = [
    "triton://user:hunter2@host:8001/m",
    "kafka://b:1/t?sasl.password=hunter2&group=a",
    "Authorization: Bearer hunter2hunter2",
    "{'token': 'hunter2', 'port': 3}",
    '{"api_key": "hunter2"}',
    "MP_API_KEY=hunter2",
    "secret = hunter2, more",
    "password: hunter2",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_in_no_line(text):
    assert "hunter2" not in redact(text)
    assert "***" in redact(text)
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        record = recorded("%s", text, error=error)
    for formatter in (JsonLines(), TextLines()):
        assert "hunter2" not in formatter.format(record)
    assert "RuntimeError" in line(record)["traceback"]


@pytest.mark.parametrize(
    "text",
    [
        "bluesky-zmq://localhost:5578?prefix=raw",
        "triton://h:1/m?token_file=/run/secrets/token&tls=yes",
        "received 5, predicted 4, refused 1",
        "engine triton: no answer within 30 s",
        "frames tcp://127.0.0.1:5555 run 12345678 seq_num 3: constant",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text):
    assert redact(text) == text


@given(st.text())
def test_any_text_is_a_line_and_redacting_again_changes_nothing(text):
    once = redact(text)
    assert redact(once) == once
    line(recorded("%s", text))


def test_the_command_line_uses_them(capsys):
    from alphadiffract_stream.cli._logging import configure_logging

    root, ours = logging.getLogger(), logging.getLogger("alphadiffract_stream")
    before = root.handlers[:], root.level, ours.level
    try:
        configure_logging("INFO", "json")
        assert root.handlers[0].stream is sys.stderr
        ours.info("token=abc %s", ORIGIN)
        found = json.loads(capsys.readouterr().err)
    finally:
        root.handlers[:], root.level, ours.level = before[0], before[1], before[2]
    assert found["message"].startswith("token=*** frames")
    assert found["seq_num"] == 7
