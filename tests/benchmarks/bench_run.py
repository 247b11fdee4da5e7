"""Wall time and peak memory of `reco run`: from an empty cache, and again with nothing changed.

    python tests/benchmarks/bench_run.py [CONFIG]

Peak memory is the largest sum of resident memory over the process and all its children, sampled ten times a second;
pages that processes share are counted once for each, so the true peak is below it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil


class Measured(NamedTuple):
    """What one command took: exit code, seconds, bytes."""

    code: int
    seconds: float
    peak: int


def measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Run a command, its output on the console, and watch it."""
    start, peak = time.monotonic(), 0
    process = psutil.Popen(command, env=environment)
    while process.poll() is None:
        peak = max(peak, resident(process))
        time.sleep(0.1)
    return Measured(process.returncode, time.monotonic() - start, peak)


def resident(process: psutil.Process) -> int:
    """Resident bytes of a process and all below it that are still there."""
    total = 0
    try:
        for each in [process, *process.children(recursive=True)]:
            try:
                total += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        pass
    return total


def main(config: str) -> None:
    """Measure both runs in folders of their own and print the table."""
    with tempfile.TemporaryDirectory(prefix="reco-bench-") as folder:
        command = [sys.executable, "-m", "reco.cli", "run", "--config", config, "--out", f"{folder}/reports"]
        command += ["--set", f"store.path={folder}/store"]
        rows = [(name, measure(command, dict(os.environ))) for name in ("empty cache", "nothing changed")]
        size = subprocess.run(["du", "-sh", Path(folder) / "store"], capture_output=True, text=True, check=True)
    print(f"\n{'run':<16}  {'exit':>4}  {'seconds':>8}  {'peak MB':>8}")
    for name, (code, seconds, peak) in rows:
        print(f"{name:<16}  {code:>4}  {seconds:>8.1f}  {peak / 2**20:>8,.0f}")
    print(f"\nstore and cache on disk: {size.stdout.split()[0]}; {os.cpu_count()} cores")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "workbook.yaml")
