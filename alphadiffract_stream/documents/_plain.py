"""Metadata of others made fit for a document: plain values, and no '.' or '/' in a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_DEEPEST = 16


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as dicts, lists, strings, numbers, booleans and None; anything else as its text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple) and depth >= _DEEPEST:
        return str(value)
    if isinstance(value, Mapping):
        return {plain_key(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, depth + 1) for v in value]
    return str(value)


def plain_key(key: object) -> str:
    """`key` as event-model allows it."""
    return str(key).replace(".", "_").replace("/", "_")
