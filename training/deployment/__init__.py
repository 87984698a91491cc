"""From trained networks to one deployable graph with its card."""

from __future__ import annotations

from ._calibrate import Calibration, calibrate, fit_probabilities
from ._card import file_sha256, renew_card, write_card
from ._export import export_onnx
from ._graph import DeployedEnsemble
from ._graph_memory import GraphMemory, quantised_keys
from ._half import rounded_to_half, stored_in_half
from ._held_out import held_out_metrics
from ._int8 import eight_bit_nodes, in_eight_bits
from ._inverted_file import has_inverted_file, with_inverted_file, without_inverted_file
from ._lookup import has_memory
from ._prior import GroupCounts, PriorShift, prior_shift
from ._saved import read_calibration, write_calibration
from ._whole import calibrate_whole

__all__ = [
    "Calibration",
    "DeployedEnsemble",
    "GraphMemory",
    "GroupCounts",
    "PriorShift",
    "calibrate",
    "calibrate_whole",
    "eight_bit_nodes",
    "export_onnx",
    "file_sha256",
    "fit_probabilities",
    "has_inverted_file",
    "has_memory",
    "held_out_metrics",
    "in_eight_bits",
    "prior_shift",
    "quantised_keys",
    "read_calibration",
    "renew_card",
    "rounded_to_half",
    "stored_in_half",
    "with_inverted_file",
    "without_inverted_file",
    "write_calibration",
    "write_card",
]
