"""An ophyd-async device of the PVs, over PV Access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ophyd_async.core import (
    Array1D,
    StandardReadable,
    StandardReadableFormat,
    StrictEnum,
    Table,
)
from ophyd_async.epics.core import epics_signal_r

from ..documents import HINTED
from ._pv import Kind, Pv
from ._table import PVS, READ


class SpaceGroupTable(Table):
    """The five most probable space groups, most probable first."""

    number: Array1D[np.int32]
    symbol: Sequence[str]
    probability: Array1D[np.float64]
    std: Array1D[np.float64]


_TYPES: dict[Kind, Any] = {
    Kind.DOUBLE: float,
    Kind.LONG: int,
    Kind.TEXT: str,
    Kind.DOUBLES: Array1D[np.float64],
    Kind.LONGS: Array1D[np.int32],
    Kind.TEXTS: Sequence[str],
    Kind.TABLE: SpaceGroupTable,
}


def _datatype(pv: Pv) -> Any:
    if pv.kind is not Kind.CHOICE:
        return _TYPES[pv.kind]
    return StrictEnum(pv.name, {choice.upper(): choice for choice in pv.choices})  # type: ignore[call-overload]


class AlphaDiffractEpicsAsync(StandardReadable):
    """The latest prediction, as ``serve --sink pva:PREFIX`` serves it; read only.

    ``AlphaDiffractEpicsAsync("13BMC:AD:")``. One signal for each PV, by the attribute the page
    of PVs lists; `read` gives the answer and the raw event it belongs to.
    """

    def __init__(self, prefix: str, name: str = "") -> None:
        for pv in PVS:
            signal = epics_signal_r(_datatype(pv), f"pva://{prefix}{pv.name}")
            setattr(self, pv.attribute, signal)
            if pv.attribute in HINTED:
                self.add_readables([signal], StandardReadableFormat.HINTED_SIGNAL)
            elif pv.attribute in READ and pv.kind is not Kind.TABLE:
                self.add_readables([signal])
        super().__init__(name=name)
