"""The learned blend of the sample store, learned from the weeks before the test weeks."""

import pandas as pd
import pytest

from reco import pipeline
from reco.columns import Columns
from reco.errors import InputError


@pytest.fixture(scope="module")
def until(wb):
    return pipeline.periods(wb).test


def test_every_task_has_its_lists(wb, until):
    had = pipeline.history(wb, until).matrix
    x = pipeline.history(wb, until)
    for task, among in pipeline.AMONG.items():
        lists = pipeline.candidates(wb, "learned", until, task)
        assert lists.columns.tolist() == [Columns.USER, Columns.RANK, Columns.ITEM, Columns.SCORE]
        assert not lists.duplicated([Columns.USER, Columns.ITEM]).any()
        owned = had[x.rows(lists[Columns.USER]), x.columns(lists[Columns.ITEM])] > 0
        assert {"all": True, "new": not owned.any(), "seen": owned.all()}[among]
        assert lists[Columns.USER].nunique() > 0.9 * len(x.users)


def test_what_was_learned_is_found_again(wb, until):
    first, again = pipeline.rankers(wb, until), pipeline.rankers(wb, until)
    assert list(first) == ["anything", "new"]
    assert {task: ranker.text() for task, ranker in first.items()} == {
        task: ranker.text() for task, ranker in again.items()
    }


def test_too_few_weeks_to_learn_from(wb):
    first = pd.Timestamp(pipeline.sold(wb).ordered_at.min().execute())
    with pytest.raises(InputError, match=r"has 0 looks at weeks before .* another model in place of learned"):
        pipeline.rankers(wb, first + pd.Timedelta(weeks=2))
