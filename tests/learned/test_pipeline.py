"""The learned blend of the sample store, learned from the weeks before the test weeks."""

import pandas as pd
import pytest

from reco import Workbook, contexts, pipeline
from reco.columns import Columns
from reco.errors import InputError
from reco.settings import Strategy


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


def test_slates_are_filled_by_it(wb, until):
    email = wb.settings.contexts["email"]
    strategies = [Strategy(title="For you", model="learned", by="customer")]
    email = email.model_copy(update={"strategies": strategies})
    other = Workbook(wb.settings.model_copy(update={"contexts": {"email": email}}))
    requests = contexts.standing_requests(other, "email", until)
    rules = other.settings.rules.changed(exploration=None, fresh_forward=None, margin=None, not_bought_within=None)
    slates = contexts.make_slates(other, "email", requests, until, rules).frame
    lists = pipeline.candidates(other, "learned", until)
    ours = slates[slates["strategy"] == "For you"]
    both = ours.merge(lists, left_on=["customer_id", "item_id"], right_on=[Columns.USER, Columns.ITEM])
    assert len(both) > 0.5 * len(ours) > 500
    filled = {"email": contexts.Filled(requests, slates, None)}
    assert contexts.violations(contexts.audit(other, filled, until, rules)) == 0
