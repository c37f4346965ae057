"""5xx answers beside a limit: failed requests were accepted by it, and the estimated limit does not fall."""

from __future__ import annotations

import pytest

from tests.harness.clock import run_virtual

from .limits import bucket
from .own import BESIDE, Failing, nothing, served
from .simulator import Hint, never, whole

LIMIT = 50
SETTLED, UNTIL = 2.0, 60.0


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize("seed", range(1, 4))
def test_requests_that_fail_make_the_limit_look_no_smaller(seed: int, hint: Hint) -> None:
    """Every third request fails for 20 s, and every third probe: the limit is used meanwhile and afterwards, and few
    requests are refused.
    """
    limit = bucket(LIMIT)
    server = run_virtual(served(lambda _: limit, nothing, seed, hint, until=UNTIL, made=Failing))
    begins, ends = BESIDE
    for start, end, used in ((begins + SETTLED, ends, 0.85), (ends + SETTLED, UNTIL, 0.9)):
        taken, refused = server.between("event", start, end)
        passed = taken + server.between("failed", start, end)[0]
        assert passed >= used * LIMIT * (end - start)
        assert refused <= 0.03 * (passed + refused)
