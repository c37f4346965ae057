"""What a profile agreed to: verbs of profiles that subscribe, and that verify contacts."""

from .._wire.call import Call
from ..errors import InvalidParameter
from ._profile import Profile, Verified
from ._verbs import Family, text

__all__ = ["Consent"]


class Consent(Family):
    """Subscription to promotional messages, and contacts that are known to be the customer's own."""

    async def subscribe(self, id: str, /) -> Profile:
        """Mark a profile as subscribed to promotional messages; this restores a deleted (cleared) one too."""
        return await self._sends.send(Call("POST", self._at(id, "subscribe"), Profile, "idempotent"))

    async def unsubscribe(self, id: str, /) -> Profile:
        """Mark a profile as not wanting promotional messages any more."""
        return await self._sends.send(Call("POST", self._at(id, "unsubscribe"), Profile, "idempotent"))

    async def verify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Say that a phone (e164) or an e-mail of the profile is the customer's own; exactly one of the two."""
        return await self._verification("POST", id, phone, email)

    async def unverify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Take back what `verify` said; `verified` is False then."""
        return await self._verification("DELETE", id, phone, email)

    async def _verification(self, method: str, id: str, phone: str | None, email: str | None) -> Verified:
        if (phone is None) == (email is None):
            raise InvalidParameter("phone", "expected either phone or email")
        body = {"email": text("email", email)} if phone is None else {"phone": text("phone", phone)}
        return await self._sends.send(Call(method, self._at(id, "verify"), Verified, "idempotent", body=body))
