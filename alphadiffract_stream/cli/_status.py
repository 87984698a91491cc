"""``status``: what a running service has received and what became of it, run by run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import AlphaDiffractError, ConfigurationError
from ._options import Json

if TYPE_CHECKING:
    from rich.console import Group

_DEFAULT = "http://127.0.0.1:9464"
_LARGEST = 4 * 2**20
"""Bytes of an answer that are read; a service's own has a few kilobytes."""


def status(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="What `serve --metrics-port` logs.")
    ] = _DEFAULT,
    watch: Annotated[
        float | None,
        typer.Option("--watch", metavar="S", min=0.1, help="Again every S seconds, until Ctrl-C."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, help="Seconds for an answer.")
    ] = 5.0,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="With the bearer token.")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="Certificate (PEM) to trust over HTTPS."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the account of each run of a service, as it is at this moment.

    received = predicted + refused + failed + waiting; missing never came. Exit status: 0, or 1 if
    the service does not answer.
    """
    from rich.console import Console
    from rich.live import Live

    def ask() -> dict[str, Any]:
        return fetch(url, timeout, token_file, ca)

    if as_json:
        typer.echo(json.dumps(ask(), indent=2, ensure_ascii=False))
        return
    console = Console()
    if watch is None:
        console.print(page(ask()))
        return
    try:
        with Live(page(ask()), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(watch)
                live.update(page(ask()), refresh=True)
    except KeyboardInterrupt:
        return


def fetch(url: str, timeout: float, token_file: Path | None, ca: Path | None) -> dict[str, Any]:
    """What ``/status`` answers. Raises AlphaDiffractError in words where it does not."""
    import ssl
    from urllib.error import HTTPError
    from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{url!r}: give the address, e.g. {_DEFAULT}")
    place = url.rstrip("/").removesuffix("/status") + "/status"
    try:
        headers = {}
        if token_file is not None:
            headers["Authorization"] = f"Bearer {token_file.read_text('utf-8').strip()}"
        # No proxy: the service is of this machine or of this network.
        context = ssl.create_default_context(cafile=ca)
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        request = Request(place, headers=headers)  # noqa: S310 - http(s), as checked above
        with opener.open(request, timeout=timeout) as answer:
            return checked(json.loads(answer.read(_LARGEST)), place)
    except HTTPError as error:
        with error:
            said = error.read(1000).decode(errors="replace").strip()
        hint = "; give --token-file" if error.code == 401 and token_file is None else ""
        raise AlphaDiffractError(f"{place}: {error.code} {error.reason}: {said}{hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise AlphaDiffractError(
            f"{place}: no service answers ({reason}); `serve` answers there if it is given "
            "--metrics-port"
        ) from None


def checked(answer: Any, place: str) -> dict[str, Any]:
    """The answer, if a service of ours gave it."""
    if not isinstance(answer, dict) or not {"runs", "totals", "engine"} <= answer.keys():
        raise AlphaDiffractError(f"{place}: answers, but is no alphadiffract-stream")
    return answer


def page(answer: dict[str, Any]) -> Group:
    """Everything, below one another."""
    from rich.console import Group
    from rich.text import Text

    queue, service = answer["queue"], answer["service"]
    up = _duration(service["time"] - service["started"])
    stopping = ", stopping" if service["stopping"] else ""
    head = Text(f"alphadiffract-stream {service['version']}, pid {service['pid']}, up {up}")
    head.append(stopping, style="yellow")
    head.append(f"\n{queue['waiting']} of at most {queue['capacity']} wait for an answer")
    head.append(f", policy {service['policy']}\n")
    if spool := answer["spool"]:
        head.append(
            f"spool: {spool['unanswered']} events, {spool['backlog']} of them on disk only; "
            f"{spool['bytes'] / 2**20:.0f} of {spool['size'] / 2**20:.0f} MiB\n"
        )
        head.append(f"spool: {spool['trouble']}\n" if spool["trouble"] else "", style="red")
    return Group(head, _runs(answer), _endpoints(answer), _durations(answer["seconds"]))


_COUNTS = (
    *("received", "predicted", "refused", "skipped", "failed", "waiting", "missing"),
    *("duplicates", "late"),
)
_BAD = {
    "refused": "yellow",
    "skipped": "yellow",
    "failed": "red",
    "missing": "red",
    "late": "yellow",
}


def _runs(answer: dict[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    def counts(account: dict[str, Any]) -> list[Text]:
        return [Text(str(account[n]), style=_BAD.get(n, "") if account[n] else "") for n in _COUNTS]

    table = Table(
        box=None, header_style="bold", pad_edge=False, show_footer=True, padding=(0, 1, 0, 0)
    )
    table.add_column("run", "all", no_wrap=True)
    table.add_column("scan", justify="right")
    table.add_column("state", no_wrap=True)
    for name, total in zip(_COUNTS, counts(answer["totals"]), strict=True):
        table.add_column(name, total, justify="right", min_width=len(name))
    table.add_column("never came", overflow="fold")
    for run in answer["runs"]:
        listed = ranges(run["missing_seq_nums"])
        more = " …" if run["missing"] > len(run["missing_seq_nums"]) else ""
        scan = "" if run["scan_id"] is None else str(run["scan_id"])
        state = Text(run["exit_status"] or "open", style="green" if run["state"] == "open" else "")
        table.add_row(Text(run["uid"][:8]), Text(scan), state, *counts(run), listed + more)
    return table


def _endpoints(answer: dict[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    engine = answer["engine"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("\nwhat", "\nstate"):
        table.add_column(heading, no_wrap=True)
    table.add_column("\nname", overflow="fold")
    rows = [("engine", engine)] + [("fallback", engine["fallback"])] * bool(engine["fallback"])
    for kind, one in rows:
        state = "in order" if one["in_order"] else "out of order"
        name = f"{one['name']}: {one['model']} {one['version']}"
        table.add_row(kind, Text(state, style="green" if one["in_order"] else "red"), Text(name))
    for kind in ("sources", "sinks"):
        for one in answer[kind]:
            good = one["state"] in ("reading", "open")
            state = Text(one["state"], style="green" if good else "red")
            reason = f" ({one['reason']})" if one["reason"] else ""
            table.add_row(kind[:-1], state, Text(one["name"] + reason))
    return table


def _durations(seconds: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("\nstage", "count", "mean ms", "median ms", "99 % ms"):
        table.add_column(heading, justify="left" if "stage" in heading else "right")
    for stage, one in seconds.items():
        if one["count"]:
            numbers = (f"{one[key] * 1e3:.2f}" for key in ("mean", "p50", "p99"))
            table.add_row(stage, str(one["count"]), *numbers)
    return table


def ranges(numbers: list[int]) -> str:
    """``3 6-8 10`` of 3, 6, 7, 8, 10."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(map(str, part)) for part in parts)


def _duration(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}"
