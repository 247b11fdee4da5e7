"""What notebooks 01 to 04 tell their readers to do, from results made by hand."""

from types import SimpleNamespace

import ibis
import pandas as pd
import pytest

from reco.evaluation import Interval
from reco.report import actions


def store(*, reading=(), lines=(), customers=(), without_consent="personal"):
    """A workbook of a few rows, in the place of a store."""
    consents = dict.fromkeys(("email_consent", "personalization_consent"), "boolean")
    tables = {
        "order_lines": ibis.memtable(lines or [("shop", "a")], schema={"source": "string", "customer_id": "string"}),
        "customers": ibis.memtable(pd.DataFrame(customers, columns=[*consents]).astype("boolean"), schema=consents),
    }
    return SimpleNamespace(
        reading=pd.DataFrame(reading, columns=["source", "file", "read", "refused"]),
        table=tables.get,
        has=lambda name: name in tables,
        connection=ibis.duckdb.connect(),
        settings=SimpleNamespace(privacy=SimpleNamespace(without_consent=without_consent)),
    )


def aside(*rows):
    return pd.DataFrame(rows, columns=["source", "reason", "kind", "rows"])


def test_the_export_that_lacks_most_is_to_be_mended_first():
    reading = [("shop", "a.csv", 900, 0), ("till", "b.csv", 200, 3), ("till", "b.csv", 200, 3)]  # read as two tables
    lines = [("shop", "a"), ("shop", None), ("till", "b")]
    refusals = aside(("shop", "price of zero", "by rule", 9), ("till", "no price", "refused", 2))
    assert actions.unify_data(store(reading=reading, lines=lines), refusals) == [
        "Mend the export of shop first: 1 of 2 (50.00%) order lines name no customer, and no model learns from them.",
        "Then mend the export of till: 3 of 200 (1.50%) rows were refused, most for “no price”.",
    ]


def test_where_nothing_is_to_be_mended_it_says_so():
    clean = store(reading=[("shop", "a.csv", 900, 0)], customers=[(True, False)])
    said = "No export has to be mended: no row was refused, and every order line names its customer"
    assert actions.unify_data(clean, aside()) == [f"{said}."]
    (told,) = actions.unify_data(clean, aside(("shop", "price of zero", "by rule", 1200)))
    assert told == f"{said}; the most set aside by a rule are 1,200 rows of shop, “price of zero”."


@pytest.mark.parametrize(
    ("customers", "policy", "words"),
    [
        (
            [(None, None)] * 2,
            "personal",
            "no export says whether any of 2 customers agreed to e-mail or personalization; until one does, they are "
            "shown what is personal to them (privacy.without_consent).",
        ),
        (
            [(None, None), (None, True)],
            "not_personal",
            "no export says whether any of 2 customers agreed to e-mail; no export says whether 1 of 2 (50.00%) "
            "customers agreed to personalization; until one does, they are shown nothing personal "
            "(privacy.without_consent).",
        ),
        ([(None, True)], "personal", "no export says whether any of 1 customers agreed to e-mail."),
    ],
)
def test_consents_that_nobody_knows_are_asked_for(customers, policy, words):
    found = actions.unify_data(store(customers=customers, without_consent=policy), aside())
    assert found[1:] == [f"Ask for consents: {words}"]


def board(title):
    return pd.DataFrame([(title, 0.25, 0.24, 0.26)], columns=["title", "ndcg", "ndcg_low", "ndcg_high"])


@pytest.mark.parametrize(
    ("gain", "last"),
    [
        ((0.01, 0.005, 0.02), "Copy the best options of EASE into the settings: {} +0.0100 (+0.0050 to +0.0200)."),
        ((0.01, -0.005, 0.02), "Leave the options of EASE as they are: {} +0.0100 (−0.0050 to +0.0200), a tie."),
        ((-0.01, -0.02, -0.005), "Leave the options of EASE as they are: {} −0.0100 (−0.0200 to −0.0050), a loss."),
    ],
)
def test_what_to_use_where_and_whether_to_tune(gain, last):
    rivals = {"new": pd.DataFrame({"verdict": ["tie", "tie", "worse"]}), "repeat": pd.DataFrame({"verdict": ["worse"]})}
    found = actions.compare_algorithms(
        {"new": board("EASE"), "repeat": board("TIFU")}, rivals, 10, "EASE", Interval(*gain)
    )
    assert found == [
        "Use EASE to show customers what is new to them: NDCG@10 0.250 (0.240 to 0.260); 2 others tie with it, so cost "
        "may decide.",
        "Use TIFU for what they buy again: NDCG@10 0.250 (0.240 to 0.260).",
        last.format("on the test weeks they change NDCG@10 by"),
    ]


def blend(verdicts, mixes):
    tried = {
        task: pd.DataFrame({"collaborative": [mix, 0.0], "rules": [1 - mix, 1.0], "ndcg": [0.3, 0.2]})
        for task, mix in zip(("anything", "new"), mixes, strict=True)
    }
    gain = {"model": ["tuned"], "difference": 0.02, "low": 0.01, "high": 0.03}
    rows = {task: pd.DataFrame(gain | {"verdict": verdict}) for task, verdict in zip(tried, verdicts, strict=True)}
    return actions.blend_hybrid(tried, rows, 10)


def test_tuned_weights_are_put_in_force_where_they_gain():
    change = "{} collaborative, {} rules change NDCG@10 by +0.0200 (+0.0100 to +0.0300) on the test weeks"
    new = "products new to the customer"
    found = blend(("better", "better"), (0.7, 0.9))
    assert found[:2] == [
        f"Put the tuned weights in force for anything bought next: {change.format('70%', '30%')}.",
        f"Put the tuned weights in force for {new}: {change.format('90%', '10%')}.",
    ]
    assert "hybrid.contexts" in found[2]
    assert len(blend(("better", "better"), (0.7, 0.7))) == 2  # one mix for all
    kept = f"Keep the weights of the settings for {new}: {change.format('90%', '10%')}"
    assert blend(("better", "tie"), (0.7, 0.9))[1:] == [f"{kept}, a tie."]
    assert blend(("better", "worse"), (0.7, 0.9))[1:] == [f"{kept}, a loss."]


PRICE = pd.DataFrame(
    [("Cheap", 0.01, -0.01, 0.02), ("Dear", 0.05, 0.04, 0.06), ("Less", 0.03, 0.02, 0.04)],
    columns=["rule", "difference", "low", "high"],
)


def test_the_dearest_rule_and_the_context_that_gave_way_most(wb):
    audit = pd.DataFrame(
        [
            ("email", "consent", "slates", 9, 0, 1),
            ("cart", "consent", "slates", 9, 0, 2),
            ("cart", "min_categories", "slates", 9, 0, 5),
        ],
        columns=["context", "rule", "of", "checked", "violations", "declared"],
    )
    assert actions.fill_contexts(wb, audit, PRICE, "email") == [
        "Decide whether “Dear” is worth its price, the highest of all rules: without it, NDCG@6 in E-mail changes by "
        "+0.0500 (+0.0400 to +0.0600).",
        "Look at Shopping cart, where rules gave way most: 7 of 8 times, “Several categories” 5 times. Loosen the rule "
        "there, or let strategies propose more.",
    ]
    nothing = actions.fill_contexts(wb, audit.assign(declared=0), PRICE.head(1), "email")
    assert nothing == ["Leave the rules as they are: in E-mail none costs accuracy by more than noise."]
