"""Lists that another system made, judged beside the models that are trained here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.errors import InputError
from reco.interactions import Interactions
from reco.models.base import Recommender, register


class Trained(NamedTuple):
    """Until when a model that was trained elsewhere has seen data.

    Attributes:
        until: it has seen nothing at or after this moment; without a time zone where the settings give none.
        by: who says so, in words.
    """

    until: pd.Timestamp
    by: str


@register("personalize", "Amazon Personalize")
@dataclass
class Personalize(Recommender):
    """Lists out of Amazon Personalize's batch inference (docs.aws.amazon.com/personalize, "Batch output").

    Nothing is trained here: `fit` reads the file and keeps what it says of customers and products of the store. Scores
    are Personalize's own where they fall along a list, and 1 / rank where they do not or are missing; what the file
    does not list has no score. `similar` knows nothing of the file: it is the cosine of who has both items.

    Options:
        file: output of batch inference by users, JSON Lines; one file.
        manifest: manifest.json of the export that it was trained on, or that export's folder.
        trained_until: instead of a manifest, the moment before which everything lies that it was trained on.

    Raises `ValueError` where no file is named, and where it names no customer or no product of the store.
    """

    reads: ClassVar[tuple[str, ...]] = ("file", "manifest")

    file: str = ""
    manifest: str = ""
    trained_until: str = ""

    def __post_init__(self) -> None:
        for option in (*self.reads, "trained_until"):
            # YAML reads a day that stands without quotes as a date
            setattr(self, option, str(getattr(self, option) or ""))
        if self.trained_until:
            try:
                pd.Timestamp(self.trained_until)
            except ValueError:
                raise ValueError(f"trained_until is {self.trained_until!r}; expected a day or a moment") from None

    def trained(self) -> Trained:
        """Until when it has seen data, by the manifest of its export or by the settings.

        Raises `InputError` where nobody says so, or the manifest is none of an export to Personalize.
        """
        if self.manifest:
            return _of_manifest(Path(self.manifest))
        if self.trained_until:
            return Trained(pd.Timestamp(self.trained_until), "as the settings say")
        raise InputError(
            "models.personalize: nothing says until when it was trained; expected manifest, the manifest.json of its "
            "export, or trained_until"
        )

    def _train(self, x: Interactions) -> None:
        if not self.file:
            raise ValueError("personalize: no file of batch output is named; expected models.personalize.file")
        lists = read_batch(self.file)
        rows, columns = x.rows(lists[Columns.USER]), x.columns(lists[Columns.ITEM])
        known = (rows >= 0) & (columns >= 0)
        self.unknown = int((~known).sum())
        if not known.any():
            raise ValueError(
                f"personalize: {self.file} has {len(lists):,} places, none of them of a customer and a product that "
                "the store knows"
            )
        listed = pd.DataFrame({"row": rows[known], "column": columns[known], "score": _falling(lists)[known]})
        listed = listed.drop_duplicates(["row", "column"])
        self.listed = sparse.csr_matrix((listed["score"], (listed["row"], listed["column"])), x.matrix.shape)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        block = self.listed[rows]
        scores = np.full(block.shape, np.nan, "float32")
        scores[np.repeat(np.arange(len(rows)), np.diff(block.indptr)), block.indices] = block.data
        return scores


def _falling(lists: pd.DataFrame) -> np.ndarray:
    """Scores (float32) that fall along every list: its own where they do, else 1 / rank."""
    score, user = lists[Columns.SCORE].to_numpy("float32"), lists[Columns.USER]
    same = user.eq(user.shift()).to_numpy()
    stuck = same & ~(score < np.append(np.inf, score[:-1]))
    by_rank = pd.Series(stuck | ~np.isfinite(score)).groupby(user.to_numpy()).transform("any").to_numpy()
    return np.where(by_rank, 1 / lists[Columns.RANK].to_numpy("float32"), score).astype("float32")


def _of_manifest(path: Path) -> Trained:
    path = path / "manifest.json" if path.is_dir() else path
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        system, last = told["system"], told.get("last_interaction")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"models.personalize.manifest: {path}: not a manifest of an export ({error})") from None
    if system != "personalize" or last is None:
        raise InputError(
            f"models.personalize.manifest: {path}: of an export to {system} with last_interaction {last}; expected one "
            "of reco export personalize, with interactions"
        )
    return Trained(pd.Timestamp(last) + pd.Timedelta(microseconds=1), f"by the manifest of export {told.get('run')}")


def read_batch(path: str | Path) -> pd.DataFrame:
    """Lists out of batch inference: user_id, rank, item_id, score, as `reco.evaluation.evaluate` takes them.

    Of related items, user_id is the item that was asked about. Lines with an error are left out; where Personalize
    gives no scores, the score falls with the rank. Raises `InputError` for a file that is none.
    """
    empty = {column: [] for column in (Columns.USER, Columns.RANK, Columns.ITEM, Columns.SCORE)}
    query = """
        WITH lines AS (
            SELECT json AS line, row_number() OVER () AS number FROM read_ndjson_objects(?)
        ), parts AS (
            SELECT number, coalesce(line ->> '$.input.userId', line ->> '$.input.itemId') AS user_id,
                (line -> '$.output.recommendedItems')::VARCHAR[] AS items,
                (line -> '$.output.scores')::DOUBLE[] AS scores
            FROM lines WHERE (line ->> '$.error') IS NULL
        )
        SELECT user_id, rank::INT AS rank, items[rank] AS item_id, coalesce(scores[rank], 1.0 / rank) AS score
        FROM (SELECT *, unnest(range(1, len(items) + 1)) AS rank FROM parts WHERE user_id IS NOT NULL)
        ORDER BY number, rank
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected the output of a batch inference job")
    if not Path(path).stat().st_size:
        return pd.DataFrame(empty)
    try:
        with duckdb.connect() as connection:
            return connection.sql(query, params=[str(path)]).to_arrow_table().to_pandas()
    except duckdb.Error as error:
        raise InputError(f"{path}: not readable as batch output ({str(error).splitlines()[0]})") from None
