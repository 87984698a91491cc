"""Changes as a person reads them."""

from __future__ import annotations

from ._answers import Change


def told(change: Change | None) -> str:
    """Points with their 95 % interval; bold where it leaves out zero."""
    if change is None:
        return ""
    share = change.share
    text = f"{100 * share.difference:+.2f} ± {100 * share.interval:.2f}".replace("-", "−")
    return f"**{text}**" if share.decided else text
