"""The blends of a workbook: parts, weights tried and tuned, what is learned, and why they propose what they do."""

import numpy as np
import pandas as pd

from reco import pipeline
from reco.columns import Columns
from reco.evaluation import Evaluation
from reco.learned import families, rank, titles
from reco.models import MODELS
from reco.models.hybrid import SCALINGS, blend, comparable, strongest
from reco.tuning import try_weights
from reco.workbook import Workbook

#: How many of each customer's candidates are told the reason of.
TOLD = 30

#: Models whose lists say what many buy.
POPULAR = ("popularity", "trending", "category_popularity")

#: Days after its first sale for which a product is new.
NEW_DAYS = 28

#: Columns of `reasons`.
REASONS = (Columns.USER, Columns.ITEM, "part", Columns.BECAUSE, "kind")


def tune(wb: Workbook, task: str, step: float, k: int, trials: int = 0, seed: int = 0) -> pd.DataFrame:
    """Weights of the hybrid tried on the validation weeks, best first (see `tuning.try_weights`)."""
    when = pipeline.periods(wb)
    taken = pipeline.TASKS[task](wb, when.validation, when.test)
    return try_weights(
        pipeline.parts(wb, when.validation, task), taken, step, k, wb.settings.hybrid.scaling, trials, seed
    )


def blends(wb: Workbook, task: str, tuned: pd.Series, **options: float) -> dict[str, Evaluation]:
    """On the test weeks: the hybrid with default and with `tuned` weights, and each part alone."""
    when, hybrid = pipeline.periods(wb), wb.settings.hybrid
    lists = pipeline.parts(wb, when.test, task)
    weights = {"default": hybrid.weights, "tuned": {part: float(tuned[part]) for part in hybrid.parts}}
    contenders = {
        **{name: blend(lists, one, pipeline.CANDIDATES, hybrid.scaling) for name, one in weights.items()},
        **lists,
    }
    return {name: pipeline.judge(wb, one, task, when.test, when.end, **options) for name, one in contenders.items()}


def scalings(wb: Workbook, task: str, weights: dict[str, float], **options: float) -> dict[str, Evaluation]:
    """On the validation weeks: the hybrid with the same weights under each scaling."""
    when = pipeline.periods(wb)
    lists = pipeline.parts(wb, when.validation, task)
    return {
        scaling: pipeline.judge(
            wb, blend(lists, weights, pipeline.CANDIDATES, scaling), task, when.validation, when.test, **options
        )
        for scaling in SCALINGS
    }


def blend_parts(wb: Workbook) -> pd.DataFrame:
    """The hybrid's parts: part, algorithm (title), default_weight."""
    hybrid = wb.settings.hybrid
    rows = [(part, MODELS[model].title, hybrid.weights.get(part, 0.0)) for part, model in hybrid.parts.items()]
    return pd.DataFrame(rows, columns=["part", "algorithm", "default_weight"])


def blend_titles(wb: Workbook) -> dict[str, str]:
    """What reports call the contenders of `blends`."""
    alone = {part: f"{MODELS[model].title} alone ({part})" for part, model in wb.settings.hybrid.parts.items()}
    return {"default": "Hybrid, default weights", "tuned": "Hybrid, tuned weights"} | alone


def learned(wb: Workbook, task: str, **options: float) -> dict[str, Evaluation]:
    """On the test weeks: the learned blend, and each algorithm that names its candidates alone."""
    when = pipeline.periods(wb)
    lists = {one: pipeline.candidates(wb, one, when.test, task) for one in learned_titles(wb)}
    return {name: pipeline.judge(wb, one, task, when.test, when.end, **options) for name, one in lists.items()}


def learned_titles(wb: Workbook) -> dict[str, str]:
    """What reports call the contenders of `learned`."""
    return {"learned": "Learned blend"} | {one: MODELS[one].title for one in wb.settings.hybrid.learned.algorithms}


def gains(wb: Workbook, task: str) -> pd.DataFrame:
    """What the learned blend of the test weeks goes by: feature (in words) and gain (share of all), most first."""
    ranker = pipeline.rankers(wb, pipeline.periods(wb).test)[task]
    words = titles(ranker.features, learned_titles(wb))
    gain = ranker.gain()
    return pd.DataFrame({"feature": gain.index.map(words), "gain": gain.to_numpy()})


def contributions(wb: Workbook, customer: str, task: str, k: int, most: int = 3) -> pd.DataFrame:
    """Why one customer's list at the start of the test weeks is as it is: a row a product of the learned blend's `k`.

    Columns: rank, title, score, and by_1 to by_`most`: the features that move its score furthest from that of the
    customer's usual candidate, in words, each with what it adds (Shapley values, in units of the score).
    """
    until = pipeline.periods(wb).test
    ranker, seen = pipeline.rankers(wb, until)[task], pipeline.seen_at(wb, until, pd.Index([customer]))
    lists = rank(seen, ranker, k, pipeline.AMONG[task])
    places = pd.Index(seen.pairs.column).get_indexer(seen.x.columns(lists[Columns.ITEM]))
    chosen = seen.chosen(pipeline.AMONG[task])
    added = ranker.contributions(seen.features[chosen]).drop(columns="start")
    added = (added - added.mean()).loc[places]
    words = np.array([*titles(ranker.features, learned_titles(wb)).values()])
    order = np.argsort(-np.abs(added.to_numpy()), axis=1, kind="stable")[:, :most]
    values = np.take_along_axis(added.to_numpy(), order, axis=1)
    told = {
        f"by_{n + 1}": [f"{word} ({value:+.2f})" for word, value in zip(words[order[:, n]], values[:, n], strict=True)]
        for n in range(order.shape[1])
    }
    names = seen.x.products[Columns.TITLE].loc[lists[Columns.ITEM]].to_numpy()
    return pd.DataFrame({"rank": lists[Columns.RANK], "title": names, "score": lists[Columns.SCORE], **told})


def reasons(wb: Workbook, model: str, until: pd.Timestamp, context: str | None = None) -> pd.DataFrame:
    """Why a model proposes the best `TOLD` candidates of each customer: a row each, in the order of the lists.

    Columns: user_id, item_id, part (the part of the hybrid that adds most to the score, the family of features that
    adds most to the learned blend's, or the model itself), because_id (the product of the customer's history that
    speaks most for it, by the algorithm of that part, or missing), and kind: `because_you_bought` with a because_id,
    else `popular` where the algorithm lists what many buy (`popular_in_category` in the learned blend),
    `bought_before` where the customer had it, `new` where it was first sold less than `NEW_DAYS` ago, else `picked`.
    A `context` to which the settings give weights of its own has the hybrid's reasons with these.
    """
    needs = pipeline.depends(wb, model, until)
    own = f"-{context}" if model == "hybrid" and context in wb.settings.hybrid.contexts else ""
    context = context if own else None
    return wb.cached(f"reasons-{model}{own}", lambda: _reasons(wb, model, until, context), told=TOLD, own=own, **needs)


def _reasons(wb: Workbook, model: str, until: pd.Timestamp, context: str | None) -> pd.DataFrame:
    lists = pipeline.candidates(wb, model, until, context=context)
    lists = lists[lists[Columns.RANK] <= TOLD][[Columns.USER, Columns.ITEM]].reset_index(drop=True)
    told = lists.assign(part=model)
    algorithms = {model: model}
    if model == "hybrid":
        algorithms, told["part"] = wb.settings.hybrid.parts, _parts_of(wb, lists, until, context)
    told["by"] = told["part"].map(algorithms)
    if model == "learned":
        told["part"], told["by"] = _families_of(wb, lists, until)
    told[Columns.BECAUSE] = _because(wb, told, until)
    x = pipeline.history(wb, until)
    rows, columns = x.rows(told[Columns.USER]), x.columns(told[Columns.ITEM])
    had = np.asarray(x.matrix[rows, columns]).ravel() > 0
    since = x.log.groupby("item")[Columns.TIMESTAMP].min().reindex(range(len(x.items)))
    fresh = (since > until - pd.Timedelta(days=NEW_DAYS)).to_numpy()[columns]
    kinds = {
        "because_you_bought": told[Columns.BECAUSE].notna(),
        "popular": told["by"].isin(POPULAR),
        "bought_before": had,
        "new": fresh,
    }
    if model == "learned":  # true to the family, not to whatever else holds
        in_category = told["part"] == "popularity"
        kinds = {
            "because_you_bought": told[Columns.BECAUSE].notna(),
            "new": in_category & fresh & ~had,
            "popular_in_category": in_category,
            "bought_before": told["part"] == "history",
        }
    told["kind"] = np.select(list(kinds.values()), list(kinds), "picked")
    return told[[*REASONS]]


def _because(wb: Workbook, told: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    """The product of each customer's history that speaks most for each item, by the algorithm `by`; never itself."""
    found = [
        pipeline.fitted(wb, algorithm, until).explain(rows, most=2)
        for algorithm, rows in told.groupby("by", sort=False)
        if algorithm in MODELS and MODELS[algorithm].explains
    ]
    if not found:
        return pd.Series(None, index=told.index, dtype="str")
    causes = pd.concat(found)
    causes = causes[causes[Columns.BECAUSE] != causes[Columns.ITEM]].drop_duplicates([Columns.USER, Columns.ITEM])
    return told[[Columns.USER, Columns.ITEM]].merge(causes, "left", [Columns.USER, Columns.ITEM])[Columns.BECAUSE]


def _parts_of(wb: Workbook, lists: pd.DataFrame, until: pd.Timestamp, context: str | None) -> np.ndarray:
    hybrid = wb.settings.hybrid
    scores = comparable(pipeline.parts(wb, until), hybrid.scaling)
    scores = lists.merge(scores, "left", [Columns.USER, Columns.ITEM])
    return strongest(scores, hybrid.contexts.get(context, hybrid.weights))


def _families_of(wb: Workbook, lists: pd.DataFrame, until: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """The family of features that adds most to each row's score, and the algorithm that can name a product for it."""
    seen = pipeline.seen_at(wb, until)
    rows, columns = (
        index.get_indexer(lists[name])
        for index, name in ((seen.pairs.users, Columns.USER), (seen.x.items, Columns.ITEM))
    )
    width = len(seen.x.items)
    place = np.searchsorted(seen.pairs.row * width + seen.pairs.column, rows * width + columns)
    added = pipeline.rankers(wb, until)["anything"].contributions(seen.features.iloc[place]).drop(columns="start")
    part = families.strongest(added, seen.pairs.had[place])
    named = {one: families.family(f"score_{one}") for one in wb.settings.hybrid.learned.algorithms}
    by = np.full(len(part), None, dtype=object)
    for kind, usual in (("neighbours", "collaborative"), ("content", "content")):
        explaining = [one for one, of in named.items() if of == kind and MODELS[one].explains]
        explaining = explaining or [wb.settings.hybrid.parts[usual]]
        mine = part == kind
        by[mine] = np.array(explaining, dtype=object)[families.strongest_algorithm(added[mine], explaining)]
    return part, by
