"""The service: the whole way of a pattern, its order, its batches and its account."""

from __future__ import annotations

from ._account import RunAccount
from ._archive import archive_of
from ._metrics import Metrics
from ._offline import predict, predict_each
from ._service import Service
from ._settings import Settings, unknown_variables
from ._telemetry import Telemetry

__all__ = [
    "Metrics",
    "RunAccount",
    "Service",
    "Settings",
    "Telemetry",
    "archive_of",
    "predict",
    "predict_each",
    "unknown_variables",
]
