"""Log lines on standard error, as text or as JSON with run uid and seq_num."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum

from ..telemetry import JsonLines, TextLines


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"


def configure_logging(level: str, style: LogFormat | str) -> None:
    """Send this package's records, and warnings of others, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == LogFormat.JSON else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("alphadiffract_stream").setLevel(level)
