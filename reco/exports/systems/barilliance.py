"""Barilliance: its product feed, with our lists in Connected Products, and its feed of purchases.

Purchases go by e-mail address (its "offline feed"), so they are written only where the settings ask for it. No file of
views is documented: those go as a plain CSV.
"""

from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output

TITLE = "Barilliance"
ABOUT = "The product feed and, where asked for, the feed of purchases by the fields that it describes."


class Settings(ExportSettings):
    """The context whose lists are the connected products, how many of each, and the sign that joins them.

    The sign is not documented: agree on it with Barilliance. `purchases` asks for purchases by e-mail address, of
    customers who take mail.
    """

    page: str = "product_page"
    most: int = 10
    joiner: str = ","
    purchases: bool = False


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Product feed and events."""
    joiner = settings.joiner.replace("'", "''")
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        f"""
        SELECT product_id AS "Product ID", product_id AS "Master Product ID",
            array_to_string([replace(one, '>', '-') FOR one IN [department, category, subcategory] IF one IS NOT NULL],
                ' > ') AS "Category tree",
            title AS "Name", coalesce(image_url, '') AS "Image", url AS "URL", price AS "Sale Price",
            price AS "Retail Price", CASE WHEN coalesce(stock, 1) > 0 THEN 'in stock' ELSE 'out of stock' END
                AS "Availability",
            coalesce(brand, '') AS "Brand", replace(rec_ids, '|', '{joiner}') AS "Connected Products"
        FROM goods
        """,
    )
    where = "at an address that Barilliance reads; tell them before columns change"
    ids = ("Product ID", "Master Product ID", "Image", "URL", "Connected Products")
    feed = Output("products.csv", rows, "csv", where, key=("Product ID",), ids=ids, whole=True)
    events = feeds.events(material, "to your contact at Barilliance: no file of views is documented")
    return [feed, events, *([_purchases(material)] if settings.purchases else [])]


def _purchases(material: Material) -> Output:
    rows = material.sql("""
        SELECT email AS "Customer email", strftime(occurred_at, '%Y-%m-%d %H:%M:%S') AS "Purchase time",
            product_id AS "Product ID", coalesce(order_id, '') AS "Order ID"
        FROM interactions JOIN contacts USING (customer_id)
        SEMI JOIN customers ON customers.customer_id = interactions.customer_id AND customers.mail
        WHERE event = 'Purchase' ORDER BY occurred_at, email, product_id
    """)
    where = "at an address that Barilliance reads, as offline feed; times are UTC"
    columns = tuple(rows.column_names)
    return Output("purchases.csv", rows, "csv", where, key=columns, ids=columns, whole=True)
