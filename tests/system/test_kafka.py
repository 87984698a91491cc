"""Services that share a Kafka stream, with librdkafka's mock brokers on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from bluesky_kafka import Publisher

from alphadiffract_stream.service import Metrics, Service, Settings
from alphadiffract_stream.sinks import open_sink
from alphadiffract_stream.sources import open_source
from tests.brokers import Cluster, brokers_apart, kafka, reading
from tests.raw_runs import Named, raw_run
from tests.streams import EchoEngine, until

GROUP = "alphadiffract"
RAW, ANSWERS = "beamline.bluesky.runengine.documents", "beamline.alphadiffract.documents"
pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def cluster(tmp_path):
    with kafka(tmp_path) as cluster:
        cluster.create(RAW)
        cluster.create(ANSWERS)
        yield cluster


class Member:
    """One service of the group, reading and publishing through Kafka."""

    def __init__(self, cluster: Cluster, **options: str) -> None:
        options = {"config": str(cluster.config), "start": "earliest", **options}
        self.source = open_source(cluster.url(RAW, **options))
        sink = open_sink(cluster.url(ANSWERS))
        self.service = Service([self.source], [sink], EchoEngine(), Settings(reorder_wait=0.2))
        self.task = asyncio.create_task(self.service.run())

    @property
    def metrics(self) -> Metrics:
        return self.service.metrics

    async def leave(self) -> None:
        self.service.stop()
        await self.task
        await self.source.close()


@contextlib.asynccontextmanager
async def member(cluster: Cluster, **options: str) -> AsyncIterator[Member]:
    async with members(cluster, options) as (one,):
        yield one


@contextlib.asynccontextmanager
async def members(cluster: Cluster, *options: dict[str, str]) -> AsyncIterator[list[Member]]:
    """Several that leave at the same time, which saves a rebalance."""
    several = [Member(cluster, **one) for one in options]
    try:
        yield several
    finally:
        await asyncio.gather(*(one.leave() for one in several))


def publish(cluster: Cluster, run: list[Named]) -> None:
    """As a RunEngine whose documents bluesky_kafka publishes, the run's uid being their key."""
    publisher = Publisher(RAW, cluster.address, key=run[0][1]["uid"])
    for name, document in run:
        publisher(name, document)
    publisher.flush()


def answered(reader) -> Counter:
    keys = ("raw_run_uid", "raw_seq_num")
    return Counter(tuple(event["data"][k] for k in keys) for event in reader.of("event"))


async def test_two_services_of_a_group_share_a_thousand_events_none_lost_none_twice(cluster):
    runs = [raw_run(20, start={"scan_id": n}) for n in range(50)]
    async with members(cluster, {}, {}) as (one, two):
        # Both are in the group before the flood begins.
        await until(lambda: one.source.partitions and two.source.partitions, 30)
        with reading(cluster, ANSWERS) as reader:
            await asyncio.to_thread(lambda: [publish(cluster, run) for run in runs])
            await until(lambda: len(reader.of("stop")) == 50, 30)
            counts = answered(reader)
            stops = reader.of("stop")
        shares = one.metrics.received, two.metrics.received
    assert len(counts) == 1000
    assert set(counts.values()) == {1}
    assert sum(shares) == 1000
    assert min(shares) > 0
    assert {stop["missing"] for stop in stops} == {0}
    assert cluster.committed(RAW, GROUP) == sum(map(len, runs))


async def test_a_run_whose_service_leaves_is_answered_by_the_other_with_the_same_uids(cluster):
    run = raw_run(10)
    (start, descriptor, *events, stop), key = run, run[0][1]["uid"]
    with reading(cluster, ANSWERS) as reader:
        async with member(cluster) as one:
            cluster.publish(RAW, key, start, descriptor, *events[:4])
            await until(lambda: len(reader.of("event")) == 4, 30)
        assert one.metrics.predicted == 4
        assert reader.of("stop") == []  # the run goes on elsewhere
        assert cluster.committed(RAW, GROUP) == 0
        async with member(cluster) as two:
            cluster.publish(RAW, key, *events[4:], stop)
            await until(lambda: len(reader.of("stop")) == 1, 30)
            # The four that were answered already came again: as the same documents.
            assert two.metrics.predicted == 10
        published = reader.of("event")
        assert len(published) == 14
        assert len({event["uid"] for event in published}) == 10
        assert set(answered(reader)) == {(key, n) for n in range(1, 11)}
        assert len({document["uid"] for document in reader.of("start")}) == 1
        assert len({document["uid"] for document in reader.of("descriptor")}) == 1
        (end,) = reader.of("stop")
        assert (end["received"], end["predicted"], end["missing"]) == (10, 10, 0)
    assert cluster.committed(RAW, GROUP) == len(run)


async def test_a_third_that_joins_in_the_middle_of_runs_loses_none_and_doubles_no_uid(cluster):
    runs = [raw_run(10, start={"scan_id": n}) for n in range(12)]
    halves = [(run[0][1]["uid"], run[:7], run[7:]) for run in runs]
    with reading(cluster, ANSWERS) as reader:
        async with member(cluster):
            for key, first, _ in halves:
                cluster.publish(RAW, key, *first)
            await until(lambda: len(reader.of("event")) == 12 * 5, 30)
            async with member(cluster) as two:
                await until(lambda: two.source.partitions, 30)
                for key, _, second in halves:
                    cluster.publish(RAW, key, *second)
                await until(lambda: len({stop["uid"] for stop in reader.of("stop")}) == 12, 30)
        wanted = {(key, n) for key, *_ in halves for n in range(1, 11)}
        assert set(answered(reader)) == wanted
        assert len({event["uid"] for event in reader.of("event")}) == 120
        stops = {stop["run_start"]: stop for stop in reader.of("stop")}
        assert {(stop["received"], stop["missing"]) for stop in stops.values()} == {(10, 0)}
    assert cluster.committed(RAW, GROUP) == sum(map(len, runs))


async def test_two_groups_each_answer_everything(cluster):
    run = raw_run(5)
    with reading(cluster, ANSWERS) as reader:
        async with members(cluster, {"group": "a"}, {"group": "b"}):
            publish(cluster, run)
            await until(lambda: len(reader.of("stop")) == 2, 30)
        assert set(answered(reader).values()) == {2}
        assert len({event["uid"] for event in reader.of("event")}) == 10


async def test_brokers_that_stand_still_and_return_lose_nothing(tmp_path):
    """Longer than the group's session: the service loses its place in the group, too."""
    runs = [raw_run(30, start={"scan_id": n}) for n in range(4)]
    wanted = {(run[0][1]["uid"], n) for run in runs for n in range(1, 31)}
    with brokers_apart(tmp_path) as brokers:
        cluster = brokers.cluster
        cluster.create(RAW)
        cluster.create(ANSWERS)
        with reading(cluster, ANSWERS) as reader:
            async with member(cluster) as one:
                await until(lambda: one.source.partitions, 30)
                for run in runs:
                    cluster.publish(RAW, run[0][1]["uid"], *run[:15])
                await until(lambda: len(answered(reader)) >= 20, 30)
                brokers.freeze()
                await asyncio.sleep(6.0)
                brokers.thaw()
                for run in runs:
                    cluster.publish(RAW, run[0][1]["uid"], *run[15:])
                await until(lambda: len({s["uid"] for s in reader.of("stop")}) == 4, 60)
                metrics = one.metrics
            assert set(answered(reader)) == wanted
            assert len({event["uid"] for event in reader.of("event")}) == len(wanted)
            assert {(s["received"], s["missing"]) for s in reader.of("stop")} == {(30, 0)}
            assert metrics.sink_errors == {}
        assert cluster.committed(RAW, GROUP) == sum(map(len, runs))
