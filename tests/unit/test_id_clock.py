"""The times by which ids are forgotten, while the wall clock jumps."""

from __future__ import annotations

import pytest

from hellotext_async.spool.id_clock import IdClock

WEEK = 7 * 86_400.0
YEAR = 365 * 86_400.0


def test_without_a_jump_it_is_the_wall_clock() -> None:
    """Which is corrected by seconds all the time."""
    clock = IdClock(WEEK)
    for second in range(100):
        wall = 1000 + second * 1.3
        assert clock.at(wall, second) == (wall, wall)


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_after_a_jump_ids_end_later_and_age_earlier(jump: float) -> None:
    """Whichever clock is right."""
    clock = IdClock(WEEK)
    clock.at(1000 * YEAR, 0)
    ended, now = clock.at(1000 * YEAR + jump + 100, 100)
    assert (ended, now) == (1000 * YEAR + max(jump, 0) + 100, 1000 * YEAR + min(jump, 0) + 100)
    assert clock.at(1000 * YEAR + 200, 200) == (1000 * YEAR + 200, 1000 * YEAR + 200)


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a_jump_that_stays_is_believed_after_a_window(jump: float) -> None:
    """Then what ended before it is old enough, and a spool goes on forgetting."""
    clock = IdClock(WEEK)
    clock.at(1000 * YEAR, 0)
    wall = 1000 * YEAR + jump
    assert clock.at(wall, 1) != (wall, wall)
    assert clock.at(wall + WEEK, WEEK + 1) != (wall + WEEK, wall + WEEK)
    assert clock.at(wall + WEEK + 2, WEEK + 2) == (wall + WEEK + 2, wall + WEEK + 2)
    assert clock.at(wall + WEEK + 9, WEEK + 9) == (wall + WEEK + 9, wall + WEEK + 9)
