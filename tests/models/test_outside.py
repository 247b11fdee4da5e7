"""Lists of Amazon Personalize as a model, out of a file of batch output."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.models import make_model
from reco.models.outside import Personalize, read_batch
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


def batch(path: Path, lists: dict[str, list[str]], scores: dict[str, list[float]] | None = None) -> Path:
    """Batch output with a line a user, as Personalize writes it."""
    path.write_text(
        "".join(
            json.dumps(
                {
                    "input": {"userId": user},
                    "output": {"recommendedItems": items, **({"scores": scores[user]} if scores else {})},
                    "error": None,
                }
            )
            + "\n"
            for user, items in lists.items()
        )
    )
    return path


class TestPersonalize(RecommenderContract):
    model = "personalize"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def file(cls, tmp_path_factory):
        """25 of the 30 items for every user, in an order of the user's own, without scores."""
        rng, items = np.random.default_rng(0), [f"i{number:02}" for number in range(30)]
        lists = {f"u{number:02}": rng.permutation(items)[:25].tolist() for number in range(40)}
        cls.options = {"file": str(batch(tmp_path_factory.mktemp("batch") / "out.jsonl.out", lists))}
        cls.lists = lists

    def test_lists_are_those_of_the_file(self, x, fitted):
        found = fitted.recommend(x.users, 25, exclude_seen=False)
        bought = set(x.items[x.customers_per_item > 0])
        for user, items in self.lists.items():
            expected = [item for item in items if item in bought]
            assert found.loc[found["user_id"] == user, "item_id"].tolist() == expected
        assert fitted.unknown == 0


def toy():
    return as_interactions(toy_frame())


def test_scores_that_fall_are_kept_and_others_give_way_to_ranks(tmp_path):
    lists = {"u00": ["i01", "i02", "i03"], "u01": ["i03", "i02", "i01"], "u02": ["i03", "i01", "i02"]}
    scores = {"u00": [0.5, 0.25, 0.125], "u01": [0.5, 0.5, 0.25], "u02": [0.0, 0.0, 0.0]}
    path = batch(tmp_path / "out", lists, scores)
    found = make_model("personalize", file=str(path)).fit(toy()).recommend(list(lists), exclude_seen=False)
    assert found.groupby("user_id")["item_id"].agg(list).to_dict() == lists
    assert found["score"].tolist() == pd.Series([0.5, 0.25, 0.125, *[1, 1 / 2, 1 / 3] * 2], dtype="float32").tolist()


def test_customers_and_products_that_the_store_does_not_know_are_counted(tmp_path):
    path = batch(tmp_path / "out", {"u00": ["i01", "gone", "i02"], "stranger": ["i01"]})
    model = make_model("personalize", file=str(path)).fit(toy())
    assert model.recommend(["u00", "u01", "stranger"], exclude_seen=False)["item_id"].tolist() == ["i01", "i02"]
    assert model.unknown == 2
    batch(path, {"stranger": ["i01"]})
    with pytest.raises(ValueError, match=r"personalize: .* has 1 places, none of them of a customer and a product"):
        make_model("personalize", file=str(path)).fit(toy())


def test_without_a_file_it_learns_nothing():
    with pytest.raises(ValueError, match=r"expected models\.personalize\.file"):
        make_model("personalize").fit(toy())
    with pytest.raises(InputError, match="no such file"):
        read_batch("none.jsonl.out")


def test_until_when_it_was_trained(tmp_path):
    (tmp_path / "manifest.json").write_text(
        '{"system": "personalize", "run": "r1", "last_interaction": "2017-12-03T22:10:00.000000Z"}'
    )
    for named in (tmp_path, tmp_path / "manifest.json"):
        told = Personalize(manifest=str(named)).trained()
        assert told.until == pd.Timestamp("2017-12-03 22:10:00.000001Z")
        assert told.by == "by the manifest of export r1"
    assert Personalize(trained_until="2017-12-04").trained().until == pd.Timestamp("2017-12-04")
    assert Personalize(trained_until=pd.Timestamp("2017-12-04").date()).trained_until == "2017-12-04"  # as YAML has it


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ('{"system": "jsonl", "last_interaction": "2017-12-03"}', "of an export to jsonl"),
        ('{"system": "personalize"}', "with last_interaction None; expected one of reco export personalize"),
        ("no json", "not a manifest of an export"),
        ("[]", "not a manifest of an export"),
    ],
)
def test_manifests_that_say_nothing(tmp_path, manifest, words):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=words):
        Personalize(manifest=str(tmp_path)).trained()


def test_nobody_says_until_when():
    with pytest.raises(InputError, match="nothing says until when it was trained"):
        Personalize(file="x").trained()
    with pytest.raises(ValueError, match="trained_until is 'soon'; expected a day or a moment"):
        make_model("personalize", trained_until="soon")
