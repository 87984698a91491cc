"""The card beside a network."""

from __future__ import annotations

import hashlib
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
        golden=golden_answer(graph),
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
    probability = np.asarray(session.run(["crystal_system"], {"pattern": golden_pattern()})[0])
    own = {"sha256": file_sha256(path), "golden": _rounded(probability[0])}
    card = card.model_copy(update=update | own)
    path.with_suffix(".json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def golden_answer(graph: DeployedEnsemble) -> list[float]:
    """(7,) crystal-system probabilities for the pattern engines are checked with."""
    with torch.no_grad():
        probability = graph.eval()(torch.from_numpy(golden_pattern()))[0]
    return _rounded(probability[0].numpy())


def _rounded(probability: NDArray[np.float32]) -> list[float]:
    return [round(float(p), 6) for p in probability]


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
