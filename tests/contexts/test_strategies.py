"""Strategies against plain loops on small random shops, and on the sample store."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.contexts.asked import Asked, code
from reco.contexts.proposals import Lists
from reco.contexts.requests import standing_requests
from reco.contexts.snapshot import Snapshot, snapshot
from reco.contexts.strategies import STRATEGIES, catalogue, lacks, pairs, propose, remarks, resolve
from reco.contexts.strategies.pairs import ALIKE, MOST, Pairs, gathered
from reco.contexts.strategies.taste import VIEW
from reco.errors import InputError
from reco.features.customers import HALF_LIFE
from reco.interactions import Interactions
from reco.journal import DAY, Journal
from reco.models import make_model
from reco.rules import Shelf
from reco.settings import Strategy
from reco.settings.sections import STRATEGIES as KINDS

NOW = pd.Timestamp("2026-06-01", tz="UTC")
AT = NOW.value // 1000
BANDS = ["budget", "mid", "premium"]


class Shop(Snapshot):
    """A snapshot whose lists are given."""

    def item_lists(self, model, k=None):
        return self.wb.lists[model]

    def customer_lists(self, model, context=None):
        return self.wb.lists[f"customers of {model}"]


def lists_of(table: np.ndarray) -> Lists:
    """Lists from a square table of scores; 0 is no neighbour."""
    owner, item = np.nonzero(table)
    return pairs.listed(owner, item, table[owner, item], len(table), most=table.shape[1])


def a_shop(rng: np.random.Generator, established: int = 20, new: int = 5, customers: int = 6, **columns) -> Shop:
    """A random shop with unknown categories, prices and stocks; prices lie on a coarse grid, so that many are equal."""
    n = established + new
    ids = pd.Index([f"p{number:02}" for number in range(n)])

    def some(values: list, share: float = 0.85) -> np.ndarray:
        return np.where(rng.random(n) < share, rng.choice(np.array(values, dtype=object), n), None)

    frame = pd.DataFrame(
        {
            "title": ids,
            "department": "all",
            "category": some(["A", "B", "C"]),
            "subcategory": some(["a", "b", "c", "d"]),
            "brand": some(["x", "y"]),
            "price_band": some(BANDS),
            "price": pd.Series(some([1.0, 2.0, 3.0, 4.0, 6.0]), dtype="float64"),
            "margin": np.nan,
            "age_days": pd.Series(some([0.5, 3.0, 10.0, 30.0, 400.0]), dtype="float64"),
            "repurchase_days": np.nan,
            "season_index": np.nan,
            "stock": pd.Series(some([0.0, -1.0, 5.0]), dtype="float64"),
        }
    ).assign(**columns)
    frame.index = ids
    log = pd.DataFrame(
        {
            "user": [f"c{number}" for number in rng.integers(0, customers, 60)],
            "item": rng.permutation(
                np.concatenate([ids[:established], rng.choice(ids[:established], 60 - established)])
            ),
            "at": NOW - pd.to_timedelta(rng.integers(1, 200, 60), unit="D"),
        }
    )
    x = Interactions.from_frame(log, "user", "item", "at", products=frame.iloc[:established][["title", "category"]])
    known = pd.Index(sorted({*x.users, "viewer"}), dtype=object)

    def journal(size: int) -> Journal:
        at = AT - rng.integers(0, 60, size) * DAY - rng.integers(0, 3, size)
        return Journal.of(rng.integers(0, len(known), size), rng.integers(0, n, size), at)

    tables = {name: rng.integers(0, 5, (established, established)) * 0.25 for name in ("one", "tfidf")}
    wb = SimpleNamespace(lists={name: lists_of(table * (1 - np.eye(established))) for name, table in tables.items()})
    wb.lists["customers of one"] = lists_of(rng.integers(0, 4, (len(x.users), established)) * 1.0)
    wb.settings = SimpleNamespace(hybrid=SimpleNamespace(parts={"collaborative": "one"}))
    told = {
        "wb": wb,
        "until": NOW,
        "x": x,
        "shelf": Shelf(ids, frame, established),
        "customers": known,
        "rows": x.rows(known.astype(x.users.dtype)),
        "bought": journal(80),
        "viewed": journal(40),
    }
    return Shop(**dict.fromkeys((field.name for field in fields(Shop)), None) | told)


def an_asking(rng: np.random.Generator, shop: Shop, count: int = 8) -> Asked:
    """Slates of known and unknown customers at several moments, each beside up to some products."""
    held = pd.DataFrame({"slate": rng.integers(0, count, 20), "item": rng.integers(0, len(shop.shelf.ids), 20)})
    held = held.drop_duplicates(ignore_index=True)
    return Asked(
        count,
        rng.integers(-1, len(shop.customers), count),
        AT - rng.integers(0, 20, count) * DAY + rng.integers(0, 3, count),
        held[held["item"] < shop.shelf.established].reset_index(drop=True),
        held,
    )


def best(scores: dict[tuple[int, int], tuple[float, int]]) -> list[tuple]:
    """(slate, item, score, because) as a strategy gives them, from a dictionary by slate and item."""
    rows = [(slate, item, np.float32(score), because) for (slate, item), (score, because) in scores.items()]
    rows.sort(key=lambda row: (row[0], -row[2], row[1]))
    return [row for place, row in enumerate(rows) if [one[0] for one in rows[:place]].count(row[0]) < MOST]


def same(found: pd.DataFrame, expected: list[tuple]) -> None:
    """Equal but for how scores are rounded."""
    assert list(found.columns) == ["slate", "item", "score", "because"]
    assert found.dtypes.astype(str).tolist() == ["int64", "int64", "float32", "int64"]
    keys = ["slate", "item", "because"]
    wanted = pd.DataFrame(expected, columns=found.columns).astype(found.dtypes.to_dict())
    assert found[keys].values.tolist() == wanted[keys].values.tolist()
    np.testing.assert_allclose(found["score"], wanted["score"], rtol=1e-5)


def value(shop: Shop, column: str, item: int) -> object:
    """What the shelf knows of a product, None where nothing."""
    known = shop.shelf.frame[column].iloc[item]
    return None if pd.isna(known) else known


def cosine(shop: Shop, one: int, other: int) -> float:
    lists = shop.item_lists("tfidf")
    entries = range(lists.starts[one], lists.starts[one + 1]) if one < shop.shelf.established else []
    return next((float(lists.scores[e]) for e in entries if lists.items[e] == other), 0.0)


def of_a_kind(shop: Shop, one: int, other: int) -> bool:
    sub, cat = ([value(shop, column, item) for item in (one, other)] for column in ("subcategory", "category"))
    if None not in cat and cat[0] != cat[1]:
        return False
    if None not in sub:
        return sub[0] == sub[1]
    return True if None not in cat else cosine(shop, one, other) >= ALIKE


def neighbours(shop: Shop, anchor: int, model: str = "one") -> dict[int, float]:
    lists = shop.item_lists(model)
    part = slice(lists.starts[anchor], lists.starts[anchor + 1])
    return dict(zip(lists.items[part].tolist(), lists.scores[part].tolist(), strict=True))


def collected(triples: list[tuple[int, int, int, float]], add: bool) -> dict:
    """(slate, anchor, item, score) added up, or the best of them, with the strongest anchor."""
    found = {}
    for slate, anchor, item, score in sorted(triples, key=lambda t: (-t[3], t[1])):
        whole, because = found.get((slate, item), (0.0 if add else score, anchor))
        found[slate, item] = (whole + score if add else whole, because)
    return found


seeds = st.integers(0, 10_000)
CELLS = st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.25, 0.5, 1.0]))


def test_kinds_are_those_of_the_settings():
    assert tuple(STRATEGIES) == KINDS


@given(st.lists(CELLS, unique_by=lambda cell: cell[:3]), st.booleans())
def test_scores_of_anchors_add_up_or_the_best_counts(cells, add):
    columns = zip(*cells, strict=True) if cells else [()] * 4
    kinds = ("int64", "int64", "int64", "float32")
    given_pairs = Pairs(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))
    same(gathered(given_pairs, add), best(collected(cells, add)))


@given(seeds)
def test_model_beside_products(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    triples = [
        (slate, anchor, item, score)
        for slate, anchor in asked.anchors.values.tolist()
        for item, score in neighbours(shop, anchor).items()
    ]
    found = STRATEGIES["model"](shop, asked, Strategy(title="t", model="one"))
    same(found, best(collected(triples, add=True)))


@given(seeds)
def test_complements_are_of_other_categories_and_no_substitutes(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    held = asked.anchors.values.tolist()
    triples = [
        (slate, anchor, item, score)
        for slate, anchor in held
        for item, score in neighbours(shop, anchor).items()
        if not of_a_kind(shop, anchor, item)
        and value(shop, "category", item)
        not in [value(shop, "category", other) or "unknown" for one, other in held if one == slate]
    ]
    found = STRATEGIES["complements"](shop, asked, Strategy(title="t", kind="complements", model="one"))
    same(found, best(collected(triples, add=True)))


@given(seeds)
def test_accessories_are_cheaper_and_of_another_kind(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    price = shop.shelf.numbers("price")
    triples = [
        (slate, anchor, item, score)
        for slate, anchor in asked.anchors.values.tolist()
        for item, score in neighbours(shop, anchor).items()
        if price[item] < price[anchor] and not of_a_kind(shop, anchor, item)
    ]
    found = STRATEGIES["accessories"](shop, asked, Strategy(title="t", kind="accessories", model="one"))
    same(found, best(collected(triples, add=True)))


def same_type(shop: Shop, one: int, other: int) -> bool:
    told = [(value(shop, "subcategory", item), value(shop, "category", item)) for item in (one, other)]
    if told[0] == (None, None):
        return cosine(shop, one, other) >= ALIKE
    return told[0] == told[1]


def popularity(shop: Shop, item: int) -> float:
    buyers = np.log1p(shop.x.customers_per_item)
    return 0.5 * buyers[item] / buyers.max() if item < shop.shelf.established else 0.0


@given(seeds, st.sampled_from([1.5, 2.0, 3.0]))
def test_upgrades_are_of_the_same_type_and_within_the_factor(seed, factor):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    price, triples = shop.shelf.numbers("price"), []
    for slate, anchor in asked.shown.values.tolist():
        for item in range(len(shop.shelf.ids)):
            bands = [value(shop, "price_band", one) for one in (anchor, item)]
            higher = bands[0] in (None, "premium") or (
                None not in bands and BANDS.index(bands[1]) > BANDS.index(bands[0])
            )
            dearer = price[anchor] < price[item] <= factor * price[anchor]
            if item != anchor and same_type(shop, anchor, item) and higher and dearer:
                triples.append((slate, anchor, item, cosine(shop, anchor, item) + popularity(shop, item)))
    found = STRATEGIES["upgrade"](shop, asked, Strategy(title="t", kind="upgrade", factor=factor))
    same(found, best(collected([(*t[:3], float(np.float32(t[3]))) for t in triples], add=False)))


@given(seeds)
def test_alternatives_stand_in_for_what_is_sold_out(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    price, stock, triples = shop.shelf.numbers("price"), shop.shelf.numbers("stock"), []
    for slate, anchor in asked.shown.values.tolist():
        for item in range(len(shop.shelf.ids)):
            if stock[anchor] <= 0 and not stock[item] <= 0 and same_type(shop, anchor, item):
                low, high = sorted([price[anchor], price[item]])
                near = 0 if np.isnan(low + high) else low / high
                triples.append((slate, anchor, item, cosine(shop, anchor, item) + near + popularity(shop, item)))
    found = STRATEGIES["alternatives"](shop, asked, Strategy(title="t", kind="alternatives"))
    same(found, best(collected([(*t[:3], float(np.float32(t[3]))) for t in triples], add=False)))


@given(seeds)
def test_cart_itself_the_dearest_first(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    price = np.nan_to_num(shop.shelf.numbers("price"), nan=-1)
    found = STRATEGIES["cart"](shop, asked, Strategy(title="t", kind="cart"))
    same(found, best({(slate, item): (price[item], -1) for slate, item in asked.shown.values.tolist()}))


def done(journal: Journal, customer: int, before: int) -> list[tuple[int, int]]:
    """(moment, item) of what a customer did before a moment."""
    acts = zip(journal.customer, journal.item, journal.at, strict=True)
    return [(int(at), int(item)) for who, item, at in acts if who == customer >= 0 and at < before]


@given(seeds)
def test_because_you_bought_starts_from_the_latest_order(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    triples = []
    for slate in range(asked.count):
        bought = done(shop.bought, asked.customer[slate], asked.at[slate])
        order = {item for at, item in bought if at == max(bought)[0]}
        for anchor in order - set(range(shop.shelf.established, 99)):
            new = {item: score for item, score in neighbours(shop, anchor).items() if item not in order}
            triples += [(slate, anchor, item, score) for item, score in new.items()]
    found = STRATEGIES["because_you_bought"](shop, asked, Strategy(title="t", kind="because_you_bought", model="one"))
    same(found, best(collected(triples, add=False)))


@given(seeds, st.integers(1, 40))
def test_resume_shows_what_was_viewed_and_not_bought_since(seed, days):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    scores = {}
    for slate in range(asked.count):
        customer, at = asked.customer[slate], asked.at[slate]
        since = at - days * DAY
        last = {item: moment for moment, item in sorted(done(shop.viewed, customer, at)) if moment >= since}
        bought = {item: moment for moment, item in sorted(done(shop.bought, customer, at)) if moment >= since}
        left = [item for item in last if not bought.get(item, -1) >= last[item]]
        left.sort(key=lambda item: (-last[item], item))
        scores |= {(slate, item): (1 / (1 + turn), -1) for turn, item in enumerate(left)}
    found = STRATEGIES["resume"](shop, asked, Strategy(title="t", kind="resume", days=days))
    same(found, best(scores))


@given(seeds)
def test_customers_get_their_list_and_unknown_visitors_what_goes_with_their_session(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    scores, lists = {}, shop.customer_lists("one")
    for slate in range(asked.count):
        customer, triples = asked.customer[slate], []
        row = shop.rows[customer] if customer >= 0 else -1
        if row >= 0:
            part = slice(lists.starts[row], lists.starts[row + 1])
            own = zip(lists.items[part].tolist(), lists.scores[part].tolist(), strict=True)
            scores |= {(slate, item): (score, -1) for item, score in own}
            continue
        session = set(asked.anchors.loc[asked.anchors["slate"] == slate, "item"])
        for journal in (shop.bought, shop.viewed):
            latest = sorted(done(journal, customer, asked.at[slate]))[::-1][:20]
            session |= {item for _, item in latest if item < shop.shelf.established}
        for anchor in session:
            triples += [(slate, anchor, item, score) for item, score in neighbours(shop, anchor).items()]
        scores |= collected(triples, add=True)
    found = STRATEGIES["model"](shop, asked, Strategy(title="t", model="one", by="customer"))
    same(found.sort_values("slate", kind="stable"), best(scores))


def taste(shop: Shop, asked: Asked, slate: int, column: str) -> dict[str, float]:
    """Share of what a slate's customer did, or of its anchors, by value of a column."""
    told = {}
    for journal, worth in ((shop.bought, 1.0), (shop.viewed, VIEW)):
        for at, item in done(journal, asked.customer[slate], asked.at[slate]):
            weight = worth * 0.5 ** ((asked.at[slate] - at) / DAY / HALF_LIFE)
            told.setdefault(item, []).append(weight)
    if not told:
        told = {item: [1.0] for item in asked.anchors.loc[asked.anchors["slate"] == slate, "item"]}
    known = {item: sum(weights) for item, weights in told.items() if value(shop, column, item) is not None}
    shares = {}
    for item, weight in known.items():
        shares[value(shop, column, item)] = shares.get(value(shop, column, item), 0) + weight / sum(known.values())
    return shares


@given(seeds, st.sampled_from([5, 28]))
def test_new_in_the_customers_categories(seed, days):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    units = pd.DataFrame({"product_id": shop.shelf.ids, "units_28_days": rng.integers(0, 9, len(shop.shelf.ids))})
    rank, age, scores = units["units_28_days"].rank(pct=True), shop.shelf.numbers("age_days"), {}
    for slate in range(asked.count):
        shares = taste(shop, asked, slate, "category")
        had = {
            i
            for at, i in done(shop.bought, asked.customer[slate], asked.at[slate])
            if at >= asked.at[slate] - days * DAY
        }
        for item in np.flatnonzero(age < days):
            if (share := shares.get(value(shop, "category", item))) and item not in had:
                scores[slate, item] = (share * (1 - age[item] / days) * (0.5 + 0.5 * rank[item]), -1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "product_features", lambda wb, until: units)
        found = STRATEGIES["new_in_category"](shop, asked, Strategy(title="t", kind="new_in_category", days=days))
    wanted = {(slate, item): score for (slate, item), (score, _) in scores.items()}
    told = dict(zip(zip(found["slate"], found["item"], strict=True), found["score"].tolist(), strict=True))
    assert told == pytest.approx(wanted, rel=1e-5)
    assert (found["because"] == -1).all()
    assert not (found.groupby("slate")["score"].diff() > 0).any()


@given(seeds)
def test_trending_within_what_the_customer_likes(seed):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked = an_asking(rng, shop)
    model = make_model("trending").fit(shop.x)
    trend = dict(model.recommend(["nobody"], k=99)[["item_id", "score"]].itertuples(index=False, name=None))
    wanted = {}
    for slate in range(asked.count):
        category, brand, band = (taste(shop, asked, slate, name) for name in ("category", "brand", "price_band"))
        for item, name in enumerate(shop.shelf.ids):
            share = category.get(value(shop, "category", item), 0)
            if trend.get(name, 0) > 0 and share:
                likes = (1 + brand.get(value(shop, "brand", item), 0)) * (
                    0.5 + band.get(value(shop, "price_band", item), 0)
                )
                wanted[slate, item] = np.log1p(trend[name]) * share**0.5 * likes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "fitted", lambda wb, name, until: model)
        found = STRATEGIES["trending_in_interests"](
            shop, asked, Strategy(title="t", kind="trending_in_interests", model="trending")
        )
    told = dict(zip(zip(found["slate"], found["item"], strict=True), found["score"].tolist(), strict=True))
    assert told == pytest.approx(wanted, rel=1e-5)


@pytest.fixture
def picking(tmp_path: Path, wb):
    """A function: what the file's picks are for a customer who bought of category A only, and for a stranger."""

    def pick(text: str | bytes | None, **options) -> tuple[pd.DataFrame, Shop, Strategy]:
        if text is not None:
            (tmp_path / "picks.csv").write_bytes(text.encode() if isinstance(text, str) else text)
        (tmp_path / "workbook.yaml").write_text(
            "contexts:\n  home:\n    strategies:\n      - title: Picks\n        file: picks.csv\n"
        )
        strategy = Strategy(title="Picks", kind="curated", file="picks.csv", **options)
        category = np.array(["A", "B", "C", "A", "B", "C", *["C"] * 19], dtype=object)
        shop = a_shop(np.random.default_rng(0), category=category, price_band="mid")
        shop.wb.table, shop.wb.connection = wb.table, wb.connection
        shop.wb.settings = SimpleNamespace(
            root=tmp_path,
            file=tmp_path / "workbook.yaml",
            contexts={"home": SimpleNamespace(strategies=[strategy])},
        )
        shop = replace(
            shop,
            bought=Journal.of(np.array([0]), np.array([0]), np.array([AT - DAY])),
            viewed=Journal.of(*np.empty((3, 0), "int64")),
        )
        nobody = pd.DataFrame({"slate": [], "item": []}, dtype="int64")
        asked = Asked(2, np.array([0, -1]), np.array([AT, AT]), nobody, nobody)
        return STRATEGIES["curated"](shop, asked, strategy), shop, strategy

    return pick


def test_picks_stand_between_the_curated_order_and_the_customers_own(picking):
    found, _, _ = picking("product_id,note\np02,\np01,\np03,mine\np00,mine\n")
    # the order of the file gives 1, 3/4, 1/2, 1/4; all are of one price band, two of the customer's category
    same(
        found,
        best(
            {
                **{(0, item): (score, -1) for item, score in {2: 0.75, 1: 0.625, 3: 0.75, 0: 0.625}.items()},
                **{(1, item): (score, -1) for item, score in {2: 0.5, 1: 0.375, 3: 0.25, 0: 0.125}.items()},
            }
        ),
    )


def test_picks_by_the_list_of_a_model(picking):
    found, shop, _ = picking("product_id\np02\np01\np03\np00\n", model="one")
    lists = shop.customer_lists("one")
    assert shop.rows[0] == 0
    own = lists.items[: lists.starts[1]].tolist()
    told = {item: 1 / (1 + own.index(item)) if item in own else 0 for item in (2, 1, 3, 0)}
    whole = {item: 1 + (item in (0, 3)) + told[item] / max(told.values()) for item in told}
    order = {2: 1, 1: 0.75, 3: 0.5, 0: 0.25}
    expected = {(0, item): (0.5 * order[item] + 0.5 * whole[item] / max(whole.values()), -1) for item in told}
    same(found[found["slate"] == 0], best(expected))


def test_picks_name_a_product_once_and_those_on_the_shelf_only(picking):
    found, shop, strategy = picking("\ufeffnote, product_id\n,p03\n\n,p03\n,gone\n,1082185\n")
    assert found["item"].tolist() == [3, 3]
    assert remarks(shop, [strategy]) == [
        "picks.csv names 1 product (gone) that the catalogue does not have; passed over",
        "picks.csv names 1 product (1082185) that are excluded by the settings or were bought by too few customers; "
        "passed over",
    ]


def test_nothing_left_of_the_picks(picking):
    found, shop, strategy = picking("product_id\na\nb\nc\nd\n")
    assert found.empty
    assert remarks(shop, [strategy]) == [
        "picks.csv names 4 products (a, b, c and 1 more) that the catalogue does not have; passed over"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            None,
            "workbook.yaml:5: contexts.home.strategies.0.file: no such file picks.csv; expected a CSV of product_id",
        ),
        ("", "picks.csv:1: expected a column product_id, found nothing"),
        ("id;note\n", "picks.csv:1: expected a column product_id, found id;note"),
        ("product_id,note\n\n", "picks.csv:3: no products; expected a product_id a line below the header"),
        ("note,product_id\na,p01\nb\n", "picks.csv:3: product_id is missing"),
        (b"product_id\n\xff\xfe\n", "picks.csv:1: not readable as CSV in UTF-8"),
        ('product_id\n"p01\n', "picks.csv:1: not readable as CSV in UTF-8"),
    ],
)
def test_a_file_of_picks_that_does_not_serve(picking, text, message):
    with pytest.raises(InputError) as raised:
        picking(text)
    assert str(raised.value).startswith(message)


@given(seeds, st.sampled_from(["model", "complements", "accessories", "upgrade", "alternatives", "cart", "resume"]))
def test_a_slate_does_not_depend_on_who_else_asks(seed, kind):
    rng = np.random.default_rng(seed)
    shop = a_shop(rng)
    asked, strategy = an_asking(rng, shop), Strategy(title="t", kind=kind, model="one")
    whole = STRATEGIES[kind](shop, asked, strategy)
    own = [frame[frame["slate"] == 3].assign(slate=0).reset_index(drop=True) for frame in (asked.anchors, asked.shown)]
    alone = STRATEGIES[kind](shop, Asked(1, asked.customer[[3]], asked.at[[3]], *own), strategy)
    expected = whole[whole["slate"] == 3].assign(slate=0).reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), expected)


def test_no_more_than_some_dozens_a_slate_ties_by_lower_item():
    item = np.arange(200)[::-1]
    found = pairs.proposed(np.zeros(200, "int64"), item, np.ones(200))
    assert found["item"].tolist() == list(range(MOST))


# the sample store


@pytest.fixture(scope="module")
def shop(wb, until) -> Snapshot:
    return snapshot(wb, until)


def test_every_strategy_of_the_sample_proposes(wb, until, shop):
    for name, context in wb.settings.contexts.items():
        asked = code(shop, standing_requests(wb, name, until))
        for strategy in context.strategies:
            strategy = resolve(shop, strategy)
            if context.anchor == "customer":
                strategy = strategy.model_copy(update={"by": "customer"})
            if strategy.kind == "curated":
                continue  # reads the file of the default store
            found = propose(shop, asked, strategy)
            assert len(found) or strategy.kind == "alternatives" or lacks(shop, strategy), strategy.title
            assert not found.duplicated(["slate", "item"]).any()
            assert found["slate"].between(0, asked.count - 1).all()
            assert found["item"].between(0, len(shop.shelf.ids) - 1).all()
            assert np.isfinite(found["score"]).all()


def test_nobody_asks(wb, until, shop):
    requests = standing_requests(wb, "cart", until)
    nobody = code(shop, requests._replace(frame=requests.frame.head(0)))
    for kind in KINDS:
        strategy = Strategy(title="t", kind=kind, model="item_knn", file="none.csv")
        assert propose(shop, nobody, strategy).empty


def test_without_views_something_stands_in(wb, shop):
    viewed, welcome = wb.settings.contexts["product_page"].strategies[0], wb.settings.contexts["homepage"].strategies[0]
    back = viewed.model_copy(update={"instead": viewed.instead.model_copy(update={"title": viewed.title})})
    assert (viewed.model, resolve(shop, viewed).model) == ("co_view", "item_knn")
    assert lacks(shop, viewed) == "needs views: which items were looked at in one visit"
    assert resolve(shop, welcome) == welcome
    assert remarks(shop, [viewed, welcome, back]) == [
        "“Customers also viewed” needs views: which items were looked at in one visit; "
        "“Customers also bought” takes its place",
        "“Welcome back, {name}” needs views of products by known customers",
        "“Customers also viewed” needs views: which items were looked at in one visit; "
        "the model item_knn takes its place",
    ]


def test_what_nothing_stands_in_for_proposes_nothing(wb, until, shop):
    asked = code(shop, standing_requests(wb, "cart", until))
    strategy = Strategy(title="Seen", model="co_view")
    assert resolve(shop, strategy) == strategy
    assert propose(shop, asked, strategy).empty


def test_a_bare_store_says_what_it_lacks(bare):
    shop = snapshot(bare, pd.Timestamp("2026-06-15", tz="UTC"))
    told = {kind: lacks(shop, Strategy(title="t", kind=kind, model="item_knn", file="x.csv")) for kind in KINDS}
    assert told == dict.fromkeys(KINDS) | {
        "alternatives": "needs the stock of products",
        "new_in_category": "needs the category of products",
        "trending_in_interests": "needs the category of products",
        "resume": "needs views of products by known customers",
    }


def test_kinds_have_a_model_of_their_own(shop):
    models = {kind: resolve(shop, Strategy(title="t", kind=kind, model=None, file="x")).model for kind in KINDS[1:]}
    assert {kind: model for kind, model in models.items() if model} == {
        "complements": "association_rules",
        "accessories": "co_purchase",
        "because_you_bought": "item_knn",
        "trending_in_interests": "trending",
    }
