"""A Channel Access server (IOC) of the PVs (caproto), in a thread and event loop of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import Any, NoReturn

import caproto
from caproto.asyncio.server import Context

from ..errors import AlphaDiffractError, ConfigurationError
from ._latest import Readings, undefined
from ._pv import Kind, Pv, Reading, Severity
from ._table import BY_ATTRIBUTE, PVS

_INTERFACES = "EPICS_CAS_INTF_ADDR_LIST"
_STRING = 39
"""Bytes of a CA string."""
_UNITS = 7
"""Characters of CA's units, as an IOC cuts them."""
_UTF_8 = 4
"""Bytes of a character, at most."""
_EPOCH = 631152000.0
"""Unix time of EPICS' first second, 1990."""


class CaServer:
    """Serves every PV but tables from construction to `close`; clients can read only.

    What is posted while the server is busy replaces what it has not sent yet: a PV shows the
    latest value.

    interface: addresses to listen on, separated by spaces; where empty, those of
    ``EPICS_CAS_INTF_ADDR_LIST``, or else loopback only. port: for searches (UDP), and the first
    to be tried for connections (TCP); else that of ``EPICS_CA_SERVER_PORT``, 5064.
    Raises ConfigurationError where it cannot listen there.
    """

    def __init__(self, prefix: str, *, interface: str = "", port: int | None = None) -> None:
        self.prefix = prefix
        self._channels = {pv.attribute: _channel(pv) for pv in PVS if pv.kind is not Kind.TABLE}
        self._interface, self._port = interface, port
        self._address = ""
        self._pending: Readings = {}
        self._lock = threading.Lock()
        self._closing = False
        self._error: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ca:{prefix}", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise ConfigurationError(f"ca:{prefix}: cannot serve PVs: {self._error}") from None

    @property
    def address(self) -> str:
        """Interfaces, search port and connection port."""
        return self._address

    def post(self, readings: Readings) -> None:
        """Show these values soon. Does not wait. Raises AlphaDiffractError once it has broken."""
        if self._error is not None:
            raise AlphaDiffractError(f"ca:{self.prefix}: {self._error}")
        with self._lock:
            for attribute, reading in readings.items():
                if attribute in self._channels:
                    self._pending.pop(attribute, None)
                    self._pending[attribute] = reading
        self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        """Write what is left, then stop. Safe to call twice."""
        if self._thread.is_alive() and not self._closing:
            self._closing = True
            self._loop.call_soon_threadsafe(self._wake.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        database = {
            self.prefix + BY_ATTRIBUTE[key].name: channel for key, channel in self._channels.items()
        }
        interfaces = self._interface.split()
        for interface in interfaces:
            _check(interface)
        local = not interfaces and not os.environ.get(_INTERFACES)
        listening = asyncio.Event()

        async def hook(_: Any) -> None:
            listening.set()

        server_class = _Unannounced if local else Context
        server = server_class(database, ["127.0.0.1"] if local else interfaces or None)
        if self._port is not None:
            setattr(server, "ca_server_port", self._port)  # noqa: B010 - typed as text there
        serving = asyncio.create_task(server.run(startup_hook=hook))
        waiting = asyncio.create_task(listening.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
        search = server.ca_server_port
        self._address = f"{' '.join(server.interfaces)} ports {search} (UDP) {server.port} (TCP)"
        self._started.set()
        writing = asyncio.create_task(self._write_all())
        try:
            await asyncio.wait({serving, writing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, writing):
                if task.done():
                    task.result()
        finally:
            for task in (serving, writing):
                task.cancel()
            await asyncio.gather(serving, writing, return_exceptions=True)

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            with self._lock:
                readings, self._pending = self._pending, {}
            for attribute, reading in readings.items():
                await _write(self._channels[attribute], reading)
            if self._closing and not self._pending:
                return


def _check(interface: str) -> None:
    """Raises OSError where there is no such interface; caproto would try a hundred ports on it."""
    with socket.socket() as probe:
        probe.bind((interface, 0))


class _ReadOnly:
    def check_access(self, hostname: str, username: str) -> caproto.AccessRights:
        return caproto.AccessRights.READ


class _Double(_ReadOnly, caproto.ChannelDouble): ...


class _Long(_ReadOnly, caproto.ChannelInteger): ...


class _Char(_ReadOnly, caproto.ChannelChar): ...


class _String(_ReadOnly, caproto.ChannelString): ...


class _Enum(_ReadOnly, caproto.ChannelEnum): ...


class _Unannounced(Context):
    """Sends no beacons: on loopback nobody listens to them, elsewhere nobody could connect."""

    async def broadcast_beacon_loop(self) -> NoReturn:
        while True:
            await asyncio.Event().wait()


def _channel(pv: Pv) -> caproto.ChannelData:
    reading = undefined(pv.attribute)
    alarm = caproto.ChannelAlarm(severity=int(reading.severity), status=_alarm_status(reading))
    common: dict[str, Any] = {"value": pv.initial, "alarm": alarm}
    numbers: dict[str, Any] = {
        "units": pv.units[:_UNITS],
        "lower_disp_limit": pv.low,
        "upper_disp_limit": pv.high,
        "lower_ctrl_limit": pv.low,
        "upper_ctrl_limit": pv.high,
    }
    match pv.kind:
        case Kind.DOUBLE | Kind.DOUBLES:
            return _Double(**common, **numbers, precision=pv.precision, max_length=pv.size)
        case Kind.LONG | Kind.LONGS:
            limits: dict[str, Any] = {
                k: int(v) if isinstance(v, float) else v for k, v in numbers.items()
            }
            return _Long(**common, **limits, max_length=pv.size)
        case Kind.CHOICE:
            common["value"] = pv.choices[0]
            return _Enum(**common, enum_strings=list(pv.choices))
        case Kind.TEXTS:
            return _String(**common, max_length=pv.size, string_encoding="utf-8")
    if pv.size <= _STRING:
        return _String(**common, string_encoding="utf-8")
    # A CA string holds 39 bytes; longer texts are arrays of bytes, as of a record's field$.
    return _Char(**common, max_length=_UTF_8 * pv.size, string_encoding="utf-8")


async def _write(channel: caproto.ChannelData, reading: Reading) -> None:
    value: Any = reading.value
    if isinstance(channel, caproto.ChannelEnum):
        value = channel.enum_strings[value]
    elif isinstance(channel, caproto.ChannelString):
        short = [_cut(text, _STRING) for text in ([value] if isinstance(value, str) else value)]
        value = short[0] if isinstance(value, str) else short
    elif isinstance(channel, caproto.ChannelChar):
        value = _cut(value, channel.max_length or 1)
    await channel.write(
        value,
        verify_value=False,
        timestamp=max(reading.timestamp, _EPOCH),
        severity=caproto.AlarmSeverity(int(reading.severity)),
        status=_alarm_status(reading),
    )


def _cut(text: str, size: int) -> str:
    """At most `size` bytes, and no half a character."""
    return text.encode()[:size].decode(errors="ignore")


def _alarm_status(reading: Reading) -> caproto.AlarmStatus:
    if not reading.severity:
        return caproto.AlarmStatus.NO_ALARM
    undefined_yet = reading.severity is Severity.INVALID
    return caproto.AlarmStatus.UDF if undefined_yet else caproto.AlarmStatus.STATE
