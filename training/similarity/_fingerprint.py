"""CrystalNN fingerprints of crystals (Zimmermann & Jain 2020, RSC Adv. 10, 6063).

A site is described, for each coordination number, by how likely CrystalNN holds that number and by
how much its neighbours then look like each of the known motifs; a crystal by mean, deviation, least
and greatest of that over its sites. So the Materials Project compares structures, with distances
left out and electronegativity without weight: cells of other size but equal topology are equal.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import spglib
import spglib.error
from numpy.typing import NDArray

from alphadiffract_stream.simulation import StructureError

from ..structures import StructureRecord

if TYPE_CHECKING:
    from pymatgen.core import Structure

MOTIFS: dict[int, tuple[str, ...]] = {
    1: ("sgl_bd",),
    2: ("L-shaped", "water-like", "bent 120 degrees", "bent 150 degrees", "linear"),
    3: ("trigonal planar", "trigonal non-coplanar", "T-shaped"),
    4: (
        "square co-planar",
        "tetrahedral",
        "rectangular see-saw-like",
        "see-saw-like",
        "trigonal pyramidal",
    ),
    5: ("pentagonal planar", "square pyramidal", "trigonal bipyramidal"),
    6: ("hexagonal planar", "octahedral", "pentagonal pyramidal"),
    7: ("hexagonal pyramidal", "pentagonal bipyramidal"),
    8: ("body-centered cubic", "hexagonal bipyramidal"),
    9: ("q2", "q4", "q6"),
    10: ("q2", "q4", "q6"),
    11: ("q2", "q4", "q6"),
    12: ("cuboctahedral", "q2", "q4", "q6"),
}
"""Order parameters by coordination number; pymatgen holds their settings."""
HIGHEST = 24
FEATURES = HIGHEST + sum(len(names) for names in MOTIFS.values())
STATISTICS = ("mean", "deviation", "least", "greatest")


def fingerprint(record: StructureRecord) -> NDArray[np.float64]:
    """(4 · FEATURES,) of one crystal; shared sites count as their most abundant element.

    Symmetry-equivalent sites are looked at once. Raises StructureError where CrystalNN fails.
    """
    from pymatgen.core import Element, Lattice, Structure

    elements = [Element.from_Z(int(z)) for z in record.dominant]
    structure = Structure(Lattice(record.lattice), elements, record.fractional)
    sites, counts = _distinct_sites(record)
    try:
        with warnings.catch_warnings():
            # CrystalNN says of each crystal without oxidation states that it has none.
            warnings.simplefilter("ignore")
            rows = np.array([site_fingerprint(structure, int(site)) for site in sites])
    except (ValueError, RuntimeError, IndexError, ZeroDivisionError, TypeError) as error:
        raise StructureError(f"CrystalNN: {error}") from None
    mean = counts @ rows / counts.sum()
    deviation = np.sqrt(counts @ (rows - mean) ** 2 / counts.sum())
    return np.concatenate([mean, deviation, rows.min(axis=0), rows.max(axis=0)])


def site_fingerprint(structure: Structure, site: int) -> NDArray[np.float64]:
    """(FEATURES,) of one site: by coordination number its weight, then weight · motif."""
    data = _crystal_nn().get_nn_data(structure, site)
    values: list[float] = []
    for number in range(1, HIGHEST + 1):
        weight = float(data.cn_weights.get(number, 0.0))
        values.append(weight)
        parameters = _order_parameters().get(number, ())
        if weight == 0:
            values += [0.0] * len(parameters)
            continue
        cluster = [structure[site], *(n["site"] for n in data.cn_nninfo[number])]
        around = list(range(1, len(cluster)))
        for parameter in parameters:
            value = parameter.get_order_parameters(cluster, 0, indices_neighs=around)[0]
            values.append(weight * (value or 0.0))
    return np.array(values)


def _distinct_sites(record: StructureRecord) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """First site of each orbit, and how many the orbit has."""
    # spglib's coming behaviour: raise instead of answering None.
    spglib.error.OLD_ERROR_HANDLING = False
    cell = (record.lattice, record.fractional, record.dominant)
    try:
        data = spglib.get_symmetry_dataset(cell, symprec=0.01)  # pyright: ignore[reportArgumentType]
        orbits = data.crystallographic_orbits  # pyright: ignore[reportOptionalMemberAccess]
    except spglib.error.SpglibError:
        orbits = range(len(record.dominant))
    return np.unique(np.asarray(orbits, dtype=np.int64), return_counts=True)


@lru_cache(maxsize=1)
def _crystal_nn() -> Any:
    from pymatgen.core.local_env import CrystalNN

    return CrystalNN(distance_cutoffs=None, x_diff_weight=0)


@lru_cache(maxsize=1)
def _order_parameters() -> dict[int, tuple[Any, ...]]:
    from pymatgen.core.local_env import CN_OPT_PARAMS, LocalStructOrderParams

    made: dict[int, tuple[Any, ...]] = {}
    for number, names in MOTIFS.items():
        known: dict[str, list[Any]] = CN_OPT_PARAMS.get(number, {})
        settings = [known.get(name, [name]) for name in names]
        made[number] = tuple(
            LocalStructOrderParams([kind], parameters=[options[0] if options else None])
            for kind, *options in settings
        )
    return made
