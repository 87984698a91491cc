"""The paper's static set: many patterns of each structure, in files, with all that made them.

Training draws its patterns on the fly (`training.patterns`); a set in files is for those who train
elsewhere, for comparing engines, and for evaluations that must not change.
"""

from __future__ import annotations

from ._draw import PARAMETERS, Drawn, draw_parameters, draw_shard
from ._jobs import ShardJob, StaticSetSettings, jobs_of_store, jobs_of_structures
from ._noise import paper_noise
from ._read import StaticSet, read_labelled
from ._write import write_static_set

__all__ = [
    "PARAMETERS",
    "Drawn",
    "ShardJob",
    "StaticSet",
    "StaticSetSettings",
    "draw_parameters",
    "draw_shard",
    "jobs_of_store",
    "jobs_of_structures",
    "paper_noise",
    "read_labelled",
    "write_static_set",
]
