"""Predictions: raw network outputs turned into answers a person can use."""

from __future__ import annotations

from ._card import Domain, ModelCard
from ._novelty import distances
from ._outputs import CRYSTAL_SYSTEMS, SIGNATURE, Outputs
from ._prediction import Latency, Prediction, SpaceGroupCandidate, Status

__all__ = [
    "CRYSTAL_SYSTEMS",
    "SIGNATURE",
    "Domain",
    "Latency",
    "ModelCard",
    "Outputs",
    "Prediction",
    "SpaceGroupCandidate",
    "Status",
    "distances",
]
