"""Predictions as PVs over Channel Access: ``ca:PREFIX``. See docs/reference/pvs.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..epics import PvSink
from ..errors import ConfigurationError
from ..urls import Url
from ..wire import read_options


class Options(BaseModel):
    """The query part of the URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interface: str = ""
    """Addresses to listen on, separated by spaces; empty: as EPICS_CAS_INTF_ADDR_LIST says, or
    else loopback."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """UDP, and the first that is tried for TCP. Else that of EPICS_CA_SERVER_PORT, 5064."""


def open(url: Url) -> PvSink:
    """Sink of the PVs whose names begin with PREFIX, as it is written.

    Raises ConfigurationError without a prefix or where it cannot listen.
    """
    options = read_options(Options, url)
    if not url.path or url.host:
        raise ConfigurationError(f"{url}: write ca:PREFIX, e.g. ca:13BMC:AD:")
    from ..epics import CaServer

    return PvSink(url.text, CaServer(url.path, interface=options.interface, port=options.port))
