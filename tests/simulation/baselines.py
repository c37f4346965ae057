"""Other policies for 429s, for comparison: retries alone, Retry-After obeyed, botocore's adaptive mode, and AIMD."""

from __future__ import annotations

from math import floor

from hellotext_async._policy.backoff import Uniform, delay

__all__ = ["Adaptive", "Aimd", "Obedient", "Retries"]


class Retries:
    """Each call alone: full jitter from 0.5 to 30 s, as with tenacity's wait_random_exponential."""

    rate: float | None = None

    def __init__(self, *, uniform: Uniform) -> None:
        self._uniform = uniform

    def hold(self, attempt: int) -> float:
        return delay(attempt, base=0.5, cap=30.0, uniform=self._uniform)

    def ready_at(self, now: float) -> float:
        return now

    def sent(self, now: float) -> int:
        return 0

    def delivered(self, now: float, stamp: int) -> None:
        pass

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        pass


class Obedient(Retries):
    """The same, but nothing is sent before a Retry-After has passed, as in the queues of analytics libraries."""

    def __init__(self, *, uniform: Uniform) -> None:
        super().__init__(uniform=uniform)
        self._until, self._has_retry_after = 0.0, False

    def hold(self, attempt: int) -> float:
        return 0.0 if self._has_retry_after else super().hold(attempt)

    def ready_at(self, now: float) -> float:
        return self._until

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        self._has_retry_after = retry_after is not None
        if retry_after is not None:
            self._until = max(self._until, now + retry_after)


class Adaptive(Retries):
    """After botocore's adaptive mode: a token bucket filled on a cubic curve, and jittered retries."""

    BETA, SCALE, LEAST = 0.7, 0.4, 0.5

    def __init__(self, *, uniform: Uniform) -> None:
        super().__init__(uniform=uniform)
        self._fill = self._tokens = self._at = 0.0
        self._enabled = False
        self._measured, self._slot, self._count = 0.0, 0, 0
        self._last_max, self._throttled_at = 0.0, 0.0

    def hold(self, attempt: int) -> float:
        return delay(attempt, base=2.0, cap=20.0, uniform=self._uniform)

    def _refill(self, now: float) -> None:
        self._tokens = min(max(self._fill, 1.0), self._tokens + (now - self._at) * self._fill)
        self._at = now

    def ready_at(self, now: float) -> float:
        if not self._enabled:
            return now
        self._refill(now)
        return now if self._tokens >= 1 - 1e-9 else now + (1 - self._tokens) / self._fill

    def sent(self, now: float) -> int:
        if self._enabled:
            self._refill(now)
            self._tokens -= 1
        return 0

    def _measure(self, now: float) -> None:
        """The rate of answers, smoothed over slots of half a second."""
        self._count += 1
        slot = floor(now * 2)
        if slot > self._slot:
            self._measured = self._measured * 0.2 + self._count * 2 / (slot - self._slot) * 0.8
            self._count, self._slot = 0, slot

    def _set(self, rate: float, now: float) -> None:
        self._refill(now)
        self._fill = self.rate = max(self.LEAST, rate)
        self._tokens = min(self._tokens, max(1.0, self._fill))

    def delivered(self, now: float, stamp: int) -> None:
        self._measure(now)
        if self._enabled:
            back = (self._last_max * (1 - self.BETA) / self.SCALE) ** (1 / 3)
            cubic = self.SCALE * (now - self._throttled_at - back) ** 3 + self._last_max
            self._set(min(cubic, 2 * self._measured), now)

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        self._measure(now)
        self._last_max = min(self._measured, self._fill) if self._enabled else self._measured
        self._throttled_at, self._enabled = now, True
        self._set(self._last_max * self.BETA, now)


class Aimd:
    """The rate is halved by a throttle, once for the requests in flight; it grows by one a second each second."""

    def __init__(self, *, uniform: Uniform) -> None:
        self.rate: float | None = 20.0
        self._rate, self._epoch = 20.0, 0
        self._due = self._at = 0.0

    def ready_at(self, now: float) -> float:
        return self._due

    def sent(self, now: float) -> int:
        self._rate += now - self._at
        self._at, self.rate = now, self._rate
        self._due = max(self._due, now - 0.01) + 1 / self._rate
        return self._epoch

    def delivered(self, now: float, stamp: int) -> None:
        pass

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        if stamp == self._epoch:
            self._epoch += 1
            self._rate = max(0.5, self._rate / 2)
