"""The account of one run as it is told to whoever asks while the service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from ._run import Run

_MISSING_LISTED = 20


class RunRecord(TypedDict):
    """``received == predicted + refused + failed + waiting``, at any moment.

    What the experiment made is ``received + missing``, as far as gaps in seq_num and the count of
    the raw stop document show it.
    """

    uid: str
    scan_id: Any
    sources: list[str]
    opened: float
    """Unix time, s."""
    state: str
    """``open``, ``stopping`` (its stop came, answers are under way) or ``closed``."""
    exit_status: str | None
    received: int
    predicted: int
    refused: int
    failed: int
    skipped: int
    """Of the refused ones, those passed over for newer patterns (policy ``latest``)."""
    waiting: int
    unkept: int
    """Of the received ones, those that would not outlive the service now: with a spool, what is
    not written yet; without, what is not answered yet."""
    missing: int
    missing_seq_nums: list[int]
    """The first of them."""
    duplicates: int
    late: int
    num_events: int | None
    """Of the raw run, once its stop document has said it."""


def record(run: Run, *, is_open: bool = True) -> RunRecord:
    """The account of `run` at this moment."""
    account = run.account
    state = "closed" if not is_open else "stopping" if run.exit_status else "open"
    return RunRecord(
        uid=run.uid,
        scan_id=run.scan_id,
        sources=sorted(run.sources),
        opened=run.opened_at,
        state=state,
        exit_status=run.exit_status,
        received=account.received,
        predicted=account.predicted,
        refused=account.refused,
        failed=account.failed,
        skipped=account.skipped,
        waiting=account.waiting,
        unkept=run.unkept,
        missing=account.missing,
        missing_seq_nums=list(account.missing_seq_nums(_MISSING_LISTED)),
        duplicates=account.duplicates,
        late=account.late,
        num_events=account.num_events,
    )
