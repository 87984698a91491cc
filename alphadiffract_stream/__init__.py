"""Live crystal system, space group and lattice from powder diffraction.

    import alphadiffract_stream as ad

    pattern = ad.read_pattern("scan.xye", wavelength=0.4135)  # Å
    prediction = ad.predict(pattern)
    print(prediction.crystal_system, prediction.space_groups[0].symbol, prediction.status)

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engines import Engine, open_engine
    from .errors import (
        AlphaDiffractError,
        ConfigurationError,
        DecodeError,
        EngineError,
        PatternError,
    )
    from .grid import GridPattern, to_grid
    from .pattern import Origin, Pattern, RadialUnit
    from .prediction import Latency, ModelCard, Prediction, SpaceGroupCandidate, Status
    from .service import Service, Settings, predict
    from .sinks import open_sink
    from .sources import open_source, read_pattern, read_patterns

_HOME = {
    "engines": ("Engine", "open_engine"),
    "errors": (
        "AlphaDiffractError",
        "ConfigurationError",
        "DecodeError",
        "EngineError",
        "PatternError",
    ),
    "grid": ("GridPattern", "to_grid"),
    "pattern": ("Origin", "Pattern", "RadialUnit"),
    "prediction": ("Latency", "ModelCard", "Prediction", "SpaceGroupCandidate", "Status"),
    "service": ("Service", "Settings", "predict"),
    "sinks": ("open_sink",),
    "sources": ("open_source", "read_pattern", "read_patterns"),
}
_HOME_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AlphaDiffractError",
    "ConfigurationError",
    "DecodeError",
    "Engine",
    "EngineError",
    "GridPattern",
    "Latency",
    "ModelCard",
    "Origin",
    "Pattern",
    "PatternError",
    "Prediction",
    "RadialUnit",
    "Service",
    "Settings",
    "SpaceGroupCandidate",
    "Status",
    "open_engine",
    "open_sink",
    "open_source",
    "predict",
    "read_pattern",
    "read_patterns",
    "to_grid",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("alphadiffract-stream")
    try:
        module = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f".{module}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
