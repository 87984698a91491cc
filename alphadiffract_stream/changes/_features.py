"""What of a prediction is watched: crystal-system probabilities and embedding, else lattice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..prediction import CRYSTAL_SYSTEMS, Prediction, Status

Features = dict[str, NDArray[np.float64]]
"""Channel → vector. Channels: ``embedding`` (F,), ``crystal_system`` (7,), ``lattice`` (6,)."""

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_ANSWERED = {status.value for status in Status if status.predicted}


def features_of_prediction(prediction: Prediction) -> Features | None:
    """Features of one prediction; None where no network answered."""
    if not prediction.status.predicted:
        return None
    return _features(
        prediction.crystal_system_probabilities, prediction.lattice, prediction.embedding
    )


def features_of_data(data: Mapping[str, Any], prefix: str = "") -> Features | None:
    """Features of a prediction event's ``data``, or of a reading's values under `prefix`.

    None where no network answered. An ``embedding`` is used where there is one: prediction
    documents have none, the device of this package has. Raises KeyError where `data` is no
    prediction.
    """
    if str(data[f"{prefix}status"]) not in _ANSWERED:
        return None
    lattice = [data[f"{prefix}lattice_{edge}"] for edge in _CELL]
    embedding = data.get(f"{prefix}embedding", ())
    return _features(data[f"{prefix}crystal_system_probabilities"], lattice, embedding)


def _features(probabilities: ArrayLike, lattice: ArrayLike, embedding: ArrayLike) -> Features:
    """Scales on which equal distances mean about equally much.

    The lattice only where there is no embedding: it is that of remembered crystals, and goes from
    one of them to another while a cell merely expands.

    Square roots of probabilities (Hellinger's distance) spread out what is near 0 and 1; edges as
    logarithms and angles in radians make all six parts of the lattice relative lengths.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    cell = np.asarray(lattice, dtype=np.float64)
    features = {"crystal_system": np.sqrt(np.clip(shares, 0.0, 1.0))}
    inner = np.asarray(embedding, dtype=np.float64)
    if inner.size:
        features["embedding"] = inner
    elif np.isfinite(cell).all() and (cell[:3] > 0).all():
        features["lattice"] = np.concatenate([np.log(cell[:3]), np.radians(cell[3:])])
    assert shares.size == len(CRYSTAL_SYSTEMS)
    return features
