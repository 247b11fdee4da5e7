"""Shoppers with known behaviour at any size: a log as sources fill it, and the truth behind it.

`reco.simulation` makes a log for a store that has none, from its own orders; this package makes worlds to test
experiments, attribution, lift and off-policy estimates against. Whatever comes from it is simulated and must say so.

    tastes = of_store(wb)
    policies = [holdout(), popular(tastes), listed(tastes, model.recommend(users, k=20), name="als")]
    book = shop(tastes, policies, Shopping(shoppers=50_000), folder)
    book.policies[["variant", "lift", "added_revenue", "attributed"]]

Left out: a click never moves a purchase forward from a later visit, and what is shown never brings a visit.
"""

from reco.shoppers.book import WINDOW, Book
from reco.shoppers.proof import SHOPPERS, proof, prove
from reco.shoppers.settings import Context, Shopping
from reco.shoppers.tastes import Policy, Tastes, holdout, listed, of_store, personal, popular, tastes_of
from reco.shoppers.world import potential, shop

__all__ = [
    "SHOPPERS", "WINDOW", "Book", "Context", "Policy", "Shopping", "Tastes", "holdout", "listed", "of_store",
    "personal", "popular", "potential", "proof", "prove", "shop", "tastes_of",
]  # fmt: skip
