"""Predictions as PVs over PV Access: ``pva:PREFIX``. See docs/reference/pvs.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..epics import PvSink
from ..errors import ConfigurationError
from ..urls import Url
from ..wire import read_options

Port = Annotated[int, Field(ge=0, le=65535)]


class Options(BaseModel):
    """The query part of the URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interface: str = ""
    """Addresses to listen on, separated by spaces; empty: as EPICS_PVAS_INTF_ADDR_LIST says, or
    else loopback."""
    port: Port | None = None
    """TCP; 0: any. Else that of EPICS_PVAS_SERVER_PORT, 5075."""
    search_port: Port | None = None
    """UDP; 0: any. Else that of EPICS_PVAS_BROADCAST_PORT, 5076."""


def open(url: Url) -> PvSink:
    """Sink of the PVs whose names begin with PREFIX, as it is written.

    Raises ConfigurationError without a prefix or where it cannot listen.
    """
    options = read_options(Options, url)
    if not url.path or url.host:
        raise ConfigurationError(f"{url}: write pva:PREFIX, e.g. pva:13BMC:AD:")
    from ..epics import PvaServer

    server = PvaServer(
        url.path,
        interface=options.interface,
        port=options.port,
        search_port=options.search_port,
    )
    return PvSink(url.text, server)
