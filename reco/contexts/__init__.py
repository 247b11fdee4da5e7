"""Contexts: strategies in turn, rules, and the slates that come of them."""

from reco.contexts.audit import audit, violations
from reco.contexts.filling import Example, Filled, example_customer, fill, slate_of, strategy_shares
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.slates import make_slates

__all__ = [
    "Example",
    "Filled",
    "Requests",
    "audit",
    "example_customer",
    "fill",
    "make_slates",
    "slate_of",
    "standing_requests",
    "strategy_shares",
    "violations",
]
