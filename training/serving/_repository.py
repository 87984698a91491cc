"""Writes the folder Triton loads: one folder a model, with its configuration, labels and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alphadiffract_stream.crystal import CRYSTAL_SYSTEMS, space_group_symbol
from alphadiffract_stream.prediction import ModelCard, network_bytes

from ._plan_source import plan_card
from ._served_model import LABELS, OnnxOnCpu, ServedModel, TensorRtPlan
from ._signature import Signature

CARD = "card"
"""Parameter of a model's configuration that holds the card: clients read it from the server, so
that both always speak of the same network."""


def write_repository(
    folder: Path,
    network: Path,
    models: Sequence[ServedModel] = (TensorRtPlan(), OnnxOnCpu()),
    version: int = 1,
) -> list[Path]:
    """Write `models`, serving `network` (with its card beside it), below `folder`.

    Other versions and a plan already there stay. Returns the models' folders. Raises
    FileNotFoundError without network or card, ValueError for one that cannot be served.
    """
    from google.protobuf import text_format

    signature = Signature.of(network)
    written = []
    for model in models:
        config = model.config(signature)
        card = plan_card(network) if model.in_floats else ModelCard.read(network)
        config.parameters[CARD].string_value = card.model_dump_json()
        place = folder / model.name
        numbered = place / str(version)
        numbered.mkdir(parents=True, exist_ok=True)
        for name, source in model.files(network).items():
            (numbered / name).write_bytes(network_bytes(source))
        text = text_format.MessageToString(config, as_utf8=True)
        (place / "config.pbtxt").write_text(text, encoding="utf-8")
        for output, name in LABELS.items():
            (place / name).write_text("\n".join(labels(output)) + "\n", encoding="utf-8")
        written.append(place)
    return written


def labels(output: str) -> list[str]:
    """A name for each value of `crystal_system` or `space_group`, in the network's order."""
    if output == "crystal_system":
        return list(CRYSTAL_SYSTEMS)
    return [f"{number} {space_group_symbol(number)}" for number in range(1, 231)]
