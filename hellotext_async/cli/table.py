"""Two columns of plain text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(rows: Sequence[tuple[str, object]]) -> str:
    """The rows with their values set right."""
    values = [f"{value:,}" if isinstance(value, int) else str(value) for _, value in rows]
    left = max(len(name) for name, _ in rows)
    right = max(map(len, values))
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for (name, _), value in zip(rows, values, strict=True))
