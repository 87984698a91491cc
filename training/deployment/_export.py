"""The deployed module as one ONNX file, checked against torch before it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from ..retrieval import onnx_translations
from ._graph import OUTPUT_NAMES, DeployedEnsemble
from ._half import stored_in_half

OPSET = 18
USUAL = 1e-4
"""Of a probability's difference to torch, in half of the examples at least. Sums in another order
are 1e-6 apart."""
LARGEST = 1e-2
"""In any example: where such a difference makes a component of a key round the other way (torch
against itself, in batches of another size: one pattern of 256; two members' keys more often), what
is found is a little more or less like the pattern."""


def export_onnx(
    graph: DeployedEnsemble,
    path: Path,
    examples: torch.Tensor,
    reference: DeployedEnsemble | None = None,
) -> float:
    """Write `graph`; returns the largest difference to torch over `examples` (N, 8192).

    `reference`: what the file is compared with, where not `graph` itself: the members one after
    another, when fused. Raises RuntimeError when probabilities differ by more than `USUAL` or
    `LARGEST`.
    """
    graph = graph.eval()
    with torch.no_grad():
        expected = (reference or graph).eval()(examples)
    program = torch.onnx.export(
        graph,
        (examples[:2],),
        dynamo=True,
        opset_version=OPSET,
        input_names=["pattern"],
        output_names=list(OUTPUT_NAMES),
        dynamic_shapes={"pattern": {0: torch.export.Dim("batch", min=1, max=4096)}},
        external_data=False,
        custom_translation_table=onnx_translations(),
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    program.optimize()
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(stored_in_half(program.model_proto), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    got = session.run(list(OUTPUT_NAMES), {"pattern": examples.numpy()})
    pairs = zip(got[:4], expected[:4], strict=True)
    # (4, N): of the probabilities and their deviations, each example's largest.
    differences = np.stack([np.abs(np.asarray(g) - e.numpy()).max(axis=1) for g, e in pairs])
    usual, largest = float(np.median(differences.max(axis=0))), float(differences.max())
    if usual > USUAL or largest > LARGEST:
        raise RuntimeError(f"{path}: differs from torch by {usual:.2e}, at most {largest:.2e}")
    return largest
