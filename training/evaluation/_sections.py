"""The report's text: one function a section, tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alphadiffract_stream.prediction import CRYSTAL_SYSTEMS

from . import _paper as paper
from ._assess import Assessment
from ._lattice_section import lattice
from ._markdown import Drawn, Row, images, markdown_table
from ._metrics import TOP, Metrics
from ._networks import Contender
from ._seen import RULE


def markdown(
    contender: Contender,
    main: Sequence[Assessment],
    others: Sequence[Assessment],
    drawn: Drawn,
    command: str,
) -> str:
    """The whole report."""
    parts = [
        _head(contender, main, command),
        _classes(main, others),
        _graph(main, others, drawn),
        _systems(main, drawn),
        lattice(main, others, drawn),
        _trust(main, drawn),
        _ensemble(main, drawn),
        _seen(main, drawn),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(contender: Contender, main: Sequence[Assessment], command: str) -> str:
    cards = [engine.card for engine in contender.engines]
    networks = markdown_table(
        ("network", "members", "parameters", "trained on", "SHA-256"),
        [
            (
                f"{c.name} {c.version}",
                str(c.members),
                f"{c.parameters:,}".replace(",", " "),
                c.training_set,
                f"`{c.sha256[:16]}…`",
            )
            for c in cards
        ],
    )
    sets = markdown_table(
        ("set", "patterns", "structures", "known cells", "background removed by"),
        [
            (
                a.labelled.name,
                str(a.metrics.patterns),
                str(a.metrics.structures),
                str(a.metrics.lattices),
                "simulated" if a.labelled.simulated else a.background or "not removed",
            )
            for a in main
        ],
    )
    return f"""# {contender.label}, evaluated

```console
$ {command}
```

{networks}

{sets}

Every pattern of every set is answered and counted. Accuracies carry half-widths of 95 % intervals
by §5.6 of the [paper](https://arxiv.org/abs/2603.23367): spread of the members (equation 7; none
for one member) and of the structures (equations 8 and 9) in quadrature; the paper gives the first
alone for RRUFF. Lattice errors carry standard deviations by equations 10 to 13, where there are
several members or several patterns a structure. The paper's own numbers stand beside for
orientation: its RRUFF selection (734 patterns; 240 cells) and its validation sets are not these."""


def _classes(main: Sequence[Assessment], others: Sequence[Assessment]) -> str:
    def rows(head: str) -> list[Row]:
        found = []
        for a in (*main, *others):
            m, b = a.metrics, a.baselines
            average = _percent(getattr(a.sizes[0], head)) if a.sizes else ""
            found.append(
                (
                    a.network,
                    a.labelled.name,
                    _accuracy(getattr(m, f"{head}_top1"), getattr(m, f"{head}_interval")),
                    _points(getattr(m, f"{head}_model_interval")),
                    average,
                    _percent(getattr(b, f"{head}_majority")),
                    _percent(getattr(b, f"{head}_random")),
                    _percent(getattr(m, f"baseline_{head}")),
                )
            )
        return found

    columns = (
        *("network", "set", "accuracy / %", "of which (7)", "mean of single networks"),
        *("naive: commonest in training", "naive: at random by frequency", "commonest of the set"),
    )
    top = markdown_table(
        ("network", "set", *(f"top-{k}" for k in TOP)),
        [
            (a.network, a.labelled.name, *(_percent(a.metrics.group_top[str(k)]) for k in TOP))
            for a in (*main, *others)
        ],
    )
    prior = ", ".join(sorted({a.baselines.prior for a in main}))
    return f"""## Crystal system (Table 1)

{markdown_table(columns, rows("system"))}

The paper and what it cites, %:

{_reference(paper.TABLE_1_SYSTEM)}

## Space group (Table 2)

{markdown_table(columns, rows("group"))}

The true group among the first k, %:

{top}

The paper and what it cites, %:

{_reference(paper.TABLE_2_GROUP)}

Frequencies of the naive answers are those of: {prior}."""


def _graph(main: Sequence[Assessment], others: Sequence[Assessment], drawn: Drawn) -> str:
    found = [a for a in (*main, *others) if a.metrics.graph_distance is not None]
    if not found:
        return ""
    rows = []
    for a in found:
        shares = a.metrics.graph_distance or []
        near = a.metrics.within_one_edge or 0.0
        rows.append((a.network, a.labelled.name, *map(_percent, shares[:7]), _percent(near)))
    table = markdown_table(("network", "set", *(str(k) for k in range(7)), "within one edge"), rows)
    return f"""## Distance in the subgroup graph (Figures 2c–e and 3b)

Share of predictions at each number of edges from the true group, %; open bars sum up. The paper has
{paper.WITHIN_ONE_EDGE} % of RRUFF within one edge.

{table}

{images(drawn, "graph")}"""


def _systems(main: Sequence[Assessment], drawn: Drawn) -> str:
    rows = []
    for name in CRYSTAL_SYSTEMS:
        cells = []
        for a in main:
            found = a.metrics.per_system.get(name)
            cells.append(
                f"{100 * found['system_top1']:.1f} / {100 * found['group_top1']:.1f} "
                f"({found['patterns']:.0f})"
                if found
                else "none in the set"
            )
        rows.append((name, *cells))
    cubic = "; ".join(f"{name} {s} / {g}" for name, (s, g) in paper.CUBIC.items())
    return f"""## By crystal system (supplementary Figure 5)

Accuracy of crystal system / space group, % (patterns). The paper's text gives
cubic alone: {cubic}.

{markdown_table(("true system", *(a.labelled.name for a in main)), rows)}

{images(drawn, "systems")}"""


def _trust(main: Sequence[Assessment], drawn: Drawn) -> str:
    rows = []
    for a in main:
        for head, title in (("system", "crystal system"), ("group", "space group")):
            m = a.metrics
            risk = m.risk_coverage[head]
            rows.append(
                (
                    *(a.labelled.name, title, f"{getattr(m, f'{head}_ece'):.3f}"),
                    *(_percent(risk["50%"]), _percent(risk["80%"])),
                    *(_percent(getattr(m, f"{head}_top1")), f"{risk['mean_risk']:.3f}"),
                )
            )
    columns = (
        *("set", "head", "ECE", "most confident 50 %", "most confident 80 %", "all"),
        "mean risk",
    )
    return f"""## Can the probabilities be trusted?

Expected calibration error (15 bins), and accuracy (%) of the patterns the network is most confident
of: the risk–coverage curve.

{markdown_table(columns, rows)}

{images(drawn, "trust")}"""


def _ensemble(main: Sequence[Assessment], drawn: Drawn) -> str:
    rows = [
        (
            *(a.labelled.name, str(p.size), str(p.subsets)),
            *(_accuracy(p.system, p.system_interval), _accuracy(p.group, p.group_interval)),
        )
        for a in main
        for p in a.sizes
    ]
    if not rows:
        return ""
    columns = ("set", "networks", "choices of them", "crystal system / %", "space group / %")
    return f"""## Size of the ensemble (Figure 3a)

Mean over all choices of so many networks (forty where there are more); ± equation (7).

{markdown_table(columns, rows)}

{images(drawn, "ensemble")}"""


def _seen(main: Sequence[Assessment], drawn: Drawn) -> str:
    rows: list[Row] = []
    for a in main:
        if a.parts:
            rows.append((a.labelled.name, "all", *_part(a.metrics)))
            rows += [(a.labelled.name, name, *_part(m)) for name, m in a.parts.items()]
    if not rows:
        return ""
    columns = (
        *("set", "part", "patterns", "crystal system / %", "space group / %", "top-5 / %"),
        *(
            "within one edge / %",
            "lengths MAE / Å",
            "MAPE / %",
            "angles MAE / °",
            "cells found / %",
        ),
    )
    pairs: list[Row] = []
    for a in main:
        if a.counterpart:
            for title, m in zip(("as measured", "simulated"), a.counterpart, strict=True):
                pairs.append((a.labelled.name, title, *_part(m)))
    beside = f"""

### The same crystals, simulated (supplementary Figure 6)

Patterns drawn as the paper draws them (Table 5, equations 1–3) of the structures the seen patterns
match. What is lost from here to the measured pattern is lost to the measurement; what is lost here
already is lost to the network, as most of these structures were trained on. The paper gains
{paper.SIMULATED_GAIN} points of space-group accuracy so.

{markdown_table(columns, pairs)}

{images(drawn, "seen")}"""
    return f"""## With and without structures trained on

{RULE}

{markdown_table(columns, rows)}{beside if pairs else ""}"""


def _part(m: Metrics) -> Row:
    return (
        str(m.patterns),
        _accuracy(m.system_top1, m.system_interval),
        _accuracy(m.group_top1, m.group_interval),
        _percent(m.group_top5),
        "" if m.within_one_edge is None else _percent(m.within_one_edge),
        "" if m.length_mae is None else f"{m.length_mae:.2f} ({m.lattices})",
        "" if m.length_mape is None else f"{m.length_mape:.1f}",
        "" if m.angle_mae is None else f"{m.angle_mae:.2f}",
        "" if m.cells_found is None else _percent(m.cells_found),
    )


def _reference(rows: Mapping[str, Row]) -> str:
    return markdown_table(
        ("", *paper.COLUMNS), [(label, *values) for label, values in rows.items()]
    )


def _accuracy(value: float, interval: float) -> str:
    return f"{100 * value:.2f} ± {100 * interval:.2f}"


def _points(interval: float) -> str:
    return f"± {100 * interval:.2f}" if interval else ""


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"
