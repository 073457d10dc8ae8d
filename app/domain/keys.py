"""Keys derived from names, so that nothing is looked up before it is written (ADR 0006)."""

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID


def document_key(document_id: str) -> UUID:
    """128 bits of a document id; two of 10¹² documents share one with a chance of 10⁻¹⁵."""
    return UUID(bytes=blake2b(document_id.encode(), digest_size=16).digest())


def sanitised_key(document_id: str) -> UUID | None:
    """Return the key of an id as one of Onyx's callers spells it, or None where that is the same.

    Onyx looks up neighbouring chunks with every ``'`` replaced by ``_``.
    """
    return document_key(document_id.replace("'", "_")) if "'" in document_id else None


def entry_key(entry: str) -> UUID:
    """128 bits of an access-list entry, such as ``user_email:a@x.io``."""
    return UUID(bytes=entry_key_bytes(entry))


@lru_cache(maxsize=65_536)
def entry_key_bytes(entry: str) -> bytes:
    """The same as 16 bytes. Remembered, since people of one organisation share most of their entries."""
    return blake2b(entry.encode(), digest_size=16, person=b"acl entry").digest()


def digest(*parts: str | bytes | None) -> UUID:
    """128 bits of some texts in order; None differs from the empty text."""
    return UUID(bytes=digest_bytes(*parts))


def digest_bytes(*parts: str | bytes | None) -> bytes:
    """The same as 16 bytes."""
    # Hashed in one go: several are made of every chunk that comes in.
    texts = [part.encode() if isinstance(part, str) else part for part in parts]
    spelt = b"".join([b"-" if text is None else len(text).to_bytes(8, "little") + text for text in texts])
    return blake2b(spelt, digest_size=16).digest()
