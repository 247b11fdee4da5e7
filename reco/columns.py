"""The name of every column that crosses a module."""

from typing import Final


class Columns:
    """Column names of all tables in and out.

    Inside the store the nouns are the shop's (customer, product); behind `reco.interactions` they are those of
    the recommender literature (user, item).
    """

    # the store
    CUSTOMER: Final = "customer_id"
    PRODUCT: Final = "product_id"
    ORDER: Final = "order_id"
    ORDERED_AT: Final = "ordered_at"
    QUANTITY: Final = "quantity"
    REVENUE: Final = "revenue"
    CURRENCY: Final = "currency"
    TITLE: Final = "title"
    CATEGORY: Final = "category"
    PRICE: Final = "price"

    # models and evaluation
    USER: Final = "user_id"
    ITEM: Final = "item_id"
    SCORE: Final = "score"
    RANK: Final = "rank"
    SIMILAR: Final = "similar_id"
    WEIGHT: Final = "weight"
    TIMESTAMP: Final = "timestamp"
    BASKET: Final = "basket_id"
    SESSION: Final = "session_id"
    OFF: Final = "off"
    BECAUSE: Final = "because_id"
    SHARE: Final = "share"

    # slates, impressions and what became of them
    SLATE: Final = "slate_id"
    CONTEXT: Final = "context"
    STRATEGY: Final = "strategy"
    REASON: Final = "reason"
    ANCHOR: Final = "anchor_id"
    POSITION: Final = "position"
    VARIANT: Final = "variant"
    PROPENSITY: Final = "propensity"
    SHOWN_AT: Final = "shown_at"
    CLICKED: Final = "clicked"
    CLICKED_AT: Final = "clicked_at"
