"""Sessions of visitors, and the profile that each is attached to."""

from __future__ import annotations

from .refusal import refuse

__all__ = ["Sessions"]


class Sessions(dict[str, str | None]):
    """The profile's id by session id; None while the session is not attached."""

    def check_owner(self, session: str, profile: str) -> None:
        """Refuse a session that is attached to another profile."""
        if self.get(session) not in (None, profile):
            raise refuse("invalid", "session")
