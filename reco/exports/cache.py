"""A Redis cache of slates: written as a whole new version, switched at once, read with fallbacks.

Keys, for a shop named S and a version V:

    reco:{S}:current            V, without an end: the one pointer that readers follow
    reco:{S}:V:u:CONTEXT:ID     the slate of a customer in a context
    reco:{S}:V:s:CONTEXT:NAME   of a segment of customers
    reco:{S}:V:a:CONTEXT:ID     of a product in a context that stands beside products
    reco:{S}:V:c:CONTEXT        of a context, for whomever else
    reco:{S}:V:i:ID             what goes with a product, for sessions
    reco:{S}:V:top              what is popular, for everyone
    reco:{S}:V:meta             how many keys there are; written last

A refresh fills V, counts what arrived and then sets the pointer; it never touches the version that is served. Readers
take the pointer and the keys of its version in one script, so that none sees half a refresh or two versions mixed. What
a killed refresh left behind ends by itself. The braces keep a shop on one node of a cluster.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from reco.errors import InputError
from reco.exports.base import select

#: Keys sent at a time.
BATCH: Final = 10_000
_READ: Final = """
local v = redis.call('GET', KEYS[1])
if not v then return false end
for n = 2, #ARGV do
  local found = redis.call('GET', ARGV[1] .. v .. ':' .. ARGV[n])
  if found then return {v, n - 1, found} end
end
return {v, 0, false}
"""
_SESSION: Final = """
local v = redis.call('GET', KEYS[1])
if not v then return false end
local found = {v}
for n = 2, #ARGV do
  found[n] = redis.call('GET', ARGV[1] .. v .. ':' .. ARGV[n])
end
return found
"""


class Found(NamedTuple):
    """What a reader gives.

    Attributes:
        items: products, the best first: objects with `product_id`, or ids for a session.
        by: how they were found: customer, product, segment, context, popular, session or nothing.
        slate_id: what an impression of it is logged under; empty for lists that are nobody's.
        version: of the cache.
    """

    items: list[Any]
    by: str
    slate_id: str
    version: str


NOTHING: Final = Found([], "nothing", "", "")


class Reader:
    """Reads slates with fallbacks: customer, segment, context, popular. One round trip to the server each.

    Where there is no server or no version, `items` is empty and `by` is "nothing": a shop shows its own then.
    """

    def __init__(self, client: redis.Redis, shop: str, prefix: str = "reco") -> None:
        self.base = f"{prefix}:{{{shop}}}"
        self._read, self._session = client.register_script(_READ), client.register_script(_SESSION)

    @classmethod
    def connect(cls, url: str, shop: str, prefix: str = "reco", seconds: float = 0.1) -> "Reader":
        """A reader that waits for its server so long at most, and does not try again: a page cannot wait."""
        retry = Retry(NoBackoff(), 0)
        client = redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=retry)
        return cls(client, shop, prefix)

    def slate(
        self, context: str, customer_id: str | None = None, segment: str | None = None, beside: str = ""
    ) -> Found:
        """The slate of a context for a customer, else for the segment or product, else for anyone."""
        tried = [
            ("customer", f"u:{context}:{customer_id}" if customer_id is not None else ""),
            ("product", f"a:{context}:{beside}" if beside else ""),
            ("segment", f"s:{context}:{segment}" if segment is not None else ""),
            ("context", f"c:{context}"),
            ("popular", "top"),
        ]
        tried = [(by, key) for by, key in tried if key]
        found = self._call(self._read, [key for _, key in tried])
        if not found or not found[1]:
            return NOTHING
        version, place, value = found
        slate = json.loads(value)
        return Found(slate["items"], tried[place - 1][0], slate["slate_id"] or "", _text(version))

    def session(self, viewed: Sequence[str], k: int = 10) -> Found:
        """`k` products that go with the last ones viewed in a session, the latest last.

        Lists of the products are merged on read: a product scores the sum of 1 / rank over the lists that it is in,
        halved for every view that came later. What was viewed is left out; with nothing found, the popular ones.
        """
        latest = list(dict.fromkeys(reversed(viewed)))[:10]
        found = self._call(self._session, [*(f"i:{one}" for one in latest), "top"])
        if not found:
            return NOTHING
        version, *lists, top = found
        scores: dict[str, float] = {}
        for age, value in enumerate(lists):
            for rank, one in enumerate(json.loads(value) if value else [], start=1):
                scores[one] = scores.get(one, 0.0) + 0.5**age / rank
        best = [one for one in sorted(scores, key=lambda one: (-scores[one], one)) if one not in latest][:k]
        if best:
            return Found(best, "session", "", _text(version))
        popular = [one["product_id"] for one in json.loads(top)["items"]] if top else []
        popular = [one for one in popular if one not in latest][:k]
        return Found(popular, "popular" if popular else "nothing", "", _text(version))

    def _call(self, script: Any, arguments: list[str]) -> Any:
        try:
            return script(keys=[f"{self.base}:current"], args=[f"{self.base}:", *arguments])
        except (redis.ConnectionError, redis.TimeoutError):
            return None


def refresh(
    client: redis.Redis, shop: str, version: str, keys: pa.Table, seconds: int, prefix: str = "reco", seed: int = 0
) -> dict[str, Any]:
    """Write a version and switch to it; what the manifest tells.

    `keys` has columns key and value; each lives `seconds`, give or take a tenth, so that they do not end all at once.
    The version before stays until it ends by itself, for a way back (`switch`). Raises `InputError` where Redis is down
    or keeps not all of it; then readers are served what they were before.
    """
    base = f"{prefix}:{{{shop}}}"
    ends = np.random.default_rng(seed).integers(int(seconds * 0.9), int(seconds * 1.1) + 1, len(keys))
    keys = pa.table({"key": keys["key"], "value": keys["value"], "ends": ends})
    try:
        connection = client.connection_pool.get_connection()
        try:
            kept = sum(
                _sent(connection, f"{base}:{version}:", keys.slice(n, BATCH)) for n in range(0, len(keys), BATCH)
            )
        finally:
            connection.disconnect()
            client.connection_pool.release(connection)
        if kept < len(keys):
            raise InputError(
                f"Redis kept {kept:,} of {len(keys):,} keys (is maxmemory large enough?); the version that was served "
                "before still is"
            )
        client.hset(f"{base}:{version}:meta", mapping={"keys": len(keys)})
        client.expire(f"{base}:{version}:meta", int(seconds * 1.1))
        before = client.set(f"{base}:current", version, get=True)
    except (redis.RedisError, OSError) as error:
        raise InputError(f"Redis: {error}; the version that was served before still is") from None
    return {"version": version, "keys": len(keys), "before": _text(before) if before else None, "seconds": seconds}


def _sent(connection: Any, before: str, keys: pa.Table) -> int:
    """Set one batch of keys without a reply each, then count those that are there.

    Commands are built whole columns at a time, in the protocol of Redis (RESP).
    """
    commands = select(
        """
        SELECT concat('*5\r\n$3\r\nSET\r\n$', strlen(?) + strlen(key), '\r\n', ?, key, '\r\n$', strlen(value), '\r\n',
                value, '\r\n$2\r\nEX\r\n$', strlen(ends::VARCHAR), '\r\n', ends, '\r\n') AS set,
            concat('$', strlen(?) + strlen(key), '\r\n', ?, key, '\r\n') AS name
        FROM keys
        """,
        [before] * 4,
        keys=keys,
    )
    off, on = (f"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n${len(way)}\r\n{way}\r\n" for way in ("OFF", "ON"))
    asked = f"*{len(keys) + 1}\r\n$6\r\nEXISTS\r\n"
    connection.send_packed_command([off.encode(), _joined(commands["set"]), on.encode()], check_health=False)
    connection.read_response()
    connection.send_packed_command([asked.encode(), _joined(commands["name"])], check_health=False)
    return int(connection.read_response())


def _joined(texts: pa.ChunkedArray) -> memoryview:
    """All texts, one after the other, as they lie in memory."""
    whole = texts.combine_chunks().cast(pa.large_string())
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, "int64")[[whole.offset, whole.offset + len(whole)]]
    return memoryview(data)[ends[0] : ends[1]]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def switch(client: redis.Redis, shop: str, version: str, prefix: str = "reco") -> None:
    """Serve another version that is whole; raises `InputError` where it is not there."""
    base = f"{prefix}:{{{shop}}}"
    if not client.exists(f"{base}:{version}:meta"):
        raise InputError(f"Redis holds no whole version {version!r} of {shop}")
    client.set(f"{base}:current", version)
