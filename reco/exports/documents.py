"""Slates in MongoDB: written as a whole new version, switched at once, read with fallbacks.

Collection `slates` holds a document a key (see `reco.exports.cache` for the keys): `_id` VERSION:KEY, `v`, `slate_id`
and `items`, and `ends_at`, after which MongoDB removes it by itself. Collection `current` holds one document: which
version is served. A refresh fills a version, counts it, then replaces that document; a reader that has read it finds
the whole of its version, which outlives it by a refresh at least.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pymongo
from pymongo.errors import PyMongoError

from reco.errors import InputError
from reco.exports.cache import NOTHING, Found

#: Documents sent at a time.
BATCH: Final = 5_000


def refresh(database: Any, version: str, keys: pa.Table, seconds: int) -> dict[str, Any]:
    """Write a version and switch to it; what the manifest tells.

    `keys` has columns key and value (JSON). Raises `InputError` where MongoDB is down or keeps not all of it; then
    readers are served what they were before.
    """
    ends_at = datetime.now(UTC) + timedelta(seconds=seconds)
    try:
        slates = database["slates"]
        slates.create_index("ends_at", expireAfterSeconds=0)
        slates.create_index("v")
        for start in range(0, len(keys), BATCH):
            part = keys.slice(start, BATCH)
            rows = zip(part["key"].to_pylist(), part["value"].to_pylist(), strict=True)
            slates.insert_many([_document(version, ends_at, *row) for row in rows], ordered=False)
        kept = slates.count_documents({"v": version})
        if kept < len(keys):
            raise InputError(f"MongoDB kept {kept:,} of {len(keys):,} documents; the version that was served still is")
        before = database["current"].find_one({"_id": "current"})
        database["current"].replace_one({"_id": "current"}, {"_id": "current", "version": version}, upsert=True)
    except PyMongoError as error:
        why = str(error).split(", Timeout")[0][:200]
        raise InputError(f"MongoDB: {why}; the version that was served before still is") from None
    return {"version": version, "keys": len(keys), "before": before["version"] if before else None, "seconds": seconds}


def _document(version: str, ends_at: datetime, key: str, value: str) -> dict[str, Any]:
    read = json.loads(value)
    slate = read if isinstance(read, dict) else {"slate_id": None, "items": read}
    return {"_id": f"{version}:{key}", "v": version, "ends_at": ends_at, **slate}


class Reader:
    """Reads slates with fallbacks: customer, product, segment, context, popular, in two round trips."""

    def __init__(self, database: Any) -> None:
        self.database = database

    def slate(
        self, context: str, customer_id: str | None = None, segment: str | None = None, beside: str = ""
    ) -> Found:
        """The slate of a context for a customer, else for the product or segment, else for anyone.

        Without a server or a version it is empty: a shop shows its own then.
        """
        keys = {
            "customer": f"u:{context}:{customer_id}" if customer_id is not None else "",
            "product": f"a:{context}:{beside}" if beside else "",
            "segment": f"s:{context}:{segment}" if segment is not None else "",
            "context": f"c:{context}",
            "popular": "top",
        }
        try:
            current = self.database["current"].find_one({"_id": "current"})
            if current is None:
                return NOTHING
            version = current["version"]
            ids = {f"{version}:{key}": by for by, key in keys.items() if key}
            found = {one["_id"]: one for one in self.database["slates"].find({"_id": {"$in": list(ids)}})}
        except (pymongo.errors.ConnectionFailure, pymongo.errors.ExecutionTimeout):
            return NOTHING
        for key, by in ids.items():
            if key in found:
                return Found(found[key]["items"], by, found[key]["slate_id"] or "", version)
        return NOTHING
