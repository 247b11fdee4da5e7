"""Rules about all products of one slate together."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from reco.rules.base import Composition, Fresh, Shelf

Count = Annotated[int, Field(ge=1)]


class MinCategories(Composition):
    """At least so many categories in a slate, as far as its size allows."""

    kind: ClassVar[str] = "min_categories"
    title: ClassVar[str] = "Several categories"

    least: Count = 3

    def groups(self, shelf: Shelf) -> np.ndarray:
        """The category."""
        return shelf.codes("category")

    def at_least(self, size: int) -> int:
        """`least`, or the size of the slate."""
        return min(self.least, size)


class CategoryShare(Composition):
    """No category over a share of the slate; one product of each may always be shown."""

    kind: ClassVar[str] = "category_share"
    title: ClassVar[str] = "No category over its share"

    most: Annotated[float, Field(gt=0, le=1)] = 0.5

    def groups(self, shelf: Shelf) -> np.ndarray:
        """The category."""
        return shelf.codes("category")

    def at_most(self, size: int) -> int:
        """The share of the size, rounded down."""
        return max(1, int(self.most * size + 1e-9))


class CategoryCap(Composition):
    """At most so many products of a category."""

    kind: ClassVar[str] = "category_cap"
    title: ClassVar[str] = "At most so many of a category"

    most: Count = 4

    def groups(self, shelf: Shelf) -> np.ndarray:
        """The category."""
        return shelf.codes("category")

    def at_most(self, size: int) -> int:
        """`most`."""
        return self.most


class BrandCap(Composition):
    """At most so many products of a brand."""

    kind: ClassVar[str] = "brand_cap"
    title: ClassVar[str] = "At most so many of a brand"

    most: Count = 3

    def groups(self, shelf: Shelf) -> np.ndarray:
        """The brand."""
        return shelf.codes("brand")

    def at_most(self, size: int) -> int:
        """`most`."""
        return self.most


class PriceMix(Composition):
    """Budget, mid and premium prices in one slate, as far as its size allows."""

    kind: ClassVar[str] = "price_mix"
    title: ClassVar[str] = "Budget, mid and premium prices"

    least: Annotated[int, Field(ge=1, le=3)] = 3

    def groups(self, shelf: Shelf) -> np.ndarray:
        """The price band within the category."""
        return shelf.codes("price_band")

    def at_least(self, size: int) -> int:
        """`least`, or the size of the slate."""
        return min(self.least, size)


class NewProducts(Composition, Fresh):
    """A new product in every slate that has room for `from_size`, where one is proposed."""

    kind: ClassVar[str] = "new_products"
    title: ClassVar[str] = "A new product"

    days: Count = 28
    from_size: Count = 4

    def groups(self, shelf: Shelf) -> np.ndarray:
        """0 for new products, none for others."""
        return np.where(shelf.numbers("age_days") < self.days, 0, -1)

    def at_least(self, size: int) -> int:
        """One."""
        return int(size >= self.from_size)
