"""What the page says in words. Whatever came from documents is escaped."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from html import escape

from ..crystal import CRYSTAL_SYSTEMS
from ._board import Board
from ._fitter import Found
from ._frame import Frame, number
from ._marks import FAINT, STATUSES, SYSTEMS, UNKNOWN
from ._run import Run

QUIET = 15.0
"""s without any document after which a run is no longer called live."""


def headline(board: Board, run: Run | None, now: float | None = None) -> str:
    """Live or not, and which run."""
    now = time.time() if now is None else now
    shape, words = _liveness(board, run, now)
    title = escape(run.title) if run else "no run yet: waiting for the first documents"
    return (
        f'<p class="live" role="status"><span aria-hidden="true">{shape}</span> {words}</p>'
        f'<p class="run">{title}</p>'
    )


def _liveness(board: Board, run: Run | None, now: float) -> tuple[str, str]:
    if run is None:
        return "○", "WAITING"
    if run.stopped:
        return "■", "RUN ENDED" if run.stopped == "success" else f"RUN ENDED: {escape(run.stopped)}"
    if run is not board.current:
        return "■", "AN OLDER RUN"
    if board.last_heard is None or now - board.last_heard > QUIET:
        return "▲", "NOTHING HEARD"
    return "▶", "LIVE"


def answer(run: Run | None, frame: Frame | None) -> str:
    """Crystal system, space group and cell of the frame shown, to be read across a room."""
    if run is None or frame is None:
        return '<p class="frame">no frame yet</p>'
    mark = STATUSES.get(frame.status, UNKNOWN)
    motor = run.motor
    place = f" · {escape(motor)} = {frame.motors[motor]:.5g}" if motor in frame.motors else ""
    said = [
        f'<p class="frame">frame <b id="frame-number">{frame.seq_num}</b>{place}</p>',
        f'<p class="status" style="color:{mark.colour}"><span aria-hidden="true">{mark.shape}'
        f"</span> {escape(mark.words)}</p>",
    ]
    data = frame.prediction or {}
    if frame.predicted:
        system = str(data.get("crystal_system", ""))
        colour = SYSTEMS[system].colour if system in SYSTEMS else FAINT
        p, std = (
            number(data.get("crystal_system_probability")),
            number(data.get("crystal_system_std")),
        )
        said += [
            f'<p class="system" style="border-color:{colour}">{escape(system)}</p>',
            f'<p class="probability">{percent(p)}{plus_minus(std)}</p>',
            f'<p class="group">{escape(str(data.get("space_group_symbol", "")))} '
            f"<small>no. {int(number(data.get('space_group_number')) or 0)}, "
            f"{percent(number(data.get('space_group_probability')))}</small></p>",
            cell_line("network", frame.cell("conventional")),
        ]
    reason = str(data.get("reason") or frame.refusal)
    return "".join(said) + (f'<p class="reason">{escape(reason)}</p>' if reason else "")


def fit_line(found: Found) -> str:
    """How well lines near the network's answer explain the peaks."""
    fit = found.fit
    if fit is None:
        words = "no lattice of the candidates explains the peaks"
        return f'<p class="fit">{words if found.looked else "comparing with the peaks…"}</p>'
    older = "" if found.looked else f" (frame {found.seq_num})"
    return (
        f'<p class="fit"><b>{fit.explained} of {fit.peaks} peaks</b> explained by '
        f"{escape(fit.setting)} (no. {fit.space_group_number}); {fit.chance:.1f} by chance{older}"
        "</p>" + cell_line("on the peaks", fit.cell)
    )


def cell_line(name: str, cell: Sequence[float]) -> str:
    """Six numbers with their units; nothing where they are not known."""
    if not all(map(math.isfinite, cell)):
        return ""
    lengths = " ".join(f"{x:.3f}" for x in cell[:3])
    angles = " ".join(f"{x:.4g}°" for x in cell[3:])
    return f'<p class="cell"><span>{escape(name)}</span> {lengths} Å · {angles}</p>'


def bars(frame: Frame | None) -> str:
    """Seven crystal systems and the five most probable space groups, with uncertainty."""
    data = (frame.prediction if frame is not None and frame.predicted else None) or {}
    best = str(data.get("crystal_system", ""))
    chances = list(data.get("crystal_system_probabilities") or [0.0] * 7)
    systems = [
        _bar(name, number(p), number(data.get("crystal_system_std")) if name == best else 0.0,
             SYSTEMS[name].colour, name == best)
        for name, p in zip(CRYSTAL_SYSTEMS, chances, strict=False)
    ]  # fmt: skip
    columns = ("numbers", "symbols", "probabilities", "stds")
    rows = zip(*(list(data.get(f"space_group_{c}") or []) for c in columns), strict=False)
    groups = [
        _bar(f"{symbol} ({no})", number(p), number(std), SYSTEMS[_system(no)].colour, i == 0)
        for i, (no, symbol, p, std) in enumerate(rows)
        if no
    ]
    return (
        f'<h2>Crystal system</h2><div class="bars">{"".join(systems)}</div>'
        f'<h2>Space group, five most probable</h2><div class="bars">{"".join(groups)}</div>'
    )


def _system(group: int) -> str:
    from ..crystal import crystal_system_of

    return crystal_system_of(group) if 1 <= int(group) <= 230 else "triclinic"


def _bar(name: str, p: float, std: float, colour: str, best: bool) -> str:
    share = 100 * min(1.0, max(0.0, p if math.isfinite(p) else 0.0))
    spread = 100 * std if math.isfinite(std) else 0.0
    low, high = max(0.0, share - spread), min(100.0, share + spread)
    whisker = f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i>' if spread else ""
    return (
        f'<div class="bar{" best" if best else ""}" role="meter" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share:.0f}" aria-label="{escape(name)}">'
        f'<span class="name">{"▸ " if best else ""}{escape(name)}</span><span class="rail">'
        f'<b style="width:{share:.1f}%;background:{colour}"></b>{whisker}</span>'
        f'<span class="value">{percent(p)}{plus_minus(std) if best else ""}</span></div>'
    )


def account(board: Board, run: Run | None) -> str:
    """Throughput, and what became of every frame."""
    latency = board.latency
    rows = [
        ("patterns a second", f"{board.pattern_rate:.1f}"),
        ("answers a second", f"{board.rate:.1f}"),
        ("service, median", "–" if latency is None else f"{latency:.1f} ms"),
    ]
    if run is not None:
        rows += [
            ("patterns", f"{run.patterns}"),
            ("answered", f"{sum(run.counts.values())}"),
            ("waiting", f"{run.waiting}"),
            *((STATUSES.get(s, UNKNOWN).words, f"{n}") for s, n in sorted(run.counts.items())),
            ("gaps (missing numbers)", f"{run.missing}"),
        ]
        if run.forgotten:
            rows.append(("older frames, no longer kept", f"{run.forgotten}"))
        if run.account:
            said = ", ".join(f"{n} {name}" for name, n in run.account.items())
            rows.append(("the service's account", said))
        if run.model:
            rows.append(("model", run.model))
    if board.dropped:
        rows.append(("not read by this page", f"{board.dropped}: {board.last_dropped[:80]}"))
    cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return f"<h2>Throughput and losses</h2><table>{cells}</table>"


def percent(p: float) -> str:
    """A probability as people say it."""
    return f"{100 * p:.0f} %" if math.isfinite(p) else "–"


def plus_minus(std: float) -> str:
    """± in per cent; nothing where one network alone has no spread."""
    return f" <small>± {100 * std:.0f}</small>" if math.isfinite(std) and std > 0 else ""
