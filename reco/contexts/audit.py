"""Do the slates obey the rules? Counted from the finished slates, not believed (`reco.contexts.auditing`)."""

from reco.contexts.auditing import audit, by_rule, coverage, explored, violations

__all__ = ["audit", "by_rule", "coverage", "explored", "violations"]
