"""An input that is read in pieces: a file or stdin, plain or gzip, its size and its fingerprint."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

__all__ = ["HEAD", "Gunzip", "Source", "fingerprint", "fingerprint_of_end", "opened"]

HEAD: Final = 4096
"""Bytes at the start and at the end of a file by which it is recognised."""
PIECE: Final = 1024 * 1024
_MAGIC: Final = b"\x1f\x8b"
_FOREIGN: Final = {"zstd": b"\x28\xb5\x2f\xfd", "xz": b"\xfd7zXZ\0", "zip": b"PK\x03\x04"}
"""How files begin that are compressed otherwise: no text does."""


@dataclass(frozen=True)
class Source:
    """An open input: `size` in bytes is None if it cannot be known."""

    name: str
    descriptor: int
    size: int | None


@contextmanager
def opened(name: str) -> Generator[Source]:
    """The file `name`, or stdin for ``-``. Raises OSError."""
    if name == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise OSError(errno.EBADF, "stdin is closed")  # its number may be another file's by now
    descriptor = 0 if name == "-" else os.open(name, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        yield Source(name, descriptor, status.st_size if stat.S_ISREG(status.st_mode) else None)
    finally:
        if name != "-":
            os.close(descriptor)


def fingerprint(descriptor: int, length: int = HEAD) -> tuple[str, int]:
    """A hash of the first bytes of a file, and of how many: it may have fewer. The position stays."""
    head = os.pread(descriptor, length, 0)
    return hashlib.sha256(head).hexdigest()[:32], len(head)


def fingerprint_of_end(descriptor: int, size: int) -> str:
    """A hash of the last of a file's first `size` bytes. The position stays."""
    end = os.pread(descriptor, min(HEAD, size), max(0, size - HEAD))
    return hashlib.sha256(end).hexdigest()[:32]


class Gunzip:
    """Bytes as they are, or decompressed if they begin as gzip; several members are one after the other."""

    def __init__(self) -> None:
        self._begin: bytes = b""
        self._inside: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage]
        self._decided = self._plain = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The content of `chunk`, in pieces of bounded size. Raises OSError if it is damaged."""
        if not self._decided:
            chunk, self._begin = self._begin + chunk, b""
            if len(chunk) < len(_MAGIC) and _MAGIC.startswith(chunk):
                self._begin = chunk
                return
            for name, magic in _FOREIGN.items():
                if chunk.startswith(magic):
                    raise OSError(errno.EINVAL, f"it is {name}: only gzip is decompressed; pipe it in decompressed")
            self._decided, self._plain = True, not chunk.startswith(_MAGIC)
        if self._plain:
            yield chunk
        else:
            yield from self._members(chunk)

    def _members(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._inside is None:
                if not chunk.strip(b"\0"):
                    return  # padding after the last member
                self._inside = zlib.decompressobj(wbits=31)
            try:
                piece = self._inside.decompress(chunk, PIECE)
            except zlib.error:
                raise OSError(errno.EIO, "the gzip data is damaged") from None
            yield piece
            chunk = self._inside.unconsumed_tail
            if self._inside.eof:
                chunk, self._inside = self._inside.unused_data, None

    def end(self) -> Iterator[bytes]:
        """What is left. Raises OSError if the gzip data is cut off."""
        if self._begin:
            yield self._begin
        if self._inside is not None:
            raise OSError(errno.EIO, "the gzip data is cut off")
