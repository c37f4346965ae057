"""The error of an integration whose library is not installed: one line that names the extra."""

from __future__ import annotations

__all__ = ["missing"]


def missing(integration: str, extra: str) -> ImportError:
    """What importing `integration` raises without `extra`."""
    return ImportError(
        f"hellotext_async.integrations.{integration} needs the extra {extra!r}: pip install 'hellotext-async[{extra}]'"
    )
