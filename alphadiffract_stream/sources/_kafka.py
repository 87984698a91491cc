"""Bluesky documents from Kafka, as ``bluesky_kafka.Publisher`` sends them.

``kafka://BROKER:9092,BROKER:9092/TOPIC?group=NAME``. See docs/reference/wire.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from confluent_kafka import Message as KafkaMessage
from pydantic import Field

from ..errors import DecodeError
from ..pattern import Origin
from ..urls import Url
from ..wire import (
    DEFAULT_MAX_MESSAGE,
    brokers_of,
    decode_pair,
    properties_of,
    read_options,
    topics_of,
)
from ._assembler import Assembler
from ._decoding import Decoding
from ._document_options import DocumentOptions
from ._external import filled
from ._kafka_consumer import GroupConsumer
from ._kafka_offsets import Offsets
from ._messages import Dropped, Message, Remembered, RunStarted

log = logging.getLogger(__name__)

TRANSPORT = "kafka"
_POLL = 0.1
"""s; also how late the assembler's time limits may be, and how long closing takes."""
_COMMIT = 1.0
"""s between commits."""


class Options(DocumentOptions):
    """The query part of the URL."""

    group: Annotated[str, Field(min_length=1)] = "alphadiffract"
    """Services of one group share the runs; each group answers all of them."""
    start: Literal["latest", "earliest"] = "latest"
    """Where a group begins that the brokers do not know: with what comes from now on, or with
    the oldest message they keep."""
    config: str = ""
    """File of librdkafka properties: security.protocol=…, sasl.password=…"""
    max_message: Annotated[int, Field(ge=1)] = DEFAULT_MAX_MESSAGE
    """Bytes."""


class KafkaSource:
    """One member of a consumer group.

    What it reads is committed once it is answered: a run's offsets only when the run is closed
    and its answers have gone to every sink. So a run is read again, by whoever takes over, if
    this service dies or loses the partition before; the answers then have the same uids again.
    """

    def __init__(self, url: Url, options: Options, wavelength: float | None) -> None:
        self.name = url.text
        self._options = options
        self._topics = topics_of(url)
        self._filler = options.filler()
        self._assembler = Assembler(
            options.keys,
            TRANSPORT,
            url.text,
            wavelength,
            patience=options.patience,
            external=self._filler is not None,
            integrator=options.integrator(),
        )
        self._offsets = Offsets()
        self.decoding = Decoding()
        properties = properties_of(url, options.config)
        properties |= {"bootstrap.servers": brokers_of(url), "group.id": options.group}
        earliest = options.start == "earliest"
        self._consumer = GroupConsumer(
            url.text, self._topics, properties, self._offsets, earliest=earliest
        )
        self._unsettled: set[str] = set()
        """Runs the service has not done with."""
        self._closing = False
        self._reading = False
        self._leaving: asyncio.Task[None] | None = None
        self._next_commit = 0.0
        self._told_of_keys = False

    async def __aiter__(self) -> AsyncIterator[Message]:
        self._reading = True
        try:
            while not self._closing:
                revoked, received = await asyncio.to_thread(self._consumer.poll, _POLL)
                theirs = self._offsets.revoke(revoked)
                self._unsettled.difference_update(theirs)
                for message in self._assembler.release(theirs):
                    yield message
                for one in received:
                    async for message in filled(self._filler, self.decoding(self._take, one)):
                        yield self._noted(message)
                async for message in filled(self._filler, self._assembler.expire()):
                    yield self._noted(message)
                await self._commit()
        finally:
            self._reading = False
            if self._filler is not None:
                self._filler.close()
        # Whoever reads on begins with the runs that are open now; so do not close them here.
        for message in self._assembler.release(self._assembler_runs()):
            yield message
        self._leave_if_done()

    @property
    def partitions(self) -> int:
        """How many this member reads at the moment."""
        return self._consumer.partitions

    def recall(self, runs: Sequence[Remembered]) -> None:
        """Nothing to do: what is not committed is read again, and the runs go on with it."""

    def settled(self, run_uid: str) -> None:
        """All answers of this run have gone to every sink."""
        self._unsettled.discard(run_uid)
        if self._closing and not self._reading:
            self._leave_if_done()

    async def close(self) -> None:
        """Stop reading; commits and leaves the group once the runs that ended are settled.

        The second call leaves without waiting for that.
        """
        again, self._closing = self._closing, True
        if again or not (self._reading or self._unsettled):
            if not self._reading:
                self._forget_settled()
            await asyncio.to_thread(self._consumer.close)

    def _assembler_runs(self) -> list[str]:
        return [uid for uid in self._offsets.runs if self._assembler.follows(uid)]

    def _take(self, message: KafkaMessage) -> list[Message]:
        partition = (message.topic() or "", message.partition() or 0)
        offset = message.offset() or 0
        self._warn_of_keys(message)
        try:
            name, document = decode_pair(message.value(), max_message=self._options.max_message)
        except DecodeError as error:
            self._offsets.received(partition, offset, None)
            place = f"{partition[0]} partition {partition[1]} offset {offset}"
            return [Dropped(Origin(TRANSPORT, self.name), f"{place}: {error}")]
        self._offsets.received(partition, offset, _run_of(name, document))
        return self._assembler.feed(name, document)

    def _noted(self, message: Message) -> Message:
        if not isinstance(message, RunStarted):
            return message
        self._unsettled.add(message.run_uid)
        return replace(message, identity=f"{TRANSPORT} {self._options.group}")

    def _forget_settled(self) -> None:
        for uid in self._offsets.runs:
            if uid not in self._unsettled and not self._assembler.follows(uid):
                self._offsets.done(uid)

    async def _commit(self) -> None:
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + _COMMIT
            self._forget_settled()
            await asyncio.to_thread(self._consumer.commit)

    def _leave_if_done(self) -> None:
        self._forget_settled()
        if not self._unsettled and self._leaving is None:
            self._leaving = asyncio.create_task(asyncio.to_thread(self._consumer.close))

    def _warn_of_keys(self, message: KafkaMessage) -> None:
        if message.key() is not None or self._told_of_keys:
            return
        self._told_of_keys = True
        topic = message.topic() or ""
        if self._consumer.partitions_of(topic) > 1:
            log.warning(
                "%s: messages of topic %s have no key, so that the documents of one run lie in "
                "several partitions and come out of order or to different services; give the "
                "publisher the run's uid as key",
                self.name,
                topic,
            )


def _run_of(name: str, document: Mapping[str, Any]) -> str | None:
    """Run a document begins, describes or ends; the others do not say."""
    uid = document.get("uid" if name == "start" else "run_start")
    return uid if isinstance(uid, str) and name in ("start", "descriptor", "stop") else None


def open(url: Url, *, wavelength: float | None = None) -> KafkaSource:
    """Source at `url`. Raises ConfigurationError for unknown options, no broker or no topic."""
    return KafkaSource(url, read_options(Options, url), wavelength)
