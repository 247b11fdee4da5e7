"""What all sources share."""

from pathlib import Path
from typing import NamedTuple

import ibis
from pydantic import BaseModel, ConfigDict


class SourceSettings(BaseModel):
    """An entry under `sources:`; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shop(NamedTuple):
    """Where and for whom a source is read.

    Attributes:
        connection: the Ibis backend that reads.
        root: folder that relative paths start in.
        time_zone: IANA zone of timestamps that carry none.
        currency: ISO code of amounts that carry none.
    """

    connection: ibis.BaseBackend
    root: Path
    time_zone: str
    currency: str
