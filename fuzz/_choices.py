"""Bytes read as a row of choices, so that whoever mutates the bytes mutates what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

ODD: Sequence[Any] = (
    *(None, True, 0, -1, 2**53, -(2**63), 2**64, 1e308, float("nan"), float("inf"), "", "x"),
    *("\0", "é" * 300, "nan", "../../etc/passwd", b"\xff", [], {}, [[]], [{}], [None], ["a", 1]),
    *({"": None}, {"a": {"a": {}}}, [1e308] * 3, "alphadiffract", 1.5, "array", "external"),
)
"""Values where another kind is expected."""


class Choices:
    """Gives zeros once the bytes have run out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, most: int) -> int:
        """0 … `most`."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1] % (most + 1)

    def one(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.number(min(len(values) - 1, 255))]

    @property
    def left(self) -> bool:
        """Whether there are choices left to make."""
        return self._at < len(self._data)


def spoil(value: Any, choices: Choices) -> Any:
    """`value` with one thing in it, however deep, changed, left out or put elsewhere."""
    if isinstance(value, dict) and value and choices.number(7):
        key = choices.one(list(value))
        match choices.number(7):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, str(choices.one(ODD)): value[key]}
            case 2:
                return {**value, key: value[choices.one(list(value))]}
            case _:
                return {**value, key: spoil(value[key], choices)}
    if isinstance(value, list) and value and choices.number(3):
        at = choices.number(min(len(value) - 1, 255))
        match choices.number(5):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value * 2
            case _:
                return [*value[:at], spoil(value[at], choices), *value[at + 1 :]]
    return choices.one(ODD)
