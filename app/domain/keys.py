"""Keys derived from names, so that nothing is looked up before it is written (ADR 0006)."""

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID

KEY_BYTES = 16

_ENTRY_HASH = blake2b(digest_size=KEY_BYTES, person=b"acl entry")


def document_key(document_id: str) -> UUID:
    """128 bits of a document id; two of 10¹² documents share one with a chance of 10⁻¹⁵."""
    return UUID(bytes=blake2b(document_id.encode(), digest_size=KEY_BYTES).digest())


def sanitised_key(document_id: str) -> UUID | None:
    """Return the key of an id as one of Onyx's callers spells it, or None where that is the same.

    Onyx looks up neighbouring chunks with every ``'`` replaced by ``_``.
    """
    return document_key(document_id.replace("'", "_")) if "'" in document_id else None


def entry_keys(entries: Iterable[str]) -> list[bytes]:
    """128 bits of each of some access-list entries, such as ``user_email:a@x.io``.

    A copy of a hash that was set up costs half of setting it up; remembering keys would not be cheaper.
    """
    keys = []
    for entry in entries:
        key = _ENTRY_HASH.copy()
        key.update(entry.encode())
        keys.append(key.digest())
    return keys


def digest(*parts: str | bytes | None) -> UUID:
    """128 bits of some texts in order; None differs from the empty text."""
    return UUID(bytes=digest_bytes(*parts))


def digest_bytes(*parts: str | bytes | None) -> bytes:
    """The same as 16 bytes."""
    # Hashed in one go: several are made of every chunk that comes in.
    texts = [part.encode() if isinstance(part, str) else part for part in parts]
    spelt = b"".join([b"-" if text is None else len(text).to_bytes(8, "little") + text for text in texts])
    return blake2b(spelt, digest_size=KEY_BYTES).digest()
