"""Contexts: strategies in turn, rules, and the slates that come of them."""

from reco.contexts.audit import audit
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.slates import make_slates

__all__ = ["Requests", "audit", "make_slates", "standing_requests"]
