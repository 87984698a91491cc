"""The report's section on lattices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import _paper as paper
from ._assess import Assessment
from ._markdown import Drawn, Row, images, markdown_table
from ._metrics import LATTICE
from ._same_cell import ANGLE_TOLERANCE, LENGTH_TOLERANCE


def lattice(main: Sequence[Assessment], others: Sequence[Assessment], drawn: Drawn) -> str:
    """Errors of the cells beside naive answers and the paper's; empty where no cell is known."""
    found = [a for a in (*main, *others) if a.metrics.lattice]
    if not found:
        return ""
    rows: list[Row] = []
    for a in found:
        right = "" if a.metrics.cells_found is None else f"{100 * a.metrics.cells_found:.1f}"
        rows.append((a.network, a.labelled.name, *_errors(a.metrics.lattice), right))
        for label, naive in (
            (f"naive: mean cell of {a.baselines.prior}", a.baselines.mean_cell),
            ("naive: mean cell of the predicted system", a.baselines.predicted_system_cell),
            ("mean cell of the true system", a.baselines.true_system_cell),
        ):
            if naive:
                rows.append((label, a.labelled.name, *_errors(naive), ""))
    names = ("lengths MAE / Å", "MAPE / %", "R²", "angles MAE / °", "MAPE / %", "R²")
    beside = ("network", "set", *names, "found / %")
    cited = [(label, *values) for label, values in paper.TABLE_3_LATTICE.items()]
    single: list[Row] = []
    for a in found:
        for quantity, digits in (("mae", 2), ("mape", 1), ("r2", 2)):
            values = [a.metrics.lattice[p] for p in LATTICE]
            cells = [_with_std(v[quantity], v[f"{quantity}_std"], digits) for v in values]
            title = {"mae": "MAE", "mape": "MAPE", "r2": "R²"}[quantity]
            single.append((f"{title}, {a.labelled.name}", *cells))
    own = [(f"{label} (paper)", *values) for label, values in paper.SUPPLEMENTARY_TABLE_2.items()]
    return f"""## Lattice (Table 3)

Niggli-reduced cells. *Found*: within {LENGTH_TOLERANCE:.0%} in every length and
{ANGLE_TOLERANCE:g}° in every angle, up to the order and the sign of the axes.

{markdown_table(beside, rows)}

The paper:

{markdown_table(("", *names), cited)}

By parameter (supplementary Table 2; Å, °, %):

{markdown_table(("", "a", "b", "c", "α", "β", "γ"), [*single, *own])}

{images(drawn, "lattice")}"""


def _errors(values: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        _with_std(values[part][quantity], values[part][f"{quantity}_std"], 2)
        for part in ("lengths", "angles")
        for quantity in ("mae", "mape", "r2")
    ]


def _with_std(value: float, std: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return f"{text} ± {std:.{digits}f}" if std else text
