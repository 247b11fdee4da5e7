"""Models that another system trained: their files by the settings, and whether they have seen what judges them."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from reco.errors import InputError
from reco.models import MODELS, make_model
from reco.models.outside import Trained
from reco.settings import Settings


def is_elsewhere(model: str) -> bool:
    """Whether a name is that of a model that was trained elsewhere."""
    return model in MODELS and bool(MODELS[model].reads)


def options(settings: Settings, model: str) -> dict[str, Any]:
    """The settings' options of a model; files that it reads are looked for beside the settings file."""
    named, files = settings.models.get(model, {}), MODELS[model].reads if model in MODELS else ()
    return {name: str(settings.root / value) if name in files and value else value for name, value in named.items()}


def fingerprint(settings: Settings, model: str) -> dict[str, list[str]]:
    """SHA-256 of the files that a model reads, under the key `files`; empty for models that are trained here."""
    if not is_elsewhere(model):
        return {}
    named = options(settings, model)
    paths = [Path(named[name]) for name in MODELS[model].reads if named.get(name)]
    return {"files": [sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]}


def trained(settings: Settings, model: str) -> Trained:
    """Until when a model has seen data, as UTC (a day begins in the shop's own time), and who says so.

    Raises `InputError` where nobody does.
    """
    told, zone = make_model(model, **options(settings, model)).trained(), settings.store.time_zone
    until = told.until.tz_localize(zone) if told.until.tz is None else told.until
    return Trained(until.tz_convert("UTC"), told.by)


def ahead(settings: Settings, model: str, until: pd.Timestamp) -> str | None:
    """Why a model may not be judged by what happened from `until` on; None where it may, and for those trained here."""
    if not is_elsewhere(model):
        return None
    file = MODELS[model].reads[0]
    if not settings.models.get(model, {}).get(file):
        return f"trained elsewhere: takes part once models.{model}.{file} names its lists"
    try:
        told = trained(settings, model)
    except InputError as error:
        return str(error)
    if told.until <= until:
        return None
    seen, first = (moment.tz_convert(settings.store.time_zone) for moment in (told.until, until))
    return f"was trained on data up to {seen:%Y-%m-%d %H:%M}, {told.by}; expected nothing from {first:%Y-%m-%d} on"


def partakes(settings: Settings, model: str) -> str:
    """That a model takes part, until when it was trained, and who says so."""
    told = trained(settings, model)
    until = told.until.tz_convert(settings.store.time_zone)
    return f"yes, trained elsewhere on data before {until:%Y-%m-%d %H:%M}, {told.by}"
