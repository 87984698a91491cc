"""Sources and sinks: reachable, and on demand whether anything comes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import unquote

from ...errors import AlphaDiffractError
from ...sources import Dropped, open_source
from ...urls import Url, parse_url
from ._check import Check, State


async def check_source(url: str, wavelength: float | None, patience: float, listen: float) -> Check:
    """Reach a source in `patience` s and, if `listen` is not 0, wait so long for a message."""
    name = f"source {url}"
    checked = await _reach(name, parse_url(url), patience)
    if checked.state is not State.OK or not listen:
        return checked
    return await _hear(name, url, wavelength, listen)


async def check_sink(url: str, patience: float) -> Check:
    """Whether a sink's server answers, or its file can be written. Writes nothing."""
    parsed = parse_url(url)
    name = f"sink {url}"
    if parsed.scheme == "jsonl":
        return _writable(name, _path(parsed))
    return await _reach(name, parsed, patience)


async def _reach(name: str, url: Url, patience: float) -> Check:
    if url.port is not None:
        if url.query.get("bind", "no").lower() in ("yes", "true", "on", "1"):
            return Check(name, State.OK, "waits for others to connect; not opened")
        return await _connect(name, url, patience)
    if url.scheme in ("file", "watch"):
        path = _path(url)
        there = any(path.parent.glob(path.name)) if "*" in path.name else path.exists()
        if there:
            return Check(name, State.OK, str(path))
        return Check(name, State.ERROR, f"{path}: not there", "correct the path, or create it")
    return Check(name, State.OK, "nothing to reach")


async def _connect(name: str, url: Url, patience: float) -> Check:
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.close()
            await writer.wait_closed()
    except TimeoutError:
        remedy = "is the machine up, and does a firewall let this port through?"
        return Check(name, State.TIMEOUT, f"no answer in {patience:g} s", remedy)
    except OSError as error:
        remedy = "start the server (for 0MQ: bluesky-0MQ-proxy), or correct host and port"
        return Check(name, State.ERROR, error.strerror or str(error), remedy)
    return Check(name, State.OK, f"{url.host}:{url.port} answers")


async def _hear(name: str, url: str, wavelength: float | None, listen: float) -> Check:
    try:
        source = open_source(url, wavelength=wavelength)
    except AlphaDiffractError as error:
        return Check(name, State.ERROR, str(error), "correct the URL")
    try:
        async with asyncio.timeout(listen):
            async for message in source:
                heard = type(message).__name__
                if isinstance(message, Dropped):
                    remedy = "see the reason; is this the right port, prefix and serializer?"
                    return Check(name, State.ERROR, f"unreadable: {message.reason}", remedy)
                return Check(name, State.OK, f"answers; heard {heard}")
        return Check(name, State.OK, "ended without a message")
    except TimeoutError:
        remedy = "start a scan, or check the prefix"
        return Check(name, State.TIMEOUT, f"reachable, but silent for {listen:g} s", remedy)
    finally:
        await source.close()


def _writable(name: str, path: Path) -> Check:
    place = path if path.exists() else path.parent
    if os.access(place, os.W_OK) and not path.is_dir():
        return Check(name, State.OK, f"{path} can be written")
    return Check(name, State.ERROR, f"{path} cannot be written", "create its folder, or its rights")


def _path(url: Url) -> Path:
    text = url.text.partition(":")[2]
    return Path(url.path if text.startswith("//") else unquote(text.partition("?")[0])).expanduser()
