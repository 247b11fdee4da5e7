"""Parquet: one slate a row, with its places in a list."""

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.plain import nested

TITLE = "Parquet"
ABOUT = "Every slate as one row, with its places in a list."


class Settings(ExportSettings):
    """Nothing to set."""


def outputs(material: Material, settings: Settings) -> list[Output]:
    """The slates of all contexts."""
    return nested(material, "slates.parquet", "parquet")
