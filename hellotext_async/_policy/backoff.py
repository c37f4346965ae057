"""How long to wait before the next attempt: full jitter, and never less than the server asked for."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Uniform", "delay"]

Uniform = Callable[[float, float], float]
"""A number between two bounds, by chance: ``random.uniform`` or a test's own."""


def delay(attempt: int, *, base: float, cap: float, uniform: Uniform, at_least: float | None = None) -> float:
    """Seconds to wait after attempt number `attempt` (from 1)."""
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, 60))
    return max(uniform(0.0, ceiling), at_least or 0.0)
