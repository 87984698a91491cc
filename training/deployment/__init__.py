"""From trained networks to one deployable graph with its card."""

from __future__ import annotations

from ._calibrate import Calibration, calibrate
from ._card import file_sha256, write_card
from ._export import export_onnx
from ._graph import DeployedEnsemble
from ._held_out import held_out_metrics
from ._whole import calibrate_whole

__all__ = [
    "Calibration",
    "DeployedEnsemble",
    "calibrate",
    "calibrate_whole",
    "export_onnx",
    "file_sha256",
    "held_out_metrics",
    "write_card",
]
