"""Detector images in files, read and integrated."""

from __future__ import annotations

import struct

import fabio.cbfimage
import fabio.edfimage
import fabio.tifimage
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import ConfigurationError, PatternError
from alphadiffract_stream.integration import Integrator
from alphadiffract_stream.sources import (
    PatternReceived,
    PatternRefused,
    frame_integrator,
    open_source,
    read_results,
)
from alphadiffract_stream.sources._images import IMAGE_SUFFIXES, frames_in_file
from tests.detector import WAVELENGTH, frames, write_poni
from tests.external_runs import write_nxazint1d

WRITERS = {
    ".cbf": fabio.cbfimage.CbfImage,
    ".edf": fabio.edfimage.EdfImage,
    ".tif": fabio.tifimage.TifImage,
    ".tiff": fabio.tifimage.TifImage,
}
SMALL = np.arange(48, dtype=np.int32).reshape(6, 8)


@pytest.fixture(scope="module")
def integrator(tmp_path_factory):
    return Integrator(write_poni(tmp_path_factory.mktemp("c") / "detector.poni"), npt=700)


def write(path, frame):
    WRITERS[path.suffix](data=frame.copy()).write(str(path))
    return path


def results(path, integrator, **said):
    return list(read_results(path, integrator=integrator, **said))


def test_every_ending_is_tried():
    assert set(WRITERS) == IMAGE_SUFFIXES


@pytest.mark.parametrize("ending", WRITERS)
def test_an_image_is_the_pattern_of_its_frame(integrator, tmp_path, ending):
    frame = frames(1)[0]
    path = write(tmp_path / f"a{ending}", frame)

    (found,) = results(path, integrator)

    expected = integrator.integrate(frame)
    assert found.intensity.tolist() == expected.intensity.tolist()
    assert found.axis.tolist() == expected.two_theta.tolist()
    assert found.wavelength == pytest.approx(WAVELENGTH)
    assert found.wavelength_source == "poni: detector.poni"


@pytest.mark.parametrize(
    ("wavelength", "fallback", "used", "source"),
    [
        (None, 0.7, WAVELENGTH, "poni: detector.poni"),
        (0.7, None, 0.7, "argument (the PONI has 0.4133 Å)"),
        (WAVELENGTH, None, WAVELENGTH, "argument"),
    ],
)
def test_the_operators_wavelength_goes_first(
    integrator, tmp_path, wavelength, fallback, used, source
):
    path = write(tmp_path / "a.tif", frames(1)[0])

    (found,) = results(path, integrator, wavelength=wavelength, fallback=fallback, unit="q_A^-1")

    assert (found.wavelength, found.wavelength_source) == (pytest.approx(used), source)
    assert found.unit == "2th_deg"


def test_several_frames_of_an_edf(integrator, tmp_path):
    first, second, third = frames(3)
    image = fabio.edfimage.EdfImage(data=first)
    image.append_frame(data=second)
    image.append_frame(data=third)
    image.write(str(tmp_path / "a.edf"))

    found = results(tmp_path / "a.edf", integrator)

    assert [p.metadata["frame"] for p in found] == [0, 1, 2]
    assert found[2].intensity.tolist() == integrator.integrate(third).intensity.tolist()


@pytest.mark.parametrize("place", ["entry/data/data", "entry/instrument/detector/data", "data"])
def test_frames_in_hdf5(integrator, tmp_path, place):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[place] = frames(2)

    found = results(tmp_path / "a.h5", integrator)

    expected = [integrator.integrate(frame).intensity.tolist() for frame in frames(2)]
    assert [p.intensity.tolist() for p in found] == expected


def test_the_master_file_of_an_eiger(integrator, tmp_path):
    for number, frame in enumerate(frames(2), 1):
        with h5py.File(tmp_path / f"a_data_{number:06d}.h5", "w") as file:
            file["entry/data/data"] = frame[None]
    with h5py.File(tmp_path / "a_master.h5", "w") as file:
        for number in (1, 2):
            link = h5py.ExternalLink(f"a_data_{number:06d}.h5", "/entry/data/data")
            file[f"entry/data/data_{number:06d}"] = link

    assert len(results(tmp_path / "a_master.h5", integrator)) == 2


def test_links_out_of_the_folder_are_not_followed(integrator, tmp_path):
    (tmp_path / "inside").mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = frames(1)
    with h5py.File(tmp_path / "inside" / "a.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("../secret.h5", "/data")

    with pytest.raises(PatternError, match="neither patterns nor frames"):
        results(tmp_path / "inside" / "a.h5", integrator)


def test_a_pattern_in_hdf5_stays_one(integrator, tmp_path):
    path = write_nxazint1d(tmp_path / "a.nxs", np.ones((2, 200)))

    assert [p.intensity.size for p in results(path, integrator)] == [200, 200]


def test_other_files_are_read_as_ever(integrator, tmp_path):
    (tmp_path / "a.xy").write_text("5 1\n6 2\n")

    (found,) = results(tmp_path / "a.xy", integrator, wavelength=0.4)

    assert found.intensity.tolist() == [1, 2]


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", WRITERS)
def test_another_detectors_image_is_refused_by_its_header(
    integrator, tmp_path, ending, monkeypatch
):
    path = write(tmp_path / f"a{ending}", SMALL)

    with pytest.raises(PatternError, match=r"frame: shape \(6, 8\).*\(512, 512\)"):
        results(path, integrator)


def test_without_a_calibration_it_is_asked_for(tmp_path):
    with pytest.raises(PatternError, match="--poni FILE"):
        results(write(tmp_path / "a.tif", SMALL), None)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = SMALL
    with pytest.raises(PatternError, match="--poni"):
        results(tmp_path / "a.h5", None)


def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path):
    path = write(tmp_path / "a.cbf", SMALL)
    path.write_bytes(path.read_bytes().replace(b"Dimension: 8", b"Dimension: 999999999"))
    seen = []

    def check(shape):
        seen.append(shape)
        raise PatternError("frame", shape, "no")

    with pytest.raises(PatternError, match="999999999"):
        list(frames_in_file(path, check))
    assert seen == [(6, 999999999)]


def test_a_cbf_without_its_binary_part_is_refused(tmp_path):
    path = write(tmp_path / "a.cbf", SMALL)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\x0c\x1a\x04\xd5")])

    with pytest.raises(PatternError, match="no binary section"):
        list(frames_in_file(path, lambda shape: None))


def test_a_cbf_with_a_wrong_checksum_is_refused(tmp_path):
    path = write(tmp_path / "a.cbf", SMALL)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x0c\x1a\x04\xd5") + 20] ^= 1
    path.write_bytes(content)

    with pytest.raises(PatternError, match="checksum"):
        list(frames_in_file(path, lambda shape: None))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return {e: write(folder / f"a{e}", SMALL).read_bytes() for e in (".cbf", ".edf", ".tif")}


@pytest.mark.parametrize("ending", [".cbf", ".edf", ".tif"])
@settings(deadline=None)
@given(data=st.data())
def test_damage_is_a_refusal_or_a_frame(small, tmp_path_factory, ending, data):
    content = bytearray(small[ending])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged{ending}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    def check(shape):
        if tuple(shape) != SMALL.shape:
            raise PatternError("frame", shape, "no")

    try:
        found = list(frames_in_file(path, check))
    except PatternError:
        return
    assert all(np.shape(frame) == SMALL.shape for frame in found)


def test_a_tiff_whose_pages_lead_back_to_themselves_comes_to_an_end(tmp_path):
    path = write(tmp_path / "a.tif", SMALL)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * entries, first)
    path.write_bytes(content)

    assert len(list(frames_in_file(path, lambda shape: None))) == 1


# --- sources ------------------------------------------------------------------------------------


async def test_a_file_source_integrates(integrator, tmp_path):
    for number, frame in enumerate(frames(2)):
        write(tmp_path / f"{number}.cbf", frame)
    write(tmp_path / "2.cbf", SMALL)

    source = open_source(f"file:{tmp_path}/*.cbf?poni={integrator.poni}&npt=700")
    messages = [message async for message in source]

    assert [type(m) for m in messages[1:-1]] == [PatternReceived, PatternReceived, PatternRefused]
    expected = integrator.integrate(frames(2)[1])
    assert messages[2].pattern.intensity.tolist() == expected.intensity.tolist()


def test_options_that_make_no_sense_are_named(integrator, tmp_path):
    write(tmp_path / "a.cbf", SMALL)
    for query, match in [
        ("npt=700", "npt is of no use without poni"),
        (f"poni={integrator.poni}&npt=3", "npt"),
        (f"poni={integrator.poni}&polarization_factor=2", "polarization_factor"),
        (f"poni={integrator.poni}&error_model=azimuthal", "error_model"),
        (f"poni={tmp_path}/none.poni", "none.poni"),
    ]:
        with pytest.raises(ConfigurationError, match=match):
            open_source(f"file:{tmp_path}/a.cbf?{query}")
    with pytest.raises(ConfigurationError, match="pixel_mask="):
        open_source("bluesky-zmq://127.0.0.1:9?mask=/data/mask.edf")


def test_frame_integrator_says_which_option(integrator):
    assert frame_integrator(None) is None
    with pytest.raises(ConfigurationError, match="npt=3"):
        frame_integrator(integrator.poni, npt=3)


def test_a_watched_folder_takes_images_only_with_a_calibration(integrator, tmp_path):
    (tmp_path / "new").mkdir()
    with_poni = open_source(f"watch:{tmp_path}/new?poni={integrator.poni}&npt=700")
    without = open_source(f"watch:{tmp_path}/new")

    assert with_poni._folder.matches(tmp_path / "new" / "a.tif")
    assert not without._folder.matches(tmp_path / "new" / "a.tif")
