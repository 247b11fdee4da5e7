"""Products of WooCommerce, from the CSV of its exporter or from its REST API."""

from typing import Final

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, NumericValue, StringValue, Table

from reco.catalogue import agreed, known, look_up, plain_text, unescape
from reco.clock import Instant, parse
from reco.sources.base import TRAIL, Column, Money, first_reason, money, number, says
from reco.sources.woocommerce.orders import list_of
from reco.store import FILE, TEXT

#: Columns of the built-in exporter; it writes their names in the language of the site: English, German, French,
#: Spanish.
PRODUCTS: Final = {
    "id": Column(("ID",), required=True, kind="id"),
    "type": Column(("Type", "Typ", "Tipo"), required=True),
    "sku": Column(("SKU", "Artikelnummer", "UGS"), kind="id"),
    "name": Column(("Name", "Nom", "Nombre"), required=True),
    "published": Column(("Published", "Veröffentlicht", "Publié", "Publicado"), kind="id"),
    "visibility": Column(
        (
            "Visibility in catalog", "Visibility in catalogue", "Sichtbarkeit im Katalog",
            "Visibilité dans le catalogue", "Visibilidad en el catálogo",
        )
    ),
    "short": Column(("Short description", "Kurzbeschreibung", "Description courte", "Descripción corta")),
    "description": Column(("Description", "Beschreibung", "Descripción")),
    "in_stock": Column(("In stock?", "Vorrätig?", "En stock ?", "¿Existencias?", "¿En inventario?")),
    "stock": Column(("Stock", "Lager", "Bestand", "Inventario"), kind="number"),
    "sale": Column(("Sale price", "Angebotspreis", "Tarif promo", "Precio rebajado"), kind="number"),
    "regular": Column(
        ("Regular price", "Regulärer Preis", "Tarif régulier", "Precio normal"), required=True, kind="number"
    ),
    "cost": Column(("Cost of goods",), kind="number"),
    "categories": Column(("Categories", "Kategorien", "Catégories", "Categorías")),
    "images": Column(("Images", "Bilder", "Imágenes")),
    "parent": Column(("Parent", "Übergeordnetes Produkt", "Superior"), kind="id"),
    "brands": Column(("Brands", "Marken", "Marques", "Marcas")),
}  # fmt: skip

CATALOGUE: Final = {
    "id": Column(("id",), required=True),
    "name": Column(("name",)),
    "url": Column(("permalink",)),
    "created_gmt": Column(("date_created_gmt",)),
    "type": Column(("type",)),
    "status": Column(("status",)),
    "visibility": Column(("catalog_visibility",)),
    "description": Column(("description",)),
    "short": Column(("short_description",)),
    "sku": Column(("sku",)),
    "price": Column(("price",), required=True),
    "stock": Column(("stock_quantity",)),
    "in_stock": Column(("stock_status",)),
    "parent_id": Column(("parent_id",)),
    "categories": Column(("categories",), type=list_of("name")),
    "brands": Column(("brands",), type=list_of("name")),
    "images": Column(("images",), type=list_of("src")),
    "variations": Column(("variations",), type=pa.list_(TEXT)),
}

#: What the exporter's numbers under Published mean.
PUBLISHED: Final = {"1": "publish", "0": "private", "-1": "draft", "2": "pending"}


#: What a product's own row says of it; the rows of its variations repeat it, or say something else.
OF_PRODUCT: Final = [
    "type", "status", "hidden", "title", "description", "department", "category", "brand", "sku", "url", "image_url",
    "price", "cost", "stock", "published_at",
]  # fmt: skip


def _from_csv(raw: Table) -> Table:
    """Rows of the built-in exporter in the columns that both kinds of product files share."""
    first = r"^((?:\\.|[^,\\])*)"
    path = raw.categories.re_extract(first, 1).replace("\\,", ",").re_replace(r"\s*>\s*", ">")
    published = raw.published.strip()
    text = ibis.coalesce(known(raw.description), known(raw.short)).replace("\\n", " ")
    parent = known(raw.parent)
    return raw.select(
        *TRAIL,
        id=known(raw.id),
        type=raw.type.lower(),
        is_variation=raw.type.lower().contains("variation").fill_null(False),
        parent_id=parent.re_extract(r"^id:(\d+)$", 1).nullif(""),
        parent_sku=unescape(parent),
        status=ibis.cases(*((published == code, words) for code, words in PUBLISHED.items()), else_=known(published)),
        hidden=(raw.visibility.strip().lower() == "hidden").fill_null(False),
        title=unescape(_bare(known(raw["name"]))),
        description=plain_text(_bare(text)),
        department=unescape(known(path.re_extract(r"^([^>]*)", 1))),
        category=unescape(known(path.re_extract(r"([^>]*)$", 1))),
        brand=unescape(known(raw.brands.re_extract(first, 1).replace("\\,", ","))),
        sku=unescape(known(raw.sku)),
        url=ibis.null("string"),
        image_url=known(raw.images.re_extract(r"^([^,]*)", 1)),
        price=ibis.coalesce(money(raw.sale), money(raw.regular)),
        cost=money(raw.cost),
        stock=_stock(raw),
        published_at=ibis.null(Instant),
        reason=first_reason(
            (_garbled(raw.sale) | _garbled(raw.regular), "price not readable"),
            (_garbled(raw.cost), "cost not readable"),
            (_garbled(raw.stock) & (raw.stock.strip().lower() != "parent"), "stock not readable"),
        ),
    )


def _from_rest(raw: Table) -> Table:
    """Rows of products, and of variations, that the REST API gave."""
    # what older versions list of a product's variations has neither name nor type
    kind = ibis.coalesce(known(raw.type).lower(), ibis.ifelse(says(raw["name"]), "simple", "variation"))
    return raw.select(
        *TRAIL,
        id=known(raw.id),
        type=kind,
        is_variation=kind.contains("variation"),
        parent_id=known(raw.parent_id).nullif("0"),
        parent_sku=ibis.null("string"),
        status=known(raw.status),
        hidden=(raw.visibility.strip().lower() == "hidden").fill_null(False),
        title=unescape(known(raw["name"])),
        description=plain_text(ibis.coalesce(known(raw.description), known(raw.short))),
        department=ibis.null("string"),
        category=unescape(known(raw.categories[0]["name"])),
        brand=unescape(known(raw.brands[0]["name"])),
        sku=unescape(known(raw.sku)),
        url=known(raw.url),
        image_url=known(raw.images[0]["src"]),
        price=money(raw.price),
        cost=ibis.null(Money),
        stock=_stock(raw),
        published_at=parse(raw.created_gmt, "UTC"),
        reason=first_reason((_garbled(raw.price), "price not readable"), (_garbled(raw.stock), "stock not readable")),
    )


def _bare(text: StringValue) -> StringValue:
    """A cell without the apostrophe that the exporter puts before what a spreadsheet would take for a formula."""
    return ibis.ifelse(text.re_search(r"^'[=+@\t\r-]"), text.substr(1), text)


def _garbled(text: StringValue) -> BooleanValue:
    return says(text) & number(text).isnull()


def _stock(raw: Table) -> NumericValue:
    """Pieces left: none when it says so, unknown when it can be ordered back or is not counted."""
    state, left = raw.in_stock.strip().lower(), number(raw.stock)
    return ibis.cases(
        (state.isin(("0", "outofstock")), 0.0),
        (state.isin(("backorder", "onbackorder")), ibis.null("float64")),
        else_=ibis.ifelse(left < 0, 0.0, left),
    )


def read_listings(csv: Table | None, rest: Table | None) -> Table:
    """Rows of all product files in the same columns, each with the product that it belongs to."""
    parts = [*([] if csv is None else [_from_csv(csv)]), *([] if rest is None else [_from_rest(rest)])]
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    own = rows.filter(~rows.is_variation)
    parents = [_named(own, "sku", "sku", "id")]
    if rest is not None:
        of_parent = rest.select(product_id=known(rest.id), variation=rest.variations).unnest("variation")
        parents.append(_named(of_parent, "variant", "variation", "product_id"))
    names = ibis.union(*parents) if len(parents) > 1 else parents[0]
    rows = look_up(look_up(rows, names, "sku", "parent_sku"), names, "variant", "id")
    parent = ibis.coalesce(rows.parent_id, rows.by_sku, rows.by_variant)
    return rows.mutate(product_id=ibis.ifelse(rows.is_variation, parent, rows.id))


def names_of(rows: Table) -> Table:
    """What else the products of `read_listings` are called: ids and titles, and SKUs and ids of variations."""
    own, variations = rows.filter(~rows.is_variation), rows.filter(rows.is_variation)
    named = [
        _named(own, "id", "id", "product_id"),
        _named(own, "title", "title", "product_id"),
        _named(rows, "sku", "sku", "product_id"),
        _named(variations, "variant", "id", "product_id"),
    ]
    return ibis.union(*named, distinct=True)


def _named(rows: Table, kind: str, alias: str, product: str) -> Table:
    named = rows.select(kind=ibis.literal(kind), alias=rows[alias], product_id=rows[product])
    return named.filter(named["alias"].notnull() & named.product_id.notnull())


def products_of(rows: Table) -> Table:
    """A row of its product for every row of `read_listings`; all rows of a product in a file say the same."""
    together = ibis.window(group_by=[FILE, "product_id"])
    is_sold = rows.is_variation & (rows.status == "publish").fill_null(True)
    rows = rows.mutate(
        **{column: ibis.ifelse(rows.is_variation, None, rows[column]) for column in OF_PRODUCT},
        is_sold=is_sold,
        sold_price=ibis.ifelse(is_sold, rows.price, None),
        sold_stock=ibis.ifelse(is_sold, rows.stock, None),
    )
    rows = rows.mutate(agreed(rows, OF_PRODUCT, "product_id"))
    all_counted = rows.is_sold.sum().over(together) == rows.sold_stock.count().over(together)
    left = ibis.ifelse(all_counted, rows.sold_stock.sum().over(together), None)
    rows = rows.mutate(
        price=ibis.coalesce(rows.price, rows.sold_price.min().over(together)),
        stock=ibis.coalesce(rows.stock, left),
        is_gift_card=rows.type.contains("gift").fill_null(False),
    )
    barred = rows.is_gift_card | rows.hidden | (rows.status != "publish") | (rows.price == 0)
    return rows.mutate(recommendable=~barred.fill_null(False))
