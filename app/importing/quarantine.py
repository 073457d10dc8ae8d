"""The quarantine file: rows that could not be taken, each as the source gave it with the reason beside it.

A row that was mended in the file can be imported from it: the reason's fields are not looked at.
"""

import base64
from collections.abc import AsyncIterable, Mapping
from pathlib import Path
from typing import Any

import orjson


async def write_quarantine(rejects: AsyncIterable[Mapping[str, Any]], path: Path) -> int:
    """Write the file anew; return how many rows are in it. No file is left for none."""
    rows = 0
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            async for reject in rejects:
                file.write(quarantine_line(reject["code"], reject["detail"], reject["body"]))
                rows += 1
        if rows:
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def quarantine_line(code: str, detail: str, body: bytes) -> bytes:
    """Write one row: the reason first, then the row's own fields untouched; bytes that are no JSON as base64."""
    reason = orjson.dumps({"reason": code, "detail": detail})
    row = body.strip()
    if row.startswith(b"{") and row.endswith(b"}") and _is_json(row):
        own = row[1:].lstrip()
        return reason[:-1] + (b"," if own != b"}" else b"") + own.replace(b"\n", b" ") + b"\n"
    return reason[:-1] + b',"bytes":' + orjson.dumps(base64.b64encode(body).decode()) + b"}\n"


def _is_json(row: bytes) -> bool:
    try:
        orjson.loads(row)
    except orjson.JSONDecodeError:
        return False
    return True
