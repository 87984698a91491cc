"""Two deployed networks on the same patterns, in what a user meets of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.crystal import crystal_system_index
from alphadiffract_stream.prediction import Outputs

from ..labelled_set import LabelledSet
from ..reflections import MINERAL, ReflectionStore
from ._paired import Paired, paired_share
from ._same_cell import cells_found

TOP = 5
KINDS = ("measured", "mineral", "disordered", "computed")


def side_by_side(
    first: Outputs, second: Outputs, labelled: LabelledSet, rows: NDArray[np.bool_] | None = None
) -> dict[str, Paired]:
    """Shares of patterns whose system, group, group among five, and cell are right.

    Of `rows` (N,), all unless given; the cell of those alone whose is known.
    """
    chosen = np.ones(len(labelled), dtype=np.bool_) if rows is None else rows
    return _paired(_right(first, labelled), _right(second, labelled), labelled, chosen)


def kinds_side_by_side(
    first: Outputs, second: Outputs, labelled: LabelledSet, kinds: NDArray[np.str_] | None
) -> dict[str, tuple[int, dict[str, Paired]]]:
    """How many patterns there are, and `side_by_side` of them: of ``all``, and of each of `KINDS`
    where `kinds` (N,) are given.
    """
    one, other = _right(first, labelled), _right(second, labelled)
    chosen = {"all": np.ones(len(labelled), dtype=np.bool_)}
    if kinds is not None:
        chosen |= {kind: kinds == kind for kind in KINDS}
    return {
        name: (int(rows.sum()), _paired(one, other, labelled, rows))
        for name, rows in chosen.items()
    }


def kind_of(store: ReflectionStore, crystals: NDArray[np.int64]) -> NDArray[np.str_]:
    """(N,) of `KINDS`: mineral is what the AMCSD has, disordered what `training disorder` made."""
    names: list[str] = store.identifier[crystals].tolist()
    made = np.array([":" in name for name in names], dtype=np.bool_)
    mineral = np.array([name.startswith(MINERAL) for name in names], dtype=np.bool_)
    measured = np.where(mineral, "mineral", "measured")
    kind = np.where(store.theoretical[crystals], "computed", measured)
    return np.where(made, "disordered", kind)


def _paired(
    one: dict[str, NDArray[np.bool_]],
    other: dict[str, NDArray[np.bool_]],
    labelled: LabelledSet,
    chosen: NDArray[np.bool_],
) -> dict[str, Paired]:
    known = chosen & np.isfinite(labelled.niggli).all(axis=1)
    counted = {name: known if name == "cell" else chosen for name in one}
    return {
        name: paired_share(one[name][mask], other[name][mask])
        for name, mask in counted.items()
        if mask.sum() > 1
    }


def _right(outputs: Outputs, labelled: LabelledSet) -> dict[str, NDArray[np.bool_]]:
    """(N,) each."""
    group = labelled.space_group - 1
    system = np.array([crystal_system_index(int(number)) for number in labelled.space_group])
    best = np.argsort(-outputs.space_group, axis=1, kind="stable")[:, :TOP]
    return {
        "crystal system": outputs.crystal_system.argmax(axis=1) == system,
        "space group": best[:, 0] == group,
        f"among {TOP}": (best == group[:, None]).any(axis=1),
        "cell": cells_found(outputs.lattice, labelled.niggli),
    }
