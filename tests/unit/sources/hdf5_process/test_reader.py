"""Whatever a file does to libhdf5, the reader comes back, and the next file is read."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import pytest

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.integration import Integrated, Integrator
from alphadiffract_stream.sources import Hdf5Reader, _hdf5_process, read_results
from alphadiffract_stream.sources._assembler import Reference
from alphadiffract_stream.sources._formats import FileBusyError
from alphadiffract_stream.sources._hdf5_process import NotYetError
from alphadiffract_stream.sources._hdf5_process._process import Process
from alphadiffract_stream.sources._images import hdf5_frames
from tests.external_runs import DATASET, patterns, write_hdf5, write_nxazint1d

DAMAGED = Path(__file__).parents[3] / "damaged"
"""NeXus files with one byte changed; libhdf5 2.0.0 does with them what they are named for."""


@pytest.fixture
def reader():
    with contextlib.closing(Hdf5Reader(30.0)) as one:
        yield one


@pytest.fixture
def good(tmp_path) -> Path:
    return write_nxazint1d(tmp_path / "good.nxs", patterns(3))


def reference(**said) -> Reference:
    default = {"dataset": DATASET, "index": 0, "shape": (200,)}
    return Reference("", "application/x-hdf5", "", **{**default, **said})


def process_of(reader: Hdf5Reader) -> Process:
    (process,) = reader._idle
    return process


def pid(reader: Hdf5Reader) -> int:
    return process_of(reader)._process.pid


def reading() -> set[int]:
    """Processes of all readers, of this test's and of those other tests still hold."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(line.split()[0]) for line in lines if "_hdf5_process" in line}


def refusal(path: Path, reader: Hdf5Reader) -> str:
    with pytest.raises(PatternError) as error:
        list(read_results(path, hdf5=reader))
    return str(error.value)


def wait_until_gone(number: int) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{number}").exists():
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":  # ended; nobody asked for its status yet
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- the same as in this process ------------------------------------------------------------------


def test_patterns_are_the_same_as_read_here(good, reader):
    here = list(read_results(good))
    there = list(read_results(good, hdf5=reader))

    assert len(here) == len(there) == 3
    for one, other in zip(here, there, strict=True):
        for name in ("unit", "wavelength", "wavelength_source", "metadata"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("axis", "intensity"):
            assert getattr(one, name).dtype == getattr(other, name).dtype
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_doubts_and_sigma_come_over(tmp_path, reader):
    path = write_nxazint1d(tmp_path / "a.nxs", patterns(2), energy=-1.0)
    with h5py.File(path, "a") as file:
        file["entry/data/I_errors"] = np.sqrt(patterns(2))

    here = list(read_results(path, fallback=0.5))
    there = list(read_results(path, fallback=0.5, hdf5=reader))

    np.testing.assert_array_equal(here[0].sigma, there[0].sigma)
    (one,) = {str(found) for found in read_results(path)}
    (other,) = {str(found) for found in read_results(path, hdf5=reader)}
    assert one == other
    assert "energy" in one


@pytest.mark.parametrize("dtype", ["<f4", ">f8", ">u2", "i1", "f2", "bool", np.longdouble])
def test_rows_of_any_number(tmp_path, reader, dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    path = write_hdf5(tmp_path / "a.h5", values)

    found = reader.rows(path, reference(index=2, shape=(4,)))

    assert found.tolist() == values[2].tolist()
    assert found.dtype.kind == values.dtype.kind


def test_a_row_that_has_not_been_written_may_come_later(tmp_path, reader):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        rows = file.create_dataset(DATASET, (0, 4), maxshape=(None, 4), chunks=(1, 4), dtype="f4")
        file.swmr_mode = True
        with pytest.raises(NotYetError, match="0 rows, 1 are needed"):
            reader.rows(path, reference(shape=(4,)))
        for n in range(3):
            rows.resize(n + 1, axis=0)
            rows[n] = n
            rows.flush()
            assert reader.rows(path, reference(index=n, shape=(4,))).tolist() == [n] * 4
    assert len(reader._idle) == 1


def test_a_reason_comes_over_as_it_is(tmp_path, reader):
    missing = tmp_path / "missing.h5"
    assert "check the path" in refusal(missing, reader) or "missing.h5" in refusal(missing, reader)
    path = write_hdf5(tmp_path / "a.h5", patterns(2))
    assert "no NXdata with a radial axis" in refusal(path, reader)
    with pytest.raises(PatternError, match="has shape"):
        reader.rows(path, reference(shape=(3, 4, 5)))
    with pytest.raises(NotYetError, match="no '/nowhere'"):
        reader.rows(path, reference(dataset="/nowhere"))
    with pytest.raises(NotYetError):
        reader.rows(path, reference(dataset="/\ud800"))


def test_a_file_its_writer_has_locked_is_busy(good, reader):
    with h5py.File(good, "a"), pytest.raises(FileBusyError):
        list(read_results(good, hdf5=reader))


# --- files that do harm ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["crashes.h5", "hangs.h5"])
def test_a_damaged_file_is_refused_and_the_next_one_read(good, name):
    with contextlib.closing(Hdf5Reader(3.0)) as reader:
        text = refusal(DAMAGED / name, reader)
        if h5py.version.hdf5_version == "2.0.0":
            words = {"crashes.h5": "crashed", "hangs.h5": "did not come back within 3 s"}
            assert f"libhdf5 {words[name]}" in text
            assert "write it again" in text

    with contextlib.closing(Hdf5Reader(60.0)) as reader:
        assert len(list(read_results(good, hdf5=reader))) == 3


def test_a_crash_costs_one_file_and_one_process(good, reader, caplog):
    others = reading()
    results = read_results(good, hdf5=reader)
    next(results)
    (busy,) = reading() - others
    os.kill(busy, signal.SIGSEGV)

    with pytest.raises(PatternError, match=r"libhdf5 crashed \(SIGSEGV\)"):
        list(results)
    assert "good.nxs': libhdf5 crashed" in caplog.text
    os.utime(good, (1, 1))
    assert len(list(read_results(good, hdf5=reader))) == 3


def test_a_file_that_hung_is_not_opened_again_while_it_is_the_same(tmp_path, good):
    with contextlib.closing(Hdf5Reader(60.0)) as reader:
        list(read_results(good, hdf5=reader))
        first = process_of(reader)
        reader._limit = 0.2
        os.kill(pid(reader), signal.SIGSTOP)
        assert "did not come back within 0.2 s" in refusal(good, reader)
        assert first.ended
        assert reader._idle == []

        reader._limit = 60.0
        assert "the file is still the same" in refusal(good, reader)
        assert reader._idle == []  # not even a process was started
        shutil.copy(good, tmp_path / "copy.nxs")
        (tmp_path / "copy.nxs").replace(good)
        assert len(list(read_results(good, hdf5=reader))) == 3


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path, reader):
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATASET, (2, 10**6), dtype="f4", chunks=(1, 10**6))
        entry = file["entry"]
        entry.attrs["NX_class"] = "NXentry"
        entry["data"].attrs.update({"NX_class": "NXdata", "signal": "data", "axes": [".", "q"]})
        entry["data/q"] = np.arange(10**6)
        entry["data/q"].attrs["units"] = "1/nm"
        # One string of 2 GB: nothing of it is in the file.
        entry.create_dataset("title", (), dtype="S2000000000")

    text = refusal(path, reader)

    assert "memory" in text.lower() or "allocate" in text.lower()
    assert not process_of(reader).ended


def test_a_file_that_announces_patterns_without_end(tmp_path, reader):
    path = tmp_path / "endless.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "q"]})
        group.create_dataset("I", (10**12, 16), chunks=(1000, 16), dtype="f4")
        group["q"] = np.arange(16.0)
        group["q"].attrs["units"] = "1/nm"
        file.create_dataset("wide", (5, 10**9), chunks=(1, 10**6), dtype="f4")

    assert "1000000000000 patterns; at most" in refusal(path, reader)
    assert path.stat().st_size < 100_000
    with pytest.raises(PatternError, match="points an event; at most"):
        reader.rows(path, reference(dataset="/wide", shape=(10**9,)))


# --- frames ---------------------------------------------------------------------------------------

SHAPE = (64, 96)


def write_frames(path: Path, *frames, **how) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=np.stack(frames), **how)
    return path


@pytest.mark.parametrize("dtype", ["<u4", ">u2", "<f4"])
def test_frames_are_the_same_as_read_here(tmp_path, reader, dtype):
    frames = np.random.default_rng(0).poisson(20, (3, *SHAPE)).astype(dtype)
    path = write_frames(tmp_path / "a.h5", *frames, chunks=(1, *SHAPE), compression="gzip")

    here, there = list(hdf5_frames(path, lambda shape: None)), reader.frames(path, SHAPE, "d.poni")

    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frame_of_16_megapixels_passes_and_one_beyond_the_limit_is_not_read(tmp_path, reader):
    with h5py.File(tmp_path / "large.h5", "w") as file:
        chunked = {"chunks": (1, 4096, 4096), "compression": "gzip", "dtype": "u4"}
        file.create_dataset("entry/data/data", (2, 4096, 4096), **chunked)
        file.create_dataset("beyond", (2, 2**14, 2**13), chunks=(1, 512, 512), dtype="u4")
        file.create_dataset("bytes", (2, 2**13, 2**13), chunks=(1, 512, 512), dtype="f8")
    large = tmp_path / "large.h5"

    shapes = [frame.shape for frame in reader.frames(large, None, "d.poni")]
    row = reader.rows(large, reference(dataset="/entry/data/data", shape=(4096, 4096)))

    assert shapes == [(4096, 4096)] * 2
    assert row.nbytes == 2**26
    for name, shape in (("/beyond", (4096, 4096)), ("/bytes", (2**13, 2**13))):
        with pytest.raises(PatternError, match="points an event; at most"):
            reader.rows(large, reference(dataset=name, shape=shape))
    assert not process_of(reader).ended


def test_frames_of_another_detector_are_refused_by_name(tmp_path, reader):
    path = write_frames(tmp_path / "a.h5", np.zeros(SHAPE))

    with pytest.raises(PatternError, match=r"\(64, 96\), but the detector of d.poni has \(7, 9\)"):
        list(reader.frames(path, (7, 9), "d.poni"))


def test_a_bad_frame_takes_its_own_place(tmp_path, reader):
    frames = [np.full(SHAPE, n) for n in (1, 2, 3)]
    path = write_frames(tmp_path / "a.h5", *frames, chunks=(1, *SHAPE), fletcher32=True)
    content = bytearray(path.read_bytes())
    place = content.index(frames[1].tobytes())
    content[place] ^= 1
    path.write_bytes(content)

    first, second, third = reader.frames(path, SHAPE, "d.poni")

    assert isinstance(second, PatternError)
    np.testing.assert_array_equal([first, third], [frames[0], frames[2]])


def test_a_file_without_patterns_is_looked_at_for_frames_by_the_process(tmp_path, reader, good):
    class Sees:
        """Whether the integrator is given what the process handed over."""

        shape, wavelength = SHAPE, 0.5
        poni = Path("d.poni")
        beam = staticmethod(lambda wavelength, source: (0.5, "poni"))

        def integrate(self, frame):
            axis, flat = np.arange(1.0, frame.shape[1] + 1), np.zeros(frame.shape[1], bool)
            return Integrated(axis, frame.sum(axis=0), None, flat)

    path = write_frames(tmp_path / "a.h5", np.ones(SHAPE), np.ones(SHAPE))
    integrator = cast("Integrator", Sees())

    found = list(read_results(path, integrator=integrator, hdf5=reader))
    stays = list(read_results(good, integrator=integrator, hdf5=reader))

    assert [one.intensity.tolist() for one in found] == [[64.0] * 96] * 2
    assert len(stays) == 3
    with pytest.raises(PatternError, match="no NXdata with a radial axis"):
        list(read_results(path, hdf5=reader))
    empty = tmp_path / "empty.h5"
    h5py.File(empty, "w").close()
    with pytest.raises(PatternError, match="neither patterns nor frames"):
        list(read_results(empty, integrator=integrator, hdf5=reader))


@pytest.mark.parametrize("name", ["crashes.h5", "hangs.h5"])
def test_a_damaged_file_among_frames_costs_itself(tmp_path, name):
    damaged = Path(shutil.copy(DAMAGED / name, tmp_path))
    path = write_frames(tmp_path / "a.h5", np.ones(SHAPE))
    with contextlib.closing(Hdf5Reader(3.0)) as reader:
        with pytest.raises(PatternError):
            list(reader.frames(damaged, SHAPE, "d.poni"))
        reader._limit = 60.0
        assert len(list(reader.frames(path, SHAPE, "d.poni"))) == 1


# --- what is left running -------------------------------------------------------------------------


def test_nothing_runs_before_the_first_file_nor_after_close(good, reader):
    assert reader._idle == []
    list(read_results(good, hdf5=reader))
    number = pid(reader)
    list(read_results(good, hdf5=reader))
    assert pid(reader) == number

    reader.close()
    reader.close()
    assert not Path(f"/proc/{number}").exists()
    assert len(list(read_results(good, hdf5=reader))) == 3  # and it starts again


def test_two_files_read_at_once_have_a_process_each(good, reader):
    one, other = (read_results(good, hdf5=reader) for _ in range(2))
    assert next(one).metadata["frame"] == next(other).metadata["frame"] == 0
    assert len(list(one)) == len(list(other)) == 2
    assert len(reader._idle) == 2


def test_a_file_left_in_the_middle_leaves_nothing_behind(good, reader):
    others = reading()
    results = read_results(good, hdf5=reader)
    next(results)
    assert reading() > others
    results.close()
    assert reader._idle == []
    assert reading() <= others


@pytest.mark.parametrize("hung", [False, True])
def test_it_dies_with_its_parent_reading_or_not(good, hung):
    code = f"""
import os, signal, sys
from alphadiffract_stream.sources import Hdf5Reader, read_results
reader = Hdf5Reader(60.0)
list(read_results({str(good)!r}, hdf5=reader))
(process,) = reader._idle
print(process._process.pid, flush=True)
if {hung}:
    reader._limit = 1.0
    import pathlib, threading
    read = lambda: list(read_results({str(DAMAGED / "hangs.h5")!r}, hdf5=reader))
    threading.Thread(target=read, daemon=True).start()
    import time; time.sleep(0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_until_gone(int(done.stdout))


def test_it_has_no_secret_of_ours_and_may_write_no_file(good, reader, monkeypatch):
    monkeypatch.setenv("TILED_API_KEY", "aPi-kEy")
    monkeypatch.setenv("ALPHADIFFRACT_METRICS_TOKEN_FILE", "/somewhere")
    list(read_results(good, hdf5=reader))

    environment = Path(f"/proc/{pid(reader)}/environ").read_text()
    limits = Path(f"/proc/{pid(reader)}/limits").read_text().splitlines()

    assert "API_KEY" not in environment
    assert "ALPHADIFFRACT" not in environment
    said = {line[:25].strip(): line[26:].split()[:2] for line in limits}
    assert said["Max file size"] == ["0", "0"]
    assert said["Max core file size"] == ["0", "0"]
    assert said["Max address space"] == [str(2**30)] * 2
    assert len(list(Path(f"/proc/{pid(reader)}/fd").iterdir())) == 4  # nothing, thrice; a socket


def test_no_module_is_taken_from_the_working_folder(tmp_path, good, reader, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    assert len(list(read_results(good, hdf5=reader))) == 3


def test_a_process_that_does_not_start_is_a_refusal(good, reader, monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "did not start" in refusal(good, reader)
    assert "did not start: ended with status 1" in caplog.text
    monkeypatch.undo()
    assert len(list(read_results(good, hdf5=reader))) == 3


def test_processes_that_cannot_be_ended_are_not_piled_up(good, reader, monkeypatch):
    """A disk that hangs keeps them; SIGKILL waits for it."""
    monkeypatch.setattr(Process, "end", lambda _: False)
    monkeypatch.setattr(Process, "ask", lost)
    started = []
    monkeypatch.setattr(Process, "__init__", lambda self: started.append(self))
    monkeypatch.setattr(Process, "ended", False)
    for _ in range(6):
        reader._blamed = type(reader._blamed)()
        refusal(good, reader)

    assert len(started) == 4
    assert "4 processes wait for a disk" in refusal(good, reader)
    reader._stuck.clear()


def lost(*_: object) -> None:
    raise _hdf5_process._process.LostError("did not come back within 1 s")
