"""The order of a slate's proposals: within a strategy by score and by what rules move, then strategies in turn."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reco.ranking import place
from reco.rules import Order, Shelf


def take_turns(proposals: pd.DataFrame, lifts: np.ndarray | None = None) -> pd.DataFrame:
    """Proposals (slate, strategy, item, score, …) in the order in which strategies take turns, each item once.

    The best item of the first strategy, the best of the second, …, then the second best of the first. Within a
    strategy the score decides, then the lower item; `lifts` moves each item forward by a share of the list.
    """
    slate, strategy, item = (proposals[name].to_numpy("int64") for name in ("slate", "strategy", "item"))
    strategies = int(strategy.max(initial=0)) + 1
    queue = slate * strategies + strategy
    order = np.lexsort((item, -proposals["score"].to_numpy(), queue))
    turn = place(queue[order])
    if lifts is not None and lifts.any() and len(order):
        lengths = np.bincount(queue[order])[queue[order]]
        standing = turn / lengths - lifts[item[order]]
        again = np.lexsort((turn, standing, queue[order]))
        order, turn = order[again], place(queue[order])
    turns = int(turn.max(initial=0)) + 1
    order = order[np.argsort((slate[order] * turns + turn) * strategies + strategy[order], kind="stable")]
    pairs = slate[order] * (int(item.max(initial=0)) + 1) + item[order]
    return proposals.iloc[order[~pd.Index(pairs).duplicated()]].reset_index(drop=True)


def lifted(rules: Sequence[Order], shelf: Shelf) -> np.ndarray:
    """How far all rules together move each product forward, as a share of its list, float64."""
    return sum((rule.lifts(shelf) for rule in rules), np.zeros(len(shelf.ids)))
