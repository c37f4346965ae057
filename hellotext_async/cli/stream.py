"""The options that say which stream on which server, for the commands that use one."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError
from .numbers import count, rate

if TYPE_CHECKING:
    from ..fleet.stream import RedisStream

__all__ = ["REDIS", "add_stream_arguments", "stream_of"]

REDIS: Final = "HELLOTEXT_REDIS_URL"
SHARDS: Final = 64
WINDOW: Final = 86_400.0


def add_stream_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the stream is, and how it was made."""
    parser.add_argument("--redis", metavar="URL", help=f"where the server is (default: {REDIS})")
    parser.add_argument("--stream", metavar="NAME", help="the stream's name")
    parser.add_argument("--shards", type=count, default=SHARDS, metavar="N", help=f"as it was made (default: {SHARDS})")
    parser.add_argument(
        "--window", type=rate, default=WINDOW, metavar="SECONDS", help=f"as it was made (default: {WINDOW:.0f})"
    )


def stream_of(args: argparse.Namespace) -> RedisStream:
    """The stream; ConfigurationError if it is not said which."""
    url = args.redis or os.environ.get(REDIS)
    if not url:
        raise ConfigurationError(f"--redis URL or {REDIS} says where the server is")
    if not args.stream:
        raise ConfigurationError("--stream NAME says which stream")
    try:
        from ..fleet.stream import RedisStream
    except ImportError as error:
        raise ConfigurationError(str(error)) from None
    return RedisStream(url, args.stream, shards=args.shards, window=args.window)
