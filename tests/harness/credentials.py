"""What a transport and an engine read the token from, as a client's core is."""

from __future__ import annotations

from dataclasses import dataclass

from hellotext_async.config import Token

__all__ = ["Credentials"]


@dataclass
class Credentials:
    """A token that a test may replace."""

    token: Token
