"""Two seeds of the chaos that ``python -m tools.chaos`` makes of fifty."""

from __future__ import annotations

import pytest

from alphadiffract_stream.engines import open_engine
from tools.chaos._run import Size, run_seed

POSSIBLE = ("kill", "terminate", "poison", "proxy", "freeze", "reader", "slow")
SMALL = Size(runs=2, events=60, rate=40.0)


@pytest.mark.timeout(300)  # a busy machine; 15 s each otherwise
@pytest.mark.parametrize("seed", [0, 1], ids=["unheard", "acknowledged"])
def test_the_account_is_the_truth(seed, tmp_path):
    engine = open_engine("onnx:")
    outcome = run_seed(seed, engine, POSSIBLE, size=SMALL, kills=2, keep=tmp_path / "kept")
    verdict = outcome.verdict
    assert verdict.findings == []
    answered = verdict.predicted + verdict.refused + verdict.failed
    silent = verdict.missing + verdict.unseen + verdict.undeclared
    assert answered + silent == verdict.published > 0
    assert outcome.service_starts > 2
    if outcome.plan.acknowledged:
        assert silent == 0
