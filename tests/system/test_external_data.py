"""The same scan, its patterns inline and in HDF5 files, through the service and the network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from event_model import pack_event_page

from alphadiffract_stream.engines import open_engine
from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.sources import Message
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from alphadiffract_stream.sources._external import Filler, filled
from tests.external_runs import by_datum, by_stream, patterns, write_hdf5, write_nxazint1d
from tests.raw_runs import Named, raw_run
from tests.streams import MemorySink

COUNT = 6


class Documents:
    """A source of documents that are all there already, read as any transport reads them."""

    name = "documents"

    def __init__(self, documents: list[Named], folder: Path) -> None:
        self._documents = documents
        self._filler = Filler([folder], 1.0)
        self._assembler = Assembler(PatternKeys(), "test", self.name, None, external=True)

    async def __aiter__(self) -> AsyncIterator[Message]:
        for name, document in self._documents:
            async for message in filled(self._filler, self._assembler.feed(name, document)):
                yield message

    async def close(self) -> None: ...


async def answers(documents: list[Named], folder: Path) -> list[dict]:
    """Everything an answer says of its pattern, without identities and times."""
    sink = MemorySink()
    engine = open_engine("onnx:")
    service = Service([Documents(documents, folder)], [sink], engine, Settings(max_batch=1))
    await service.run()
    await engine.close()
    beside = ("raw_run_uid", "raw_descriptor_uid", "raw_event_uid", "raw_time", "energy_source")
    return [
        {
            key: value
            for key, value in event["data"].items()
            if key not in beside and not key.startswith("latency")
        }
        for event in sink.of("event")
    ]


def in_pages(_: Path) -> list[Named]:
    start, descriptor, *events, stop = raw_run(COUNT)
    page = pack_event_page(*(document for _, document in events))
    return [start, descriptor, ("event_page", dict(page)), stop]


FORMS = {
    "event pages": in_pages,
    "stream documents": lambda f: by_stream(write_hdf5(f / "a.h5", patterns(COUNT)), COUNT),
    "datums": lambda f: by_datum(write_hdf5(f / "b.h5", patterns(COUNT)), COUNT),
    "NXazint1d": lambda f: by_stream(
        write_nxazint1d(f / "c.nxs", patterns(COUNT)),
        COUNT,
        with_axis=False,
        parameters={"dataset": "/entry/data/I"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_the_same_predictions_wherever_the_patterns_lie(tmp_path, form):
    inline = await answers(raw_run(COUNT), tmp_path)
    assert len({answer["lattice_a"] for answer in inline}) > 1
    assert all(answer["status"] != "refused" for answer in inline)
    elsewhere = await answers(FORMS[form](tmp_path), tmp_path)
    np.testing.assert_equal(elsewhere, inline)
