"""JSON Lines: one slate a line, with its places in a list."""

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.plain import nested

TITLE = "JSON Lines"
ABOUT = "Every slate as one line of JSON."


class Settings(ExportSettings):
    """Nothing to set."""


def outputs(material: Material, settings: Settings) -> list[Output]:
    """The slates of all contexts."""
    return nested(material, "slates.jsonl", "jsonl")
