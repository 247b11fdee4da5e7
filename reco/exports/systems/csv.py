"""CSV: one place of a slate a row, safe to open in a spreadsheet."""

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.plain import flat

TITLE = "CSV"
ABOUT = "Every place of every slate as one row."


class Settings(ExportSettings):
    """Nothing to set."""


def outputs(material: Material, settings: Settings) -> list[Output]:
    """The slates of all contexts."""
    return flat(material, "slates.csv", "csv")
