"""What the catalogues of shop systems have in common: texts written as HTML, and names that lead to one product."""

from typing import Final

import ibis
from ibis.expr.types import DecimalValue, StringValue, Table, Value

from reco.store import FILE, LINE

#: HTML entities that shop systems write into names and descriptions. The ampersand comes last, so that what an
#: entity stood for is never read as another one.
ENTITIES: Final = {
    "&nbsp;": " ", "&#160;": " ", "&quot;": '"', "&#34;": '"', "&#034;": '"', "&apos;": "'",
    "&#39;": "'", "&#039;": "'", "&#x27;": "'", "&ndash;": "–", "&#8211;": "–", "&mdash;": "—", "&#8212;": "—",
    "&lsquo;": "‘", "&#8216;": "‘", "&rsquo;": "’", "&#8217;": "’", "&ldquo;": "“", "&#8220;": "“",
    "&rdquo;": "”", "&#8221;": "”", "&hellip;": "…", "&#8230;": "…", "&times;": "×", "&#215;": "×",
    "&lt;": "<", "&#60;": "<", "&#060;": "<", "&gt;": ">", "&#62;": ">", "&#062;": ">",
    "&#38;": "&", "&#038;": "&", "&amp;": "&",
}  # fmt: skip

#: What a page does not show; then every other tag, and spaces.
HIDDEN: Final = r"(?is)<!--.*?-->|<script\b.*?</script\s*>|<style\b.*?</style\s*>"
BLANK: Final = r"(?s)</?[A-Za-z!][^>]*>|&nbsp;|&#160;|\s+"


def unescape(text: StringValue) -> StringValue:
    """`text` with its common HTML entities as the characters that they stand for."""
    for entity, character in ENTITIES.items():
        text = text.replace(entity, character)
    return text


def plain_text(html: StringValue) -> StringValue:
    """The text of `html` in one line; null where it has none. Still no text to put into a page unescaped."""
    bare = html.re_replace(HIDDEN, " ").re_replace(BLANK, " ").re_replace(" +", " ")
    # entities come last: what tests for nothing would repeat their long expression
    return unescape(known(bare))


def known(text: StringValue) -> StringValue:
    """`text` without outer spaces; null where it says nothing."""
    return text.strip().nullif("")


def agreed(table: Table, columns: list[str], key: str) -> dict[str, Value]:
    """For each of `columns`, the first value that says anything among a file's lines of the same `key`."""
    together = ibis.window(group_by=[FILE, key])
    said = {column: known(table[column]) if table[column].type().is_string() else table[column] for column in columns}
    return {
        column: value.argmin(ibis.ifelse(value.notnull(), table[LINE], None)).over(together)
        for column, value in said.items()
    }


def spread(amount: DecimalValue, weight: DecimalValue, key: str) -> DecimalValue:
    """The share of each line in an `amount` that is the same on all lines of a file's `key`, in proportion to `weight`.

    Shares have four decimals and add up to the amount exactly: each is the difference between two rounded sums.
    """
    until_here = weight.sum().over(ibis.window(group_by=[FILE, key], order_by=LINE, rows=(None, 0)))
    whole = weight.sum().over(ibis.window(group_by=[FILE, key])).nullif(0).cast("float64")
    sums = (until_here.cast("float64"), (until_here - weight).cast("float64"))
    after, before = ((amount.cast("float64") * part / whole).round(4).cast(amount.type()) for part in sums)
    return (after - before).fill_null(0).cast(amount.type())


def look_up(table: Table, aliases: Table | None, kind: str, column: str) -> Table:
    """`table` with the product that `column` names, as `by_{kind}`, and whether it names several, as `vague_{kind}`.

    A name of several products leads to none of them.
    """
    by, vague = f"by_{kind}", f"vague_{kind}"
    if aliases is None:
        return table.mutate(**{by: ibis.null("string"), vague: ibis.literal(False)})
    named = aliases.filter(aliases.kind == kind).group_by(named_as="alias")
    named = named.aggregate(the_one=ibis._.product_id.min(), how_many=ibis._.product_id.nunique())
    joined = table.left_join(named, table[column] == named.named_as)
    found = {by: ibis.ifelse(joined.how_many == 1, joined.the_one, None), vague: (joined.how_many > 1).fill_null(False)}
    return joined.mutate(**found).drop("named_as", "the_one", "how_many")
