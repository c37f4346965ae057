"""Hypothesis, as every test uses it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def test_no_example_is_timed() -> None:
    """A deadline asserts how long something took, and so does the check of how long an example takes to be made."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
