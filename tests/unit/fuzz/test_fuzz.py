"""A short run of every target; long ones: ``python -m fuzz TARGET --runs N``."""

import random
import warnings

import pytest

from fuzz import TARGET_NAMES
from fuzz._corpus import corpus
from fuzz._mutation import LONGEST_INPUT, Fault, mutate, run
from fuzz._seeds import SEEDS
from fuzz._targets import LONGEST_OF, TARGETS

RUNS = 500


def test_every_target_has_a_name_and_seeds():
    assert set(TARGET_NAMES) == set(SEEDS) == set(TARGETS)


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_nothing_but_its_own_errors_comes_out_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        longest = LONGEST_OF.get(name, LONGEST_INPUT)
        done = list(run(TARGETS[name], corpus(name), RUNS, 1, longest))

    assert len(done) == RUNS + len(corpus(name))


def test_a_fault_is_found_with_the_input_that_shows_it():
    def target(data: bytes) -> None:
        if b"\xff" in data:
            raise KeyError("found")

    with pytest.raises(Fault, match="KeyError: 'found'") as found:
        list(run(target, [b"harmless"], 10_000))
    assert b"\xff" in found.value.data


def test_what_never_ends_is_a_fault(monkeypatch):
    monkeypatch.setattr("fuzz._mutation.LONGEST", 0.05)

    def target(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(Fault, match="TimeoutError"):
        list(run(target, [b"x"], 1))


def test_the_same_seed_mutates_alike():
    once, again = (mutate(b"abcdef" * 9, [b"123"], random.Random(4)) for _ in range(2))

    assert once == again
