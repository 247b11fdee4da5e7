"""What a change of the rules costs, on the sample's test weeks."""

import pytest

from reco.contexts import changed, price_of_rules, what_if
from reco.errors import InputError


def test_no_change_changes_nothing(wb):
    row = what_if(wb, wb.settings.rules, ["homepage"]).iloc[0]
    assert row[["changed", "places_changed", "difference", "low", "high"]].tolist() == [0, 0, 0, 0, 0]
    assert row["ndcg"] == row["ndcg_other"] > 0
    assert row["price"] == row["price_other"] > 0


def test_without_the_rule_on_purchases_more_is_found(wb):
    """Grocery shoppers buy again what they bought: to leave it out costs accuracy."""
    row = what_if(wb, wb.settings.rules.changed(not_bought_within=None), ["email"]).iloc[0]
    assert row["low"] > 0
    assert row["difference"] == pytest.approx(row["ndcg_other"] - row["ndcg"])
    assert 0 < row["places_changed"] <= row["changed"] <= 1


def test_contexts_without_customers_have_no_accuracy(wb):
    row = what_if(wb, wb.settings.rules.changed(price_mix=None), ["product_page"]).iloc[0]
    assert row[["ndcg", "difference"]].isna().all()
    assert row["changed"] > 0


def test_a_row_for_every_rule(wb):
    table = price_of_rules(wb, "email")
    assert table["rule"].tolist() == [rule.title for rule in wb.settings.rules.declared()]
    assert table.set_index("rule").loc["Banned products", "changed"] == 0


def test_a_change_in_words(wb):
    tried = changed(wb, "min_categories.least: 5")
    assert tried.min_categories.least == 5
    assert tried.order == wb.settings.rules.order
    assert changed(wb, "price_mix: null").price_mix is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("min_categories.least=5", "expected rule.option: value"),
        ("most_categories.least: 5", "the rule one of"),
        ("min_categories.most: 5", "options of min_categories: least"),
        ("min_categories.least: many", "valid integer"),
        ("min_categories.least: [5", "no YAML"),
    ],
)
def test_a_change_that_cannot_be(wb, words, told):
    with pytest.raises(InputError, match=told):
        changed(wb, words)
