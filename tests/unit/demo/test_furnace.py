from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.demo._crystals import CALCITE, LIME
from alphadiffract_stream.demo._frames import Frame, Truth
from alphadiffract_stream.demo._furnace import Diffractometer
from alphadiffract_stream.demo._samples import (
    BARIUM_TITANATE,
    CALCIUM_CARBONATE,
    SAMPLES,
    Sample,
    sample_named,
)
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.pattern import wavelength_from_energy

COLDEST, HOTTEST = CALCIUM_CARBONATE.range


@given(st.sampled_from(list(SAMPLES.values())), st.floats(0, 3000))
def test_fractions_are_shares(sample: Sample, temperature: float) -> None:
    shares = [share for _, share in sample.fractions(temperature)]
    assert sum(shares) == pytest.approx(1)
    assert all(share >= 0 for share in shares)


@pytest.mark.parametrize(("sample", "frames"), [(CALCIUM_CARBONATE, 60), (BARIUM_TITANATE, 200)])
def test_every_phase_is_seen_alone_and_each_change_in_two_phase_frames(sample, frames) -> None:
    truths = [Truth.at(float(t), sample) for t in sample.temperatures(frames)]
    alone = [truth.phase.name for truth in truths if truth.phase]
    names = [phase.name for phase in sample.phases]
    assert list(dict.fromkeys(alone)) == names
    mixed = [
        {name for name, share in truth.fractions.items() if share > 0}
        for truth in truths
        if truth.phase is None
    ]
    for before, after in pairwise(names):
        assert {before, after} in mixed


def test_samples_are_found_by_name() -> None:
    assert sample_named("batio3") is BARIUM_TITANATE
    with pytest.raises(ConfigurationError, match="'quartz': choose one of CaCO3, BaTiO3"):
        sample_named("quartz")


@pytest.mark.parametrize(
    ("temperature", "phase", "hkl"),
    [(850.0, CALCITE, (1, 0, 4)), (HOTTEST, LIME, (2, 0, 0))],
)
def test_strongest_peak_is_where_bragg_puts_it(temperature, phase, hkl) -> None:
    import gemmi

    detector = Diffractometer()
    pattern = detector.expected(temperature)
    d = gemmi.UnitCell(*phase.cell_at(temperature)).calculate_d(list(hkl))
    angle = 2 * np.degrees(np.arcsin(wavelength_from_energy(detector.energy) / (2 * d)))
    step = detector.two_theta[1] - detector.two_theta[0]
    assert detector.two_theta[pattern.argmax()] == pytest.approx(angle, abs=step)


def test_mixture_is_weighed_by_calcium_atoms() -> None:
    """A half-burnt sample shows both phases' strongest lines."""
    detector = Diffractometer(background=0.0)
    half = detector.expected(1010.5)
    shares = dict(CALCIUM_CARBONATE.fractions(1010.5))
    assert shares[LIME] == pytest.approx(0.5, abs=0.01)
    together = sum(detector._phase(phase, 1010.5) * shares[phase] for phase in (CALCITE, LIME))
    np.testing.assert_allclose(half, detector.counts * together / together.max())


def test_noise_is_counting_noise() -> None:
    detector = Diffractometer()
    expected = detector.expected(COLDEST)
    random = np.random.default_rng(1)
    residual = [
        (detector.measure(COLDEST, random) - expected) / np.sqrt(expected) for _ in range(4)
    ]
    assert np.std(residual) == pytest.approx(1, abs=0.02)
    assert np.mean(residual) == pytest.approx(0, abs=0.03)


def test_same_seed_same_counts() -> None:
    detector = Diffractometer()
    first, second = (detector.measure(700.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_frame_is_judged_only_when_there_is_one_truth_and_an_answer() -> None:
    answer = {"status": "ok", "crystal_system": "cubic", "space_group_number": 225}
    pure, mixed = Truth.at(HOTTEST), Truth.at(1010.5)
    assert Frame(1, pure, answer, 1.0).system_right is True
    assert Frame(1, pure, answer, 1.0).space_group_right is True
    wrong = Frame(1, Truth.at(COLDEST), answer, 1.0)
    assert wrong.system_right is False
    assert wrong.space_group_right is False
    assert Frame(1, mixed, answer, 1.0).system_right is None
    assert Frame(1, pure, None, None).system_right is None
    refused = Frame(1, pure, {"status": "refused"}, 1.0)
    assert not refused.answered
    assert refused.system_right is None
