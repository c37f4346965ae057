"""What is measured: a contender does units of work, in slices, in its own process and loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol, Self

__all__ = ["Contender", "Entry", "Idle", "Loop", "Place", "Slice"]

Loop = Literal["asyncio", "uvloop"]


class Contender(Protocol):
    """One way to do the work. Only `run` is measured."""

    async def open(self) -> None:
        """Prepare."""
        ...

    async def run(self, units: int) -> None:
        """Do so many units of work."""
        ...

    async def rest(self) -> None:
        """Clean up between two slices."""
        ...

    async def close(self) -> None:
        """Release everything."""
        ...


class Idle:
    """The parts that a simple contender does not need."""

    async def open(self) -> None: ...

    async def rest(self) -> None: ...

    async def close(self) -> None: ...


class Place(NamedTuple):
    """The responder's address, and the authority of its certificate."""

    url: str
    authority: str | None = None


class Slice(NamedTuple):
    """So many units took so many seconds of CPU, and of the clock."""

    units: int
    cpu: float
    wall: float

    @property
    def each(self) -> float:
        """CPU seconds of one unit."""
        return self.cpu / self.units

    @property
    def lasted(self) -> float:
        """Seconds of the clock for one unit."""
        return self.wall / self.units


@dataclass(frozen=True)
class Entry:
    """A contender with its loop, its responder and its options; `maker` is ``module:class``."""

    maker: str
    loop: Loop = "asyncio"
    secure: bool = False
    most: int = 10_000
    options: dict[str, Any] = field(default_factory=dict)

    def with_(self, **changes: Any) -> Self:
        """The same with other values; a name that is not a field is an option."""
        known = {key: value for key, value in changes.items() if key in self.__dataclass_fields__}
        extra = {key: value for key, value in changes.items() if key not in known}
        return type(self)(**{**asdict(self), "options": {**self.options, **extra}, **known})

    def make(self, place: Place) -> Contender:
        """The contender."""
        module, _, name = self.maker.partition(":")
        made: Contender = getattr(import_module(module), name)(place, **self.options)
        return made
