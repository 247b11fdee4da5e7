"""The whole leaderboard on the default store, without the deep models, from an empty cache: time and memory.

    python tests/benchmarks/bench_leaderboard.py

The store's tables are unified before the clock starts, as they are when notebook 02 runs after 01.
"""

import os
import resource
import tempfile
import time
from pathlib import Path

import yaml

os.environ["RECO_COMPARISON__DEEP"] = "never"

from reco import Workbook, comparison
from reco.models import MODELS

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Print seconds and peak memory, and the dearest algorithms."""
    settings = yaml.safe_load((ROOT / "workbook.yaml").read_text())
    with tempfile.TemporaryDirectory(prefix="bench-leaderboard-") as folder:
        settings["store"]["path"] = folder
        settings["experiments"]["source"]["path"] = str(ROOT / settings["experiments"]["source"]["path"])
        file = Path(folder) / "workbook.yaml"
        file.write_text(yaml.safe_dump(settings))
        wb = Workbook.load(file)
        _ = wb.tables
        start = time.perf_counter()
        boards = {task: comparison.leaderboard(wb, task, (5, 10, 20)) for task in comparison.TASKS}
        seconds = time.perf_counter() - start
        costs = comparison.costs(wb, list(boards["anything"][10]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(costs)} of {len(MODELS)} algorithms, 3 tasks, 3 lengths: {seconds:.0f} s of 180, {peak:.1f} GB of 4")
    dearest = costs.assign(seconds=costs["fit_seconds"] + costs["recommend_seconds"] * 2.5)
    print(dearest.nlargest(8, "seconds")[["model", "fit_seconds", "recommend_seconds", "memory_mb"]].round(1))


if __name__ == "__main__":
    main()
