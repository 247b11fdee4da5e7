"""Files that ship with the workbook in its folder `data`: published logs that notebooks read beside the store."""

from pathlib import Path
from typing import Final

from reco.errors import InputError
from reco.workbook import Workbook

OPEN_BANDIT: Final = "open_bandit.parquet"
ASOS: Final = "asos_digital_experiments.parquet"


def find(wb: Workbook, name: str) -> Path:
    """A shipped file beside the settings file, or else beside the package; raises `InputError` where there is none."""
    places = [folder / "data" / name for folder in (wb.settings.root, Path(__file__).resolve().parents[1])]
    for place in places:
        if place.exists():
            return place
    raise InputError(f"{name} ships with the workbook and is missing; expected {places[0]}")
