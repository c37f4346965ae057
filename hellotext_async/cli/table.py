"""A small table in plain text."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["table"]


def table(rows: Iterable[tuple[str, object]]) -> str:
    """Two columns, the second aligned to the right."""
    shown = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in rows]
    left = max(len(name) for name, _ in shown)
    right = max(len(value) for _, value in shown)
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in shown)
