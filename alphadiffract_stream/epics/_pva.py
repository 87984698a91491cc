"""A PV Access server of the PVs (p4p)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from p4p.nt import NTEnum, NTScalar, NTTable
from p4p.server import Server, StaticProvider
from p4p.server.raw import SharedPV

from ..errors import AlphaDiffractError, ConfigurationError
from ._latest import Readings, undefined
from ._pv import Kind, Pv, Reading, Severity
from ._table import PVS, TABLE_COLUMNS

_TYPES = {
    Kind.DOUBLE: "d",
    Kind.LONG: "i",
    Kind.TEXT: "s",
    Kind.DOUBLES: "ad",
    Kind.LONGS: "ai",
    Kind.TEXTS: "as",
}
_INTERFACES = "EPICS_PVAS_INTF_ADDR_LIST"


class PvaServer:
    """Serves every PV from construction to `close`; clients can read only.

    What is posted while the server is busy replaces what it has not sent yet: a PV shows the
    latest value.

    interface: addresses to listen on, separated by spaces; where empty, those of
    ``EPICS_PVAS_INTF_ADDR_LIST``, or else loopback only. The other ``EPICS_PVAS_…`` variables
    hold, unless `port` (TCP; 0: any) or `search_port` (UDP; 0: any) are given.
    Raises ConfigurationError where it cannot listen there.
    """

    def __init__(
        self,
        prefix: str,
        *,
        interface: str = "",
        port: int | None = None,
        search_port: int | None = None,
    ) -> None:
        self.prefix = prefix
        self._channels = {pv.attribute: _Channel(pv) for pv in PVS}
        self._provider = StaticProvider("alphadiffract")
        for channel in self._channels.values():
            self._provider.add(prefix + channel.pv.name, channel.shared)
        conf = _configuration(interface, port, search_port)
        try:
            self._server = Server(providers=[self._provider], conf=conf)
        except (RuntimeError, OSError) as error:
            raise ConfigurationError(f"pva:{prefix}: cannot serve PVs: {error}") from None
        self._pending: Readings = {}
        self._wake = threading.Condition()
        self._closing = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"pva:{prefix}", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Interfaces and TCP port."""
        said = self.configuration
        return f"{said[_INTERFACES]} port {said['EPICS_PVAS_SERVER_PORT']}"

    @property
    def configuration(self) -> dict[str, str]:
        """EPICS variables that hold; with them a client on this machine finds the server."""
        return self._server.conf()

    def post(self, readings: Readings) -> None:
        """Show these values soon. Does not wait. Raises AlphaDiffractError once it has broken."""
        with self._wake:
            if self._error is not None:
                raise AlphaDiffractError(f"pva:{self.prefix}: {self._error}")
            _merge(self._pending, readings)
            self._wake.notify()

    def close(self) -> None:
        """Post what is left, then stop. Safe to call twice."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._server.stop()

    def _run(self) -> None:
        try:
            while True:
                with self._wake:
                    self._wake.wait_for(lambda: self._pending or self._closing)
                    readings, self._pending = self._pending, {}
                if not readings:
                    return
                for attribute, reading in readings.items():
                    self._channels[attribute].post(reading)
        except Exception as error:
            self._error = error


class _Channel:
    """One PV and its normative type."""

    def __init__(self, pv: Pv) -> None:
        self.pv = pv
        self._nt = _normative_type(pv)
        self.shared = SharedPV()
        self.shared.open(self._value(undefined(pv.attribute), first=True))

    def post(self, reading: Reading) -> None:
        self.shared.post(self._value(reading))

    def _value(self, reading: Reading, *, first: bool = False) -> Any:
        pv = self.pv
        choices = {"choices": list(pv.choices)} if first and pv.kind is Kind.CHOICE else {}
        said: Any = reading.value
        if pv.kind is Kind.TABLE:
            # Wrapped as rows, an empty table would leave the last one's columns as they were.
            columns = {name: [row[name] for row in said] for name in TABLE_COLUMNS}
            said = self._nt.type({"labels": list(TABLE_COLUMNS), "value": columns})
        value = self._nt.wrap(said, **choices)
        seconds, fraction = divmod(reading.timestamp, 1.0)
        value["timeStamp"] = {
            "secondsPastEpoch": int(seconds),
            "nanoseconds": int(fraction * 1e9),
        }
        value["alarm"] = {
            "severity": int(reading.severity),
            "status": _alarm_status(reading),
            "message": reading.message,
        }
        if first:
            for name, meta in _metadata(pv).items():
                value[name] = meta
        return value


def _alarm_status(reading: Reading) -> int:
    """Of PV Access' eight: none, undefined (nothing predicted yet), or the client's own."""
    if not reading.severity:
        return 0
    return 6 if reading.severity is Severity.INVALID else 7


def _normative_type(pv: Pv) -> Any:
    match pv.kind:
        case Kind.CHOICE:
            return NTEnum()
        case Kind.TABLE:
            return NTTable([(name, type_) for name, (_, type_) in TABLE_COLUMNS.items()])
    return NTScalar(_TYPES[pv.kind], display=True, form=True)


def _metadata(pv: Pv) -> Mapping[str, Any]:
    match pv.kind:
        case Kind.CHOICE:
            return {}
        case Kind.TABLE:
            return {"descriptor": pv.description}
        case Kind.TEXT | Kind.TEXTS:
            return {"display.description": pv.description}
    numbers = {"limitLow": pv.low, "limitHigh": pv.high, "precision": pv.precision}
    if pv.kind in (Kind.LONG, Kind.LONGS):
        numbers = {name: int(value) for name, value in numbers.items()}
    said = {"description": pv.description, "units": pv.units, **numbers}
    return {f"display.{name}": value for name, value in said.items()}


def _merge(pending: Readings, readings: Readings) -> None:
    """Newer values last, so that what must be written last still is."""
    for attribute, reading in readings.items():
        pending.pop(attribute, None)
        pending[attribute] = reading


def _configuration(interface: str, port: int | None, search_port: int | None) -> dict[str, str]:
    conf = {}
    if interface or not os.environ.get(_INTERFACES):
        conf[_INTERFACES] = interface or "127.0.0.1"
    if not interface and conf:
        # Loopback has no broadcast; a beacon elsewhere would name a port nobody can reach.
        conf |= {
            "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
        }
    if port is not None:
        conf["EPICS_PVAS_SERVER_PORT"] = str(port)
    if search_port is not None:
        conf["EPICS_PVAS_BROADCAST_PORT"] = str(search_port)
    return conf
