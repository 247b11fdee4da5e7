"""The auditor: finished slates beside the raw tables. It shares no code with the rules and those who apply them."""

from reco.contexts.auditing.exploring import explored
from reco.contexts.auditing.tables import audit, by_rule, coverage, violations

__all__ = ["audit", "by_rule", "coverage", "explored", "violations"]
