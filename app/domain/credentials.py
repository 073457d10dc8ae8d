"""API keys: how they are drawn, and what is kept of them."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from app.domain.callers import Grant

KEY_PREFIX = "vsk_"
TOKEN_PREFIX = "vst_"  # noqa: S105  what tokens begin with, not one of them


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: by its digest.

    A key is 256 random bits, so there is nothing to guess and a plain SHA-256 cannot be turned back. Slow
    hashes are for passwords; here one would only make every request pay.
    """

    digest: bytes
    grant: Grant
    expires_at: datetime | None = None

    def is_of(self, digest: bytes, now: datetime) -> bool:
        """Whether it has this digest, compared in constant time, and has not expired."""
        return compare_digest(self.digest, digest) and (self.expires_at is None or now < self.expires_at)


def draw_key(grant: Grant, expires_at: datetime | None = None) -> tuple[str, Key]:
    """Make a key; return the text that is shown once, and what is kept."""
    key_id = secrets.token_hex(6)
    text = f"{KEY_PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return text, Key(digest_of(text), replace(grant, key_id=key_id), expires_at)


def digest_of(text: str) -> bytes:
    """Digest a key: 32 bytes. Text from a header may hold anything that Latin-1 does."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
