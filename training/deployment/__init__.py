"""From trained networks to one deployable graph with its card."""

from __future__ import annotations

from ._calibrate import Calibration, calibrate
from ._card import file_sha256, write_card
from ._export import export_onnx
from ._graph import DeployedEnsemble

__all__ = [
    "Calibration",
    "DeployedEnsemble",
    "calibrate",
    "export_onnx",
    "file_sha256",
    "write_card",
]
