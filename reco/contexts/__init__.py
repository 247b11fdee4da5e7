"""Contexts: strategies in turn, rules, and the slates that come of them."""

from reco.contexts.audit import audit, violations
from reco.contexts.filling import (
    Example,
    Filled,
    example_customer,
    fill,
    one_slate,
    reports,
    slate_of,
    strategy_shares,
)
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.slates import Slates, make_slates
from reco.contexts.snapshot import Snapshot, snapshot
from reco.contexts.what_if import price_of_rules, what_if

__all__ = [
    "Example",
    "Filled",
    "Requests",
    "Slates",
    "Snapshot",
    "audit",
    "example_customer",
    "fill",
    "make_slates",
    "one_slate",
    "price_of_rules",
    "reports",
    "slate_of",
    "snapshot",
    "standing_requests",
    "strategy_shares",
    "violations",
    "what_if",
]
