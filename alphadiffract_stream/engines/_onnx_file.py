"""An ONNX file that is what its card says: one graph with the network's signature."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import onnxruntime
from pydantic import ValidationError

from ..errors import EngineError
from ..grid import N_POINTS
from ..prediction import SIGNATURE, ModelCard, network_bytes

_WEIGHTS_ELSEWHERE = b"\n\x08location\x12"
"""In an ONNX file: the key of a tensor's external data. The card's hash does not cover such a file,
and ONNX Runtime looks for it in the current folder."""


def verified(path: Path) -> tuple[bytes, ModelCard]:
    """The model's bytes and card; the very bytes that were hashed are the ones run.

    Raises EngineError for a model or card that is missing or unusable, or of which one is not the
    other's.
    """
    try:
        model = network_bytes(path)
    except FileNotFoundError:
        raise EngineError(
            f"{path}: no such model; pass --engine onnx:PATH or install one there"
        ) from None
    try:
        card = ModelCard.read(path)
    except FileNotFoundError:
        raise EngineError(f"{path}: no model card; put {path.stem}.json beside it") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise EngineError(f"{path.with_suffix('.json')}: unusable model card: {error}") from None
    found = hashlib.sha256(model).hexdigest()
    if found != card.sha256.lower():
        raise EngineError(
            f"{path}: sha256 is {found}, its card says {card.sha256}; "
            "the file is damaged or is not this card's model"
        )
    if _WEIGHTS_ELSEWHERE in model:
        raise EngineError(
            f"{path}: its weights lie in another file, which the card's sha256 does not cover; "
            "save it in one piece (onnx.save without save_as_external_data)"
        )
    return model, card


def check_signature(session: onnxruntime.InferenceSession, card: ModelCard, path: Path) -> None:
    """Raises EngineError naming the first tensor that departs from the network signature."""
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    if set(inputs) != {"pattern"}:
        raise EngineError(f"{path}: inputs {sorted(inputs)}, expected ['pattern']")
    if missing := set(SIGNATURE) - set(outputs):
        raise EngineError(f"{path}: no output {sorted(missing)}; it has {sorted(outputs)}")
    _check_tensor(inputs["pattern"], N_POINTS, path)
    for name, width in SIGNATURE.items():
        _check_tensor(outputs[name], width or card.embedding_width, path)
    domain = card.domain
    if domain and not len(domain.mean) == len(domain.std) == card.embedding_width:
        raise EngineError(f"{path}: the card's domain is not {card.embedding_width} wide")


def _check_tensor(tensor: Any, width: int, path: Path) -> None:
    shape = list(tensor.shape)
    batch_is_free = len(shape) == 2 and not isinstance(shape[0], int)
    if tensor.type != "tensor(float)" or not batch_is_free or shape[1] != width:
        raise EngineError(
            f"{path}: {tensor.name} is {tensor.type} {shape}, expected tensor(float) ['N', {width}]"
        )
