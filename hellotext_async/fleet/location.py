"""Where a stream is: its server, its keys, its bounds, and what is known of losses there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._log import logger
from .commands import Commands, Limits
from .link import Link
from .losses import Losses
from .server import agree, must_write, warnings_of

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["StreamLocation"]

_log = logger("hellotext_async.fleet")


class StreamLocation:
    """One stream on one server; `lease` is for how many seconds a worker owns a shard without a sign of life."""

    def __init__(self, url: str, layout: Layout, limits: Limits, lease: float) -> None:
        self._url = url
        self.layout = layout
        self.limits = limits
        self.lease = lease
        self.losses = Losses(layout.name)
        self.place = self._link().place  # a wrong URL is refused here
        """Where the server is, without what is secret."""

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.layout.name

    @property
    def lost(self) -> int:
        """Acknowledged events, at least, that the server is known to have lost while this process looked."""
        return self.losses.lost

    def _link(self) -> Link:
        return Link(self._url)

    async def connect(self) -> Commands:
        """Open connections of their own, and agree on the stream's settings. SpoolError, ConfigurationError."""
        link = self._link()
        try:
            info = await link.open()
            must_write(info, link.place)
            for warning in warnings_of(info):
                _log.warning("the server of stream %s: %s", self.name, warning)
            await agree(link, self.layout, self.limits)
        except BaseException:
            await link.aclose()
            raise
        return Commands(link, self.layout, self.limits)
