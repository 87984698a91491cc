"""Whatever is in a file, reading it ends in patterns or in a PatternError."""

from __future__ import annotations

import contextlib
import io

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.sources._formats import FORMATS, SUFFIXES
from alphadiffract_stream.sources._read import read_patterns

ANY_FILE = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Pieces that lead the parsers into every corner more often than characters at random.
PIECES = st.sampled_from(
    ["BANK 1 3 3 CONST 500 1 0 0 FXYE", "BANK 1 9 1 CONST 5 1 0 0 STD", "BANK 2 3 1 CONS 5 1 ESD",
     "BANK", "BANK 1 x", "##NAMES=Quartz", "##END=", "# wavelength 0.41", "wavelength = 1e400 nm",
     "energy: -3", "λ,1,5", "# q_nm^-1 I", "2theta,I,sigma", "d (nm);I", "q I", "2-Theta Angle",
     "1.0 2.0", "1.0 2.0 3.0", "1,0 2,0", "1,2", "1;2", "1,5;2,5;", "5", "nan inf", "1e999 2",
     "1_0 2", "٣ ٤", "1.0 x", "1.0D+00 2", '"1","2"', "<xrdMeasurements>", "<scan><dataPoints>",
     "<counts>1 2</counts>", "</dataPoints></scan></xrdMeasurements>", "", "\t", "# ", "\ufeff"]
)  # fmt: skip
LINES = st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=12).map("\n".join)


def survives(path, content, **said):
    path.write_bytes(content)
    with contextlib.suppress(PatternError):
        for pattern in read_patterns(path, **said):
            assert pattern.axis.shape == pattern.intensity.shape


@ANY_FILE
@given(
    name=st.sampled_from(sorted(FORMATS)),
    content=st.one_of(st.binary(max_size=300), LINES.map(lambda s: s.encode(errors="replace"))),
)
def test_anything_read_as_any_format(tmp_path, name, content):
    survives(tmp_path / "a.dat", content, format=name)


@ANY_FILE
@given(suffix=st.sampled_from(sorted(SUFFIXES)), text=LINES)
@example(".gsas", "BANK 1 1 1 CONST 1e308 1e308 0 0 STD\n 1     1")
def test_lines_of_all_formats_mixed(tmp_path, suffix, text):
    survives(tmp_path / f"a{suffix}", text.encode(errors="replace"))


@pytest.mark.parametrize(
    "line",
    ["# wavelength " + " " * 10**5, "# " + "( " * 10**5, "sample" + " " * 10**5, "#" * 10**5,
     "1" * 10**5 + "x 2", "[ " * 10**5, "# " + "_" * 10**5 + "lambda", "1," * 10**5 + "x"],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".xy", ".chi", ".fxye"])
def test_a_long_line_does_not_take_for_ever(tmp_path, line, suffix):
    """Patterns that backtrack would take minutes here, and the test's time limit is two."""
    survives(tmp_path / f"a{suffix}", f"{line}\n{line}\n1 2\n3 4\n".encode())
    survives(tmp_path / f"b{suffix}", f"a\nb\nc\n{line}\n1 2\n3 4\n".encode())


def test_deep_xml(tmp_path):
    deep = b"<a>" * 10**5 + b"</a>" * 10**5
    survives(tmp_path / "a.xrdml", b"<xrdMeasurements>" + deep + b"</xrdMeasurements>")


@ANY_FILE
@given(text=LINES)
def test_xml_with_anything_in_it(tmp_path, text):
    content = f"<xrdMeasurements><xrdMeasurement>{text}</xrdMeasurement></xrdMeasurements>"
    survives(tmp_path / "a.xrdml", content.encode(errors="replace"))


@ANY_FILE
@given(data=st.data())
def test_a_damaged_array(tmp_path, data):
    stream = io.BytesIO()
    np.save(stream, np.arange(20.0).reshape(2, 10))
    content = bytearray(stream.getvalue())
    for place in data.draw(st.lists(st.integers(0, 127), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    survives(tmp_path / "a.npy", bytes(content))


@pytest.fixture(scope="module")
def hdf5_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5") / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        file["entry"].attrs["NX_class"] = "NXentry"
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "q"]})
        data["I"], data["q"] = np.ones((2, 30)), np.arange(30.0)
        data["q"].attrs["units"] = "1/nm"
    return path.read_bytes()


@ANY_FILE
@given(share=st.floats(0, 1))
def test_hdf5_cut_off_anywhere(tmp_path, hdf5_bytes, share):
    survives(tmp_path / "a.h5", hdf5_bytes[: int(share * len(hdf5_bytes))])


TEXT = st.text(max_size=300)
NUMBERS = st.lists(st.integers(), max_size=30)


@ANY_FILE
@given(signal=st.one_of(TEXT, st.binary(max_size=300), st.integers(), NUMBERS),
       axes=st.one_of(TEXT, st.integers(), st.lists(st.text(max_size=5), max_size=5)),
       units=st.one_of(TEXT, st.integers(), st.sampled_from(["deg", "1/nm"])))  # fmt: skip
def test_hdf5_with_any_attributes(tmp_path, hdf5_bytes, signal, axes, units):
    # A file of its own each time: an error that is still held keeps the last one open.
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
    path.write_bytes(hdf5_bytes)
    with h5py.File(path, "a") as file, contextlib.suppress(TypeError, ValueError, OSError):
        file["entry/data/q"].attrs["units"] = units
        file["entry/data"].attrs["axes"] = axes
        file["entry/data"].attrs["signal"] = signal
    with contextlib.suppress(PatternError):
        list(read_patterns(path))
