"""What the notebook on algorithms reports: who takes part, who leads each task, for whom, at what cost."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reco import elsewhere, pipeline
from reco.columns import Columns
from reco.evaluation import GLOSSARY, Evaluation, Interval, evaluate, evaluate_at, paired_difference
from reco.evaluation import leaderboard as leaderboards
from reco.models import MODELS, Recommender, make_model
from reco.search import Fold, Search, search
from reco.workbook import Workbook

#: Families of algorithms by the module that holds them.
FAMILIES: Final = {
    "baselines": "Baselines",
    "next_basket": "Repeat purchase",
    "neighbours": "Neighbours",
    "co_occurrence": "Neighbours",
    "rating_neighbours": "Neighbours by rating",
    "matrix_factorization": "Matrix factorization",
    "rating_factorization": "Matrix factorization of ratings",
    "ease": "Linear",
    "association": "Association rules",
    "content": "Content",
    "embeddings": "Content",
    "deep": "Deep",
    "outside": "Trained elsewhere",
}

#: What the tasks are called in reports.
TASKS: Final = {
    "anything": "Anything bought next",
    "new": "Products new to the customer",
    "repeat": "Products bought before",
}


def family(model: type[Recommender]) -> str:
    """The family that a model stands in, as reports print it."""
    return FAMILIES[model.__module__.split(".")[2]]


def entrants(wb: Workbook) -> pd.DataFrame:
    """Every algorithm: model, title, family, why it takes no part (or missing), and what it declares.

    Declared are new_customers and new_products (cold start), updates, and explains. One that was trained elsewhere
    takes part where a file of its lists is named and it has seen nothing of the test weeks; `trained` says how that is
    known.
    """
    test = pipeline.periods(wb).test
    x, settings = pipeline.history(wb, test), wb.settings.comparison
    rows = []
    for name, model in MODELS.items():
        reason = model.lacks(x) or elsewhere.ahead(wb.settings, name, test)
        if reason is None and family(model) == FAMILIES["deep"] and settings.deep == "never":
            reason = "left out by comparison.deep in the settings"
        if reason is None and name in settings.leave_out:
            reason = "left out by comparison.leave_out in the settings"
        rows.append(
            (
                name,
                model.title,
                family(model),
                reason,
                model.knows_new_users,
                model.knows_new_items,
                model.updates,
                model.explains,
                elsewhere.partakes(wb.settings, name) if reason is None and model.reads else None,
            )
        )
    columns = ["model", "title", "family", "reason", "new_customers", "new_products", "updates", "explains", "trained"]
    return pd.DataFrame(rows, columns=columns)


def leaderboard(
    wb: Workbook, task: str, ks: Sequence[int] = (10,), confidence: float = 0.95, seed: int = 0
) -> dict[int, dict[str, Evaluation]]:
    """Every algorithm that takes part, on the test weeks, by list length and name.

    Those that can only repeat are left out of the task `new`. Every customer who bought something of the task counts.
    """
    when = pipeline.periods(wb)
    test, train = pipeline.TASKS[task](wb, when.test, when.end), pipeline.history(wb, when.test)
    table = entrants(wb)
    boards: dict[int, dict[str, Evaluation]] = {k: {} for k in ks}
    for name in table.loc[table["reason"].isna(), "model"]:
        if task == "new" and MODELS[name].repeats_only:
            continue
        lists = pipeline.candidates(wb, name, when.test, task)
        for k, evaluation in evaluate_at(lists, test, train, ks, confidence, seed).items():
            boards[k][name] = evaluation
    return boards


def ranked(board: Mapping[str, Evaluation]) -> pd.DataFrame:
    """`leaderboard.ranking` by NDCG with every metric that was measured, and its interval where it has one."""
    titles = {name: MODELS[name].title for name in board}
    return leaderboards.ranking(board, titles, shown=[term.name for term in GLOSSARY], intervals=True)


def costs(wb: Workbook, models: Sequence[str]) -> pd.DataFrame:
    """What algorithms cost: model, title, fit_seconds, recommend_seconds (a thousand customers), memory_mb, size_mb.

    As measured when they were fitted, on this machine or the one that filled the cache; memory is the highest beyond
    what was held before. What was trained elsewhere is left out: nobody here knows what it cost.
    """
    when, rows = pipeline.periods(wb), []
    for name in (name for name in models if not elsewhere.is_elsewhere(name)):
        cost = pipeline.trial(wb, name, when.test)[1]
        seconds = (cost["fit_seconds"], cost["recommend_seconds"])
        rows.append((name, MODELS[name].title, *seconds, cost["memory"] / 1e6, cost["size"] / 1e6))
    columns = ["model", "title", "fit_seconds", "recommend_seconds", "memory_mb", "size_mb"]
    return pd.DataFrame(rows, columns=columns)


def learning_curve(wb: Workbook, models: Sequence[str], weeks: Sequence[int], task: str, k: int = 10) -> pd.DataFrame:
    """Accuracy by how many weeks before the test weeks a model learned from: weeks, model, title, ndcg, low, high.

    Judged by the same purchases, whatever was learned from; spans longer than the history are left out, and so are
    those from which a model cannot learn, and models that were trained elsewhere.
    """
    when, models = pipeline.periods(wb), [name for name in models if not elsewhere.is_elsewhere(name)]
    test, first = pipeline.TASKS[task](wb, when.test, when.end), pipeline.history(wb, when.test).log["timestamp"].min()

    def build() -> pd.DataFrame:
        rows = []
        for span in weeks:
            since = when.test - pd.DateOffset(weeks=span)
            x = pipeline.interactions(wb, when.test, since)
            if since < first or x.log.empty:
                continue
            for name in (name for name in models if MODELS[name].lacks(x) is None):
                model = make_model(name, **wb.settings.models.get(name, {})).fit(x)
                lists = model.lists(x.users, k, (among := pipeline.AMONG[task],))[among]
                rows.append((span, name, model.title, *evaluate(lists, test, x, k).summary.loc["ndcg"]))
        return pd.DataFrame(rows, columns=["weeks", "model", "title", "ndcg", "low", "high"])

    options = {name: wb.settings.models.get(name, {}) for name in models}
    catalogue = wb.settings.catalogue.model_dump(mode="json")
    split = wb.settings.split.model_dump(mode="json")
    return wb.cached(
        "learning-curve", build, models=options, weeks=list(weeks), task=task, k=k, catalogue=catalogue, split=split
    )


def tunable(ranking: pd.DataFrame) -> str:
    """The first model of a ranking that is trained here: lists that were made elsewhere cannot be tuned."""
    return next(name for name in ranking["model"] if not elsewhere.is_elsewhere(name))


def tuned(wb: Workbook, model: str, task: str, budget: int, k: int = 10, seed: int = 0) -> Search:
    """Options of a model searched on the validation weeks only, from those of the settings on."""
    when = pipeline.periods(wb)
    fold = Fold(pipeline.history(wb, when.validation), pipeline.TASKS[task](wb, when.validation, when.test))
    start = wb.settings.models.get(model, {})
    return search(model, [fold], budget, k=k, seed=seed, start=start, among=pipeline.AMONG[task])


def gain_of_tuning(wb: Workbook, found: Search, task: str, k: int = 10, seed: int = 0) -> Interval:
    """NDCG@k that the options found add on the test weeks, which no trial has seen: a paired difference."""
    when = pipeline.periods(wb)
    x, test = pipeline.history(wb, when.test), pipeline.TASKS[task](wb, when.test, when.end)
    among = pipeline.AMONG[task]
    new = make_model(found.model, **found.options).fit(x).lists(x.users, k, (among,))[among]
    old = pipeline.candidates(wb, found.model, when.test, task)
    after, before = (evaluate(lists, test, x, k).per_user["ndcg"].to_numpy() for lists in (new, old))
    return paired_difference(after, before, seed=seed)


def examples(wb: Workbook, models: Sequence[str], count: int = 5, k: int = 5, seed: int = 0) -> list[pd.DataFrame]:
    """What some customers bought before, what each algorithm shows them, and what they bought then: a frame each.

    One row a place: place (from 1), before, one column of titles a model (by name), after; products that were then
    bought are marked. Customers are drawn among those who bought something in the test weeks, and go without name.
    """
    when = pipeline.periods(wb)
    x, test = pipeline.history(wb, when.test), pipeline.purchases(wb, when.test, when.end)
    known = pd.Index(test[Columns.USER].unique()).intersection(x.users)
    chosen = np.random.default_rng(seed).choice(known, min(count, len(known)), replace=False)
    titles = x.products[Columns.TITLE]
    lists = {name: pipeline.candidates(wb, name, when.test, "anything") for name in models}
    frames = []
    for customer in chosen:
        then = test[test[Columns.USER] == customer].sort_values("revenue", ascending=False)[Columns.ITEM]
        counts = x.matrix[x.rows([customer])[0]]
        order = np.lexsort((counts.indices, -counts.data))[:k]
        shown = {"before": titles.iloc[counts.indices[order]].tolist()}
        for name, one in lists.items():
            mine = one[(one[Columns.USER] == customer) & (one[Columns.RANK] <= k)]
            shown[name] = _marked(mine[Columns.ITEM], titles, set(then))
        shown["after"] = titles.reindex(then).dropna().head(k).tolist()
        frames.append(pd.DataFrame({"place": range(1, k + 1)} | {c: _padded(v, k) for c, v in shown.items()}))
    return frames


def _marked(items: pd.Series, titles: pd.Series, bought: set[str]) -> list[str]:
    names = titles.reindex(items).fillna("")
    return [f"✓ {name}" if item in bought else name for item, name in names.items()]


def _padded(values: list[str], k: int) -> list[str]:
    return values + [""] * (k - len(values))


def leaders(tables: Mapping[str, pd.DataFrame], most: int = 3) -> list[str]:
    """The first `most` models of every task, each once, in the order of the tasks."""
    return list(dict.fromkeys(name for table in tables.values() for name in table["model"].head(most)))
