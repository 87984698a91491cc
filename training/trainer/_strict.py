"""Dataclasses from mappings, strictly: what is unknown or of the wrong kind is refused by name."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """`kind` (a dataclass, nested ones included) of `values`.

    Raises ValueError naming the key, its value and what is allowed there.
    """
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ValueError(f"{where}{unknown[0]}: no such setting; there are {', '.join(names)}")
    read = {k: _converted(hints[k], value, f"{where}{k}") for k, value in values.items()}
    try:
        return kind(**read)
    except TypeError as error:
        raise ValueError(f"{where or 'configuration'}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def _converted(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{where}: {value!r} is not a section")
        return from_mapping(hint, value, f"{where}.")  # type: ignore[arg-type]
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where}: {value!r} is not one of {', '.join(map(str, arguments))}")
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _converted(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where}: {value!r} is not a list")
        return tuple(_converted(arguments[0], v, f"{where}.{i}") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ValueError(f"{where}: {value!r} is not a section")
        return {k: _converted(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    return value if hint is Any else _plain(hint, value, where)


def _plain(hint: type, value: Any, where: str) -> Any:
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    # bool is an int to Python, not to a reader of configuration files.
    if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"{where}: {value!r} is not of type {hint.__name__}")
