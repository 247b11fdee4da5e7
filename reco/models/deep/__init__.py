"""Deep models: neural matrix factorization, two towers, wide & deep. PyTorch is imported only when one is fitted."""

from reco.models.deep.neumf import NeuMF
from reco.models.deep.two_tower import TwoTower
from reco.models.deep.wide_deep import WideDeep

__all__ = ["NeuMF", "TwoTower", "WideDeep"]
