"""What a server needs to run a network: Triton's model repository, TensorRT's engine.

The ONNX file stays the source of truth; everything here is made from it and checked against it.
"""

from __future__ import annotations

from ._repository import write_repository
from ._served_model import OnnxOnCpu, ServedModel, TensorRtPlan
from ._signature import Signature, Tensor

__all__ = [
    "OnnxOnCpu",
    "ServedModel",
    "Signature",
    "Tensor",
    "TensorRtPlan",
    "write_repository",
]
