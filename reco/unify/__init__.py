"""Sources to store: one set of unified tables, cleaned, with an account of everything that was set aside."""

from reco.unify.build import Source, unify

__all__ = ["Source", "unify"]
