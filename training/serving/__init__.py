"""What a server needs to run a network: Triton's model repository, TensorRT's engine.

The ONNX file stays the source of truth; everything here is made from it and checked against it.
"""

from __future__ import annotations

from ._accuracy import Difference, Tolerance, compare
from ._engine_build import BuildOptions, build_engine
from ._floats import INTEGER, in_floats
from ._half_precision import half_precision
from ._patterns import comparison_patterns
from ._repository import write_repository
from ._served_model import OnnxOnCpu, ServedModel, TensorRtPlan
from ._signature import Signature, Tensor

__all__ = [
    "INTEGER",
    "BuildOptions",
    "Difference",
    "OnnxOnCpu",
    "ServedModel",
    "Signature",
    "Tensor",
    "TensorRtPlan",
    "Tolerance",
    "build_engine",
    "compare",
    "comparison_patterns",
    "half_precision",
    "in_floats",
    "write_repository",
]
