"""What a reply proves, status by status."""

from __future__ import annotations

import pytest

from hellotext_async._policy.evidence import Evidence, classify_reply
from hellotext_async._wire.call import Reply

LATER = b"HTTP/1.1 503 \r\nRetry-After: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "head", "evidence", "wait"),
    [
        (200, b"", "delivered", None),
        (204, b"", "delivered", None),
        (429, b"", "throttled", None),
        (429, LATER, "throttled", 5.0),
        (503, LATER, "throttled", 5.0),
        (503, b"", "server_error", None),
        (500, b"", "server_error", None),
        (422, b"", "rejected", None),
        (408, b"", "server_error", None),
        (401, b"", "rejected", None),
    ],
)
def test_a_status_proves_one_thing(status: int, head: bytes, evidence: Evidence, wait: float | None) -> None:
    """A Retry-After makes a 503 a throttle."""
    attempt = classify_reply(Reply(status, head), wall=0.0)
    assert (attempt.evidence, attempt.retry_after) == (evidence, wait)
