"""How good a network is, on any set of labelled patterns."""

from __future__ import annotations

from ._data_sets import LabelledSet, load_labelled
from ._metrics import Metrics, evaluate_outputs, expected_calibration_error
from ._run import predict_set
from ._tables import metrics_table

__all__ = [
    "LabelledSet",
    "Metrics",
    "evaluate_outputs",
    "expected_calibration_error",
    "load_labelled",
    "metrics_table",
    "predict_set",
]
