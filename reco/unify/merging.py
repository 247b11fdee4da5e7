"""Several rows about one customer, product or campaign brought to one, and those added that only orders know."""

from typing import Final

import ibis
from ibis.expr.types import Table, Value

from reco.settings import Settings
from reco.sources.base import first_reason
from reco.store import SCHEMAS, conform

#: Columns of consent: whoever once said no has said no.
CONSENTS: Final = ("email_consent", "personalization_consent")

#: Columns that tell where a row came from: those of the row read first.
ORIGIN: Final = ("source", "file", "line")

DELETED: Final = "deleted"


def one_row_per_key(table: Table, key: str, columns: list[str]) -> Table:
    """One row for each value of `key`: the most frequent known value of every other column, the least on a tie.

    Of consents the strictest stands, of the columns of origin the least.
    """
    count = table.aggregate(rows=table.count(), keys=table[key].nunique()).to_pyarrow().to_pylist()[0]
    if count["rows"] == count["keys"]:
        return table.select(*columns)  # the vote below is long to plan
    voted = [column for column in columns if column not in (key, *CONSENTS, *ORIGIN)]
    strict = {column: table[column].cast("int8").min() for column in CONSENTS if column in columns}
    first = {"origin": origin(table)} if set(ORIGIN) <= set(columns) else {}
    alike = table.group_by(key, *voted).aggregate(votes=table.count(), **strict, **first)
    alike = alike.mutate(versions=alike.count().over(group_by=key))
    settled, disputed = alike.filter(alike.versions == 1), alike.filter(alike.versions > 1)
    if voted:
        disputed = disputed.mutate(
            **{f"{column}_votes": _votes(disputed, key, column) for column in voted},
        )
        ranked = disputed.mutate(
            **{
                column: disputed[column]
                .first()  # the missing have no votes and stand last
                .over(
                    ibis.window(
                        group_by=key,
                        order_by=[disputed[f"{column}_votes"].desc(), disputed[column]],
                        rows=(None, None),
                    )
                )
                for column in voted
            }
        )
        picked = {column: ranked[column].min() for column in voted}
        disputed = ranked.group_by(key).aggregate(
            **picked, **{column: ranked[column].min() for column in (*strict, *first)}
        )
    whole = ibis.union(settled.select(key, *voted, *strict, *first), disputed.select(key, *voted, *strict, *first))
    whole = whole.mutate(**{column: whole[column].cast("boolean") for column in strict})
    return (whole.unpack("origin") if first else whole).select(*columns)


def origin(table: Table) -> Value:
    """The least source, file and line of rows together: the row read first."""
    return ibis.struct({column: table[column] for column in ORIGIN}).min()


def _votes(table: Table, key: str, column: str) -> ibis.Value:
    known = ibis.ifelse(table[column].isnull(), ibis.literal(0, type="int64"), table.votes)
    return known.sum().over(group_by=[key, column])


def with_buyers(customers: Table | None, order_lines: Table) -> Table:
    """Customers, with those added that only the orders know."""
    buyers = order_lines.filter(lambda lines: lines.customer_id.notnull())
    buyers = buyers.group_by("customer_id").aggregate(origin=origin(buyers)).unpack("origin")
    if customers is None:
        return conform(buyers, "customers")
    return ibis.union(customers, conform(buyers.anti_join(customers, "customer_id"), "customers"))


def with_sold_products(products: Table | None, order_lines: Table, settings: Settings) -> Table:
    """Products, with those added that only the orders know, a typical price, and whether they may be recommended."""
    if products is None:
        every = _only_sold(order_lines).mutate(in_catalogue=ibis.null("boolean"))
    else:
        unknown = _only_sold(order_lines.anti_join(products, "product_id"))
        every = ibis.union(products.mutate(in_catalogue=True), unknown.mutate(in_catalogue=False))
    joined = every.left_join(typical_prices(order_lines), "product_id")
    excluded = [joined[column].isin(values) for column, values in settings.catalogue.exclude.items() if values]
    barred = ibis.or_((joined.status == DELETED).fill_null(False), *(one.fill_null(False) for one in excluded))
    joined = joined.mutate(
        title=joined.title.fill_null(ibis.literal("Product ") + joined.product_id),
        price=joined.price.fill_null(joined.typical_price.cast(joined.price.type())),
        currency=joined.currency.fill_null(joined.typical_currency),
        recommendable=joined.recommendable.fill_null(True) & ~barred,
    )
    return joined.select(*SCHEMAS["products"].names)


def _only_sold(order_lines: Table) -> Table:
    """Products as their order lines know them."""
    lines = order_lines.group_by("product_id").aggregate(origin=origin(order_lines))
    return conform(lines.unpack("origin"), "products")


def typical_prices(order_lines: Table) -> Table:
    """The median unit price before discount of each product: product_id, typical_price, typical_currency.

    Counted by distinct price first, so that the work grows with the number of prices rather than of lines; of an
    even number the mean of the two in the middle.
    """
    lines = order_lines.filter(order_lines.quantity > 0)
    unit = (lines.revenue + lines.discount.fill_null(0)).cast("float64") / lines.quantity
    prices = lines.select("product_id", "currency", unit=unit).group_by("product_id", "unit")
    prices = prices.aggregate(lines=ibis._.count(), currency=ibis._.currency.min())
    until = prices.lines.sum().over(ibis.window(group_by="product_id", order_by="unit", rows=(None, 0)))
    prices = prices.mutate(until=until, total=prices.lines.sum().over(group_by="product_id"))
    before = prices.until - prices.lines
    middle = prices.filter((before * 2 <= prices.total) & (prices.until * 2 >= prices.total))
    return middle.group_by("product_id").aggregate(
        typical_price=(middle.unit.min() + middle.unit.max()) / 2, typical_currency=middle.currency.min()
    )


def newest_only(table: Table, key: str, ranks: Table) -> Table:
    """Rows of the latest export that describes a thing, and products that the latest export no longer holds as deleted.

    `ranks` as for `reco.unify.cleaning.superseded`.
    """
    ranked = table.left_join(ranks, ["source", "file"])
    ranked = ranked.drop(column for column in ranked.columns if column.endswith("_right"))
    ranked = ranked.mutate(
        newest=ranked["rank"].max().over(group_by=["source", key]), last=ranked["rank"].max().over(group_by="source")
    )
    ranked = ranked.filter(ranked["rank"].isnull() | (ranked["rank"] == ranked.newest))
    if "status" in table.columns:
        gone = (ranked.newest < ranked["last"], DELETED)
        ranked = ranked.mutate(status=ibis.coalesce(first_reason(gone), ranked.status))
    return ranked.drop("rank", "newest", "last")
