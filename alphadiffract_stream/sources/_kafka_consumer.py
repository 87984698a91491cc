"""A Kafka consumer that commits only what it is told to, and says what was taken from it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from ..errors import ConfigurationError
from ._kafka_offsets import Offsets, Partition

log = logging.getLogger(__name__)

_BATCH = 100
_PATIENCE = 10.0
"""s for the answer to a question to the brokers."""
_AT_LAST = 5.0
"""s for the last commit."""
_PASSED_OVER = (KafkaError._PARTITION_EOF,)


class GroupConsumer:
    """One member of a consumer group. Blocking; meant for a thread of its own.

    earliest: where a group that never committed begins: at the oldest message there is, or else
    with what comes from now on. That beginning is committed at once, so that whoever takes over
    before the first run is done with does not begin later.
    Raises ConfigurationError for properties librdkafka does not know.
    """

    def __init__(
        self,
        name: str,
        topics: list[str],
        properties: dict[str, Any],
        offsets: Offsets,
        *,
        earliest: bool,
    ) -> None:
        self.name = name
        self._offsets = offsets
        self._earliest = earliest
        self._revoked: list[Partition] = []
        self._assigned_now: set[Partition] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._told: set[int] = set()
        self._later: set[str] = set()
        """Topics that came into being after this subscribed: everything in them is new."""
        try:
            self._consumer = Consumer(
                {
                    "partition.assignment.strategy": "cooperative-sticky",
                    "topic.metadata.refresh.interval.ms": 5000,
                    **properties,
                    "enable.auto.commit": False,
                    "error_cb": self._trouble,
                    "logger": logging.getLogger(f"{__name__}.librdkafka"),
                }
            )
            self._consumer.subscribe(
                topics, on_assign=self._assigned, on_revoke=self._revoke, on_lost=self._lost
            )
        except (KafkaException, TypeError, ValueError) as error:
            raise ConfigurationError(f"{name}: {error}") from None

    def poll(self, patience: float) -> tuple[list[Partition], list[Message]]:
        """Partitions that others read now, and messages of those this member reads.

        Waits at most `patience` s for the first message. Raises KafkaException where it cannot
        go on at all.
        """
        with self._lock:
            if self._closed:
                return [], []
            first = self._consumer.poll(patience)
            messages = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
            revoked, self._revoked = self._revoked, []
        read = [m for m in messages if self._is_message(m)]
        # What is no longer this member's comes again, to its new reader.
        return revoked, [m for m in read if (m.topic(), m.partition()) not in revoked]

    @property
    def partitions(self) -> int:
        """How many this member reads at the moment."""
        return len(self._assigned_now)

    def partitions_of(self, topic: str) -> int:
        """How many there are, as far as is known without asking for long."""
        try:
            return len(self._consumer.list_topics(topic, timeout=2).topics[topic].partitions)
        except KafkaException:
            return 0

    def commit(self) -> None:
        """Write down how far everything is answered; a failure is logged and tried again."""
        positions = self._offsets.to_commit()
        if not positions or self._closed:
            return
        marks = [TopicPartition(topic, number, at) for (topic, number), at in positions.items()]
        try:
            self._consumer.commit(offsets=marks, asynchronous=False)
        except KafkaException as error:
            log.warning("%s: offsets not committed: %s", self.name, error)
        else:
            self._offsets.committed(positions)

    def close(self) -> None:
        """Commit, and leave the group: the others take over at once. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._commit_at_last()
            self._closed = True
            self._consumer.close()

    def _commit_at_last(self) -> None:
        """Brokers take no offsets in the middle of a rebalance, which goes on while polled."""
        self.commit()
        until = time.monotonic() + _AT_LAST
        while self._offsets.to_commit() and time.monotonic() < until:
            self._consumer.poll(0.2)
            self.commit()

    # Called by librdkafka, inside of poll and close

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("%s: reads %s", self.name, _named(partitions))
        try:
            partitions = consumer.committed(partitions, timeout=_PATIENCE)
            fresh = [p for p in partitions if p.offset < 0]
            for partition in fresh:
                low, high = consumer.get_watermark_offsets(partition, timeout=_PATIENCE)
                new = self._earliest or partition.topic in self._later
                partition.offset = low if new else high
            if fresh:
                consumer.commit(offsets=fresh, asynchronous=False)
        except KafkaException as error:
            log.warning("%s: where to begin is left to the brokers: %s", self.name, error)
            for partition in partitions:
                partition.offset = OFFSET_INVALID
        consumer.incremental_assign(partitions)
        self._assigned_now |= {(p.topic, p.partition) for p in partitions}

    def _revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("%s: gives up %s", self.name, _named(partitions))
        self.commit()
        self._lost(_, partitions)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        lost = [(p.topic, p.partition) for p in partitions]
        self._revoked += lost
        self._assigned_now.difference_update(lost)

    def _trouble(self, error: KafkaError) -> None:
        if error.fatal():
            log.error("%s: %s", self.name, error)
        else:
            log.warning("%s: %s", self.name, error)

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal():
            raise KafkaException(error)
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._later.add(message.topic() or "")
        if error.code() not in (*_PASSED_OVER, *self._told):
            self._told.add(error.code())
            log.warning("%s: %s", self.name, error)
        return False


def _named(partitions: list[TopicPartition]) -> str:
    return ", ".join(f"{p.topic} {p.partition}" for p in partitions) or "nothing"
