"""Networks to evaluate: ONNX files, or folders of them, as members of one ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphadiffract_stream.engines import Engine, open_engine


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One column of a report: a network, or several taken together."""

    label: str
    engines: tuple[Engine, ...]

    @property
    def members(self) -> list[int]:
        """How many members each file holds."""
        return [engine.card.members for engine in self.engines]

    @property
    def held_out_fraction(self) -> float:
        """Share of structure families the first network was not trained on, from its card."""
        data = self.engines[0].card.config.get("data", {})
        return float(data.get("validation_fraction", 0.05))


def open_contender(paths: Sequence[Path], label: str = "") -> Contender:
    """Open every ``.onnx`` of `paths`; the embedded network where there is none.

    Raises FileNotFoundError for a folder without one.
    """
    files = [file for path in paths for file in _files(path)]
    engines = tuple(open_engine(f"onnx:{file}") for file in files) or (open_engine("onnx:"),)
    first = engines[0].card
    return Contender(label or f"{first.name} {first.version}", engines)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.onnx"))
    if not found:
        raise FileNotFoundError(
            f"{path}: holds no .onnx network; make one with `python -m training export {path.name}`"
        )
    return found
