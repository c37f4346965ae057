"""What unit tests share: values as the document shows them, and Hypothesis settings for a busy machine."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from tests.emulator.document import ADDRESS as ADDRESS_ENTRY
from tests.emulator.document import PROFILE, value

__all__ = ["ADDRESS", "CALM", "DAY", "PROFILE", "value"]

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ADDRESS: dict[str, Any] = ADDRESS_ENTRY["value"]  # type: ignore[assignment]
DAY: dict[str, Any] = {"day": 3, "month": 11, "year": 1985}
