"""Where the pattern, its axis and the energy are found."""

import numpy as np
import pytest

from alphadiffract_stream.pattern import HC_KEV_ANGSTROM, RadialUnit
from alphadiffract_stream.sources import PatternReceived, PatternRefused
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from tests.raw_runs import POINTS, TWO_THETA, array_key, configuration, data_key, raw_run

Q = np.linspace(0.5, 5.0, POINTS)
AXIS_ONLY = {"det": configuration(det_two_theta=(TWO_THETA, "deg"))}
LAMBDA_20 = HC_KEV_ANGSTROM / 20


def answers(documents, wavelength=None, **keys):
    target = Assembler(PatternKeys(**keys), "test", "here", wavelength)
    messages = [m for name, document in documents for m in target.feed(name, document)]
    return [m for m in messages if isinstance(m, PatternReceived | PatternRefused)]


def read(documents, wavelength=None, **keys):
    (message,) = answers(documents, wavelength, **keys)
    assert isinstance(message, PatternReceived), message
    return message.pattern


def refusal(documents, wavelength=None, **keys):
    (message,) = answers(documents, wavelength, **keys)
    assert isinstance(message, PatternRefused), message
    return str(message.error)


def run(**options):
    return raw_run(1, **options)


# --- intensity ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others",
    [
        {"spectrum": array_key(2048)},
        {"det_intensity_sigma": array_key()},
        {"det_background_intensity": array_key(), "det_mask": array_key()},
        {"det_intensity_raw": array_key()},
        {"image": {**array_key(), "shape": [512, 512]}},
    ],
)
def test_the_key_called_intensity_is_it(others):
    documents = run(data_keys=others, data={k: np.zeros(POINTS) for k in others})

    assert read(documents).intensity.max() > 900


def unnamed(hints=None, **more):
    keys = {"det_intensity": data_key(), "mca": array_key(), **more}
    values = {k: np.arange(POINTS) for k in keys if keys[k]["dtype"] == "array"}
    return run(data_keys=keys, data={"det_intensity": 1.0, **values}, hints=hints)


def test_the_only_array_is_it():
    assert read(unnamed()).intensity[-1] == POINTS - 1


def test_a_hinted_array_is_it():
    documents = unnamed({"det": {"fields": ["mca", "temperature"]}}, other=array_key())

    assert read(documents).intensity[-1] == POINTS - 1


def test_several_arrays_are_asked_about():
    assert "several data keys could be the pattern: mca, other" in refusal(
        unnamed(other=array_key())
    )


def test_a_short_list_is_no_pattern():
    keys = {"det_intensity": data_key(), "slits": array_key(4)}

    assert answers(run(data_keys=keys, data={"det_intensity": 1.0, "slits": [1, 2, 3, 4]})) == []


def test_the_operator_names_it():
    documents = unnamed(other=array_key())

    assert read(documents, intensity="mca").intensity[-1] == POINTS - 1
    assert answers(unnamed(), intensity="elsewhere") == []


def test_a_stream_beside_the_measurement_is_read_where_its_key_is_named():
    documents = run(stream="det_monitor")

    assert answers(documents) == []
    assert read(documents, intensity="det_intensity").intensity.max() > 900


def test_the_run_names_it_over_the_operator():
    documents = unnamed(other=array_key())
    documents[0][1]["alphadiffract"] = {"intensity": "mca"}

    assert read(documents, intensity="other").intensity[-1] == POINTS - 1


def test_sigma_of_the_same_object_goes_along():
    keys = {"det_sigma": array_key(), "old_esd": array_key(), "det_error": array_key(3)}
    documents = run(data_keys=keys, data={k: np.full(POINTS, 2.0) for k in keys})

    assert read(documents).sigma[0] == 2.0
    assert read(run()).sigma is None


def test_a_variance_is_no_sigma():
    documents = run(data_keys={"det_variance": array_key()}, data={"det_variance": np.ones(POINTS)})

    assert read(documents).sigma is None


def test_a_mask_is_read_where_it_is_named():
    mask = np.arange(POINTS) < 5
    documents = run(data_keys={"det_mask": array_key()}, data={"det_mask": mask.astype(int)})

    assert read(documents).mask is None
    assert read(documents, mask="det_mask").mask.sum() == 5
    documents = run(data_keys={"det_mask": array_key()}, data={"det_mask": mask * 0.5})
    assert "mask" in refusal(documents, mask="det_mask")


@pytest.mark.parametrize("role", ["sigma", "mask", "axis"])
def test_a_named_key_that_is_not_there_is_refused(role):
    reason = refusal(run(), **{role: "nowhere"})

    assert "'nowhere'" in reason
    assert f"?{role}=" in reason


# --- axis ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "units", "values", "unit"),
    [
        ("det_two_theta", "deg", TWO_THETA, RadialUnit.TWO_THETA_DEG),
        ("tth", None, TWO_THETA, RadialUnit.TWO_THETA_DEG),
        ("det_tth_rad", None, TWO_THETA, RadialUnit.TWO_THETA_RAD),
        ("det_twotheta", "rad", TWO_THETA, RadialUnit.TWO_THETA_RAD),
        ("q", "1/angstrom", Q, RadialUnit.Q_INV_ANGSTROM),
        ("det_q", "Å⁻¹", Q, RadialUnit.Q_INV_ANGSTROM),
        ("det_q", "A^-1", Q, RadialUnit.Q_INV_ANGSTROM),
        ("det_q", "1/nm", Q, RadialUnit.Q_INV_NM),
        ("det_q", "nm^-1", Q, RadialUnit.Q_INV_NM),
        ("q_nm", None, Q, RadialUnit.Q_INV_NM),
        ("q_A^-1", None, Q, RadialUnit.Q_INV_ANGSTROM),
        ("det_d", "angstrom", Q, RadialUnit.D_ANGSTROM),
        ("d_spacing", None, Q, RadialUnit.D_ANGSTROM),
        ("radial", "q_nm^-1", Q, RadialUnit.Q_INV_NM),
        ("det_axis", "2th_deg", TWO_THETA, RadialUnit.TWO_THETA_DEG),
    ],
)
@pytest.mark.parametrize("place", ["event", "configuration", "start"])
def test_axes_are_found_by_name_and_unit(name, units, values, unit, place):
    energy = {"energy": "20 keV"}
    if place == "event":
        keys = {name: array_key(units=units)}
        documents = run(config={}, start=energy, data_keys=keys, data={name: values})
    elif place == "configuration":
        documents = run(config={"other": configuration(**{name: (values, units)})}, start=energy)
    else:
        said = {name: list(values), f"{name}_units": units} | energy
        documents = run(config={}, start={k: v for k, v in said.items() if v is not None})

    pattern = read(documents)

    assert pattern.unit == unit
    np.testing.assert_allclose(pattern.axis, values)


def test_units_that_are_multiples_are_scaled():
    config = {"det": configuration(det_two_theta=(TWO_THETA, "mrad"), det_energy=(20.0, "keV"))}
    pattern = read(run(config=config))
    assert pattern.unit is RadialUnit.TWO_THETA_RAD
    np.testing.assert_allclose(pattern.axis, TWO_THETA * 1e-3)

    keys = {"d": array_key(units="nm")}
    pattern = read(run(config={}, data_keys=keys, data={"d": Q}))
    np.testing.assert_allclose(pattern.axis, Q * 10)


def test_an_axis_that_needs_no_wavelength_goes_first():
    keys = {"det_two_theta": array_key(units="deg"), "det_q": array_key(units="1/nm")}
    documents = run(config={}, data_keys=keys, data={"det_two_theta": TWO_THETA, "det_q": Q})

    assert read(documents).unit is RadialUnit.Q_INV_NM


def test_an_axis_of_the_right_length_goes_first():
    keys = {"det_q": array_key(50, units="1/nm"), "x_two_theta": array_key()}
    values = {"det_q": Q[:50], "x_two_theta": TWO_THETA}

    assert read(run(data_keys=keys, data=values, config={}), 1.0).unit is RadialUnit.TWO_THETA_DEG


def test_the_operator_names_axis_and_unit():
    documents = run(config={"det": configuration(det_positions=(Q, ""))})

    assert read(documents, axis="det_positions", unit="q_A^-1").unit is RadialUnit.Q_INV_ANGSTROM
    assert read(run(), unit="rad", axis="det_two_theta").unit is RadialUnit.TWO_THETA_RAD


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "axis: none beside 'det_intensity'; add the axis"),
        ({"det": configuration(det_q=(Q, None))}, "units of det_q: not given"),
        ({"det": configuration(det_q=(Q, "furlong"))}, "units of det_q: 'furlong'"),
        ({"det": configuration(det_q=(Q, "deg"))}, "units of det_q: 'deg', which is 2th_deg"),
        ({"det": configuration(radial=(Q, None))}, "units of radial: not given"),
    ],
)
def test_an_axis_that_is_not_clear_is_refused(config, reason):
    assert reason in refusal(run(config=config))


def test_the_run_brings_its_own_axis():
    hints = {"axis": Q.tolist(), "unit": "q_A^-1"}
    pattern = read(run(config={}, start={"alphadiffract": hints}))
    np.testing.assert_allclose(pattern.axis, Q)
    assert pattern.unit is RadialUnit.Q_INV_ANGSTROM

    hints["axis"] = Q
    np.testing.assert_allclose(read(run(start={"alphadiffract": hints})).axis, Q)


@pytest.mark.parametrize(
    ("hints", "reason"),
    [
        (7, "alphadiffract: '7'"),
        ({"energy": 20}, "alphadiffract.energy: '20'"),
        ({"energy_kev": -1}, "alphadiffract.energy_kev: '-1'"),
        ({"axis": [1, "two"]}, "alphadiffract.axis"),
        ({"axis": [1.0, 2.0], "unit": "1/nm"}, "axis: 2 values"),
        ({"axis": [1.0, 2.0]}, "units of axis: not given"),
    ],
)
def test_hints_of_the_run_that_are_wrong_are_refused(hints, reason):
    assert reason in refusal(run(start={"alphadiffract": hints}, baseline=True))


# --- energy -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "wavelength"),
    [
        ({"energy": 20}, LAMBDA_20),
        ({"energy": 20_000}, LAMBDA_20),
        ({"energy": 20_000.0, "energy_units": "eV"}, LAMBDA_20),
        ({"energy": 500, "energy_units": "eV"}, HC_KEV_ANGSTROM / 0.5),
        ({"energy": {"value": 20, "units": "keV"}}, LAMBDA_20),
        ({"energy": "20 keV"}, LAMBDA_20),
        ({"energy": "20.0"}, LAMBDA_20),
        ({"energy_keV": 20}, LAMBDA_20),
        ({"incident_energy": 20}, LAMBDA_20),
        ({"beam_energy": 20}, LAMBDA_20),
        ({"beam_energy_eV": 20_000}, LAMBDA_20),
        ({"energy": np.array([20.0])}, LAMBDA_20),
        ({"wavelength": 0.4135}, 0.4135),
        ({"wavelength": 0.4135e-10}, 0.4135),
        ({"wavelength": 0.04135, "wavelength_units": "nm"}, 0.4135),
        ({"wavelength": "0.4135 Å"}, 0.4135),
        ({"wavelength_m": 0.4135e-10}, 0.4135),
        ({"beam": {"energy": 20}}, LAMBDA_20),
        ({"instrument": {"wavelength": 0.4135}}, 0.4135),
        ({"energy": HC_KEV_ANGSTROM / 0.4135, "wavelength": 0.4135}, 0.4135),
        ({"dcm_energy": 20, "undulator_energy": 7}, LAMBDA_20),
        ({"energy": 20, "mono_energy_setpoint": 21, "energy_resolution": 1.0}, LAMBDA_20),
        ({"alphadiffract": {"energy_kev": 20}, "energy": 33}, LAMBDA_20),
        ({"alphadiffract": {"wavelength": 0.4135}, "energy": 33}, 0.4135),
    ],
)
def test_energies_of_a_start_document(start, wavelength):
    pattern = read(run(config=AXIS_ONLY, start=start), wavelength=9.9)

    assert pattern.wavelength == pytest.approx(wavelength)
    assert pattern.wavelength_source.startswith("start: ")


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ({"energy": 500}, "energy (start): 500 (no units); say keV or eV"),
        ({"energy": 0.02}, "say keV or eV"),
        ({"energy": 20, "energy_units": "MeV"}, "20 MeV"),
        ({"energy": -20}, "say keV or eV"),
        ({"energy": float("nan"), "energy_units": "keV"}, "positive"),
        ({"energy": "high"}, "energy: 'high'; give one number"),
        ({"energy": True}, "give one number"),
        ({"energy": [20, 21]}, "give one number"),
        ({"wavelength": 41.35}, "say angstrom, nm or m"),
        ({"energy": 20, "wavelength": 0.4135}, "energy = 20 and wavelength = 0.4135 disagree"),
        ({"alphadiffract": {"energy_kev": "x"}}, "alphadiffract.energy_kev"),
    ],
)
def test_energies_in_doubt_are_refused(start, reason):
    assert reason in refusal(run(config=AXIS_ONLY, start=start), wavelength=1.0)


def test_doubts_do_not_matter_where_no_wavelength_is_needed():
    config = {"det": configuration(det_q=(Q, "1/angstrom"))}

    assert read(run(config=config, start={"energy": 500})).wavelength is None


def test_no_energy_at_all_is_for_the_grid_to_refuse():
    assert read(run(config=AXIS_ONLY)).wavelength is None
    pattern = read(run(config=AXIS_ONLY), wavelength=0.4)
    assert (pattern.wavelength, pattern.wavelength_source) == (0.4, "operator")
    assert read(run(config=AXIS_ONLY, start={"plan_args": {"energy": 20}})).wavelength is None


@pytest.mark.parametrize(
    ("key", "units", "value"),
    [
        ("energy", "keV", 20.0),
        ("energy", "eV", 20_000),
        ("mono_energy", None, 20.0),
        ("dcm_bragg_energy", "eV", 20_000.0),
        ("incident_energy", "ev", 20_000.0),
        ("beam_wavelength", "angstrom", LAMBDA_20),
    ],
)
def test_energies_that_come_with_each_event_go_first(key, units, value):
    keys = {key: data_key(units=units), f"{key}_setpoint": data_key(units=units)}
    data = {key: value, f"{key}_setpoint": 2 * value}
    documents = run(data_keys=keys, data=data, start={"energy": 33})

    pattern = read(documents, wavelength=1.0)

    assert pattern.wavelength == pytest.approx(LAMBDA_20)
    assert pattern.wavelength_source == f"event: {key}"


def test_the_energy_may_change_from_event_to_event():
    documents = raw_run(2, data_keys={"mono_energy": data_key(units="keV")})
    for energy, (_, document) in zip((20.0, 30.0), documents[2:4], strict=True):
        document["data"]["mono_energy"] = energy

    energies = [m.pattern.energy for m in answers(documents)]

    assert energies == pytest.approx([20, 30])


def test_an_event_without_its_energy_falls_back_on_the_set_up():
    documents = run(data_keys={"mono_energy": data_key(units="keV")})

    assert read(documents).wavelength_source == "configuration: det_energy"


def test_other_energies_are_not_the_beam():
    keys = {"analyzer_energy": data_key(units="keV"), "det_threshold_energy": data_key(units="keV")}
    documents = run(data_keys=keys, data={"analyzer_energy": 5.0, "det_threshold_energy": 10.0})

    assert read(documents).energy == pytest.approx(20)


def test_an_energy_that_cannot_be_is_refused_event_by_event():
    documents = raw_run(2, data_keys={"mono_energy": data_key(units="keV")})
    documents[2][1]["data"]["mono_energy"] = float("nan")
    documents[3][1]["data"]["mono_energy"] = 20.0

    refused, received = answers(documents)

    assert "energy" in str(refused.error)
    assert isinstance(received, PatternReceived)


def test_the_operator_names_the_energy():
    documents = run(data_keys={"ebraggs": data_key(units="keV")}, data={"ebraggs": 20.0})
    assert read(documents, energy="ebraggs").wavelength_source == "event: ebraggs"

    config = {"det": configuration(det_two_theta=(TWO_THETA, "deg"), lam=(0.5, "angstrom"))}
    assert read(run(config=config), wavelength=None, **{"energy": None}).wavelength is None
    target = PatternKeys(wavelength="lam")
    assembler = Assembler(target, "test", "here", None)
    patterns = [m for n, d in run(config=config) for m in assembler.feed(n, d)]
    assert patterns[1].pattern.wavelength == 0.5

    assert "energy: no 'gone'" in refusal(run(), energy="gone")
