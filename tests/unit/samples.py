"""What unit tests share: values as the document shows them."""

from __future__ import annotations

from typing import Any

from tests.emulator.document import ADDRESS as ADDRESS_ENTRY
from tests.emulator.document import PROFILE, value

__all__ = ["ADDRESS", "DAY", "PROFILE", "value"]

ADDRESS: dict[str, Any] = ADDRESS_ENTRY["value"]  # type: ignore[assignment]
DAY: dict[str, Any] = {"day": 3, "month": 11, "year": 1985}
