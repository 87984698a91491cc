"""Predictions: raw network outputs turned into answers a person can use."""

from __future__ import annotations

from ..crystal import CRYSTAL_SYSTEMS
from ._card import Domain, ModelCard
from ._file import network_bytes, write_pieces
from ._interpret import failure, interpret, refusal
from ._novelty import distances
from ._outputs import SIGNATURE, Outputs
from ._prediction import Latency, Prediction, SpaceGroupCandidate, Status
from ._record import as_record

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
    "as_record",
    "distances",
    "failure",
    "interpret",
    "network_bytes",
    "refusal",
    "write_pieces",
]
