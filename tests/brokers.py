"""A Kafka cluster for tests: librdkafka's own mock brokers, on real sockets of this machine."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer

from alphadiffract_stream.wire import decode_pair, encode_pair

PROPERTIES = """\
# The mock brokers give those of a group that are there already a session to rejoin it.
session.timeout.ms=4000
heartbeat.interval.ms=300
"""
_QUIET = {"logger": logging.getLogger("tests.kafka")}


class Cluster:
    """Topics come into being when they are used, with four partitions each."""

    def __init__(self, producer: Producer, config: Path) -> None:
        self.config = config
        self._producer = producer
        brokers = producer.list_topics(timeout=10).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def url(self, topic: str, **options: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"kafka://{self.address}/{topic}?{query}"

    def create(self, topic: str) -> None:
        assert len(self._producer.list_topics(topic, timeout=10).topics[topic].partitions) == 4

    def publish(self, topic: str, key: str | None, *documents: tuple[str, dict[str, Any]]) -> None:
        for name, document in documents:
            self._producer.produce(topic, encode_pair(name, document), key)
        self.flush()

    def send(self, topic: str, value: bytes, key: bytes | None = b"k") -> None:
        self._producer.produce(topic, value, key)
        self.flush()

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def committed(self, topic: str, group: str) -> int:
        """Sum over the partitions; those without a commit count nothing."""
        from confluent_kafka import TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group, **_QUIET})
        marks = consumer.committed([TopicPartition(topic, n) for n in range(4)], timeout=10)
        consumer.close()
        return sum(max(0, mark.offset) for mark in marks)


class Reader:
    """Reads a topic from its beginning, in a group of its own."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[bytes | None] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": cluster.address,
                "group.id": f"reader of {topic}",
                "auto.offset.reset": "earliest",
                **_QUIET,
            }
        )
        from confluent_kafka import TopicPartition

        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(4)])

    def of(self, name: str) -> list[dict[str, Any]]:
        """Documents of this name so far."""
        for message in self._consumer.consume(500, 0.05):
            if not message.error():
                self.received.append(decode_pair(message.value()))
                self.keys.append(message.key())
        return [document for kind, document in self.received if kind == name]

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def kafka(folder: Path) -> Iterator[Cluster]:
    """A cluster of one broker, as long as the block lasts; its properties lie in `folder`."""
    producer = Producer(
        {"bootstrap.servers": "replaced:1", "test.mock.num.brokers": 1, "linger.ms": 0, **_QUIET}
    )
    config = folder / "kafka.properties"
    config.write_text(PROPERTIES)
    yield Cluster(producer, config)
    producer.flush(1)
    del producer


_APART = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "replaced:1", "test.mock.num.brokers": 1})
brokers = producer.list_topics(timeout=10).brokers.values()
print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
sys.stdin.read()
"""


class Brokers:
    """A cluster in a process of its own, which can stand still."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _APART], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().strip()
        assert address, "the brokers did not start"
        producer = Producer({"bootstrap.servers": address, "linger.ms": 0, **_QUIET})
        config = folder / "kafka.properties"
        config.write_text(PROPERTIES)
        self.cluster = Cluster(producer, config)

    def freeze(self) -> None:
        """They answer nobody; connections stay, and time out."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def brokers_apart(folder: Path) -> Iterator[Brokers]:
    brokers = Brokers(folder)
    try:
        yield brokers
    finally:
        brokers.close()


@contextmanager
def reading(cluster: Cluster, topic: str) -> Iterator[Reader]:
    reader = Reader(cluster, topic)
    try:
        yield reader
    finally:
        reader.close()
