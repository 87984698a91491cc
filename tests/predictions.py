"""Predictions as an engine would give them, for tests of what becomes of them."""

from __future__ import annotations

from typing import Any

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.prediction import (
    Latency,
    ModelCard,
    Prediction,
    SpaceGroupCandidate,
    Status,
)

CARD = ModelCard(
    name="compact",
    version="1.2",
    sha256="0" * 64,
    training_set="a few structures",
    members=1,
    parameters=10,
    embedding_width=4,
)
ARAGONITE = (4.961, 5.741, 7.968, 90.0, 90.0, 90.0)


def origin(seq_num: int | None = 1, **more: Any) -> Origin:
    fields = {"run_uid": "raw-run", "descriptor_uid": "raw-descriptor", "event_uid": "raw-event"}
    return Origin("test", "here", **{**fields, "seq_num": seq_num, "time": 12.5, **more})


def predicted(where: Origin | None = None, **more: Any) -> Prediction:
    groups = [
        (62, "P n m a"),
        (61, "P b c a"),
        (19, "P 21 21 21"),
        (33, "P n a 21"),
        (14, "P 1 21/c 1"),
    ]
    fields: dict[str, Any] = {
        "origin": where or origin(),
        "status": Status.OK,
        "crystal_system": "orthorhombic",
        "crystal_system_probability": 0.93,
        "crystal_system_std": 0.02,
        "crystal_system_probabilities": (0.01, 0.02, 0.93, 0.01, 0.01, 0.01, 0.01),
        "space_groups": tuple(
            SpaceGroupCandidate(number, symbol, 0.5 / (i + 1), 0.01)
            for i, (number, symbol) in enumerate(groups)
        ),
        "lattice": ARAGONITE,
        "lattice_std": (0.012, 0.02, 0.3, 0.4, 0.5, 0.6),
        "conventional": ARAGONITE,
        "conventional_misfit": 0.001,
        "consistency": 0.9,
        "entropy": 1.2,
        "coverage": 0.98,
        "novelty": 0.4,
        "flags": ("descending_axis", "negative_counts"),
        "engine": "onnx",
        "latency": Latency(0.5, 3.0, 4.0),
    }
    return Prediction(**{**fields, **more})


def refused(
    where: Origin | None = None, reason: str = "pass --energy or --wavelength"
) -> Prediction:
    return Prediction(where or origin(), Status.REFUSED, reason)
