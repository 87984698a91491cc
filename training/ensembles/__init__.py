"""Ensembles: several networks as one, fused where they are alike. torch alone.

``python -m training.ensembles`` measures them.
"""

from __future__ import annotations

from ._cuda_graph import GraphRunner, cuda_graph, eager
from ._means import MeanAnswer
from ._members import FusedMembers, Members, fold_norms, mean_outputs
from ._precision import lowered

__all__ = [
    "FusedMembers",
    "GraphRunner",
    "MeanAnswer",
    "Members",
    "cuda_graph",
    "eager",
    "fold_norms",
    "lowered",
    "mean_outputs",
]
