"""``serve``: patterns in, predictions out, until told to stop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigurationError
from ._logging import LogFormat, configure_logging
from ._options import Background, Config, Energy, EngineUrl, Fallback, Sinks, Sources, Wavelength

if TYPE_CHECKING:
    from ..service import Metrics, Service, Settings

log = logging.getLogger(__name__)

_SWITCH = 5e-5
"""s."""


def serve(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]…", help="The same as --source.")
    ] = None,
    config: Config = None,
    source: Sources = None,
    sink: Sinks = None,
    engine: EngineUrl = None,
    fallback: Fallback = None,
    energy: Energy = None,
    wavelength: Wavelength = None,
    background: Background = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="POLICY",
            help="When patterns come too fast: lossless (all are answered) or latest (the newest).",
        ),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            "--spool", metavar="FOLDER", help="Keep patterns there until they are answered."
        ),
    ] = None,
    spool_size: Annotated[
        str | None,
        typer.Option("--spool-size", metavar="SIZE", help="How much at most, e.g. 2GiB."),
    ] = None,
    backfill: Annotated[
        str | None,
        typer.Option(
            "--backfill",
            metavar="URL",
            help="Fetch what is missing of a run there: tiled:http://HOST:8000/PATH, log:FOLDER.",
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            "--ready-file", metavar="FILE", help="Write this JSON file once patterns are taken."
        ),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="DEBUG … ERROR.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option("--log-format", help="text, or json: one object a line.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            metavar="PORT",
            help="Serve /metrics, /status, /healthz and /readyz there; 0: a free port.",
        ),
    ] = None,
    metrics_host: Annotated[
        str | None,
        typer.Option("--metrics-host", metavar="HOST", help="Where; 127.0.0.1 if not given."),
    ] = None,
) -> None:
    """Predict every pattern of the sources and publish to the sinks, until Ctrl-C or SIGTERM.

    The first signal drains: what was accepted is answered, runs are closed, sinks flushed.
    The second stops at once. With --spool, runs that have not ended go on when it is started again.
    --energy and --wavelength are for patterns that name none.
    """
    from ..service import Settings, unknown_variables

    settings = Settings.load(
        config,
        sources=[*(urls or []), *(source or [])],
        sinks=sink,
        engine=engine,
        fallback=fallback,
        energy_kev=energy,
        wavelength=wavelength,
        background=background,
        policy=policy,
        spool=spool,
        spool_size=spool_size,
        backfill=backfill,
        log_level=log_level and log_level.upper(),
        log_format=log_format,
        metrics_port=metrics_port,
        metrics_host=metrics_host,
    )
    if not settings.sources:
        raise ConfigurationError(
            "no source; pass --source URL, e.g. --source bluesky-zmq://localhost:5578"
        )
    configure_logging(settings.log_level, settings.log_format)
    for variable in unknown_variables():
        log.warning("%s is set, but names no setting; see the settings reference", variable)
    metrics = asyncio.run(_serve(settings, ready_file))
    log.info(
        "received %d, predicted %d, refused %d, failed %d, missing %d, dropped %d",
        *(metrics.received, metrics.predicted, metrics.refused, metrics.failed),
        *(metrics.missing, metrics.dropped),
    )
    if metrics.source_errors:
        raise typer.Exit(1)


async def _serve(settings: Settings, ready_file: Path | None) -> Metrics:
    from ..engines import open_engine
    from ..service import Service, Telemetry, archive_of
    from ..sinks import open_sink
    from ..sources import open_source

    async with AsyncExitStack() as stack:
        engine = _kept(stack, open_engine(settings.engine))
        await asyncio.to_thread(_warm_up, engine, settings.background)
        other = _kept(stack, open_engine(settings.fallback)) if settings.fallback else None
        if other is not None:
            await asyncio.to_thread(_warm_up, other, settings.background)
        sinks = [_kept(stack, open_sink(url)) for url in settings.sinks]
        wavelength = settings.fallback_wavelength
        sources = [
            _kept(stack, open_source(url, wavelength=wavelength)) for url in settings.sources
        ]
        if archive := archive_of(settings):
            # A mistyped URL is told now, and not when the first event is missing.
            await archive("none").close()
        service = Service(sources, sinks, engine, settings, other)
        telemetry = None
        if settings.metrics_port is not None:
            telemetry = _kept(stack, Telemetry(service))
        # What was loaded stays: without it a full collection, tens of milliseconds of every
        # pattern that waits meanwhile, has next to nothing to look through.
        gc.collect()
        gc.freeze()
        # An engine's thread that has a batch, or its answer, waits no longer than this for the
        # event loop to let go of the interpreter; the default is 5 ms.
        sys.setswitchinterval(_SWITCH)
        _obey_signals(service)
        ready = {
            "pid": os.getpid(),
            "sources": [_place(source) for source in sources],
            "sinks": [_place(sink) for sink in sinks],
            "engine": settings.engine,
            "fallback": settings.fallback,
            "model": f"{engine.card.name} {engine.card.version}",
            "spool": str(settings.spool) if settings.spool else None,
            "metrics": telemetry.address if telemetry else None,
        }
        announcing = asyncio.create_task(_announce(service, ready, ready_file))
        try:
            return await service.run()
        finally:
            announcing.cancel()


def _warm_up(engine: Any, background: str | None) -> None:
    """What the first pattern would otherwise wait for: memory, imports, tables."""
    from ..engines import golden_pattern
    from ..grid import GRID_TWO_THETA, GRID_WAVELENGTH
    from ..pattern import Pattern, RadialUnit
    from ..service import predict_each

    if warm_up := getattr(engine, "warm_up", None):
        warm_up()
    intensity = golden_pattern()[0]
    pattern = Pattern(intensity, GRID_TWO_THETA, RadialUnit.TWO_THETA_DEG, GRID_WAVELENGTH)
    next(predict_each([pattern], engine, background=background))


def _kept(stack: AsyncExitStack, opened: Any) -> Any:
    """`opened`, closed at the end also where the next one cannot be opened."""
    stack.push_async_callback(opened.close)
    return opened


def _obey_signals(service: Service) -> None:
    asked = False

    def obey() -> None:
        nonlocal asked
        if asked:
            log.warning("stopping at once")
            service.abort()
        else:
            asked = True
            log.info("stopping: answering what was accepted; once more stops at once")
            service.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, obey)


def _place(endpoint: Any) -> dict[str, str]:
    """Its name, and the address it really has where the system chose the port."""
    address = getattr(endpoint, "address", None)
    return {"name": endpoint.name} | ({"address": address} if address else {})


async def _announce(service: Service, ready: dict[str, Any], ready_file: Path | None) -> None:
    await service.ready.wait()
    text = json.dumps(ready)
    log.info("ready %s", text)
    if ready_file is not None:
        # Renamed into place, so that whoever waits for it never reads half of it.
        partial = ready_file.with_name(ready_file.name + ".partial")
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(ready_file)
