"""Predictions as EPICS process variables: one table, two servers, devices and a screen of it.

The servers and devices are loaded when first used: they need the extra ``epics``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._pv import Kind, Pv, Reading, Severity
from ._sink import PvSink
from ._table import PVS, TABLE_COLUMNS

if TYPE_CHECKING:
    from ._ca import CaServer
    from ._ophyd import AlphaDiffractEpics
    from ._ophyd_async import AlphaDiffractEpicsAsync
    from ._pva import PvaServer

_HOME = {
    "AlphaDiffractEpics": "_ophyd",
    "AlphaDiffractEpicsAsync": "_ophyd_async",
    "CaServer": "_ca",
    "PvaServer": "_pva",
}

__all__ = [
    "PVS",
    "TABLE_COLUMNS",
    "AlphaDiffractEpics",
    "AlphaDiffractEpicsAsync",
    "CaServer",
    "Kind",
    "Pv",
    "PvSink",
    "PvaServer",
    "Reading",
    "Severity",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f".{module}", __name__), name)
