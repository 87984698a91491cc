"""How good a network is, on any set of labelled patterns."""

from __future__ import annotations

from ..labelled_set import LabelledSet
from ._assess import Assessment, assess, with_counterpart, with_overlap
from ._baselines import Baselines, Prior, baselines, prior_of_set, prior_of_store
from ._data_sets import load_labelled
from ._ensemble import SizePoint, combined, size_curve
from ._intervals import Interval, Regression, accuracy_interval, mean_regression, regression
from ._markdown import markdown_table, rounded
from ._metrics import Metrics, evaluate_outputs
from ._networks import Contender, open_contender
from ._paired import Paired, mcnemar, paired_share
from ._report import write_report
from ._run import predict_set, predict_with
from ._seen import Overlap, find_seen
from ._side_by_side import kind_of, kinds_side_by_side, side_by_side
from ._simulated import Preset, Structures
from ._tables import metrics_table
from ._trust import (
    Reliability,
    RiskCoverage,
    expected_calibration_error,
    reliability,
    risk_coverage,
)

__all__ = [
    "Assessment",
    "Baselines",
    "Contender",
    "Interval",
    "LabelledSet",
    "Metrics",
    "Overlap",
    "Paired",
    "Preset",
    "Prior",
    "Regression",
    "Reliability",
    "RiskCoverage",
    "SizePoint",
    "Structures",
    "accuracy_interval",
    "assess",
    "baselines",
    "combined",
    "evaluate_outputs",
    "expected_calibration_error",
    "find_seen",
    "kind_of",
    "kinds_side_by_side",
    "load_labelled",
    "markdown_table",
    "mcnemar",
    "mean_regression",
    "metrics_table",
    "open_contender",
    "paired_share",
    "predict_set",
    "predict_with",
    "prior_of_set",
    "prior_of_store",
    "regression",
    "reliability",
    "risk_coverage",
    "rounded",
    "side_by_side",
    "size_curve",
    "with_counterpart",
    "with_overlap",
    "write_report",
]
