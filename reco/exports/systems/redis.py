"""Redis: every slate by context and customer, refreshed as a whole, for a shop that asks while a page is built.

A refresh every 15 to 60 minutes is a line of cron or of a scheduler: `reco export redis`.
"""

from typing import Annotated, Any

from pydantic import Field

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.keyed import keyed

TITLE = "Redis"
ABOUT = "Every slate by context and customer, with fallbacks and item-to-item lists for sessions."
#: A version takes the place of the last one whole.
BY_CHANGES = False


class Settings(ExportSettings):
    """Where the server is, what keys begin with and the shop's name in them, and how long they live.

    Lists are refreshed every `refresh_minutes` and live two to three times as long, so that a refresh that is late
    never empties the cache.
    """

    url: str = Field(default="redis://127.0.0.1:6379/0", pattern=r"^(rediss?|unix)://")
    prefix: str = Field(default="reco", pattern=r"^[\w.-]+$")
    shop: str = Field(default="shop", pattern=r"^[\w.-]+$")
    refresh_minutes: Annotated[int, Field(ge=15, le=60)] = 30
    lives: Annotated[float, Field(ge=2, le=3)] = 2.5


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One row a key."""
    where = f"to {_plain(settings.url)}, keys {settings.prefix}:{{{settings.shop}}}:VERSION:…"
    return [Output("keys", keyed(material), "keys", where, key=("key",))]


def send(outputs: list[Output], settings: Settings, run: str) -> dict[str, Any]:
    """Write a version and switch to it; raises `InputError` where the server does not take it."""
    import redis

    from reco.exports.cache import refresh

    client = redis.Redis.from_url(settings.url, socket_timeout=30, socket_connect_timeout=5)
    seconds = int(settings.refresh_minutes * 60 * settings.lives)
    try:
        return refresh(client, settings.shop, run, outputs[0].rows, seconds, settings.prefix)
    finally:
        client.close()


def _plain(url: str) -> str:
    """An address without the password in it.

    >>> _plain("redis://me:secret@cache:6379/0")
    'redis://cache:6379/0'
    """
    before, _, after = url.partition("://")
    return f"{before}://{after.rpartition('@')[2]}"
