"""Runs whose frames lie in files: HDF5, and series of TIFF and CBF."""

from __future__ import annotations

from pathlib import Path

import fabio.cbfimage
import fabio.tifimage
import h5py
import numpy as np
import pytest

from alphadiffract_stream.integration import Integrator
from alphadiffract_stream.sources import PatternReceived, PatternRefused
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from alphadiffract_stream.sources._external import Filler, filled
from tests.detector import SIDE, frames, write_poni
from tests.external_runs import Run, by_datum, by_stream, write_hdf5

COUNT = 2
FLAT, ONE = [SIDE, SIDE], [1, SIDE, SIDE]


@pytest.fixture(scope="module")
def integrator(tmp_path_factory):
    return Integrator(write_poni(tmp_path_factory.mktemp("c") / "detector.poni"), npt=700)


async def read(documents, folder: Path, integrator) -> list:
    filler = Filler([folder], 0.0)
    assembler = Assembler(PatternKeys(), "test", "here", None, external=True, integrator=integrator)
    messages = []
    for name, document in documents:
        messages += [m async for m in filled(filler, assembler.feed(name, document))]
    return messages + [m async for m in filled(filler, assembler.finish())]


def check(messages, integrator) -> None:
    found = [m.pattern for m in messages if isinstance(m, PatternReceived)]
    assert reasons(messages) == []
    expected = [integrator.integrate(frame).intensity.tolist() for frame in frames(COUNT)]
    assert [pattern.intensity.tolist() for pattern in found] == expected
    assert [pattern.origin.seq_num for pattern in found] == [1, 2]


def reasons(messages) -> list[str]:
    return [str(m.error) for m in messages if isinstance(m, PatternRefused)]


def by_point(run: Run, opening: list) -> list:
    documents = run.opening + opening
    for n in range(COUNT):
        datum = run.datum(n)
        documents += [datum, run.event(n, det_intensity=datum[1]["datum_id"])]
    return [*documents, run.stop()]


def write_series(folder: Path, codec, template: str, first: int) -> None:
    for number, frame in enumerate(frames(COUNT), first):
        codec(data=frame.copy()).write(str(folder / (template % number)))


@pytest.mark.parametrize("shape", [FLAT, ONE])
async def test_stream_documents(integrator, tmp_path, shape):
    path = write_hdf5(tmp_path / "a.h5", frames(COUNT))

    check(
        await read(by_stream(path, COUNT, shape=shape, with_axis=False), tmp_path, integrator),
        integrator,
    )


async def test_a_fly_scan_has_rows_only(integrator, tmp_path):
    path = write_hdf5(tmp_path / "a.h5", frames(COUNT))
    run = Run(external="STREAM:", shape=FLAT, with_axis=False, scalars=False)
    documents = [
        *run.opening,
        *run.stream_resource(str(path)),
        run.stream_datum(0, COUNT),
        run.stop(),
    ]

    check(await read(documents, tmp_path, integrator), integrator)


@pytest.mark.parametrize("shape", [FLAT, ONE])
async def test_resource_and_datum(integrator, tmp_path, shape):
    path = write_hdf5(tmp_path / "a.h5", frames(COUNT))
    run = Run(external="FILESTORE:", shape=ONE, with_axis=False)

    check(await read(by_point(run, run.resource(path)), tmp_path, integrator), integrator)


@pytest.mark.parametrize(
    ("spec", "codec", "ending", "first"),
    [
        ("AD_TIFF", fabio.tifimage.TifImage, "tiff", 0),
        ("AD_CBF", fabio.cbfimage.CbfImage, "cbf", 1),
    ],
)
async def test_a_series_by_datum(integrator, tmp_path, spec, codec, ending, first):
    write_series(tmp_path, codec, f"scan_%06d.{ending}", first)
    run = Run(external="FILESTORE:", shape=ONE, with_axis=False)
    said = {"template": f"%s%s_%6.6d.{ending}", "filename": "scan"}
    opening = run.resource(tmp_path / "", spec=spec, **said)
    opening[0][1].update(root=str(tmp_path.parent), resource_path=tmp_path.name)

    check(await read(by_point(run, opening), tmp_path, integrator), integrator)


def series(tmp_path: Path, template: str, uri: str) -> list:
    run = Run(external="STREAM:", shape=ONE, with_axis=False)
    opening = run.stream_resource(uri, template=template)
    opening[0][1]["mimetype"] = "multipart/related;type=image/tiff"
    documents = run.opening + opening
    for n in range(COUNT):
        documents += [run.stream_datum(n, n + 1), run.event(n)]
    return [*documents, run.stop()]


@pytest.mark.parametrize("template", ["scan_{:06d}.tiff", "scan_%06d.tiff"])
async def test_a_series_by_stream(integrator, tmp_path, template):
    write_series(tmp_path, fabio.tifimage.TifImage, "scan_%06d.tiff", 0)
    documents = series(tmp_path, template, f"file://localhost{tmp_path}/")

    check(await read(documents, tmp_path, integrator), integrator)


async def test_a_template_that_leads_out_of_the_folder_is_refused(integrator, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    write_series(tmp_path, fabio.tifimage.TifImage, "scan_%06d.tiff", 0)
    documents = series(tmp_path, "../scan_{:06d}.tiff", f"file://localhost{inside}/")

    reason = reasons(await read(documents, inside, integrator))

    assert len(reason) == COUNT
    assert "none of the folders that may be read" in reason[0]


async def test_a_file_that_is_not_there_is_refused(integrator, tmp_path):
    documents = series(tmp_path, "scan_{:06d}.tiff", f"file://localhost{tmp_path}/")

    reason = reasons(await read(documents, tmp_path, integrator))

    assert len(reason) == COUNT
    assert "scan_000000.tiff" in reason[0]


async def test_a_file_of_another_shape_is_refused_unread(integrator, tmp_path):
    fabio.tifimage.TifImage(data=np.zeros((8, 6), np.int32)).write(
        str(tmp_path / "scan_000000.tiff")
    )
    documents = series(tmp_path, "scan_{:06d}.tiff", f"file://localhost{tmp_path}/")

    assert (
        "shape (8, 6), the data key says" in reasons(await read(documents, tmp_path, integrator))[0]
    )


async def test_a_row_that_is_too_large_is_refused_before_it_is_read(integrator, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("/entry/data/data", (COUNT, 2**14, 2**13), "u1", chunks=(1, 64, 64))
    documents = by_stream(path, COUNT, shape=FLAT, with_axis=False)

    assert "134217728 points" in reasons(await read(documents, tmp_path, integrator))[0]


async def test_without_a_calibration_frames_are_refused(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", frames(COUNT))

    reason = reasons(
        await read(by_stream(path, COUNT, shape=FLAT, with_axis=False), tmp_path, None)
    )

    assert len(reason) == COUNT
    assert "?poni=FILE" in reason[0]


async def test_patterns_in_files_are_read_as_ever(integrator, tmp_path):
    from tests.external_runs import patterns

    path = write_hdf5(tmp_path / "a.h5", patterns(COUNT))

    found = await read(by_datum(path, COUNT), tmp_path, integrator)

    assert [m.pattern.unit for m in found if isinstance(m, PatternReceived)] == ["2th_deg"] * COUNT
