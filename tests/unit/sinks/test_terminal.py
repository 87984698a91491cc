import io
import math

import pytest
from rich.console import Console

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.prediction import Status
from alphadiffract_stream.sinks import open_sink
from alphadiffract_stream.sinks._terminal import TerminalSink, bar, with_esd
from tests.predictions import CARD, origin, predicted, refused


async def shown(*predictions, account=None) -> str:
    file = io.StringIO()
    sink = TerminalSink(Console(file=file, soft_wrap=True, width=200))
    run = PredictionRun(
        {"uid": "abcdefghij", "scan_id": 7, "sample_name": "CaCO3"}, CARD, "onnx", "1"
    )
    documents = [run.start(), *(d for p in predictions for d in run.event(p))]
    if account:
        documents += run.stop(account, "abort", "beam lost")
    for document in documents:
        await sink.emit(*document)
    await sink.close()
    return file.getvalue()


async def test_a_prediction_is_a_line():
    first, line = (await shown(predicted(origin(12)))).splitlines()

    assert first == "run abcdefgh  scan 7  CaCO3  compact 1.2 on onnx"
    assert line.split() == [
        *("12", "orthorhombic", "███████▌", "93%", "P", "n", "m", "a", "(62)", "50%"),
        *("4.961(12)", "5.74(2)", "8.0(3)", "Å", "90.0(4)", "90.0(5)", "90.0(6)°", "ok"),
    ]


async def test_what_is_wrong_is_said_in_words():
    text = await shown(
        refused(origin(1)), predicted(origin(2), status=Status.OUT_OF_DOMAIN, reason="coverage 0.1")
    )

    assert "1  refused: pass --energy or --wavelength\n" in text
    assert text.endswith("out of domain: coverage 0.1\n")


async def test_the_account_closes_a_run():
    *_, last = (await shown(account=Account(9, 5, 3, 1, 2, (4, 6)))).splitlines()

    assert last == (
        "run ended (abort): 9 received, 5 predicted, 3 refused, 1 failed, 2 missing "
        "(seq_num 4, 6): beam lost"
    )


async def test_brackets_in_texts_are_text():
    assert "refused: [red]no[/red]\n" in await shown(refused(reason="[red]no[/red]"))


@pytest.mark.parametrize(
    ("value", "std", "text"),
    [
        (5.7412, 0.012, "5.741(12)"),
        (5.7412, 0.02, "5.74(2)"),
        (5.7412, 0.0196, "5.74(2)"),
        (5.7412, 0.3, "5.7(3)"),
        (90.1, 0.95, "90.1(10)"),
        (90.1, 3.0, "90(3)"),
        (90.1, 12.0, "90(12)"),
        (90.1, 1e-9, "90.100000(1)"),
        (5.7412, math.nan, "5.741"),
        (5.7412, 0.0, "5.741"),
        (5.7412, None, "5.741"),
        (math.nan, 0.1, "–"),
        (None, None, "–"),
    ],
)
def test_uncertainty_is_in_the_last_digit(value, std, text):
    assert with_esd(value, std) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, " " * 8), (1, "█" * 8), (0.5, "████    "), (2, "█" * 8)]
)
def test_bars(share, text):
    assert bar(share) == text


def test_it_is_opened_by_its_name():
    assert open_sink("terminal").name == "terminal"
    with pytest.raises(ConfigurationError, match="unknown option"):
        open_sink("terminal:?colour=no")
