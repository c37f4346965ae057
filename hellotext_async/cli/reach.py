"""Says once, and at once, that the API cannot be reached."""

from __future__ import annotations

import sys

from ..hooks import Hooks, HttpAttempt

__all__ = ["saying_unreachable"]


def saying_unreachable() -> Hooks:
    """A hook that writes one line to stderr when the first request cannot be sent."""
    reported = False

    def on_attempt(attempt: HttpAttempt) -> None:
        nonlocal reported
        if attempt.evidence == "not_sent" and attempt.reason != "cancelled" and not reported:
            reported = True
            print(
                f"hellotext-async: {attempt.origin} cannot be reached ({attempt.reason}); trying again", file=sys.stderr
            )

    return Hooks(on_attempt=on_attempt)
