"""Engines: batches of canonical patterns in, raw network outputs out. One file an engine."""

from __future__ import annotations

from ..urls import open_url
from ._golden import check_golden, golden_pattern
from ._onnx import embedded_model
from ._protocol import Engine

__all__ = ["Engine", "check_golden", "embedded_model", "golden_pattern", "open_engine"]


def open_engine(url: str = "onnx:") -> Engine:
    """Engine named by `url`: ``onnx:`` (the embedded model), ``onnx:PATH``, …

    Raises ConfigurationError for an unknown scheme, EngineError for a model that cannot be used.
    """
    return open_url(__name__, url)
