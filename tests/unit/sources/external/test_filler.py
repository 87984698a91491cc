"""Runs whose patterns lie in HDF5 files, through assembler and filler."""

from __future__ import annotations

import re
import shutil
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from event_model import pack_event_page

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.sources import PatternReceived, PatternRefused, RunStarted, RunStopped
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from alphadiffract_stream.sources._external import Filler, filled
from tests.external_runs import (
    DATASET,
    Run,
    by_datum,
    by_stream,
    patterns,
    write_hdf5,
    write_nxazint1d,
)
from tests.raw_runs import TWO_THETA, raw_run

DAMAGED = Path(__file__).parents[3] / "damaged"


async def read(documents, folder: Path | None, *, wait: float = 0.0) -> list:
    filler = Filler([folder], wait) if folder else None
    assembler = Assembler(PatternKeys(), "test", "here", None, external=filler is not None)
    messages = []
    try:
        for name, document in documents:
            messages += [m async for m in filled(filler, assembler.feed(name, document))]
        return messages + [m async for m in filled(filler, assembler.finish())]
    finally:
        if filler:
            filler.close()


def received(messages) -> list[PatternReceived]:
    return [m for m in messages if isinstance(m, PatternReceived)]


def reasons(messages) -> list[str]:
    return [str(m.error) for m in messages if isinstance(m, PatternRefused)]


def check(messages, count: int, *, scalars: bool = True) -> None:
    assert isinstance(messages[0], RunStarted)
    assert messages[-1] == RunStopped(messages[0].run_uid, count)
    found = received(messages)
    assert reasons(messages) == []
    assert [m.pattern.origin.seq_num for m in found] == list(range(1, count + 1))
    for n, message in enumerate(found):
        assert message.pattern.intensity.tolist() == patterns(count)[n].tolist()
        assert message.pattern.axis.tolist() == TWO_THETA.tolist()
        assert message.pattern.energy == pytest.approx(20)
        if scalars:
            assert message.pattern.metadata["data"]["temperature"] == 300 + n


@pytest.mark.parametrize("uri", ["file://localhost", "file://", ""])
async def test_stream_documents_of_a_step_scan(tmp_path, uri):
    path = write_hdf5(tmp_path / "a b.h5", patterns(4))
    location = uri + (str(path).replace(" ", "%20") if uri else str(path))
    check(await read(by_stream(path, 4, uri=location), tmp_path), 4)


async def test_resource_and_datum(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(4))
    check(await read(by_datum(path, 4), tmp_path), 4)


async def test_datum_pages_and_event_pages(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(3))
    documents = by_datum(path, 3)
    datums = [document for name, document in documents if name == "datum"]
    page = {
        "resource": datums[0]["resource"],
        "datum_id": [datum["datum_id"] for datum in datums],
        "datum_kwargs": {"point_number": [0, 1, 2]},
    }
    events = [document for name, document in documents if name == "event"]
    resource = documents[2]
    packed = [*documents[:2], resource, ("datum_page", page)]
    packed += [("event_page", dict(pack_event_page(*events))), documents[-1]]
    check(await read(packed, tmp_path), 3)


async def test_a_fly_scan_has_rows_and_no_events(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(6))
    run = Run(external="STREAM:", scalars=False)
    documents = [*run.opening, *run.stream_resource(f"file://localhost{path}")]
    documents += [run.stream_datum(0, 4), run.stream_datum(4, 6)]
    name, stop = run.stop()
    documents.append((name, {**stop, "num_events": {"primary": 6}}))
    check(await read(documents, tmp_path), 6, scalars=False)


async def test_events_may_come_after_all_their_rows(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(5))
    run = Run(external="STREAM:")
    documents = [*run.opening, *run.stream_resource(f"file://localhost{path}")]
    documents += [run.stream_datum(0, 5), *(run.event(n) for n in range(5)), run.stop()]
    check(await read(documents, tmp_path), 5)


async def test_rows_may_come_after_their_events(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(5))
    run = Run(external="STREAM:")
    documents = [*run.opening, *(run.event(n) for n in range(5))]
    documents += [*run.stream_resource(f"file://localhost{path}"), run.stream_datum(0, 5)]
    check(await read([*documents, run.stop()], tmp_path), 5)


async def test_a_file_with_the_axis_and_energy_the_documents_lack(tmp_path):
    path = write_nxazint1d(tmp_path / "a.nxs", patterns(3))
    documents = by_stream(path, 3, with_axis=False, parameters={"dataset": "/entry/data/I"})
    messages = await read(documents, tmp_path)
    check(messages, 3)
    source = received(messages)[0].pattern.wavelength_source
    assert "monochromator/energy" in source


async def test_one_frame_with_a_leading_axis(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(3))
    check(await read(by_stream(path, 3, shape=[1, 200]), tmp_path), 3)
    path = write_hdf5(tmp_path / "b.h5", patterns(3)[:, np.newaxis])
    check(await read(by_stream(path, 3, shape=[1, 200]), tmp_path), 3)


async def test_inline_runs_are_read_as_ever(tmp_path):
    messages = await read(raw_run(3), tmp_path)
    assert len(received(messages)) == 3


async def test_without_folders_it_is_refused_and_the_option_named(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(2))
    messages = await read(by_datum(path, 2), None)
    assert len(reasons(messages)) == 2
    assert "?data=FOLDER" in reasons(messages)[0]


@pytest.mark.parametrize("name", ["crashes.h5", "hangs.h5"])
async def test_a_damaged_file_costs_its_events_and_no_more(tmp_path, name):
    """libhdf5 2.0.0 crashes on one, and never comes back from the other, when it looks for the
    radial axis."""
    damaged = Path(shutil.copy(DAMAGED / name, tmp_path))
    good = write_nxazint1d(tmp_path / "good.nxs", patterns(2))
    filler = Filler([tmp_path], 0.0, 3.0)
    reading = {"with_axis": False, "parameters": {"dataset": "/entry/data/I"}}

    found = {}
    for path, limit in ((damaged, 3.0), (good, 60.0)):
        filler._hdf5._limit = limit  # the good one may take its time on a busy machine
        assembler = Assembler(PatternKeys(), "test", "here", None, external=True)
        found[path] = []
        for kind, document in by_stream(path, 2, shape=[16 if path is damaged else 200], **reading):
            found[path] += [m async for m in filled(filler, assembler.feed(kind, document))]
    filler.close()

    assert len(reasons(found[damaged])) == 2
    if h5py.version.hdf5_version == "2.0.0":
        words = {"crashes.h5": "crashed", "hangs.h5": "did not come back within 3 s"}
        assert all(words[name] in reason for reason in reasons(found[damaged]))
        assert "still the same" in reasons(found[damaged])[1]
    check(found[good], 2)


# --- files that may not be read ------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "{inside}/../secret.h5",
        "file://localhost{inside}/%2e%2e/secret.h5",
        "{inside}/link.h5",
        "{inside}/folder/secret.h5",
        "secret.h5",
        "../secret.h5",
        "file://elsewhere{inside}/good.h5",
        "https://localhost{inside}/good.h5",
        "{inside}/\0.h5",
    ],
)
async def test_no_other_file_is_read(tmp_path, monkeypatch, uri):
    inside = tmp_path / "inside"
    inside.mkdir()
    secret = write_hdf5(tmp_path / "secret.h5", patterns(1))
    write_hdf5(inside / "good.h5", patterns(1))
    (inside / "link.h5").symlink_to(secret)
    (inside / "folder").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    documents = by_stream(secret, 1, uri=uri.format(inside=inside))
    messages = await read(documents, inside)
    assert received(messages) == []
    (reason,) = reasons(messages)
    assert reason.startswith("external data")
    assert any(w in reason for w in ("none of the folders", "only files of this machine", "null"))


async def test_a_datum_is_confined_too(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    write_hdf5(tmp_path / "secret.h5", patterns(1))
    documents = by_datum(inside / ".." / "secret.h5", 1)
    assert "none of the folders" in reasons(await read(documents, inside))[0]


async def test_a_link_inside_of_a_file_is_not_followed_out(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    write_hdf5(tmp_path / "secret.h5", patterns(1))
    with h5py.File(inside / "a.h5", "w") as file:
        file[DATASET] = h5py.ExternalLink("../secret.h5", DATASET)
    assert (
        "leads out of its folder" in reasons(await read(by_stream(inside / "a.h5", 1), inside))[0]
    )


# --- files that are not whole --------------------------------------------------------------------


async def test_a_writer_that_is_late_is_waited_for(tmp_path):
    """The document of each row comes before the row: SWMR, as areaDetector writes."""
    path, values = tmp_path / "a.h5", patterns(5)

    def write():
        time.sleep(0.2)
        with h5py.File(path, "w", libver="latest") as file:
            rows = file.create_dataset(
                DATASET, (0, 200), maxshape=(None, 200), chunks=(1, 200), dtype=float
            )
            file.swmr_mode = True
            for n, row in enumerate(values):
                rows.resize((n + 1, 200))
                rows[n] = row
                rows.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    messages = await read(by_stream(path, 5), tmp_path, wait=20)
    writer.join()
    check(messages, 5)


async def test_what_never_comes_is_refused_and_waited_for_once(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(2))
    messages = await read(by_stream(path, 40), tmp_path, wait=0.3)
    assert len(received(messages)) == 2
    said = reasons(messages)
    assert "2 rows, 3 are needed after 0.3 s" in said[0]
    assert len(said) == 38
    assert len([reason for reason in said if "after 0.3 s" in reason]) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "unable to open|No such file"),
        (b"no HDF5", "file signature not found"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "open file|superblock"),
    ],
)
async def test_files_that_cannot_be_read(tmp_path, content, reason):
    path = tmp_path / "a.h5"
    if content is not None:
        path.write_bytes(content)
    assert re.search(reason, reasons(await read(by_stream(path, 1), tmp_path))[0])


async def test_what_is_no_pattern_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["text"] = "x"
        file["single"] = 1.0
        file["cube"] = np.zeros((2, 3, 4, 5))
        file["short"] = np.zeros((2, 3))
    for dataset, reason in (
        ("/text", "no dataset of numbers"),
        ("/single", "has shape ()"),
        ("/cube", "has shape (2, 3, 4, 5)"),
        ("/none", "no '/none'"),
        ("/", "no dataset of numbers"),
        ("/short", "give as many as the intensity has"),
    ):
        documents = by_stream(path, 1, parameters={"dataset": dataset})
        assert reason in reasons(await read(documents, tmp_path))[0]


async def test_a_series_without_its_template_is_refused(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", patterns(1))
    documents = by_datum(path, 1, spec="AD_TIFF")
    assert "template None" in reasons(await read(documents, tmp_path))[0]


async def test_events_whose_rows_never_come_are_refused_at_the_end(tmp_path):
    run = Run(external="STREAM:")
    documents = [*run.opening, run.event(0), run.event(1), run.stop()]
    messages = await read(documents, tmp_path)
    assert len(reasons(messages)) == 2
    assert "no datum or stream_datum said where it lies" in reasons(messages)[0]
    assert isinstance(messages[-1], RunStopped)


def test_folders_must_be_there():
    with pytest.raises(ConfigurationError, match="no such folder"):
        Filler([Path("/no/such/folder")], 1)
