"""Contexts: strategies in turn, rules, and the slates that come of them."""

from reco.contexts.auditing import audit, by_rule, coverage, violations
from reco.contexts.filling import (
    Example,
    Filled,
    example_customer,
    fill,
    one_slate,
    remarks,
    reports,
    slate_of,
    strategy_shares,
)
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.sending import calendar, per_day, send_list
from reco.contexts.slates import Slates, make_slates
from reco.contexts.snapshot import Snapshot, snapshot
from reco.contexts.what_if import changed, price_of_rules, what_if

__all__ = [
    "Example",
    "Filled",
    "Requests",
    "Slates",
    "Snapshot",
    "audit",
    "by_rule",
    "calendar",
    "changed",
    "coverage",
    "example_customer",
    "fill",
    "make_slates",
    "one_slate",
    "per_day",
    "price_of_rules",
    "remarks",
    "reports",
    "send_list",
    "slate_of",
    "snapshot",
    "standing_requests",
    "strategy_shares",
    "violations",
    "what_if",
]
