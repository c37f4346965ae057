"""Which process this is, known without asking: the system's answer would cost a tenth of taking an event."""

from __future__ import annotations

import os

__all__ = ["Process", "here"]


class Process:
    """The process in which it was made; a forked child has another."""


here = Process()


def _forked() -> None:
    global here
    here = Process()


if hasattr(os, "register_at_fork"):  # where there is a fork at all
    os.register_at_fork(after_in_child=_forked)
