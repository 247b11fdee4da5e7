"""MongoDB: the documents of the Redis cache, one a key, switched to as a whole."""

from typing import Annotated, Any

from pydantic import Field

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.keyed import keyed

TITLE = "MongoDB"
ABOUT = "Every slate by context and customer, with fallbacks, as documents."
#: A version takes the place of the last one whole.
BY_CHANGES = False


class Settings(ExportSettings):
    """Where the server is, and the database whose collections `slates` and `current` are written.

    Lists are refreshed every `refresh_minutes` and live two to three times as long.
    """

    url: str = Field(default="mongodb://127.0.0.1:27017", pattern=r"^mongodb(\+srv)?://")
    database: str = Field(default="reco", pattern=r"^[\w-]+$")
    refresh_minutes: Annotated[int, Field(ge=15)] = 60
    lives: Annotated[float, Field(ge=2, le=3)] = 2.5


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One row a document."""
    server = settings.url.partition("://")[2].rpartition("@")[2]
    where = f"to {server}, collection {settings.database}.slates"
    return [Output("documents", keyed(material), "keys", where, key=("key",))]


def send(outputs: list[Output], settings: Settings, run: str) -> dict[str, Any]:
    """Write a version and switch to it; raises `InputError` where the server does not take it."""
    import pymongo

    from reco.exports.documents import refresh

    seconds = int(settings.refresh_minutes * 60 * settings.lives)
    with pymongo.MongoClient(settings.url, serverSelectionTimeoutMS=5_000) as client:
        return refresh(client[settings.database], run, outputs[0].rows, seconds)
