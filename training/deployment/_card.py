"""The card beside a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from alphadiffract_stream.engines import golden_pattern
from alphadiffract_stream.prediction import Domain, ModelCard

from ._calibrate import Calibration
from ._graph import DeployedEnsemble

NOISE, COPIES = 1e-3, 16
"""Of the golden pattern's heights: what half precision leaves of them; how often it is tried."""
LEAST, MOST = 0.02, 0.25
"""Tolerances; an answer that moves more is that of a network nobody should deploy."""


def write_card(
    path: Path,
    graph: DeployedEnsemble,
    calibration: Calibration,
    *,
    name: str,
    version: str,
    training_set: str,
    metrics: dict[str, Any],
    config: dict[str, Any],
    notes: str = "",
) -> ModelCard:
    """Write ``NAME.json`` for the ONNX file at `path`."""
    card = ModelCard(
        name=name,
        version=version,
        sha256=file_sha256(path),
        training_set=training_set,
        members=len(graph.members),
        parameters=sum(p.numel() for p in graph.members.parameters()),
        embedding_width=len(calibration.domain_mean),
        temperature={
            "crystal_system": round(calibration.system_temperature, 4),
            "space_group": round(calibration.group_temperature, 4),
            "group_share": calibration.group_share,
        },
        # The graph's own σ is then the whole one.
        lattice_std=None
        if graph.predicts_lattice_std
        else [round(v, 4) for v in calibration.lattice_std],
        domain=Domain(
            mean=[round(float(v), 5) for v in calibration.domain_mean],
            std=[round(float(v), 5) for v in calibration.domain_std],
            threshold=round(calibration.domain_threshold, 4),
        ),
        **_golden(lambda patterns: _answers(graph, patterns)),
        metrics=metrics,
        config=config,
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
        notes=notes,
    )
    path.with_suffix(".json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def renew_card(card: ModelCard, path: Path, **update: Any) -> ModelCard:
    """Write ``NAME.json`` for a changed network at `path`: `card` with `update`, the file's own
    hash and the answer it gives now."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def answers(patterns: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(["crystal_system"], {"pattern": patterns})[0])

    own = {"sha256": file_sha256(path), **_golden(answers)}
    card = card.model_copy(update=update | own)
    path.with_suffix(".json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def _answers(graph: DeployedEnsemble, patterns: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        return graph.eval()(torch.from_numpy(patterns))[0].numpy()


def _golden(answers: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> dict[str, Any]:
    """What the card says of the pattern engines are checked with: answer and tolerance.

    A network that compares candidates jumps where two are about equally good, so the tolerance is
    more than what noise of half precision's size does.
    """
    pattern = golden_pattern()
    noise = np.random.default_rng(0).normal(size=(COPIES, pattern.shape[1]))
    right = answers(pattern)[0]
    moved = np.abs(answers((pattern * (1 + NOISE * noise)).astype(np.float32)) - right).max()
    tolerance = min(MOST, max(LEAST, round(1.5 * float(moved), 2)))
    return {"golden": [round(float(p), 6) for p in right], "golden_tolerance": tolerance}


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
