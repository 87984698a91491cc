"""Two networks on the same patterns, by kind of crystal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from alphadiffract_stream.prediction import SIGNATURE, Outputs
from tests.support import make_tiny_model
from training.commands import app
from training.evaluation import Structures, kind_of, side_by_side
from training.reflections import ReflectionStore, SymmetryTables, write_pack


def answers(groups: list[int], cells: np.ndarray) -> Outputs:
    """Sure of `groups` (1…230), and cubic."""
    columns = {name: np.zeros((len(groups), width or 4), "f4") for name, width in SIGNATURE.items()}
    columns["space_group"][np.arange(len(groups)), np.array(groups) - 1] = 1
    columns["crystal_system"][:, 6] = 1
    columns["lattice"] = cells.astype(np.float32)
    return Outputs(**columns)


def test_every_respect_is_counted_by_itself(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    labelled = Structures(store, symmetry).drawn(np.array([0, 0, 1, 1]), "paper", "some")
    assert labelled.space_group.tolist() == [225, 225, 221, 221]
    right, wrong = labelled.niggli, labelled.niggli * 1.1
    first = answers([225, 225, 221, 14], right)
    second = answers([225, 14, 221, 14], np.concatenate([right[:1], wrong[1:]]))
    rows = side_by_side(first, second, labelled)
    assert [(r.first, r.second) for r in rows.values()] == [
        (1, 1),
        (0.75, 0.5),
        (0.75, 0.5),
        (1, 0.25),
    ]
    half = side_by_side(first, second, labelled, np.array([True, True, False, False]))
    assert (half["space group"].first, half["space group"].second) == (1, 0.5)
    unknown = replace(labelled, niggli=np.full((4, 6), np.nan))
    assert "cell" not in side_by_side(first, second, unknown)


def test_kinds_are_told_by_name_and_flag(store: ReflectionStore) -> None:
    names = np.array(["mp-1", "mp-2:Al+Si", "mp-3", "amcsd-4", *store.identifier[4:]])
    flags = np.zeros(len(store), dtype=np.bool_)
    flags[[1, 2]] = True
    some = replace(store, identifier=names, theoretical=flags)
    kinds = kind_of(some, np.array([2, 1, 0, 3])).tolist()
    assert kinds == ["computed", "disordered", "measured", "mineral"]


def test_the_command_tells_kinds_apart(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    other = replace(store, family=np.zeros_like(store.family), theoretical=~store.theoretical)
    kept = replace(store, family=np.full_like(store.family, 9_999))
    write_pack(ReflectionStore.concatenate([kept, other]), symmetry, tmp_path / "pack.npz")
    network = make_tiny_model(tmp_path)
    given = ["side-by-side", str(network), str(network)]
    nothing = CliRunner().invoke(app, given)
    assert nothing.exit_code == 2
    assert "--structures" in nothing.output
    options = ["--structures", str(tmp_path / "pack.npz"), "--patterns", "40"]
    result = CliRunner().invoke(app, [*given, *options], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "new crystals" in result.output
    assert "known crystals" in result.output
    assert "+0.00 ± 0.00" in result.output
    # Held out are those of family 0, which were only computed.
    new, known = result.output.split("known crystals")
    assert "computed" in new
    assert "measured" not in new
    assert "computed" not in known
    assert "measured" in known


def test_no_held_out_structures_are_refused(
    store: ReflectionStore, symmetry: SymmetryTables, tmp_path: Path
) -> None:
    all_kept = replace(store, family=np.full_like(store.family, 9_999))
    write_pack(all_kept, symmetry, tmp_path / "pack.npz")
    network = str(make_tiny_model(tmp_path))
    given = ["side-by-side", network, network, "--structures", str(tmp_path / "pack.npz")]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 2
    assert "no new structure" in " ".join(result.output.split())
