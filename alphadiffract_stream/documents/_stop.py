"""The stop document's account: what was received, answered and never came."""

from __future__ import annotations

from typing import Any, Literal, cast

from ._account import Account

ExitStatus = Literal["success", "abort", "fail"]


def exit_status_of(raw: str) -> ExitStatus:
    """The raw run's exit status; one that event-model does not know counts as ``fail``."""
    return cast("ExitStatus", raw) if raw in ("success", "abort", "fail") else "fail"


def stop_account(account: Account) -> dict[str, Any]:
    """Counts, and the raw `seq_num` of the events that never came."""
    return {
        "received": account.received,
        "predicted": account.predicted,
        "refused": account.refused,
        "failed": account.failed,
        "skipped": account.skipped,
        "missing": account.missing,
        "missing_seq_nums": list(account.missing_seq_nums),
    }
