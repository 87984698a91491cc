"""A prediction as plain values, for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ._prediction import Prediction


def as_record(prediction: Prediction) -> dict[str, Any]:
    """Fields of `prediction` by their names; NaN, which JSON lacks, becomes None.

    The embedding (hundreds of numbers of use to programs only) is left out.
    """
    record = asdict(prediction)
    del record["embedding"]
    return _plain(record)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
