"""Looking patterns up among the training crystals: learning the keys, keeping them, weighing them.

Torch and numpy alone.
"""

from __future__ import annotations

from ._bank import KeyBank, keys_of
from ._cell import median_cell
from ._fit import fit_gate
from ._gate_file import GATE, load_gate, save_gate, with_memory
from ._loss import RetrievalConfig, retrieval_loss
from ._memory import MEMORY, Memory, Remembered, remember
from ._neighbours import Found, Neighbours
from ._network import Gate, WithMemory, combined
from ._numbers import TINY, entropy
from ._scores import onnx_translations, quantised
from ._thin import known, thinned

__all__ = [
    "GATE",
    "MEMORY",
    "TINY",
    "Found",
    "Gate",
    "KeyBank",
    "Memory",
    "Neighbours",
    "Remembered",
    "RetrievalConfig",
    "WithMemory",
    "combined",
    "entropy",
    "fit_gate",
    "keys_of",
    "known",
    "load_gate",
    "median_cell",
    "onnx_translations",
    "quantised",
    "remember",
    "retrieval_loss",
    "save_gate",
    "thinned",
    "with_memory",
]
