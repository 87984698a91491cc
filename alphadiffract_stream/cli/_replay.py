"""``replay``: recorded documents or pattern files, sent as an experiment would have sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigurationError
from ._options import Energy, Wavelength, wavelength_of

if TYPE_CHECKING:
    from ..pattern import Pattern
    from ._playback import Named, Pace

_FILE_RATE = 1.0
"""Patterns a second, where files carry no times of their own to keep."""


def replay(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="A .jsonl document log, or patterns.")
    ],
    to: Annotated[str, typer.Option(metavar="URL", help="bluesky-zmq://HOST:PORT, jsonl:PATH …")],
    rate: Annotated[
        float | None, typer.Option(metavar="HZ", min=1e-6, help="Events a second.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", min=1e-6, help="Times the recorded pace.")
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="S", min=0, help="Seconds subscribers have to connect.")
    ] = 0.5,
    energy: Energy = None,
    wavelength: Wavelength = None,
) -> None:
    """Send a document log, or pattern files as a raw run, in the exact wire format.

    A log keeps its own pace unless --rate or --speed is given; files go once a second.
    """
    from ._playback import Pace, is_log, raw_documents, read_log

    if rate is not None and speed is not None:
        raise ConfigurationError("give --rate or --speed, not both")
    logs = [is_log(file) for file in files]
    unread: list[str] = []
    if all(logs):
        documents: Iterator[Named] = (item for file in files for item in read_log(file))
        pace = Pace(rate=rate, speed=speed or 1.0)
    elif any(logs):
        raise ConfigurationError("give document logs or pattern files, not both at once")
    else:
        documents = raw_documents(_patterns(files, wavelength_of(energy, wavelength), unread))
        pace = Pace(rate=rate or _FILE_RATE * (speed or 1.0))
    sent, events, seconds = asyncio.run(_send(documents, to, pace, wait))
    typer.echo(f"sent {sent} documents, {events} events, in {seconds:.1f} s", err=True)
    if unread:
        raise typer.Exit(2)


def _patterns(files: list[Path], wavelength: float | None, unread: list[str]) -> Iterator[Pattern]:
    from ..errors import PatternError
    from ..sources import Hdf5Reader, read_results

    with closing(Hdf5Reader()) as hdf5:
        for file in files:
            try:
                for found in read_results(file, wavelength=wavelength, hdf5=hdf5):
                    if isinstance(found, PatternError):
                        _skip(file, found, unread)
                    else:
                        yield found
            except PatternError as error:
                _skip(file, error, unread)


def _skip(file: Path, error: Exception, unread: list[str]) -> None:
    unread.append(str(file))
    typer.echo(f"not sent: {file}: {error}", err=True)


async def _send(
    documents: Iterator[Named], to: str, pace: Pace, wait: float
) -> tuple[int, int, float]:
    """Documents and events sent, and the seconds it took."""
    from ..sinks import open_sink
    from ._playback import events_in

    sink = open_sink(to)
    sent = events = 0
    try:
        await asyncio.sleep(wait)
        began = monotonic()
        for name, document in documents:
            await asyncio.sleep(max(0.0, began + pace.due(name, document) - monotonic()))
            await sink.emit(name, document)
            sent += 1
            events += events_in(name, document)
        return sent, events, monotonic() - began
    finally:
        await sink.close()
