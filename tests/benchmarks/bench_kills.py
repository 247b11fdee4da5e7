"""Kill `reco run` at random moments and see that readers lose nothing: SIGKILL, then `latest` is looked at, then again.

    python tests/benchmarks/bench_kills.py [KILLS [KERNELS]]

Of KILLS (100), KERNELS (20) hit runs whose notebooks have kernels, the others runs whose notebooks are copied, so that
more kills meet the writing and publishing. Every fourth kill is followed by a run that is left alone and must succeed.
"""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.runs.conftest import Shop
from tests.runs.killing import Forking, broken

BOOKS = ["first", "second", "third"]


def main(kills: int, kernels: int) -> None:
    """Kill runs one after another and print what was found; exit code 1 if anything was broken."""
    moments = np.random.default_rng()
    told: Counter[str] = Counter()
    for kind, times, pretend in (("with kernels", kernels, None), ("copied", kills - kernels, 0.02)):
        with tempfile.TemporaryDirectory(prefix="reco-bench-") as folder, Forking() as forking:
            shop = Shop(Path(folder))
            for _ in range(2):  # the first run imports what later ones find imported
                started = time.monotonic()
                forking.start(shop.root, BOOKS, pretend, force=True)
                assert forking.ended() == 0
            usual = time.monotonic() - started
            for number in range(times):
                run = forking.start(shop.root, BOOKS, pretend, force=True)
                time.sleep(moments.uniform(0, usual))
                with suppress(ProcessLookupError):
                    os.kill(run, signal.SIGKILL)
                told[f"{kind}: {'killed' if forking.ended() == -signal.SIGKILL else 'had ended'}"] += 1
                told[f"{kind}: latest not whole"] += bool(broken(shop.store))
                if number % 4 == 3:
                    forking.start(shop.root, BOOKS, pretend)
                    told[f"{kind}: next run ended with {forking.ended()}"] += 1
                    told[f"{kind}: latest not whole"] += bool(broken(shop.store))
                    told[f"{kind}: private folders left"] += len(list(shop.store.glob(".*.part")))
            time.sleep(2)
            left = [each for each in psutil.process_iter(["cmdline"]) if _of(each, folder)]
            told[f"{kind}: processes left"] += len(left)
    for what, count in told.items():
        print(f"{what:<40} {count:>4}")
    wrong = ("not whole", "left", "ended with 1")
    bad = [what for what, count in told.items() if count and any(word in what for word in wrong)]
    sys.exit(1 if bad else 0)


def _of(process: psutil.Process, folder: str) -> bool:
    try:
        return folder in " ".join(process.info["cmdline"] or ()) or process.cwd().startswith(folder)
    except psutil.Error:
        return False


if __name__ == "__main__":
    main(*map(int, (sys.argv[1:] + ["100", "20"][len(sys.argv) - 1 :])))
