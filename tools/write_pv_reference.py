"""Write docs/reference/pvs.md and the Phoebus screen from the table of PVs (run this file)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path

from alphadiffract_stream.epics import PVS, Kind, Pv

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "pvs.md"
SCREEN = ROOT / "deploy" / "phoebus" / "alphadiffract.bob"

HEAD = """\
# Process variables

*Written from the table of PVs by `tools/write_pv_reference.py`; a test compares them.*

`--sink pva:PREFIX` serves these PVs over PV Access, `--sink ca:PREFIX` over Channel Access; both
may run at once. Names are the prefix, as it is written, and the name below: `pva:13BMC:AD:` serves
`13BMC:AD:Status`. Clients can read and monitor; writing is refused.

A PV has one value. Answers that come faster than they can be sent replace one another, and over
Channel Access the PVs of one answer are written one after the other: `RawSeqNum` is the last, so
when it changes the others belong to it. Whoever needs every answer reads the prediction documents.
Counters count what this service has answered: of a run that goes on after a restart (`--spool`)
they begin at 0, and are those of the whole run at its end.

**Time stamps** are those of the raw event; of counters and of the run, those of the document.

**Alarms** of the PVs marked *status* are those of the answer: none for `ok`; MINOR for
`low_confidence` and `out_of_domain`; MAJOR for `refused` and `failed`, whose values are then NaN, 0
or empty; INVALID before the first answer. Over PV Access the message is the reason. `Refused` and
`Missing` are MINOR above 0, `Failed` MAJOR.

**Where they are served.** On this machine only, unless `EPICS_PVAS_INTF_ADDR_LIST` (PV Access) or
`EPICS_CAS_INTF_ADDR_LIST` (Channel Access) names interfaces, or the URL does:
`pva:PREFIX?interface=10.0.0.5`. `0.0.0.0` is every interface. The other EPICS variables hold
(`EPICS_PVAS_SERVER_PORT`, `EPICS_PVAS_BROADCAST_PORT`, `EPICS_CA_SERVER_PORT`, beacons…); `?port=`
and, for PV Access, `?search_port=` go before them. There is no access security beyond reading only:
bind to the beamline's network.

**Devices.** `alphadiffract_stream.epics.AlphaDiffractEpics(PREFIX, name=…)` is an ophyd device over
Channel Access, `AlphaDiffractEpicsAsync(PREFIX, name=…)` an ophyd-async one over PV Access. Their
signals are the attributes below.
[`deploy/phoebus/alphadiffract.bob`](../../deploy/phoebus/alphadiffract.bob) is a screen for
Phoebus; set its macro `P` to the prefix, and `PROTO` to `pva://` or `ca://`.

Types are EPICS': a long has 32 bits; over Channel Access a text of up to 39 characters is a string,
a longer one an array of bytes (UTF-8), and tables do not exist.

| PV | attribute | type | units | limits | alarm | meaning |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(_row(pv) for pv in PVS) + "\n"


def _row(pv: Pv) -> str:
    limits = f"{pv.low:g} … {pv.high:g}" if pv.high else ""
    alarm = "status" if pv.follows_status else ""
    cells = (f"`{pv.name}`", f"`{pv.attribute}`", _type(pv), pv.units, limits, alarm)
    return f"| {' | '.join(cells)} | {pv.description} |"


def _type(pv: Pv) -> str:
    match pv.kind:
        case Kind.CHOICE:
            return ", ".join(f"{i} `{choice}`" for i, choice in enumerate(pv.choices))
        case Kind.TEXT:
            return f"text of {pv.size}"
        case Kind.TABLE:
            return "NTTable, PV Access only"
        case Kind.DOUBLES | Kind.LONGS | Kind.TEXTS:
            return f"{pv.size} {pv.kind}"
    return str(pv.kind)


# The screen


class Screen:
    """A Phoebus display, widget by widget."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.root = ElementTree.Element("display", version="2.0.0")
        self._add(self.root, name=name, width=width, height=height)
        macros = ElementTree.SubElement(self.root, "macros")
        self._add(macros, P="AD:", PROTO="pva://")

    def label(self, text: str, x: int, y: int, width: int, *, size: float = 14.0) -> None:
        """A fixed text."""
        widget = self._widget("label", text, x, y, width, int(size * 1.8))
        self._add(widget, text=text)
        self._font(widget, size)

    def value(self, pv: str, x: int, y: int, width: int, *, size: float = 14.0) -> None:
        """The value of a PV, with its units and the colour of its alarm."""
        widget = self._widget("textupdate", pv, x, y, width, int(size * 1.8))
        self._add(widget, pv_name=_address(pv))
        if _pv(pv).kind is Kind.TEXT:
            self._add(widget, format=6)
        self._font(widget, size)

    def bar(self, pv: str, x: int, y: int, width: int) -> None:
        """The value of a PV within its limits."""
        widget = self._widget("progressbar", pv, x, y, width, 20)
        self._add(widget, pv_name=_address(pv), limits_from_pv="true")

    def table(self, pv: str, columns: Iterable[tuple[str, int]], x: int, y: int) -> None:
        """An NTTable."""
        columns = list(columns)
        widget = self._widget("table", pv, x, y, sum(w for _, w in columns) + 20, 170)
        self._add(widget, pv_name=_address(pv), editable="false")
        parent = ElementTree.SubElement(widget, "columns")
        for name, width in columns:
            column = ElementTree.SubElement(parent, "column")
            self._add(column, name=name, width=width, editable="false")

    def text(self) -> str:
        """The file's text."""
        ElementTree.indent(self.root)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            "<!-- Written by tools/write_pv_reference.py; a test compares them. -->\n"
            + ElementTree.tostring(self.root, encoding="unicode")
            + "\n"
        )

    def _widget(
        self, kind: str, name: str, x: int, y: int, width: int, height: int
    ) -> ElementTree.Element:
        widget = ElementTree.SubElement(self.root, "widget", type=kind, version="2.0.0")
        self._add(widget, name=name, x=x, y=y, width=width, height=height)
        return widget

    @staticmethod
    def _font(widget: ElementTree.Element, size: float) -> None:
        font = ElementTree.SubElement(widget, "font")
        ElementTree.SubElement(
            font, "font", family="Liberation Sans", style="REGULAR", size=str(size)
        )

    @staticmethod
    def _add(parent: ElementTree.Element, **fields: object) -> None:
        for name, value in fields.items():
            ElementTree.SubElement(parent, name).text = str(value)


def screen() -> str:
    """The whole display."""
    shown = Screen("AlphaDiffract $(P)", 760, 640)
    shown.label("Crystal in the beam", 20, 10, 400, size=24)
    for x, pv in ((20, "sample_name"), (320, "scan_id"), (420, "run_active"), (540, "raw_seq_num")):
        shown.value(pv, x, 55, 180)
    shown.value("crystal_system", 20, 90, 340, size=36)
    shown.bar("crystal_system_probability", 20, 165, 340)
    shown.value("space_group_symbol", 380, 90, 340, size=36)
    shown.bar("space_group_probability", 380, 165, 340)
    shown.label("Status", 20, 200, 80)
    shown.value("status", 100, 200, 180)
    shown.value("reason", 290, 200, 450)
    for row, edge in enumerate(("a", "b", "c", "alpha", "beta", "gamma")):
        y = 240 + 30 * row
        shown.label(edge, 20, y, 60)
        shown.value(f"lattice_{edge}", 80, y, 140)
        shown.label("±", 225, y, 20)
        shown.value(f"lattice_{edge}_std", 245, y, 110)
    columns = [("Number", 80), ("Symbol", 130), ("Probability", 80), ("Std", 70)]
    shown.table("space_group_table", columns, 380, 240)
    rest = ("coverage", "entropy", "novelty", "energy", "latency_total", "engine")
    for row, pv in enumerate(rest):
        y = 440 + 30 * row
        shown.label(pv.replace("_", " "), 20, y, 120)
        shown.value(pv, 150, y, 200)
    for row, pv in enumerate(("received", "predicted", "refused", "failed", "missing")):
        y = 440 + 30 * row
        shown.label(pv, 380, y, 120)
        shown.value(pv, 510, y, 200)
    return shown.text()


def _pv(attribute: str) -> Pv:
    return next(pv for pv in PVS if pv.attribute == attribute)


def _address(attribute: str) -> str:
    return f"$(PROTO)$(P){_pv(attribute).name}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCREEN.write_text(screen(), encoding="utf-8")
