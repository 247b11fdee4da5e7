"""What is derived from the unified tables for models and reports; `FEATURES` says what each column means.

Every function takes unified tables by name, the moment `end` as of which to look (a timestamp with its zone; rows at
or after it do not count) and the shop's time zone, and gives an Ibis table that nothing has been computed of yet.
"""

from reco.features.customers import affinities, customers
from reco.features.glossary import FEATURES, Feature
from reco.features.products import products, seasons

__all__ = ["FEATURES", "Feature", "affinities", "customers", "products", "seasons"]
