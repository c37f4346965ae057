"""Whether a failure is the server's or a key's: the rules, with few and with many failing keys."""

from __future__ import annotations

import random

import pytest

from hellotext_async._policy.attribution import MOST, Attribution


def test_a_first_failure_is_the_servers_and_a_second_is_the_keys_if_others_were_delivered() -> None:
    """Between the two failures: three deliveries of other keys."""
    attribution = Attribution()
    assert not attribution.failed("a")
    for _ in range(3):
        attribution.delivered("b")
    assert attribution.failed("a")
    assert attribution.failed("a"), "it stays its own"
    for _ in range(12):
        attribution.delivered("a")
    assert not attribution.failed("a"), "until it is delivered"


def test_failures_that_prove_to_be_a_keys_own_are_not_the_servers() -> None:
    """Also for failures that were attributed to it before."""
    attribution = Attribution()
    attribution.failed("a")
    attribution.failed("a")
    assert not attribution.blameless
    for _ in range(3):
        attribution.delivered("b")
    assert attribution.failed("a")
    assert attribution.blameless


def test_a_failure_without_a_key_is_the_servers() -> None:
    """Always."""
    attribution = Attribution()
    for _ in range(10):
        attribution.delivered("b")
        assert not attribution.failed(None)


def test_own_deliveries_are_not_those_of_others() -> None:
    """Deliveries of a key are no evidence against that key."""
    attribution = Attribution()
    attribution.failed("a")
    for _ in range(3):
        attribution.delivered("a")
    assert not attribution.failed("a")


def test_retries_of_one_key_do_not_outweigh_others_that_its_throttles_slowed() -> None:
    """Nine of its requests for each one of other keys: those are rarely sent, and are delivered."""
    attribution = Attribution()
    for number in range(2):
        attribution.failed(f"c{number}")
    for _ in range(10):
        for _ in range(9):
            attribution.failed("a")
        attribution.delivered("b")
    assert attribution.failed("a")
    assert attribution.failed("c0")


def test_a_key_that_is_never_delivered_is_no_evidence_of_a_server_that_fails_all() -> None:
    """Its own failures stay its own while other keys fail too; theirs are the server's."""
    attribution = Attribution()
    attribution.failed("a")
    for _ in range(3):
        attribution.delivered("b")
    assert attribution.failed("a")
    for number in range(50):
        assert not attribution.failed(f"s{number}")
        assert attribution.failed("a")


def test_only_throttles_are_attributed_to_the_server_s_limit() -> None:
    """A request that failed for another reason does not turn one key's throttles into the server's limit."""
    attribution = Attribution()
    attribution.failed("c", throttled=False)
    assert attribution.blameless
    attribution.failed("a")
    assert not attribution.blameless


@pytest.mark.parametrize(("poisoned", "least"), [(1, 0.9), (5, 0.9), (20, 0.6)])
def test_poisoned_subjects_among_a_hundred_healthy_ones(poisoned: int, least: float) -> None:
    """Nearly all of their failures are attributed to them."""
    attribution, chance = Attribution(), random.Random(1)
    own = failures = 0
    for _ in range(5000):
        number = chance.randrange(100 + poisoned)
        if number < poisoned:
            failures += 1
            own += attribution.failed(f"s{number}")
        else:
            attribution.delivered(f"s{number}")
    assert own / failures >= least


@pytest.mark.parametrize(("failing", "most"), [(0.3, 0.25), (0.5, 0.02)])
def test_a_server_that_fails_at_random_causes_its_failures(failing: float, most: float) -> None:
    """With few and with many subjects."""
    for subjects in (4, 400):
        attribution, chance = Attribution(), random.Random(2)
        own = failures = 0
        for _ in range(5000):
            key = f"s{chance.randrange(subjects)}"
            if chance.random() < failing:
                failures += 1
                own += attribution.failed(key)
            else:
                attribution.delivered(key)
        assert own / failures <= most


def test_the_oldest_of_too_many_keys_are_forgotten() -> None:
    """A failure is a key's own if an earlier one of it is remembered; of too many keys the last are."""
    attribution = Attribution()
    for number in range(2 * MOST):
        attribution.failed(f"s{number}")
    for _ in range(4 * MOST):
        attribution.delivered(None)
    asked = (MOST, 2 * MOST - 1, MOST - 1, 0)
    assert [attribution.failed(f"s{number}") for number in asked] == [True, True, False, False]
