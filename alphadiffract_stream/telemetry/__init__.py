"""What a running service tells about itself: durations, an HTTP endpoint, log lines."""

from __future__ import annotations

from ._endpoint import Endpoint, Reply, Security
from ._histogram import Histogram
from ._log_lines import JsonLines, TextLines
from ._redact import redact
from ._stages import STAGES, Stages
from ._tls import server_context

__all__ = [
    "STAGES",
    "Endpoint",
    "Histogram",
    "JsonLines",
    "Reply",
    "Security",
    "Stages",
    "TextLines",
    "redact",
    "server_context",
]
