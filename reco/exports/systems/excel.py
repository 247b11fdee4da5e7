"""Excel: one place of a slate a row, every text a text."""

from reco.exports.base import ExportSettings, Material, Output
from reco.exports.plain import flat

TITLE = "Excel"
ABOUT = "Every place of every slate as one row of a sheet."


class Settings(ExportSettings):
    """Nothing to set."""


def outputs(material: Material, settings: Settings) -> list[Output]:
    """The slates of all contexts."""
    return flat(material, "slates.xlsx", "xlsx")
