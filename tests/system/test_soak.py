"""The soak itself, shortened: everything answered, the account whole, memory watched."""

from __future__ import annotations

import os

import pytest

from tools.soak._flat import flatness
from tools.soak._soak import Offered, soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.35"))


@pytest.mark.timeout(90 * MINUTES + 240)
def test_nothing_is_lost_and_the_memory_stays(tmp_path):
    """Set SOAK_MINUTES=5 for one that can tell whether memory is flat."""
    long = MINUTES >= 3
    offered = Offered(
        minutes=MINUTES,
        rate=200.0 if long else 40.0,
        run=20.0 if long else 3.0,
        options=("--spool", str(tmp_path / "spool")),
    )
    found = soak(offered, interval=0.5)
    assert found.runs > 1
    assert found.sent > 0
    assert (found.unanswered, found.twice, found.lost) == (0, 0, 0)
    assert found.account == {
        "received": found.sent,
        "predicted": found.sent,
        "refused": 0,
        "failed": 0,
        "missing": 0,
    }
    assert sum(spread.count for spread in found.minutes) == found.sent
    flat = flatness(found.memory, 60 * MINUTES * 0.3)
    # A process this young still fills its pools; of a leak the long one tells.
    assert flat.deviation < (0.05 if long else 0.5)


def test_growth_is_seen():
    flat = flatness([(float(at), 1000 + at) for at in range(200)], 100)
    assert flat.growth == pytest.approx(3600)
    assert flat.deviation == pytest.approx(50 / 1150, rel=0.1)
    steady = flatness([(float(at), 1000) for at in range(200)], 100)
    assert (steady.growth, steady.deviation) == (pytest.approx(0, abs=1e-6), 0)
