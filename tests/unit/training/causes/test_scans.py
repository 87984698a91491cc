"""Scans are drawn as training patterns are, up to the grid, which is the service's."""

from __future__ import annotations

import numpy as np
import pytest

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH, bragg_convert, to_grid
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from training.causes import CAUSES, CLEAN, MIXED, causes_named, conditions
from training.patterns import Augmentation
from training.patterns.compiled import ScanDrawer, Scans, clean_pattern
from training.reflections import ReflectionStore, SymmetryTables

CU = 1.5418
FIXED = CLEAN._replace(
    microstrain_min=2000.0,
    microstrain_max=2000.0,
    size_min=0.5,
    size_max=0.5,
    u_max=0.0,
    v_min=0.0,
    w_max=0.0,
    log_lambda_min=1e9,
    log_lambda_max=1e9,
    log_sigma_min=1e-9,
    log_sigma_max=1e-9,
)


def drawn(
    store: ReflectionStore, symmetry: SymmetryTables, a: Augmentation, step: float = 0.01
) -> Scans:
    """Twelve of each crystal."""
    crystals = np.tile(np.arange(len(store)), 12)
    return ScanDrawer(store, a, symmetry, step).draw(crystals, 7 + np.arange(crystals.size))


def test_a_scan_has_its_own_steps_and_covers_the_grid(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    scans = drawn(store, symmetry, CLEAN)
    np.testing.assert_allclose(np.diff(scans.two_theta), 0.01, rtol=1e-9)
    # A scan that begins at 5° has points at whole hundredths.
    np.testing.assert_allclose(scans.two_theta * 100, np.rint(scans.two_theta * 100), atol=1e-6)
    ends = [
        2 * np.degrees(np.arcsin(np.sin(np.radians(x)) * CU / GRID_WAVELENGTH)) for x in (2.5, 10)
    ]
    assert scans.two_theta[0] < ends[0] < scans.two_theta[0] + 0.05
    assert scans.two_theta[-1] - 0.05 < ends[1] < scans.two_theta[-1]
    assert scans.measured.all()
    assert np.isfinite(scans.intensity).all()


def test_a_clean_scan_is_the_clean_pattern_at_its_own_angles(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    """But for the Lorentz-polarization factor, which is the laboratory's."""
    scans = drawn(store, symmetry, FIXED)
    canonical = bragg_convert(scans.two_theta, CU, GRID_WAVELENGTH)
    theta, own = np.radians(canonical / 2), np.radians(scans.two_theta / 2)
    factor = 0.5 * (1 + np.cos(2 * own) ** 2) / (0.99 + 0.01 * np.cos(2 * theta) ** 2)
    factor *= np.cos(theta) / np.cos(own)
    for crystal in range(len(store)):
        clean = clean_pattern(store, symmetry, crystal, (0.5, 2000.0, 0.0, 0.0, 0.0))
        expected = np.interp(canonical, GRID_TWO_THETA, clean) * factor
        values = scans.intensity[crystal]
        np.testing.assert_allclose(
            values / values.max(), expected / expected.max(), rtol=0, atol=3e-3
        )


def test_the_same_seeds_draw_the_same_however_they_are_batched(
    store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    whole = drawn(store, symmetry, MIXED)
    drawer = ScanDrawer(store, MIXED, symmetry)
    one = drawer.draw(np.array([3]), np.array([7 + 13]))
    np.testing.assert_array_equal(one.intensity[0], whole.intensity[13])
    assert not np.array_equal(whole.intensity[13], whole.intensity[3])


@pytest.mark.parametrize("cause", [c for c in CAUSES if c.of != "training"], ids=lambda c: c.name)
def test_every_cause_changes_scans_and_its_absence_too(
    cause, store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    clean, mixed = (drawn(store, symmetry, a).intensity for a in (CLEAN, MIXED))
    if cause.name != "truncation":
        on = drawn(store, symmetry, CLEAN._replace(**cause.levels[0].changes)).intensity
        assert not np.array_equal(on, clean)
        without = drawn(store, symmetry, MIXED._replace(**cause.off)).intensity
        assert not np.array_equal(without, mixed)


@pytest.mark.parametrize("name", ["texture", "impurity lines", "second phase", "saturation"])
def test_where_a_cause_does_not_strike_all_else_stays_as_it_was(
    name: str, store: ReflectionStore, symmetry: SymmetryTables
) -> None:
    """Half of the scans have the cause; the others are the same to the last digit."""
    (cause,) = causes_named(name)
    (probability,) = cause.off
    half = CLEAN._replace(**cause.levels[0].changes)._replace(**{probability: 0.5})
    with_it, clean = (drawn(store, symmetry, a).intensity for a in (half, CLEAN))
    same = (with_it == clean).all(axis=1).mean()
    assert 0.2 < same < 0.8


def test_truncated_scans_are_one_stretch(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    (cause,) = causes_named("truncation")
    scans = drawn(store, symmetry, CLEAN._replace(**cause.levels[0].changes))
    for number, inside in enumerate(scans.measured):
        places = np.flatnonzero(inside)
        assert (np.diff(places) == 1).all()
        assert inside[0] or inside[-1]
        covered = to_grid(_pattern(scans, number)).coverage
        assert 0.59 < covered <= 1.0


def test_coarser_steps_have_fewer_points(store: ReflectionStore, symmetry: SymmetryTables) -> None:
    fine, coarse = (drawn(store, symmetry, CLEAN, step).two_theta for step in (0.01, 0.05))
    assert coarse.size == pytest.approx(fine.size / 5, abs=4)


def test_conditions_differ_in_one_cause_and_are_named_once() -> None:
    found = conditions()
    assert len({c.name for c in found}) == len({c.digest for c in found}) == len(found)
    by_name = {c.name: c for c in found}
    for condition in found:
        if condition.name.startswith("without "):
            (cause,) = causes_named(condition.name.removeprefix("without "))
            assert _differing(condition.augmentation, by_name["everything"].augmentation) <= set(
                cause.off
            )
    assert {c.beside for c in found} == {None, "nothing", "everything"}
    assert len(conditions(levels=1)) == len(found) - sum(len(c.levels) - 1 for c in CAUSES)


def test_an_unknown_cause_is_named() -> None:
    with pytest.raises(ValueError, match="'rain' is not one of line widths, noise"):
        causes_named("texture+rain")


def _differing(first: Augmentation, second: Augmentation) -> set[str]:
    return {n for n in Augmentation._fields if getattr(first, n) != getattr(second, n)}


def _pattern(scans: Scans, number: int) -> Pattern:
    inside = scans.measured[number]
    return Pattern(
        intensity=scans.intensity[number][inside],
        axis=scans.two_theta[inside],
        unit=RadialUnit.TWO_THETA_DEG,
        wavelength=scans.wavelength,
        wavelength_source="test",
        origin=Origin(transport="test", name="scan"),
    )
