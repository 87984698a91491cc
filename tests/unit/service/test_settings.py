from __future__ import annotations

import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.service import Settings
from alphadiffract_stream.service._settings import unknown_variables


@pytest.fixture
def toml(tmp_path):
    def write(text: str):
        path = tmp_path / "settings.toml"
        path.write_text(text)
        return path

    return write


def test_arguments_over_environment_over_file(toml, monkeypatch):
    path = toml('sources = ["frames://a:1"]\nmax_batch = 3\nqueue_size = 5\nreorder_wait = 9.0')
    monkeypatch.setenv("ALPHADIFFRACT_MAX_BATCH", "4")
    monkeypatch.setenv("ALPHADIFFRACT_QUEUE_SIZE", "6")
    settings = Settings.load(path, queue_size=7)
    assert settings.sources == ["frames://a:1"]
    assert (settings.reorder_wait, settings.max_batch, settings.queue_size) == (9.0, 4, 7)


def test_lists_in_the_environment_are_separated_by_spaces(monkeypatch):
    monkeypatch.setenv("ALPHADIFFRACT_SINKS", "jsonl:/tmp/out.jsonl  terminal:")
    assert Settings.load().sinks == ["jsonl:/tmp/out.jsonl", "terminal:"]


def test_energy_and_wavelength_are_one_statement(toml):
    assert Settings.load(energy_kev=20).fallback_wavelength == pytest.approx(0.61992, abs=1e-5)
    assert Settings.load(wavelength=0.5).fallback_wavelength == 0.5
    assert Settings.load().fallback_wavelength is None
    with pytest.raises(ConfigurationError, match="not both"):
        Settings.load(energy_kev=20, wavelength=0.5)
    given = Settings.load(toml("energy_kev = 20"), wavelength=0.5)
    assert given.fallback_wavelength == 0.5, "given by hand, it replaces the file's"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sinkz = []", "sinkz: no such setting; known: sources"),
        ("energy_kev = -1", "energy_kev=-1: .*greater than 0"),
        ("energy_kev = nan", "energy_kev=nan"),
        ('wavelength = "Cu"', "wavelength='Cu'"),
        ('background = "magic"', "background='magic': choose one of .*snip"),
        ('sources = ["//nothing"]', "no scheme"),
        ("max_batch = 0", "max_batch=0"),
        ("sources = [", "cannot be read as TOML"),
    ],
)
def test_what_makes_no_sense_is_named(toml, text, words):
    path = toml(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        Settings.load(path)
    assert str(path) in str(caught.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        Settings.load(tmp_path / "absent.toml")


def test_misspelt_variables_are_found(monkeypatch):
    monkeypatch.setenv("ALPHADIFFRACT_SINK", "terminal:")
    monkeypatch.setenv("ALPHADIFFRACT_MAX_BATCH", "3")
    assert unknown_variables() == ["ALPHADIFFRACT_SINK"]
