"""A blend that is learned: candidates of several algorithms, described by features and ranked by trees."""

from reco.learned.candidates import Pairs
from reco.learned.features import FEATURES, titles
from reco.learned.looks import Look, learn, look, rank
from reco.learned.ranker import Examples, Ranker, train

__all__ = ["FEATURES", "Examples", "Look", "Pairs", "Ranker", "learn", "look", "rank", "titles", "train"]
