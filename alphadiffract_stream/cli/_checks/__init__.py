"""What `doctor` checks: the installation, the engine, the endpoints."""

from __future__ import annotations

from ...service import Settings
from ._check import Check, State
from ._endpoints import check_sink, check_source
from ._engine import check_engine
from ._installation import check_installation

__all__ = ["Check", "State", "every_check"]


async def every_check(settings: Settings, patience: float, listen: float) -> list[Check]:
    """All checks, in the order a person would make them. Times in seconds."""
    checks = [*check_installation(), *await check_engine(settings.engine, settings.engine_timeout)]
    for url in settings.sources:
        wavelength = settings.fallback_wavelength
        checks.append(await check_source(url, wavelength, patience, listen))
    checks += [await check_sink(url, patience) for url in settings.sinks]
    return checks
