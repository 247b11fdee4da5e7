"""Other systems' product ids, brought to those of the catalogue."""

from functools import reduce
from typing import NamedTuple

import ibis
from ibis.expr.types import StringValue, Table

from reco.errors import InputError


class Match(NamedTuple):
    """How a source's product ids were understood.

    Attributes:
        source: kind of the source.
        kind: what its ids are to the catalogue: `product`, `sku`, `variant`, `title` or `id`.
        known: share of its distinct ids that the catalogue knows as such, 0 to 1.
        ids: how many distinct ids it has.
    """

    source: str
    kind: str
    known: float
    ids: int


def folded(name: StringValue) -> StringValue:
    """A name without the differences in case and outer space that systems make."""
    return name.strip().lower()


def unambiguous(aliases: Table, products: Table) -> Table:
    """Names of products that stand for one product only: kind, alias (`folded`), product_id; own ids among them."""
    own = products.select(kind=ibis.literal("product"), alias="product_id", product_id="product_id")
    every = ibis.union(aliases.select("kind", "alias", "product_id"), own).filter(ibis._["alias"].notnull())
    alone = every.group_by("kind", alias=folded(every["alias"])).aggregate(
        product_id=ibis._.product_id.min(), products=ibis._.product_id.nunique()
    )
    return alone.filter(alone.products == 1).drop("products")


def understand(tables: list[Table], aliases: Table, source: str, least: float) -> Match | None:
    """What the product ids in a source's tables are to the catalogue; None where it has none.

    Raises `InputError` where even the best reading leaves more ids unknown than `least` allows.
    """
    every = [table.select(alias=folded(table.product_id)) for table in tables]
    ids = reduce(ibis.union, every).filter(ibis._["alias"].notnull()).distinct()
    known = ids.inner_join(aliases, "alias").group_by("kind").aggregate(ids=ibis._["alias"].nunique())
    total = int(ids.count().to_pyarrow().as_py())
    if total == 0:
        return None
    counts = known.to_pyarrow().to_pandas().sort_values(["ids", "kind"], ascending=[False, True])
    best = (counts.iloc[0]["kind"], counts.iloc[0]["ids"] / total) if len(counts) else ("product", 0.0)
    if best[1] < least:
        raise InputError(
            f"source {source}: the catalogue knows {best[1]:.0%} of its {total:,} product ids (best read as "
            f"{best[0]}); expected at least {least:.0%}, by cleaning.min_catalogue_match. Its ids may be those of "
            "another catalogue, or the catalogue's export is old"
        )
    return Match(source, best[0], float(best[1]), total)


def translate(table: Table, aliases: Table, kind: str) -> Table:
    """`table` with the catalogue's product ids; ids that it does not know stay."""
    names = aliases.filter(aliases.kind == kind).select(known="alias", known_as="product_id")
    joined = table.left_join(names, folded(table.product_id) == names.known)
    return joined.mutate(product_id=ibis.coalesce(joined.known_as, joined.product_id)).drop("known", "known_as")
