"""Frames of a synthetic detector, integrated here and by pyFAI itself."""

from __future__ import annotations

import logging
import sys

import fabio.edfimage
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphadiffract_stream.errors import ConfigurationError, PatternError
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.integration import METHOD, MOST_PIXELS, Integrator, frame_of, frame_shape
from alphadiffract_stream.pattern import Origin
from tests.detector import CEO2, SIDE, WAVELENGTH, bragg, frames, geometry, rings, write_poni


@pytest.fixture(scope="module")
def poni(tmp_path_factory):
    return write_poni(tmp_path_factory.mktemp("calibration") / "detector.poni")


@pytest.fixture(scope="module")
def integrator(poni):
    return Integrator(poni)


def pattern(integrator, frame, **said):
    return integrator.pattern(frame, origin=Origin(), metadata={}, **said)


@pytest.mark.parametrize("hkl", [(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2), (4, 0, 0)])
def test_the_lines_of_ceria_are_where_bragg_puts_them(integrator, hkl):
    found = integrator.integrate(frames(1)[0])
    expected = bragg(CEO2, hkl)
    near = np.abs(found.two_theta - expected) < 0.4

    weights = found.intensity[near] - found.intensity[near].min()
    position = np.average(found.two_theta[near], weights=weights**2)

    assert position == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("polarization", [None, 0.99])
def test_it_is_what_pyfai_gives(poni, polarization):
    frame = frames(1)[0]
    one = Integrator(poni, npt=900, polarization_factor=polarization, error_model="poisson")

    found = one.integrate(frame)

    theirs = geometry().integrate1d(
        frame,
        900,
        unit="2th_deg",
        polarization_factor=polarization,
        error_model="poisson",
        method=METHOD,
    )
    np.testing.assert_allclose(found.two_theta, theirs.radial, rtol=1e-6)
    np.testing.assert_allclose(found.intensity, theirs.intensity, rtol=1e-5)
    assert found.sigma is not None
    np.testing.assert_allclose(found.sigma, theirs.sigma, rtol=1e-5)
    assert not found.mask.any()


def test_the_noise_is_what_poisson_says(poni):
    one = Integrator(poni, npt=300, error_model="poisson")
    several = [one.integrate(frame) for frame in frames(30)]

    scatter = np.std([found.intensity for found in several], axis=0)

    assert several[0].sigma is not None
    assert np.median(scatter / several[0].sigma) == pytest.approx(1, abs=0.1)


def test_two_bins_a_pixel(integrator):
    found = integrator.integrate(rings())
    span = np.radians(found.two_theta[-1] - found.two_theta[0])

    assert integrator.npt == found.two_theta.size
    assert 1.5 < integrator.npt / (span * 0.3 / 0.4e-3) < 3


@pytest.mark.parametrize(
    ("dtype", "bad"),
    [
        ("int32", -1),
        ("int32", 2**31 - 1),
        ("uint16", 65535),
        ("uint32", 2**32 - 1),
        ("float32", np.nan),
    ],
)
def test_pixels_that_detectors_mark_do_not_count(integrator, dtype, bad):
    frame = rings().astype(dtype)
    good = integrator.integrate(frame)
    marked = frame.copy()
    marked[50:60, 100:300] = bad

    found = integrator.integrate(marked)

    # The rings are round: what is left of a ring has the same mean.
    np.testing.assert_allclose(found.intensity, good.intensity, rtol=0.05)
    assert frame[55, 150] < 60_000


def test_dark_subtracted_counts_below_zero_do_count(integrator):
    found = integrator.integrate(np.full((SIDE, SIDE), -3.0))

    assert np.median(found.intensity) == pytest.approx(-3, rel=0.3)


@pytest.mark.parametrize("ending", ["npy", "edf"])
def test_masked_pixels_are_not_used(poni, tmp_path, ending):
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[:, 200:] = 7
    path = tmp_path / f"mask.{ending}"
    if ending == "npy":
        np.save(path, mask)
    else:
        fabio.edfimage.EdfImage(data=mask).write(str(path))
    frame = rings().copy()
    frame[:, 200:] = 1e6

    found = Integrator(poni, pixel_mask=path).integrate(frame)

    assert found.intensity.max() < 5000
    assert not found.mask.all()


def test_bins_without_a_good_pixel_are_masked(poni, tmp_path):
    frame = rings()
    two_theta = np.degrees(geometry().center_array((SIDE, SIDE), unit="2th_rad", scale=False))
    np.save(tmp_path / "m.npy", (two_theta > 10) & (two_theta < 12))

    found = pattern(Integrator(poni, pixel_mask=tmp_path / "m.npy"), frame)

    assert found.mask is not None
    hidden = found.axis[found.mask]
    assert hidden.min() == pytest.approx(10, abs=0.2)
    assert hidden.max() == pytest.approx(12, abs=0.2)
    assert 0.8 < to_grid(found).coverage < 0.97


def test_a_frame_of_another_shape_is_refused_with_the_shapes(integrator):
    with pytest.raises(PatternError, match=r"frame: shape \(256, 512\).*\(512, 512\); name"):
        integrator.integrate(np.zeros((256, 512), np.int32))


@pytest.mark.parametrize("value", [[[1, 2], [3]], "abc", np.zeros((4, 4), complex), None, [[None]]])
def test_what_is_no_frame_is_refused(integrator, value):
    with pytest.raises(PatternError, match="frame"):
        integrator.integrate(value)


@given(st.lists(st.none() | st.integers(0, 10**9), max_size=4))
def test_a_shape_is_one_frame_or_none(shape):
    try:
        found = frame_shape(shape)
    except PatternError:
        assert shape[-1] * shape[-2] > MOST_PIXELS
        return
    if found is not None:
        assert list(found) == shape[-2:]
        assert set(shape[:-2]) <= {1}
        assert found[0] * found[1] <= MOST_PIXELS


def test_lists_of_numbers_are_a_frame():
    assert frame_of([[[1, 2], [3, 4]]]).tolist() == [[1, 2], [3, 4]]


def test_the_shape_of_a_detector_the_poni_does_not_describe_is_that_of_the_first_frame(tmp_path):
    path = write_poni(tmp_path / "a.poni")
    path.write_text(path.read_text().replace(f', "max_shape": [{SIDE}, {SIDE}]', ""))
    one = Integrator(path)
    assert one.shape is None

    one.integrate(rings())

    assert one.shape == (SIDE, SIDE)
    with pytest.raises(PatternError, match="shape"):
        one.integrate(np.zeros((100, 100)))


# --- wavelength ---------------------------------------------------------------------------------


def test_the_ponis_wavelength_is_in_angstrom(integrator):
    found = pattern(integrator, rings())

    assert found.wavelength == pytest.approx(WAVELENGTH)
    assert found.wavelength_source == "poni: detector.poni"


def test_the_events_own_wavelength_wins_and_the_difference_is_told_once(integrator, caplog):
    frame = rings(wavelength=0.5)

    with caplog.at_level(logging.WARNING):
        found = [
            pattern(integrator, frame, wavelength=0.5, wavelength_source="event: mono_energy")
            for _ in range(3)
        ]

    assert found[0].wavelength == 0.5
    assert found[0].wavelength_source == "event: mono_energy (the PONI has 0.4133 Å)"
    assert len(caplog.records) == 1
    # And the axis goes with it: d of the strongest line is that of ceria (111).
    strongest = np.radians(found[0].axis[np.argmax(found[0].intensity)])
    assert 0.5 / (2 * np.sin(strongest / 2)) == pytest.approx(CEO2 / np.sqrt(3), rel=5e-3)


def test_a_wavelength_that_agrees_is_taken_without_a_word(integrator, caplog):
    found = pattern(
        integrator, rings(), wavelength=WAVELENGTH * 1.0005, wavelength_source="event: energy"
    )

    assert found.wavelength_source == "event: energy"
    assert found.wavelength == WAVELENGTH * 1.0005
    assert not caplog.records


def test_without_any_wavelength_it_is_refused(tmp_path):
    one = Integrator(write_poni(tmp_path / "a.poni", wavelength=None))

    with pytest.raises(PatternError, match=r"wavelength: none, nor in a\.poni; put energy"):
        pattern(one, rings())


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("Wavelength: 4.133e-11", "Wavelength: 0.4133", "metres"),
        ("Distance: 0.3", "Distance: 0", "distance"),
        ("Distance: 0.3", "Distance: -0.3", "distance"),
        ("Distance: 0.3", "Distance: near", "no PONI file"),
        ("Poni1: 0.02", "", "no Poni1"),
        ("Rot3: 0", "", "no Rot3"),
        ("Detector: Detector", "Detector: Nonesuch", "no PONI file"),
        ('{"pixel1"', "{pixel1", "no PONI file|pixels"),
    ],
)
def test_a_poni_that_cannot_be_used_is_named(tmp_path, old, new, match):
    path = write_poni(tmp_path / "bad.poni")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(ConfigurationError, match=rf"bad\.poni.*({match})"):
        Integrator(path)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_configuration_error(text):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.poni"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match="poni="):
            Integrator(path)


def test_a_poni_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.poni: No such file"):
        Integrator(tmp_path / "none.poni")


def test_a_mask_of_another_shape(poni, tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((3, 3)))

    with pytest.raises(ConfigurationError, match=r"shape \(3, 3\).*\(512, 512\)"):
        Integrator(poni, pixel_mask=tmp_path / "m.npy")


def test_a_mask_with_objects_is_not_unpickled(poni, tmp_path):
    np.save(tmp_path / "m.npy", np.array([[object()]]), allow_pickle=True)

    with pytest.raises(ConfigurationError, match="pixel_mask="):
        Integrator(poni, pixel_mask=tmp_path / "m.npy")


def test_without_pyfai_the_extra_is_named(poni, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyFAI", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'alphadiffract-stream\[pyfai\]'"):
        Integrator(poni)
