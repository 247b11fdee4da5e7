"""New products find the established one that is described like them."""

from time import perf_counter

import numpy as np
import pandas as pd
import pytest

from reco import pipeline
from reco.contexts import snapshot
from reco.contexts.stand_ins import stand_ins


def products(**columns: list) -> pd.DataFrame:
    return pd.DataFrame(columns)


KNOWN = products(
    title=["Green tea", "Black tea", "Black tea", "Hand soap", "Toy car"],
    category=["TEA", "TEA", "TEA", "SOAP", "TOYS"],
    brand=["Acme", "Acme", "Best", "Acme", None],
    price=[3.0, 3.0, 9.0, 2.0, 5.0],
)


def test_words_and_brand_decide():
    new = products(title=["Black tea", "Toy lorry"], category=["TEA", "TOYS"], brand=["Best", None], price=[9.0, 5.0])
    assert stand_ins(KNOWN, new).tolist() == [2, 4]


def test_of_equals_the_one_of_like_price_then_the_lower_number():
    known = products(title=["Tea"] * 4, category=["TEA"] * 4, price=[1.0, 1.0, 20.0, 20.0])
    new = products(title=["Tea", "Tea"], category=["TEA", "TEA"], price=[20.0, None])
    assert stand_ins(known, new).tolist() == [2, 0]


def test_its_category_goes_before_a_like_name_elsewhere():
    known = products(title=["Silver fish pie", "Frozen cod"], category=["JEWELS", "FISH"])
    assert stand_ins(known, products(title=["Silver fish"], category=["FISH"])).tolist() == [1]


@pytest.mark.parametrize(
    "new",
    [
        products(title=["Gravel"], category=["GARDEN"]),
        products(title=[None], category=[None]),
        products(title=["<b></b>"], category=[None]),
    ],
    ids=["of another kind", "without words", "hostile"],
)
def test_nothing_alike(new):
    assert stand_ins(KNOWN, new).tolist() == [-1]


def test_a_shared_size_is_not_enough():
    known = products(title=["Sandwich bags, 200 ct"], category=["BAGS"], size=["200 CT"])
    new = products(title=["Vitamin C minerals, 200 ct"], category=["VITAMINS"], size=["200 CT"])
    assert stand_ins(known, new).tolist() == [-1]


def test_nothing_known_and_nothing_asked():
    assert stand_ins(KNOWN[:0], KNOWN).tolist() == [-1] * 5
    assert stand_ins(KNOWN, KNOWN[:0]).tolist() == []
    wordless = products(price=[1.0, 2.0])
    assert stand_ins(wordless, wordless).tolist() == [-1, -1]


def test_titles_alone_will_do():
    known = products(title=["WHITE METAL LANTERN", "GLASS STAR TLIGHT HOLDER"])
    assert stand_ins(known, products(title=["GLASS STAR HOLDER RED", "PAPER CHAIN KIT"])).tolist() == [1, -1]


def test_a_product_stands_for_its_twin(wb):
    frame = wb.connection.to_pandas(wb.table("products").filter(wb.table("products").category.notnull()).limit(3000))
    told = frame[["title", "department", "category", "subcategory", "brand", "size", "price"]]
    found = stand_ins(told, told)
    assert (told["title"].to_numpy() == told["title"].to_numpy()[found]).all()
    assert (told["category"].to_numpy() == told["category"].to_numpy()[found]).all()
    assert (found <= np.arange(len(told))).mean() > 0.99  # an equal one of a lower number, if there is one


def test_each_is_found_alone_as_among_many(wb):
    """Terms weigh by how common they are in both frames, so twins are asked about; blocks must not matter."""
    frame = wb.connection.to_pandas(wb.table("products").limit(4000))
    known, others = frame[:1500], frame[1500:]
    found = stand_ins(known, pd.concat([others, others]))
    assert found[: len(others)].tolist() == found[len(others) :].tolist()


def test_a_snapshot_knows_what_stands_for_every_product_without_looking_it_up(wb, monkeypatch):
    shop = snapshot(wb, pipeline.periods(wb).test)
    frame = wb.connection.to_pandas(wb.table("products").order_by("product_id")).set_index("product_id")
    others = frame[~frame.index.isin(shop.x.items)]
    monkeypatch.setattr(type(wb), "table", None)  # a visitor waits for no query
    assert shop.standing_for(others.index).tolist() == stand_ins(shop.x.products, others).tolist()
    asked = [shop.x.items[3], "no such product", ""]
    assert shop.standing_for(asked).tolist() == [3, -1, -1]
    assert shop.stand.tolist() == shop.standing_for(shop.shelf.ids[shop.shelf.established :]).tolist()


def test_a_long_catalogue_takes_seconds(wb):
    frame = wb.connection.to_pandas(wb.table("products"))
    start = perf_counter()
    found = stand_ins(frame[:7000], frame[7000:37_000])
    assert perf_counter() - start < 20  # one second on an idle machine
    assert (found >= 0).mean() > 0.5
