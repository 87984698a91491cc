"""Predictions as a Bluesky run of their own, linked to the raw run. One small file a document."""

from __future__ import annotations

from ._account import Account
from ._descriptor import CELL, HINTED, STREAM, answer_keys
from ._event import answer_data
from ._prediction_run import Begun, PredictionRun

__all__ = [
    "CELL",
    "HINTED",
    "STREAM",
    "Account",
    "Begun",
    "PredictionRun",
    "answer_data",
    "answer_keys",
]
