"""Every metric that `evaluate` gives is explained in a sentence, in order, and nothing else is."""

import pandas as pd

from reco.evaluation import GLOSSARY, evaluate
from reco.interactions import Interactions


def test_every_metric_has_its_sentence():
    bought = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "rank": 1, "revenue": 2.0, "margin": 1.0})
    products = pd.DataFrame({"category": ["tea"], "price": [2.0]}, index=["x"])
    summary = evaluate(bought, bought, Interactions.from_frame(bought, products=products)).summary
    assert [term.name for term in GLOSSARY] == summary.index.tolist()


def test_sentences_are_sentences():
    for term in GLOSSARY:
        assert term.meaning.endswith("."), term
        assert term.meaning.count(". ") == 0, term
        assert term.meaning[0].isupper(), term
        assert term.better in {"higher", "lower", ""}, term
    assert len({term.title for term in GLOSSARY}) == len(GLOSSARY)
