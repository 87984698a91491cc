"""Log lines as text or JSON: with run uid and seq_num where they apply, without secrets."""

from __future__ import annotations

import json
import logging
from typing import Any

from ._redact import redact

_FIELDS = ("run_uid", "descriptor_uid", "seq_num")


class TextLines(logging.Formatter):
    """One line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        return redact(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: time (Unix, s), level, logger, message, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        line = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **about(record),
        }
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def about(record: logging.LogRecord) -> dict[str, Any]:
    """Run uid, descriptor uid and seq_num, as far as the record says them.

    Given with ``extra=``, or by an argument of the message that has them (an Origin).
    """
    arguments = record.args if isinstance(record.args, tuple) else ()
    found = {}
    for name in _FIELDS:
        values = [getattr(one, name, None) for one in (record, *arguments)]
        if (value := next((v for v in values if v is not None), None)) is not None:
            found[name] = value
    return found
