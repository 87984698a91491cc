import json

import numpy as np
import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sinks import open_sink

EVENT = {
    "data": {"x": np.arange(2.0), "nan": float("nan"), "symbol": "P 21/c"},
    "seq_num": np.int64(3),
}


async def test_each_document_is_one_line_at_once(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"name": "old"}\n')
    sink = open_sink(f"jsonl:{path}")

    await sink.emit("start", {"uid": "a"})
    await sink.emit("event", EVENT)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    await sink.close()
    await sink.close()

    assert lines == [
        {"name": "old"},
        {"name": "start", "doc": {"uid": "a"}},
        {
            "name": "event",
            "doc": {"data": {"x": [0.0, 1.0], "nan": None, "symbol": "P 21/c"}, "seq_num": 3},
        },
    ]


async def test_standard_output(capfdbinary):
    sink = open_sink("jsonl:-")
    await sink.emit("start", {"uid": "a"})
    await sink.close()

    assert capfdbinary.readouterr().out == b'{"name":"start","doc":{"uid":"a"}}\n'


async def test_a_document_with_no_form_leaves_no_half_line(tmp_path):
    path = tmp_path / "predictions.jsonl"
    sink = open_sink(f"jsonl:{path}")
    with pytest.raises(TypeError):
        await sink.emit("start", {"uid": object()})
    await sink.emit("stop", {"uid": "b"})
    await sink.close()

    assert path.read_bytes() == b'{"name":"stop","doc":{"uid":"b"}}\n'


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("jsonl:", "no path"),
        ("jsonl://host/x", "no path"),
        ("jsonl:{folder}/no/such/folder.jsonl", "cannot be written"),
        ("jsonl:{folder}", "cannot be written"),
        ("jsonl:{folder}/x?append=no", "unknown option"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(tmp_path, url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_sink(url.format(folder=tmp_path))
