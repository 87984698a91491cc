"""Reflection tables of many crystals: what patterns are drawn from."""

from __future__ import annotations

from ._store import ReflectionStore
from ._tabulate import D_MAX, D_MIN, tabulate, tabulate_all

__all__ = ["D_MAX", "D_MIN", "ReflectionStore", "tabulate", "tabulate_all"]
