"""A page on what the emulator receives and answers, at ``/``: for people, beside the emulated API."""

from .inspector import Inspector

__all__ = ["Inspector"]
