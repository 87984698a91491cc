from __future__ import annotations

import json

import fabio.tifimage
import numpy as np
import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from tests.detector import frames, write_poni
from tests.support import make_tiny_model

TWO_THETA = np.linspace(2, 40, 2000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> str:
    return f"onnx:{make_tiny_model(tmp_path_factory.mktemp('model'))}"


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    lines = np.exp(-(((TWO_THETA - 12) / 0.05) ** 2)) + 0.01
    axis_q = 4 * np.pi / 0.5 * np.sin(np.radians(TWO_THETA / 2))
    written = {
        "good": (TWO_THETA, lines * 1000),
        "other": (TWO_THETA, np.roll(lines, 100) * 1000),
        "flat": (TWO_THETA, np.ones_like(TWO_THETA)),
        "q": (axis_q, lines * 1000),
    }
    for name, columns in written.items():
        np.savetxt(tmp_path / f"{name}.xy", np.column_stack(columns))
    (tmp_path / "text.xy").write_text("1 2\n3 four\n")
    return {name: str(tmp_path / f"{name}.xy") for name in [*written, "text", "absent"]}


def run(*arguments: str):
    return CliRunner().invoke(app, ["predict", *arguments])


def records(*arguments: str) -> tuple[list[dict], int]:
    result = run(*arguments, "--json")
    return json.loads(result.stdout), result.exit_code


def test_json_has_every_file_in_order_and_status_says_if_all_were_predicted(files, engine):
    found, code = records(files["good"], files["other"], "--wavelength", "0.5", "--engine", engine)
    assert code == 0
    assert [record["origin"]["name"] for record in found] == [files["good"], files["other"]]
    assert all(record["status"] == "ok" for record in found)
    assert found[0]["lattice"] != found[1]["lattice"]
    assert all(0 < record["coverage"] <= 1 for record in found)
    assert all(len(record["space_groups"]) == 5 for record in found)


def test_bad_files_are_refused_with_the_reason_and_the_rest_predicted(files, engine):
    names = ["text", "good", "flat", "absent"]
    found, code = records(*(files[n] for n in names), "--energy", "24.8", "--engine", engine)
    assert code == 2
    assert [record["status"] for record in found] == ["refused", "ok", "refused", "refused"]
    assert "four" in found[0]["reason"]
    assert "constant" in found[2]["reason"]
    assert found[3]["reason"]
    assert [record["origin"]["name"] for record in found] == [files[n] for n in names]


def test_without_energy_it_is_refused_never_assumed(files, engine):
    found, code = records(files["good"], "--engine", engine)
    assert code == 2
    assert "pass --energy or --wavelength" in found[0]["reason"]


def test_energy_and_wavelength_mean_the_same(files, engine):
    by_energy, _ = records(files["good"], "--energy", "24.796839686", "--engine", engine)
    by_length, _ = records(files["good"], "--wavelength", "0.5", "--engine", engine)
    assert by_energy[0]["lattice"] == pytest.approx(by_length[0]["lattice"])


def test_the_unit_can_be_given(files, engine):
    by_q, code = records(files["q"], "--unit", "q_A^-1", "--engine", engine)
    by_angle, _ = records(files["good"], "--wavelength", "0.5", "--engine", engine)
    assert code == 0
    assert by_q[0]["lattice"] == pytest.approx(by_angle[0]["lattice"], rel=1e-3)


def test_background_is_removed_when_asked(files, engine):
    options = ["--wavelength", "0.5", "--engine", engine]
    found, _ = records(files["good"], "--background", "snip", *options)
    assert "background:snip" in found[0]["flags"]


def test_the_table_shows_answers_and_reasons(files, engine):
    options = ["--wavelength", "0.5", "--engine", engine]
    result = run(files["good"], files["flat"], *options)
    assert result.exit_code == 2
    text = " ".join(result.stdout.split())
    assert "good.xy ok" in text
    assert "flat.xy: intensity: constant" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--energy", "20", "--wavelength", "1"], "not both"),
        (["--energy", "-20"], "give a positive number"),
        (["--wavelength", "nan"], "give a positive number"),
        (["--unit", "furlong"], "use one of 2th_deg"),
        (["--background", "magic"], "choose one of"),
        (["--engine", "abacus:"], "no such scheme"),
        (["--engine", "onnx:/nowhere/model.onnx"], "no such model"),
    ],
)
def test_a_wrong_option_is_said_in_words(files, options, words):
    result = run(files["good"], *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_many_files_go_in_batches(files, engine):
    found, code = records(
        *[files["good"], files["flat"]] * 8,
        "--wavelength",
        "0.5",
        "--engine",
        f"{engine}?max_batch=3",
    )
    assert code == 2
    assert [record["status"] for record in found] == ["ok", "refused"] * 8


def test_a_detector_image_is_integrated_with_its_calibration(engine, tmp_path):
    image = str(tmp_path / "a.tif")
    fabio.tifimage.TifImage(data=frames(1)[0]).write(image)
    poni = str(write_poni(tmp_path / "detector.poni"))

    (found,), code = records(image, "--engine", engine, "--poni", poni)
    assert (code, found["status"]) == (0, "ok")

    (refused,), code = records(image, "--engine", engine)
    assert (code, refused["status"]) == (2, "refused")
    assert "--poni" in refused["reason"]
