"""Space groups and unit cells: symbols, crystal systems, Niggli and conventional cells."""

from __future__ import annotations

from ._cell import Cell, cell_from_metric, metric_tensor, volume
from ._conventional import ConventionalCell, conventional_cell
from ._niggli import niggli_cell
from ._space_groups import (
    CRYSTAL_SYSTEMS,
    SpaceGroupError,
    bravais_type,
    crystal_system_index,
    crystal_system_of,
    space_group_number,
    space_group_symbol,
)

__all__ = [
    "CRYSTAL_SYSTEMS",
    "Cell",
    "ConventionalCell",
    "SpaceGroupError",
    "bravais_type",
    "cell_from_metric",
    "conventional_cell",
    "crystal_system_index",
    "crystal_system_of",
    "metric_tensor",
    "niggli_cell",
    "space_group_number",
    "space_group_symbol",
    "volume",
]
