from __future__ import annotations

import fcntl
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.sources import read_pattern
from alphadiffract_stream.sources._read import read_patterns, read_results

Q = np.linspace(1, 5, 40)
FRAMES = np.arange(3 * 40, dtype=float).reshape(3, 40)


def azint(
    path: Path,
    *,
    signal=FRAMES,
    axis=Q,
    axes=(".", "radial_axis"),
    long_name="q",
    units="1/angstrom",
) -> Path:
    """A file as the NXazint1d application definition has it."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "data"})
        entry["definition"] = "NXazint1d"
        entry["title"] = "furnace"
        mono = entry.create_group("instrument/monochromator")
        entry["instrument"].attrs["NX_class"] = "NXinstrument"
        mono.attrs["NX_class"] = "NXmonochromator"
        mono["wavelength"] = 0.35
        mono["wavelength"].attrs["units"] = "angstrom"
        mono["energy"] = 35.424
        mono["energy"].attrs["units"] = "keV"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": list(axes)})
        data["I"] = signal
        data["I_errors"] = np.sqrt(np.abs(signal))
        data["radial_axis"] = axis
        data["radial_axis"].attrs.update({"long_name": long_name, "units": units})
    return path


def test_nxazint1d_stack(tmp_path):
    patterns = list(read_patterns(azint(tmp_path / "a.h5")))
    assert len(patterns) == 3
    for frame, pattern in enumerate(patterns):
        assert pattern.unit == "q_A^-1"
        assert np.array_equal(pattern.axis, Q)
        assert np.array_equal(pattern.intensity, FRAMES[frame])
        assert np.array_equal(pattern.sigma, np.sqrt(FRAMES[frame]))
        assert pattern.wavelength == 0.35
        assert pattern.wavelength_source == "/entry/instrument/monochromator/wavelength"
        assert pattern.metadata == {"entry": "/entry", "title": "furnace", "frame": frame}


@pytest.mark.parametrize(
    ("long_name", "units", "unit"),
    [("2theta", "degree", "2th_deg"), ("2theta", "rad", "2th_rad"), ("q", "1/nm", "q_nm^-1"),
     ("q", "nm^-1", "q_nm^-1"), ("", "1/nm", "q_nm^-1"), ("", "2th_deg", "2th_deg")],
)  # fmt: skip
def test_units_of_the_axis(tmp_path, long_name, units, unit):
    path = azint(
        tmp_path / "a.nxs", signal=FRAMES[0], axes=["radial_axis"], long_name=long_name, units=units
    )
    assert read_pattern(path).unit == unit


def test_a_map_of_frames_and_a_radial_axis_that_is_not_last(tmp_path):
    grid = np.arange(2 * 40 * 3, dtype=float).reshape(2, 40, 3)
    path = azint(tmp_path / "a.h5", signal=grid, axes=["y", "radial_axis", "x"])
    patterns = list(read_patterns(path))
    assert len(patterns) == 6
    assert np.array_equal(patterns[4].intensity, grid[1, :, 1])


def test_axes_shorter_than_the_signal_belong_to_its_last_dimensions(tmp_path):
    assert len(list(read_patterns(azint(tmp_path / "a.h5", axes=["radial_axis"])))) == 3


def test_energy_in_ev_and_one_value_a_frame(tmp_path):
    path = azint(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        mono = file["entry/instrument/monochromator"]
        del mono["wavelength"], mono["energy"]
        mono["energy"] = [20000.0, 25000.0, 30000.0]
        mono["energy"].attrs["units"] = "eV"
    energies = [pattern.energy for pattern in read_patterns(path)]
    assert energies == pytest.approx([20, 25, 30])


def test_nxbeam(tmp_path):
    path = azint(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["entry/instrument/monochromator"]
        beam = file["entry"].create_group("sample/beam")
        beam.attrs["NX_class"] = "NXbeam"
        beam["incident_energy"] = 30.0
        beam["incident_energy"].attrs["units"] = "keV"
    assert next(read_patterns(path)).energy == pytest.approx(30)


def test_contradicting_fields_are_refused_for_two_theta_only(tmp_path):
    path = azint(tmp_path / "a.h5", long_name="2theta", units="deg")
    with h5py.File(path, "a") as file:
        file["entry/instrument/monochromator/energy"][()] = 20.0
    with pytest.raises(PatternError, match="monochromator/energy"):
        next(read_patterns(path))
    assert next(read_patterns(path, wavelength=0.35)).wavelength == 0.35
    assert next(read_patterns(path, unit="q_nm^-1")).wavelength is None


def pyfai(path: Path, *, poni: bool) -> Path:
    """A file as pyFAI's HDF5Writer makes it: NXprocess, `unit` and `name`, JSON configuration."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry_0000")
        entry.attrs.update({"NX_class": "NXentry", "default": "integrate/results"})
        process = entry.create_group("integrate")
        process.attrs.update({"NX_class": "NXprocess", "default": "results"})
        note = process.create_group("configuration")
        note.attrs["NX_class"] = "NXnote"
        wavelength = {"wavelength": 4.13e-11}
        note["data"] = json.dumps({"poni": wavelength} if poni else wavelength)
        data = process.create_group("results")
        data.attrs.update({"NX_class": "NXdata", "signal": "data"})
        data.attrs["axes"] = np.array([".", "radial"], dtype=h5py.string_dtype())
        data["data"] = FRAMES
        data["radial"] = Q
        data["radial"].attrs.update({"unit": "^{o}", "name": "2th", "long_name": "Diffraction…"})
        raw = entry.create_group("measurement")
        raw.attrs.update({"NX_class": "NXdata", "signal": "images_0001"})
        raw["images_0001"] = h5py.ExternalLink("../raw/images.h5", "/entry/data")
    return path


@pytest.mark.parametrize("poni", [True, False])
def test_pyfai_process(tmp_path, poni):
    patterns = list(read_patterns(pyfai(tmp_path / "a.h5", poni=poni)))
    assert len(patterns) == 3
    assert patterns[0].unit == "2th_deg"
    assert patterns[0].wavelength == pytest.approx(0.413)
    assert patterns[0].wavelength_source == "/entry_0000/integrate/configuration/data wavelength"


def test_every_entry_is_read_and_the_same_data_once(tmp_path):
    path = azint(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file.copy("entry", "entry_2")
        file["entry_2/data/I"][...] = 7.0
        del file["entry"].attrs["default"]
        file["entry/again"] = file["entry/data"]
        file["entry/soft"] = h5py.SoftLink("/entry/data")
    patterns = list(read_patterns(path))
    assert len(patterns) == 6
    assert patterns[3].intensity[0] == 7
    assert patterns[3].metadata["entry"] == "/entry_2"


def test_a_cake_is_refused(tmp_path):
    path = azint(tmp_path / "a.h5", axes=["azimuthal_axis", "radial_axis"])
    with pytest.raises(PatternError, match="azimuth"):
        read_pattern(path)


def test_a_detector_radius_is_refused(tmp_path):
    path = azint(tmp_path / "a.h5", long_name="r", units="mm")
    with h5py.File(path, "a") as file:
        file["entry/data/radial_axis"].attrs["name"] = "r"
    with pytest.raises(PatternError, match="detector radius"):
        next(read_patterns(path))


def link(path: Path, target: str) -> Path:
    azint(path)
    with h5py.File(path, "a") as file:
        del file["entry/data/I"]
        file["entry/data/I"] = h5py.ExternalLink(target, "/entry/data/I")
    return path


def test_external_links_are_followed_beside_the_file_and_no_further(tmp_path):
    folder = tmp_path / "run"
    (folder / "raw").mkdir(parents=True)
    azint(folder / "raw" / "data.h5")
    azint(tmp_path / "secret.h5")
    assert len(list(read_patterns(link(folder / "in.h5", "raw/data.h5")))) == 3
    for target in ("../secret.h5", str(tmp_path / "secret.h5"), "none.h5"):
        with pytest.raises(PatternError, match="not followed"):
            next(read_patterns(link(folder / "out.h5", target)))


def test_a_link_that_leads_out_through_a_second_file(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    azint(tmp_path / "secret.h5")
    link(folder / "second.h5", "../secret.h5")
    with pytest.raises(PatternError, match="not followed"):
        next(read_patterns(link(folder / "first.h5", "second.h5")))


@pytest.mark.parametrize("name", ["../secret.h5", "gone.h5"])
def test_virtual_data_outside_or_missing_is_refused_not_zero(tmp_path, name):
    folder = tmp_path / "run"
    folder.mkdir()
    azint(tmp_path / "secret.h5")
    path = azint(folder / "a.h5")
    layout = h5py.VirtualLayout(shape=FRAMES.shape, dtype=float)
    layout[...] = h5py.VirtualSource(name, "/entry/data/I", shape=FRAMES.shape)
    with h5py.File(path, "a") as file:
        del file["entry/data/I"]
        file["entry/data"].create_virtual_dataset("I", layout)
    with pytest.raises(PatternError, match="outside the file's folder, or missing"):
        next(read_patterns(path))


def test_links_that_go_round_in_circles_end(tmp_path):
    path = azint(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["entry/loop"] = h5py.SoftLink("/entry")
        file["entry/self"] = h5py.SoftLink("/entry/self")
        file["entry/me"] = h5py.ExternalLink("a.h5", "/entry/me")
        file["entry/hard"] = file["entry"]
        del file["entry"].attrs["default"]
    assert len(list(read_patterns(path))) == 3


def test_a_file_its_writer_has_locked_is_refused_with_that_reason(tmp_path):
    path = azint(tmp_path / "a.h5")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as HDF5 does in the process that writes
        with pytest.raises(PatternError, match="locked by its writer"):
            read_pattern(path)


def test_no_pattern_inside(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros((10, 10))
    with pytest.raises(PatternError, match="no NXdata"):
        read_pattern(tmp_path / "a.h5")


def test_a_damaged_frame_is_one_refusal(tmp_path):
    path = azint(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["entry/data/I"], file["entry/data/I_errors"]
        file["entry/data"].create_dataset("I", data=FRAMES, chunks=(1, 40), fletcher32=True)
        offset = file["entry/data/I"].id.get_chunk_info(1).byte_offset
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)
    results = list(read_results(path))
    assert [isinstance(one, Pattern) for one in results] == [True, False, True]
    assert "frame 1" in str(results[1])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file(tmp_path, share):
    path = azint(tmp_path / "a.h5")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PatternError, match="whole"):
        list(read_patterns(path))
