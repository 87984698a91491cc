"""The account of one run: nothing is received without an answer, nothing lost without a count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Self

from ..documents import Account
from ..prediction import Status
from ._seq_nums import SeqNums

_COUNTS = (
    *("received", "predicted", "refused", "failed", "skipped"),
    *("duplicates", "late", "num_events"),
)


@dataclass(slots=True)
class RunAccount:
    """Counts of one run; ``received == predicted + refused + failed`` once every answer is out."""

    received: int = 0
    predicted: int = 0
    refused: int = 0
    failed: int = 0
    skipped: int = 0
    """Of the refused ones, those passed over for newer patterns."""
    duplicates: int = 0
    """Events that came again: counted here, neither received nor answered twice."""
    late: int = 0
    """Events that came after their gap was given up: answered, but out of order."""
    num_events: int | None = None
    """How many events the raw stop document declares."""
    _seen: SeqNums = field(default_factory=SeqNums)
    _by_descriptor: dict[str | None, SeqNums] = field(default_factory=dict)
    _backfilled: SeqNums = field(default_factory=SeqNums)

    def receive(
        self, descriptor_uid: str | None, seq_num: int | None, *, backfilled: bool = False
    ) -> bool:
        """Count one event in; False if this (descriptor, seq_num) was counted before.

        Events without a seq_num cannot be told apart: each counts. backfilled: an archive gave it,
        which may not know the descriptor; its seq_num is then counted once, whatever that is.
        """
        if seq_num is not None:
            if seq_num in self._backfilled:
                self.duplicates += 1
                return False
            if backfilled:
                self._backfilled.add(seq_num)
            numbers = self._by_descriptor.get(descriptor_uid)
            if numbers is None:
                numbers = self._by_descriptor[descriptor_uid] = SeqNums()
            if not numbers.add(seq_num):
                self.duplicates += 1
                return False
            self._seen.add(seq_num)
        self.received += 1
        return True

    def answer(self, status: Status, *, skipped: bool = False) -> None:
        """Count one answer out."""
        self.skipped += skipped
        if status is Status.REFUSED:
            self.refused += 1
        elif status is Status.FAILED:
            self.failed += 1
        else:
            self.predicted += 1

    @property
    def answered(self) -> int:
        """Events answered so far."""
        return self.predicted + self.refused + self.failed

    @property
    def waiting(self) -> int:
        """Events received and not answered yet."""
        return self.received - self.answered

    @property
    def highest(self) -> int:
        """The highest seq_num received; 0 without any."""
        return self._seen.highest

    @property
    def missing(self) -> int:
        """How many seq_nums never came, by gaps and by the count the stop document declares."""
        return sum(map(len, self._seen.gaps(self.num_events)))

    def lacks(self, seq_num: int | None) -> bool:
        """Whether this seq_num never came."""
        return seq_num is not None and seq_num not in self._seen

    def missing_seq_nums(self, limit: int) -> tuple[int, ...]:
        """The first `limit` seq_nums that never came."""
        return tuple(islice(chain.from_iterable(self._seen.gaps(self.num_events)), limit))

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {name: getattr(self, name) for name in _COUNTS} | {
            "seen": self._seen.ranges,
            "backfilled": self._backfilled.ranges,
            "by_descriptor": [[uid, one.ranges] for uid, one in self._by_descriptor.items()],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """The account `state` was taken of."""
        account = cls(**{name: state[name] for name in _COUNTS})
        account._seen = SeqNums(state["seen"])
        account._backfilled = SeqNums(state.get("backfilled", ()))
        account._by_descriptor = {uid: SeqNums(of) for uid, of in state["by_descriptor"]}
        return account

    def statement(self, limit: int) -> Account:
        """What the stop document says; it lists at most `limit` missing seq_nums."""
        return Account(
            received=self.received,
            predicted=self.predicted,
            refused=self.refused,
            failed=self.failed,
            skipped=self.skipped,
            missing=self.missing,
            missing_seq_nums=self.missing_seq_nums(limit),
        )
