"""An ophyd device of the PVs, over Channel Access."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Device, EpicsSignalRO
from ophyd import Kind as ReadKind

from ..documents import HINTED
from ._pv import Kind, Pv
from ._table import PVS, READ


def _component(pv: Pv) -> Component:
    kind = ReadKind.omitted
    if pv.attribute in READ:
        kind = ReadKind.hinted if pv.attribute in HINTED else ReadKind.normal
    text = pv.kind in (Kind.TEXT, Kind.CHOICE)
    return Component(EpicsSignalRO, pv.name, string=text, kind=kind, doc=pv.description)


class AlphaDiffractEpics(Device):
    """The latest prediction, as ``serve --sink ca:PREFIX`` serves it; read only.

    ``AlphaDiffractEpics("13BMC:AD:", name="alphadiffract")``. One signal for each PV but the
    table, by the attribute the page of PVs lists; `read` gives the answer and the raw event it
    belongs to.
    """

    # A Device collects its components when its class is made.
    for _pv in PVS:
        if _pv.kind is not Kind.TABLE:
            locals()[_pv.attribute] = _component(_pv)

    def describe(self) -> Any:
        """Data keys, without the bytes that CA gives as control limits of a long text."""
        keys: Any = super().describe()
        for key in keys.values():
            for limit in ("lower_ctrl_limit", "upper_ctrl_limit"):
                if not isinstance(key.get(limit), int | float):
                    key.pop(limit, None)
        return keys
