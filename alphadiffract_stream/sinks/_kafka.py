"""Bluesky documents to Kafka, as ``bluesky_kafka.Publisher`` sends them.

``kafka://BROKER:9092,BROKER:9092/TOPIC``. See docs/reference/wire.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Annotated, Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pydantic import BaseModel, ConfigDict, Field

from ..errors import AlphaDiffractError, ConfigurationError
from ..urls import Url
from ..wire import brokers_of, encode_pair, properties_of, read_options, topics_of

log = logging.getLogger(__name__)

_LOOK = 0.002
"""s between looks at what the brokers have acknowledged."""


class Options(BaseModel):
    """The query part of the URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: str = ""
    """File of librdkafka properties: security.protocol=…, sasl.password=…"""
    linger: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """s that `close` leaves to what is not acknowledged yet."""


class KafkaSink:
    """Produces ``[name, document]`` with the run's uid as key, so that a run stays in order.

    Events are handed to librdkafka, which sends them in order, once, and tries again by itself;
    the stop document waits until the brokers have everything.
    """

    def __init__(self, url: Url, options: Options) -> None:
        self.name = url.text
        topics = topics_of(url)
        if len(topics) > 1:
            raise ConfigurationError(f"{url}: one topic, please")
        self._topic = topics[0]
        self._linger = options.linger
        self._keys: dict[str, bytes] = {}
        self._failed: list[str] = []
        properties: dict[str, Any] = {
            "linger.ms": 5,
            **properties_of(url, options.config),
            "bootstrap.servers": brokers_of(url),
            "enable.idempotence": True,
            "error_cb": self._trouble,
            "logger": logging.getLogger(f"{__name__}.librdkafka"),
        }
        try:
            self._producer = Producer(properties)
        except (KafkaException, TypeError, ValueError) as error:
            raise ConfigurationError(f"{url}: {error}") from None

    async def emit(self, name: str, document: Mapping[str, Any]) -> None:
        """Send one document; a stop document, and wait until all are acknowledged.

        Waits while there is no room. Raises TypeError for values with no form on the wire,
        AlphaDiffractError for documents the brokers did not take, this one or earlier ones.
        """
        value = encode_pair(name, document)
        key = self._key_of(name, document)
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
                break
            except BufferError:
                await asyncio.sleep(_LOOK)
                self._producer.poll(0)
            except KafkaException as error:
                raise AlphaDiffractError(f"{self.name}: {error}") from None
        self._producer.poll(0)
        if name == "stop":
            while len(self._producer):
                await asyncio.sleep(_LOOK)
                self._producer.poll(0)
        self._raise_failures()

    def recall(self, name: str, document: Mapping[str, Any]) -> None:
        """A document of an open run that was sent before: what follows has the same key."""
        self._key_of(name, document)

    async def close(self) -> None:
        """Wait for what is not acknowledged, for at most ``linger`` s. Safe to call twice."""
        left = await asyncio.to_thread(self._producer.flush, self._linger)
        if left:
            raise AlphaDiffractError(f"{self.name}: {left} documents are not acknowledged")
        self._raise_failures()

    def _key_of(self, name: str, document: Mapping[str, Any]) -> bytes:
        """Uid of the run a document belongs to; for events by their descriptor."""
        match name:
            case "start":
                return document["uid"].encode()
            case "descriptor":
                key = document["run_start"].encode()
                self._keys[document["uid"]] = key
                return key
            case "stop":
                key = document["run_start"].encode()
                self._keys = {uid: run for uid, run in self._keys.items() if run != key}
                return key
        return self._keys.get(document.get("descriptor", ""), b"")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(f"{error} ({message.key()!r})")

    def _raise_failures(self) -> None:
        if self._failed:
            failed, self._failed = self._failed, []
            raise AlphaDiffractError(
                f"{self.name}: {len(failed)} documents were not taken: {failed[0]}"
            )

    def _trouble(self, error: KafkaError) -> None:
        log.warning("%s: %s", self.name, error)


def open(url: Url) -> KafkaSink:
    """Sink at `url`. Raises ConfigurationError for unknown options, no broker or no topic."""
    return KafkaSink(url, read_options(Options, url))
