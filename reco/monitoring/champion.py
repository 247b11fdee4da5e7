"""Champion against challenger: promoted only where a paired interval excludes zero, with its evidence, and reversible.

The record is one JSON file: the champion, and every decision with what it rests on, the oldest first. Nothing is
ever taken out of it, so that any earlier champion can be put back.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock

from reco.errors import InputError
from reco.evaluation.bootstrap import Interval, paired_difference, paired_p_values, verdict

#: Version of the record's layout.
VERSION: Final = 1


class Trial(NamedTuple):
    """A challenger beside the champion on the same customers.

    Attributes:
        champion: mean of the champion's metric.
        challenger: mean of the challenger's.
        difference: challenger less champion, with its bootstrap interval.
        p_value: of the paired t-test.
        users: customers compared.
        verdict: `promote`, `keep` or `tie`.
        reason: one sentence.
    """

    champion: float
    challenger: float
    difference: Interval
    p_value: float
    users: int
    verdict: str
    reason: str


def compare(
    champion: pd.Series, challenger: pd.Series, least: int = 100, confidence: float = 0.95, seed: int = 0
) -> Trial:
    """Judge two series of a metric by customer (index), on the customers that both have a value for.

    `promote` where the interval of the mean difference is above zero, `keep` where it is below, else `tie`; with fewer
    than `least` customers, always a tie. Raises `InputError` where a customer occurs twice.

    >>> old, new = pd.Series([0.1, 0.2] * 60), pd.Series([0.3, 0.4] * 60)
    >>> compare(old, new).verdict, compare(old, old).verdict, compare(new, old).verdict
    ('promote', 'tie', 'keep')
    """
    for name, one in {"champion": champion, "challenger": challenger}.items():
        if not one.index.is_unique:
            raise InputError(f"{name}: expected one value a customer, found several")
    pairs = pd.concat({"old": champion, "new": challenger}, axis=1, join="inner").dropna()
    if pairs.empty:
        none = Interval(*[float("nan")] * 3)
        return Trial(float("nan"), float("nan"), none, float("nan"), 0, "tie", "No customer was judged with both.")
    old, new = pairs["old"].to_numpy(float), pairs["new"].to_numpy(float)
    difference = paired_difference(new, old, confidence, seed)
    p_value = float(paired_p_values((new - old)[:, None])[0])
    word = {"better": "promote", "worse": "keep", "tie": "tie"}[verdict(difference)]
    bounds = f"{difference.low:+.4f} to {difference.high:+.4f}"
    of = f"{confidence:.0%} interval of the difference, {bounds} over {len(pairs):,} customers,"
    if len(pairs) < least:
        word, reason = "tie", f"Only {len(pairs):,} customers were judged with both, fewer than {least:,}."
    elif word == "tie":
        reason = f"The {of} holds zero: the champion stays."
    else:
        reason = f"The {of} is {'above' if word == 'promote' else 'below'} zero."
    return Trial(float(old.mean()), float(new.mean()), difference, p_value, len(pairs), word, reason)


def read(path: Path) -> dict[str, Any]:
    """The record: version, champion (name, options; None before the first) and decisions.

    Raises `InputError` where the file is no record.
    """
    if not path.exists():
        return {"version": VERSION, "champion": None, "decisions": []}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path.name}: expected JSON, found something else ({error})") from None
    if not isinstance(record, dict) or record.get("version") != VERSION or not {"champion", "decisions"} <= {*record}:
        raise InputError(f"{path.name}: expected a record of champions of version {VERSION}")
    return record


def crown(path: Path, name: str, options: Mapping[str, Any], moment: str) -> dict[str, Any]:
    """Record the first champion, or one that is set by hand; returns the record."""
    return _add(
        path, {"what": "set", "moment": moment, "reason": "Set by hand."}, {"name": name, "options": {**options}}
    )


def decide(
    path: Path, name: str, options: Mapping[str, Any], trial: Trial, evidence: Mapping[str, Any], moment: str
) -> dict[str, Any]:
    """Record what became of the challenger `name` with `options`; it is champion only if the trial says `promote`.

    `evidence` says what the trial was judged on: weeks, metric, data. Returns the record. `moment` is ISO 8601.
    """
    found = {**trial._asdict(), "difference": trial.difference._asdict(), **evidence}
    challenger = {"name": name, "options": {**options}}
    decision = {"what": trial.verdict, "moment": moment, "reason": trial.reason, "challenger": challenger}
    return _add(path, {**decision, "evidence": found}, challenger if trial.verdict == "promote" else None)


def revert(path: Path, reason: str, moment: str) -> dict[str, Any]:
    """Put the champion before the present one back, and record why; returns the record.

    A second call goes one further back. Raises `InputError` where there is none before.
    """
    with FileLock(_lock(path)):
        record = read(path)
        line: list[Any] = []
        for one in record["decisions"]:
            if one["what"] == "revert":
                line.pop()
            elif one["champion"] is not None and one["what"] in ("set", "promote"):
                line.append(one["champion"])
        if len(line) < 2:
            raise InputError(f"{path.name}: no champion before the present one to go back to")
        return _write(path, record, {"what": "revert", "moment": moment, "reason": reason}, line[-2])


def history(path: Path) -> pd.DataFrame:
    """The decisions, the oldest first: moment, what, champion (after it), difference, low, high, users, reason."""
    rows = []
    for one in read(path)["decisions"]:
        evidence = one.get("evidence") or {}
        difference = evidence.get("difference") or {}
        bounds = [difference.get(part) for part in ("value", "low", "high")]
        name = one["champion"]["name"] if one["champion"] else None
        rows.append((one["moment"], one["what"], name, *bounds, evidence.get("users"), one["reason"]))
    return pd.DataFrame(rows, columns=["moment", "what", "champion", "difference", "low", "high", "users", "reason"])


def _lock(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.lock")


def _add(path: Path, decision: dict[str, Any], champion: dict[str, Any] | None) -> dict[str, Any]:
    with FileLock(_lock(path)):
        record = read(path)
        return _write(path, record, decision, champion or record["champion"])


def _write(
    path: Path, record: dict[str, Any], decision: dict[str, Any], champion: dict[str, Any] | None
) -> dict[str, Any]:
    """The record with one decision more, replaced whole on disk."""
    new = {**record, "champion": champion, "decisions": [*record["decisions"], {**decision, "champion": champion}]}
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(_plain(new), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    """Values as JSON holds them; what is not a number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise InputError(f"evidence: expected text, numbers, lists and mappings, found {type(value).__name__}")
