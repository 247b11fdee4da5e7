"""What all sources share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import ibis
from pydantic import BaseModel, ConfigDict

from reco.errors import InputError


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


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read into an `InputError` that names it."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path.name}: not readable ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """The lines of a reader's error that say where and why, without its advice."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    lines = str(error).removeprefix("Invalid Input Error: ").split("\n\n")[0].split("Possible")[0].splitlines()
    told = [line.strip() for line in lines if line.strip() and not line.startswith("Original Line")]
    return " ".join(told[:3])
