"""What a model costs beside what it finds: time and memory."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import psutil
from scipy import sparse

from reco.interactions import Interactions

#: Seconds between two looks at the memory.
EVERY: Final = 0.01

Result = TypeVar("Result")


class Cost(NamedTuple):
    """What was spent.

    Attributes:
        seconds: by the clock.
        memory: highest resident memory of the process while it ran, less what it held before, in bytes.
    """

    seconds: float
    memory: int


def measured(call: Callable[[], Result]) -> tuple[Result, Cost]:
    """What `call` returns, and what it cost.

    Memory is looked at every hundredth of a second, so that a peak shorter than that can be missed; what the process
    freed before and takes again does not show.
    """
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(EVERY):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    try:
        result = call()
    finally:
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return result, Cost(seconds, max(peak, process.memory_info().rss) - before)


def size(learned: object) -> int:
    """Bytes of the numbers and ids in what a model learned: arrays, sparse matrices, frames, and records of them.

    Interactions count nothing: every model has them.

    >>> size({"factors": np.zeros((10, 4), "float32"), "bias": [np.zeros(10, "float32")]})
    200
    """
    if isinstance(learned, Interactions):
        return 0
    if isinstance(learned, np.ndarray):
        return learned.nbytes
    if sparse.issparse(learned):
        return sum(part.nbytes for part in (learned.data, learned.indices, learned.indptr))
    if isinstance(learned, pd.DataFrame):
        return int(learned.memory_usage(index=False, deep=True).sum())
    if isinstance(learned, pd.Index):
        return int(learned.memory_usage(deep=True))
    if isinstance(learned, dict):
        return sum(map(size, learned.values()))
    if isinstance(learned, list | tuple):
        return sum(map(size, learned))
    return sum(map(size, vars(learned).values())) if type(learned).__module__.startswith("reco.") else 0
