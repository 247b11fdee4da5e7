"""What a run leaves of its monitoring: alerts.json in its folder, who was told, and decisions on champions.

Only runs record and tell; opening the notebook by hand shows the same and leaves nothing behind.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from reco.monitoring import champion
from reco.monitoring.alerts import Delivery, deliver, write_alerts
from reco.monitoring.measured import Challenge
from reco.workbook import Workbook

#: The environment variable in which a run tells its notebooks the folder that it will publish.
RUN: Final = "RECO_RUN_FOLDER"

#: Name of the alerts in that folder, and of the record of champions beside the runs of a store.
ALERTS: Final = "alerts.json"
CHAMPIONS: Final = "champions.json"


def run_folder() -> Path | None:
    """The folder of the run that executes this; None outside of runs."""
    folder = os.environ.get(RUN)
    return Path(folder) if folder else None


def tell(wb: Workbook, alerts: pd.DataFrame) -> list[Delivery]:
    """In a run, write alerts.json and send what the settings want sent; nothing outside of one.

    Files are written without alerts, too, so that whoever reads them need not tell "none" from "not run".
    """
    folder = run_folder()
    if folder is None:
        return []
    store, moment = wb.settings.store.title, _now()
    write_alerts(alerts, folder / ALERTS, store, moment)
    return deliver(alerts, wb.settings.monitoring.alerts, store, moment)


def counted(wb: Workbook, alerts: pd.DataFrame) -> int:
    """How many alerts are at least what `monitoring.alerts.least` asks for: those that make a run end with code 4."""
    least = wb.settings.monitoring.alerts.least
    return int(alerts["level"].isin(["act", "watch"] if least == "watch" else ["act"]).sum())


def decisions(wb: Workbook, found: Challenge) -> pd.DataFrame:
    """The decisions on champions as `champion.history` gives them; a run first adds its own, once for the same data.

    The champion is what the settings have in force. One that is neither on record nor waiting to replace them was set
    by hand, and is recorded as such.
    """
    folder = run_folder()
    if folder is None:
        return champion.history(wb.settings.root / "reports" / wb.settings.store.name / CHAMPIONS)
    path, evidence = folder.parent / CHAMPIONS, {**found.evidence, "in_force": found.champion}
    record = champion.read(path)
    waiting = [one for one in record["decisions"] if one["what"] == "promote"][-1:]
    known = [record["champion"]["options"]] if record["champion"] else []
    known += [one["evidence"].get("in_force") for one in waiting]
    if found.champion not in known:
        record = champion.crown(path, "hybrid", found.champion, _now())
    same = [
        one
        for one in record["decisions"]
        if one.get("challenger", {}).get("options") == found.challenger
        and all(one["evidence"].get(key) == value for key, value in evidence.items())
    ]
    if not same:
        champion.decide(path, "hybrid", found.challenger, found.trial, evidence, _now())
    return champion.history(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
