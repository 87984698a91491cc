"""Detector frames over 0MQ through a real ``serve``, beside what pyFAI itself makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import gemmi
import msgpack_numpy
import numpy as np
import pytest
import zmq
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

from alphadiffract_stream.pattern import wavelength_from_energy
from alphadiffract_stream.simulation import Profile, reflections, simulate, unit_cell_contents
from tests.raw_runs import array_key, configuration, run_of_arrays
from tests.serving import Served

ENERGY = 30.0
SIDE = 2048
BINS = 3000
TWO_THETA = np.linspace(1.0, 19.0, 4000)
FLUORITES = {"CaF2": 5.4626, "CeO2": 5.4117, "SrF2": 5.7996}
"""Å; all are Fm-3m."""


def powder(formula: str) -> np.ndarray:
    """(4000,) counts of a fluorite."""
    cell = FLUORITES[formula]
    structure = gemmi.SmallStructure()
    structure.cell.set(cell, cell, cell, 90, 90, 90)
    structure.spacegroup_hm = "F m -3 m"
    structure.determine_and_set_spacegroup("h")
    cation, anion = formula[:2], formula[2]
    for element, place in ((cation, 0.0), (anion, 0.25)):
        site = gemmi.SmallStructure.Site()
        site.label = site.type_symbol = element
        site.element = gemmi.Element(element)
        site.fract = gemmi.Fractional(place, place, place)
        site.occ = 1.0
        structure.add_site(site)
    wavelength = wavelength_from_energy(ENERGY)
    d_min, d_max = wavelength / (2 * np.sin(np.radians(TWO_THETA[[-1, 0]]) / 2))
    table = reflections(unit_cell_contents(structure), d_min, d_max, energy=ENERGY)
    pattern = simulate(table, TWO_THETA, wavelength, Profile(U=2.0, V=-1.0, W=2.0))
    return 5000 * pattern / pattern.max() + 20


@pytest.fixture(scope="module")
def geometry() -> AzimuthalIntegrator:
    """4 Mpx of 75 µm, the beam near a corner: all of 2θ to 17°."""
    detector = Detector(pixel1=75e-6, pixel2=75e-6, max_shape=(SIDE, SIDE))
    wavelength = wavelength_from_energy(ENERGY) * 1e-10
    return AzimuthalIntegrator(
        dist=0.5, poni1=0.004, poni2=0.006, rot1=0.002, detector=detector, wavelength=wavelength
    )


class Beamline(Served):
    """``serve`` that subscribes here, its detector calibrated."""

    def __init__(self, folder, geometry: AzimuthalIntegrator) -> None:
        geometry.save(str(folder / "detector.poni"))
        self._beamline = zmq.Context()
        self._publisher = self._beamline.socket(zmq.XPUB)
        port = self._publisher.bind_to_random_port("tcp://127.0.0.1")
        super().__init__(
            folder,
            *("--source", f"bluesky-zmq://127.0.0.1:{port}?poni={folder}/detector.poni&npt={BINS}"),
            *("--sink", f"jsonl:{folder}/out.jsonl"),
        )
        self.wait(self.is_ready, 180.0)  # 4 megapixels are prepared, on a busy machine
        self._publisher.poll(20_000)
        assert self._publisher.recv() == b"\x01"

    def publish(self, documents: list) -> list[dict]:
        """The data of the events that answer this run."""
        for name, document in documents:
            body = msgpack_numpy.packb(document)
            self._publisher.send(b" ".join([b"raw", name.encode(), body]))
        uid = documents[0][1]["uid"]
        ends = len(self.of("stop")) + 1
        self.wait(lambda: len(self.of("stop")) == ends)
        return [e["data"] for e in self.of("event") if e["data"]["raw_run_uid"] == uid]

    def close(self) -> None:
        super().close()
        self._publisher.close(linger=0)
        self._beamline.term()


@pytest.fixture(scope="module")
def beamline(tmp_path_factory, geometry) -> Iterator[Beamline]:
    served = Beamline(tmp_path_factory.mktemp("beamline"), geometry)
    try:
        yield served
    finally:
        served.close()


def test_frames_are_answered_as_what_pyfai_makes_of_them(beamline, geometry):
    angles = np.degrees(geometry.center_array((SIDE, SIDE), unit="2th_rad", scale=False))
    # As the corrections of the integration undo them: a pixel seen at a slant gets less.
    slant = geometry.solidAngleArray((SIDE, SIDE))
    random = np.random.default_rng(1)
    images = [
        random.poisson(slant * np.interp(angles, TWO_THETA, powder(one))).astype(np.uint32)
        for one in FLUORITES
    ]
    integrated = [geometry.integrate1d(image, BINS, unit="2th_deg") for image in images]

    of_frames = beamline.publish(
        run_of_arrays(images, array_key(shape=[SIDE, SIDE]), "det_image", {})
    )
    axis = (integrated[0].radial, "deg")
    config = {"det": configuration(det_two_theta=axis, det_energy=(ENERGY, "keV"))}
    values = [one.intensity.astype(float) for one in integrated]
    of_patterns = beamline.publish(run_of_arrays(values, array_key(BINS), "det_intensity", config))

    assert len(of_frames) == len(of_patterns) == len(FLUORITES)
    for frame, pattern in zip(of_frames, of_patterns, strict=True):
        assert frame["energy"] == pytest.approx(ENERGY, rel=1e-6)
        assert frame["energy_source"] == "poni: detector.poni"
        for key in ("status", "crystal_system", "space_group_number"):
            assert frame[key] == pattern[key], key
        assert frame["lattice_a"] == pytest.approx(pattern["lattice_a"], rel=1e-3)
        assert frame["crystal_system"] == "cubic"
        # Fluorite and sphalerite (216) have the same lines; either may come first.
        assert 225 in list(frame["space_group_numbers"])[:2]


def test_a_frame_of_another_detector_is_refused_and_the_next_is_answered(beamline):
    flat = np.random.default_rng(2).poisson(50, (SIDE, SIDE)).astype(np.uint32)
    values = [flat, np.zeros((7, 9), np.uint32), flat]

    answers = beamline.publish(
        run_of_arrays(values, array_key(shape=[SIDE, SIDE]), "det_image", {})
    )

    assert [a["status"] == "refused" for a in answers] == [False, True, False]
    assert "(7, 9)" in answers[1]["reason"]
