from __future__ import annotations

import pytest

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.service import _newest
from alphadiffract_stream.service._lag import Lag
from alphadiffract_stream.service._newest import Newest


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_counts_from_the_most_punctual_event_whatever_the_clocks_say():
    clock = Clock()
    lag = Lag(clock)
    for late, expected in ((-40.0, 0.0), (-39.9, 0.1), (-39.2, 0.8), (-40.5, 0.0), (-40.0, 0.5)):
        lag.note(clock.now - late)
        assert lag.seconds == pytest.approx(expected, abs=1e-9)
    lag.note(None)
    assert lag.seconds == pytest.approx(0.5), "an event without a time says nothing"


def test_a_clock_that_drifts_is_followed():
    clock = Clock()
    lag = Lag(clock)
    lag.note(clock.now)
    clock.now += 3600
    lag.note(clock.now - 1.0)
    assert lag.seconds == 0, "a second in an hour is drift"


def newest(monkeypatch, late: list[float]) -> Newest:
    """One that has passed over events that came `late` s after they happened."""
    clock = Clock()
    monkeypatch.setattr(_newest, "Lag", lambda: Lag(clock))

    async def always() -> None: ...

    made = Newest(0.1, lambda: 8, always)
    for seconds in late:
        made.passed_over(Origin(time=clock.now - seconds))
    return made


def test_the_engine_is_held_back_only_while_reading_is_behind(monkeypatch):
    assert newest(monkeypatch, []).pause == 0
    assert newest(monkeypatch, [0.0, 0.1]).pause == 0
    little, much = (newest(monkeypatch, [0.0, late]).pause for late in (0.4, 1.4))
    assert 0 < little < much < 0.1


def test_without_a_flood_nothing_is_held_back(monkeypatch):
    made = newest(monkeypatch, [0.0, 2.0])
    assert made.pause > 0
    monkeypatch.setattr(_newest, "_RECENT", -1.0)
    assert made.pause == 0
