"""Which orders recommendations are credited with.

One rule for all: an order line belongs to at most one impression. Lines of one customer, product and moment always go
the same way, so they are taken together.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

import ibis
from ibis.expr.types import IntegerColumn, Table

from reco.errors import InputError
from reco.settings import Kpis

Touch = Literal["last", "first"]
Scope = Literal["product", "category"]

#: Money is counted in ten-thousandths, the store's own precision, so that sums are exact on every engine.
PARTS: Final = 10_000
#: What leads the name of a product without category where categories are compared: it is alike to itself only.
LONE: Final = "\x1f"


class Rule(NamedTuple):
    """How order lines find the impression that they are credited to.

    A line's candidates are the impressions of its customer that were clicked within `days` before it (times 24 hours,
    both ends included) and are of its product or, with the scope `category`, of its category. Where several claim it,
    clicks go before mere views, the product itself before its category, then the last (or first) in time, then the
    lowest impression id.

    Attributes:
        days: length of the window after a click.
        touch: whether the `last` or the `first` click in the window counts.
        scope: whether a click counts for its `product` only or for all of its `category`.
        view_days: length of the window after an impression that was not clicked; None counts no views.
        refunds: whether returns take back what their purchase was credited with.
        currency: lines in another currency are left aside; None takes all for one currency.
    """

    days: int = 7
    touch: Touch = "last"
    scope: Scope = "product"
    view_days: int | None = None
    refunds: bool = True
    currency: str | None = None

    def checked(self) -> "Rule":
        """The rule itself; raises `InputError` for one that cannot be followed."""
        for name, known in (("touch", get_args(Touch)), ("scope", get_args(Scope))):
            if getattr(self, name) not in known:
                raise InputError(f"{name}: expected {' or '.join(known)}, found {getattr(self, name)!r}")
        for name in ("days", "view_days"):
            if (days := getattr(self, name)) is not None and days < 1:
                raise InputError(f"{name}: expected at least one day, found {days}")
        return self

    def words(self) -> str:
        """The rule as a sentence for captions.

        >>> Rule().words()
        'An order line counts for the last click of its customer on the same product within 7 days before it, once; \
returns are taken back.'
        """
        what = "the same product" if self.scope == "product" else "the same category, first on the product itself,"
        view = "" if self.view_days is None else f", without a click for the {self.touch} view within {self.view_days}"
        back = "; returns are taken back." if self.refunds else "; returns are not taken back."
        return (
            f"An order line counts for the {self.touch} click of its customer on {what} within {self.days} days "
            f"before it{view}, once{back}"
        )


def rule_of(kpis: Kpis, currency: str | None = None) -> Rule:
    """The rule that the settings describe."""
    return Rule(kpis.attribution_days, kpis.attribution, kpis.scope, kpis.view_days, kpis.refunds, currency)


def attribute(
    impressions: Table, order_lines: Table, days: int = 7, *, products: Table | None = None, **options: Any
) -> Table:
    """Impressions with the orders they are credited with: adds `ordered` (bool) and `revenue` (float64).

    `options` are those of `Rule`. Impressions credited through a view are `ordered` though not clicked. Revenue is
    net of returns; an order that came back whole still was an order. Lines without a known customer are credited to
    nothing; of impressions with one id, only one is credited, but all are kept and get its credit: see `notes`.
    """
    impressions = impressions.drop(*{"ordered", "revenue"}.intersection(impressions.columns))
    given = credits(impressions, order_lines, Rule(days, **options), products=products)
    joined = impressions.left_join(given.select("impression_id", "lines", "revenue"), "impression_id")
    return joined.select(
        *impressions.columns, ordered=joined.lines.fill_null(0) > 0, revenue=joined.revenue.fill_null(0.0)
    )


def credits(impressions: Table, order_lines: Table, rule: Rule, *, products: Table | None = None) -> Table:
    """The impressions that orders are credited to, one row each with all their columns.

    Adds lines (order lines), gross and revenue (float64, before and after returns) and by_view (bool). The scope
    `category` needs `products`. Raises `InputError` for a rule that cannot be followed.
    """
    rule = rule.checked()
    touched = touches(impressions, rule, order_lines)
    bought = purchases(order_lines, touched, rule, products)
    best = _claims(touched, bought, rule, products)
    by_impression = best.group_by("impression_id").aggregate(
        lines=best.lines.sum(), gross=best.gross.sum() / PARTS, revenue=best.net.sum() / PARTS
    )
    found = touched.inner_join(by_impression, "impression_id")
    once = ibis.row_number().over(group_by="impression_id", order_by=["by_view", "touched_at", "product_id"])
    return found.mutate(place=once).filter(lambda t: t.place == 0).drop("place", "touched_at")


def claimed(
    impressions: Table,
    order_lines: Table,
    rule: Rule,
    *,
    products: Table | None = None,
    keep: Sequence[str] = (),
) -> Table:
    """The purchases that are credited, one row a customer, product and moment, with their impression_id and by_view.

    Further columns: ordered_at, touched_product, lines, gross and net (money in `PARTS`), and those of the impression
    that `keep` names.
    """
    touched = touches(impressions, rule.checked(), order_lines)
    best = _claims(touched, purchases(order_lines, touched, rule, products), rule, products, keep)
    of_purchase = ["customer_id", "product_id", "ordered_at", "lines", "gross", "net"]
    return best.select(*of_purchase, "impression_id", "touched_product", "by_view", *keep)


def touches(impressions: Table, rule: Rule, order_lines: Table | None = None) -> Table:
    """The impressions that a line may be credited to: adds touched_at and by_view.

    Clicks without their time or without a customer are none. Views are only those of customers with order lines.
    """
    impressions = impressions.drop(
        *{"by_view", "touched_at", "lines", "gross", "revenue", "ordered"}.intersection(impressions.columns)
    )
    clicked = impressions.clicked.fill_null(False)
    usable = clicked & impressions.clicked_at.notnull()
    if rule.view_days is not None:
        usable |= ~clicked & impressions.shown_at.notnull()
    found = impressions.filter(impressions.customer_id.notnull(), usable)
    if rule.view_days is not None and order_lines is not None:
        found = found.semi_join(order_lines, "customer_id")
    view = ~found.clicked.fill_null(False)
    at = found.clicked_at if rule.view_days is None else ibis.ifelse(view, found.shown_at, found.clicked_at)
    return found.mutate(touched_at=at, by_view=view)


def purchases(order_lines: Table, touched: Table, rule: Rule, products: Table | None = None) -> Table:
    """What customers of `touched` bought: customer_id, product_id, ordered_at, lines, gross, net; money in `PARTS`.

    Returns are lines with a quantity not above zero and negative revenue. One that names its order
    (`returned_order_id`) takes back from that order's lines of the product; then those that do not, from any earlier
    ones of the same customer and product, the latest first. What is returned beyond that takes back nothing, and no
    line falls below zero.
    """
    lines = order_lines.filter(order_lines.customer_id.notnull())
    if rule.currency is not None and "currency" in lines.columns:
        lines = lines.filter(lines.currency.fill_null(rule.currency) == rule.currency)
    lines = lines.semi_join(touched, ["customer_id"] if rule.scope == "category" else ["customer_id", "product_id"])
    named = [
        name for name in ("order_id", "returned_order_id") if {"order_id", "returned_order_id"} <= set(lines.columns)
    ]
    lines = lines.select("customer_id", "product_id", "ordered_at", "quantity", *named, amount=_parts(lines))
    moment, order = ["customer_id", "product_id", "ordered_at"], named[:1]
    sold = lines.filter(lines.quantity > 0)
    sold = sold.group_by(*moment, *order).aggregate(lines=sold.count(), gross=_sum(_floor(sold.amount)))
    left = sold.mutate(net=sold.gross)
    if rule.refunds:
        back = lines.filter(lines.quantity <= 0, lines.amount < 0)
        back = back.select(*moment, *named[1:], back=-back.amount)
        if named:
            of_order = back.filter(back.returned_order_id.notnull()).rename(order_id="returned_order_id")
            left = _take_back(left, of_order, ["customer_id", "product_id", "order_id"])
            back = back.filter(back.returned_order_id.isnull()).drop("returned_order_id")
        left = _take_back(left, back, ["customer_id", "product_id"])
    if not named:
        return left
    return left.group_by(moment).aggregate(lines=left.lines.sum(), gross=_sum(left.gross), net=_sum(left.net))


def _take_back(sold: Table, returns: Table, keys: list[str]) -> Table:
    """`sold` with `net` less what `returns` take back from earlier lines of the same keys, the latest first.

    Purchases pile up and returns take from the top: with B the height of the pile, a line keeps what of it lies
    below the lowest B of its future. B is the running sum of purchases less returns, raised wherever these would dig
    below the ground.
    """
    columns = sold.columns
    touched, rest = sold.semi_join(returns, keys), sold.anti_join(returns, keys)
    spare = {name: ibis.null(sold[name].type()) for name in columns if name not in (*keys, "ordered_at")}
    moves = ibis.union(
        touched.mutate(back=ibis.literal(0, "int64"), is_return=ibis.literal(0, "int8")),
        returns.select(*keys, "ordered_at", "back", **spare, is_return=ibis.literal(1, "int8")).select(
            *columns, "back", "is_return"
        ),
    )
    # at the same moment a return comes first: it is not after the purchase
    order = [moves.ordered_at, ibis.desc(moves.is_return), *([moves.order_id] if "order_id" in columns else [])]
    past, future = (ibis.window(group_by=keys, order_by=order, rows=rows) for rows in ((None, 0), (0, None)))
    moves = moves.mutate(balance=(moves.net.fill_null(0) - moves.back).sum().over(past))
    moves = moves.mutate(level=moves.balance - ibis.least(moves.balance.min().over(past), 0))
    below = moves.level - moves.net.fill_null(0)
    held = ibis.least(ibis.greatest(moves.level.min().over(future) - below, 0), moves.net)
    kept = moves.mutate(net=held.cast("int64")).filter(moves.is_return == 0).select(*columns)
    return ibis.union(kept, rest.select(*columns))


def judged(touched: Table, bought: Table, rule: Rule, products: Table | None, keep: Sequence[str] = ()) -> Table:
    """Each purchase of something in the scope of `touched`, with the impression that claims it best.

    Adds impression_id, touched_product, by_view, `keep`, and two flags (bool): `inside`, whether the purchase lies in
    the impression's window and is credited to it; `after`, whether any impression came before the purchase.
    """
    return _best(_paired(touched, bought, rule, products, keep), rule)


def _claims(touched: Table, bought: Table, rule: Rule, products: Table | None, keep: Sequence[str] = ()) -> Table:
    """Each purchase with the one impression it is credited to."""
    pairs = _paired(touched, bought, rule, products, keep)
    return _best(pairs.filter(pairs.inside), rule)


def _paired(touched: Table, bought: Table, rule: Rule, products: Table | None, keep: Sequence[str]) -> Table:
    """`pair` with the flags of `judged`, of each pair."""
    reach = touched.select("impression_id", "customer_id", "product_id", "touched_at", "by_view", *keep)
    pairs = pair(reach, bought, rule, products)
    # a day in hours is as long as any other, whatever the zone of the session
    until = pairs.touched_at + ibis.interval(hours=24 * rule.days)
    if rule.view_days is not None:
        until = ibis.ifelse(pairs.by_view, pairs.touched_at + ibis.interval(hours=24 * rule.view_days), until)
    pairs = pairs.mutate(after=pairs.touched_at <= pairs.ordered_at, until=until)
    return pairs.mutate(inside=pairs.after & (pairs.ordered_at <= pairs.until)).drop("until")


def _best(pairs: Table, rule: Rule) -> Table:
    """The pair of each purchase that comes first by the rule."""
    time = pairs.touched_at if rule.touch == "first" else ibis.desc(pairs.touched_at)
    other = (pairs.touched_product != pairs.product_id).cast("int8")
    order = [ibis.desc(pairs.inside), ibis.desc(pairs.after), pairs.by_view, other, time, pairs.impression_id]
    best = ibis.row_number().over(group_by=["customer_id", "product_id", "ordered_at"], order_by=order)
    return pairs.mutate(place=best).filter(lambda t: t.place == 0).drop("place")


def pair(reach: Table, bought: Table, rule: Rule, products: Table | None) -> Table:
    """Every impression of `reach` beside every purchase of the same customer in its scope, whatever their times."""
    reach = reach.rename(touched_product="product_id")
    if rule.scope == "product":
        return bought.inner_join(reach, ["customer_id", ("product_id", "touched_product")])
    if products is None:
        raise InputError("scope category: expected the table of products")
    kinds = products.filter(products.category.notnull()).select("product_id", "category")
    own = ibis.literal(LONE)
    seen = reach.left_join(kinds.rename(kind_of="product_id"), [("touched_product", "kind_of")])
    seen = seen.select(*reach.columns, seen_kind=ibis.coalesce(seen.category, own + seen.touched_product))
    sold = bought.left_join(kinds, "product_id")
    sold = sold.select(*bought.columns, kind=ibis.coalesce(sold.category, own + sold.product_id))
    return sold.view().inner_join(seen.view(), ["customer_id", ("kind", "seen_kind")]).drop("kind", "seen_kind")


def _parts(lines: Table) -> IntegerColumn:
    return (lines.revenue.fill_null(0) * PARTS).round().cast("int64")


def _floor(amount: IntegerColumn) -> IntegerColumn:
    return ibis.greatest(amount, 0)


def _sum(amount: IntegerColumn) -> IntegerColumn:
    return amount.sum().cast("int64")
