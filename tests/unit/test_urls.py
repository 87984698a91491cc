from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream import urls
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.urls import open_url, parse_url, schemes


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "path", "query"),
    [
        ("onnx", "onnx", "", None, "", {}),
        ("onnx:", "onnx", "", None, "", {}),
        ("onnx:models/a.onnx", "onnx", "", None, "models/a.onnx", {}),
        ("file:/data/run#3.xy", "file", "", None, "/data/run#3.xy", {}),
        ("file:///data/a%20b.xy", "file", "", None, "/data/a b.xy", {}),
        ("bluesky-zmq://localhost:5578", "bluesky-zmq", "localhost", 5578, "", {}),
        ("frames://[::1]:80?bind=yes&x=", "frames", "::1", 80, "", {"bind": "yes", "x": ""}),
    ],
)
def test_parts(text, scheme, host, port, path, query):
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.path, url.query) == (
        scheme,
        host,
        port,
        path,
        query,
    )
    assert str(url) == text


def test_addresses():
    assert parse_url("x://localhost:5578").address == "tcp://localhost:5578"
    assert parse_url("x://[::1]:5578").address == "tcp://[::1]:5578"
    with pytest.raises(ConfigurationError, match="no port"):
        _ = parse_url("x://localhost").address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "://host",
        "x://host:99999",
        "x://host:port",
        "x://[::1",
        "my_scheme:a",
        "x:?a=1&a=2",
    ],
)
def test_refuses_what_is_no_url(text):
    with pytest.raises(ConfigurationError):
        parse_url(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        url = parse_url(text)
    except ConfigurationError:
        return
    assert url.scheme == url.scheme.lower()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one implementation a scheme, good and bad."""
    folder = tmp_path / "edge_pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_bluesky_zmq.py").write_text("def open(url, **options):\n    return url, options\n")
    (folder / "_helper.py").write_text("def other():\n    pass\n")
    (folder / "public.py").write_text("def open(url):\n    pass\n")
    (folder / "_triton.py").write_text("import no_such_client\ndef open(url):\n    pass\n")
    (folder / "_late.py").write_text("def open(url):\n    import no_such_library.part\n")
    (folder / "_broken.py").write_text(
        "import alphadiffract_stream.no_such_module\ndef open(url):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield "edge_pkg"
    for name in [name for name in sys.modules if name.partition(".")[0] == "edge_pkg"]:
        del sys.modules[name]


def test_a_scheme_is_a_file_found_without_importing_it(package):
    found = schemes(package)
    assert set(found) == {"bluesky-zmq", "triton", "late", "broken"}
    assert f"{package}._triton" not in sys.modules


def test_opens_with_the_options(package):
    url, options = open_url(package, "bluesky-zmq://host:1", wavelength=0.5)
    assert url.port == 1
    assert options == {"wavelength": 0.5}


def test_unknown_scheme_lists_the_known(package):
    with pytest.raises(ConfigurationError, match=r"known: .*bluesky-zmq"):
        open_url(package, "carrier-pigeon:home")


def test_missing_library_names_the_extra_or_itself(package):
    with pytest.raises(ConfigurationError, match=r"no_such_client.*alphadiffract-stream\[triton\]"):
        open_url(package, "triton://host:8001")
    with pytest.raises(ConfigurationError, match="pip install 'no_such_library'"):
        open_url(package, "late:")


def test_our_own_faults_are_not_called_missing_libraries(package):
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        open_url(package, "broken:")


def test_entry_points_add_schemes(package, monkeypatch):
    entry = EntryPoint("mine", f"{package}._bluesky_zmq:open", package)
    monkeypatch.setattr(urls, "entry_points", lambda group: [entry] if group == package else [])
    assert open_url(package, "mine:there")[0].path == "there"


@pytest.mark.parametrize("kind", ["sources", "sinks", "engines"])
def test_every_shipped_scheme_can_be_written_in_a_url(kind):
    found = schemes(f"alphadiffract_stream.{kind}")
    assert found
    for scheme in found:
        assert parse_url(f"{scheme}:x").scheme == scheme
