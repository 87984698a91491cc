"""Sources: bytes in, patterns out. One file a transport; none knows of models."""

from __future__ import annotations

from ..urls import open_url
from ._frame_options import frame_integrator
from ._hdf5_process import Hdf5Reader
from ._messages import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    PatternsSkipped,
    Remember,
    Remembered,
    RunStarted,
    RunStopped,
    Source,
)
from ._read import read_pattern, read_patterns, read_results

__all__ = [
    "Dropped",
    "Hdf5Reader",
    "Message",
    "PatternReceived",
    "PatternRefused",
    "PatternsSkipped",
    "Remember",
    "Remembered",
    "RunStarted",
    "RunStopped",
    "Source",
    "frame_integrator",
    "open_source",
    "read_pattern",
    "read_patterns",
    "read_results",
]


def open_source(url: str, *, wavelength: float | None = None) -> Source:
    """Source named by `url`: ``bluesky-zmq://host:port``, ``frames://…``, ``watch:FOLDER``, …

    `wavelength` (Å) is used for 2θ axes where the data itself names none; never a default.
    Raises ConfigurationError for an unknown scheme or unusable settings.
    """
    return open_url(__name__, url, wavelength=wavelength)
