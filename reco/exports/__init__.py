"""Slates, and the data that outside recommenders learn from, in the forms that stores' systems take.

`EXPORTS` has one module a system (`reco.exports.systems`); `reco.exports.running.export` writes for one of them.
"""

from reco.exports.systems import EXPORTS

__all__ = ["EXPORTS"]
