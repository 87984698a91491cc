from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import alphadiffract_stream as ad
from tests.support import make_tiny_model


def test_every_public_name_is_there():
    for name in ad.__all__:
        assert getattr(ad, name) is not None
    assert set(ad.__all__) <= set(dir(ad))
    assert ad.__version__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'prediktion'"):
        _ = ad.prediktion


def test_importing_it_loads_not_even_numpy():
    code = "import sys, alphadiffract_stream; print('numpy' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_predict_one_or_many(tmp_path):
    engine = f"onnx:{make_tiny_model(tmp_path)}"
    d = np.linspace(1.5, 8, 300)
    good = ad.Pattern(np.exp(-(((d - 3) / 0.05) ** 2)), d, ad.RadialUnit.D_ANGSTROM)
    flat = ad.Pattern(np.ones(300), d, ad.RadialUnit.D_ANGSTROM)
    one = ad.predict(good, engine=engine)
    assert one.status is ad.Status.OK
    many = ad.predict(iter([flat, good]), engine=engine)
    assert [p.status for p in many] == [ad.Status.REFUSED, ad.Status.OK]
    assert many[1].lattice == one.lattice
    assert one.latency.compute > 0
    assert ad.predict([], engine=engine) == []
