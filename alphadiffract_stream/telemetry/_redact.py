"""Secrets out of texts that are logged or shown."""

from __future__ import annotations

import re

_HIDDEN = "***"
# Not the end of a path: in file:///etc/passwd nothing is given away.
_NAMES = r"(?<![\w./-])[\w.-]*(?:password|passwd|secret|token|api[_-]?key|apikey|credential)[\w.-]*"
_USER = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
_FIELD = re.compile(
    rf"(?P<name>{_NAMES})(?P<sign>['\"]?\s*[=:]\s*['\"]?)(?P<value>[^\s&;,'\"]+)", re.IGNORECASE
)
_BEARER = re.compile(r"(?P<scheme>\b(?:Bearer|Basic|Apikey)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` without users and passwords of URLs, bearer tokens, and values of secret fields.

    A field that names the file of a secret (``token_file=/run/token``) keeps its value: it is no
    secret, and whoever looks for a fault needs it.
    """
    text = _USER.sub(_HIDDEN, text)
    text = _BEARER.sub(rf"\g<scheme>{_HIDDEN}", text)
    return _FIELD.sub(_without_value, text)


def _without_value(found: re.Match[str]) -> str:
    if found["name"].lower().endswith(("_file", "-file", "_path")):
        return found[0]
    return found["name"] + found["sign"] + _HIDDEN
