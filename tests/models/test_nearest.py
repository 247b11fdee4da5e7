"""Lists of the nearest against plain numpy, whatever is tied, and kept right when something changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from reco.models.nearest import SPARE, multiplied, nearest, nearest_columns, products, refreshed, replace_rows

# small whole numbers: their products are exact, and many are equal
amounts = st.tuples(st.integers(1, 6), st.integers(1, 9)).flatmap(
    lambda shape: arrays("float64", shape, elements=st.sampled_from([0.0, 0.0, 1.0, 2.0]))
)


def plain_lists(columns: np.ndarray, k: int, itself: bool) -> np.ndarray:
    """The `k` highest products of each column with others, ties by lower number."""
    similarity = columns.T @ columns
    lists = np.zeros_like(similarity)
    for number, row in enumerate(similarity):
        others = [other for other in np.argsort(-row, kind="stable") if other != number and row[other] > 0][:k]
        lists[number, others] = row[others]
        if itself:
            lists[number, number] = row[number]
    return lists


@given(amounts, st.integers(1, 4), st.booleans())
def test_lists_of_some(columns, k, itself):
    some = np.arange(columns.shape[1])[::2]
    lists = nearest(products(sparse.csr_matrix(columns)), some, columns.shape[1], k, itself)
    assert lists.dtype == "float32"
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, k, itself)[some])


@given(amounts, st.integers(1, 4))
def test_lists_of_all(columns, k):
    lists = nearest_columns(sparse.csr_matrix(columns), k, threads=2)
    assert lists.dtype == "float32"
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, k, itself=True))


@pytest.mark.parametrize("n", [SPARE, SPARE + 3, SPARE + 4, SPARE + 5, 4 * SPARE])
def test_more_ties_than_spare_neighbours(n):
    # all columns are equal: each has the two lowest others in its list
    lists = nearest_columns(sparse.csr_matrix(np.ones((1, n))), 2, threads=1)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(np.ones((1, n)), 2, itself=True))


def test_a_column_less_near_to_itself_than_others_are():
    # every column is nearer to the long ones than to itself, and these fill all places that are asked for
    columns = np.concatenate([np.full(40, 9.0), [1.0, 1.0]])[None]
    lists = nearest_columns(sparse.csr_matrix(columns), 3, threads=1)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, 3, itself=True))


def test_blocks_of_one(monkeypatch):
    columns = np.random.default_rng(0).integers(0, 3, (8, 20)).astype("float64")
    for bound in ("CELLS", "ROWS", "DENSE"):
        monkeypatch.setattr(f"reco.models.nearest.{bound}", 1)
    lists = nearest(products(sparse.csr_matrix(columns)), np.arange(20), 20, 3, itself=False)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, 3, itself=False))
    columns[:, :9] += 1
    lists = refreshed(lists, products(sparse.csr_matrix(columns)), np.arange(9), 20, 3, itself=False)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, 3, itself=False))


@pytest.mark.parametrize("k", [1, 7, 40])
def test_many_more_candidates_than_places(k):
    # 900 candidates a row, so that rows are looked through in runs
    columns = np.random.default_rng(1).integers(0, 4, (30, 900)).astype("float64")
    lists = nearest(products(sparse.csr_matrix(columns)), np.arange(50), 900, k, itself=True)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(columns, k, itself=True)[:50])


@settings(max_examples=200)
@given(amounts, st.data(), st.integers(1, 3), st.booleans(), st.integers(0, 2))
def test_lists_are_kept_right(columns, data, k, itself, more):
    n = columns.shape[1]
    before = nearest(products(sparse.csr_matrix(columns)), np.arange(n), n, k, itself)
    touched = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1)))), "int64")
    touched = np.append(touched, n + np.arange(more)).astype("int64")  # new things stand behind
    after = np.pad(columns, ((0, 0), (0, more)))
    shape = (len(columns), len(touched))
    after[:, touched] = data.draw(arrays("float64", shape, elements=st.sampled_from([0.0, 1.0, 2.0])))
    similar = products(sparse.csr_matrix(after))
    lists = refreshed(before, similar, touched, n + more, k, itself)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(after, k, itself))


def test_one_that_falls_back_to_the_end_of_a_list_leaves_it_to_a_lower_number():
    # 1, 2 and 3 share nothing with each other; 3 was nearest to 0 and is now as near as 1 and 2
    before = np.array([[1.0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 5]])
    after = np.minimum(before, 1)
    lists = nearest(products(sparse.csr_matrix(before)), np.arange(4), 4, 2, itself=False)
    assert lists[[0]].toarray().tolist() == [[0, 1, 0, 5]]
    lists = refreshed(lists, products(sparse.csr_matrix(after)), np.array([3]), 4, 2, itself=False)
    np.testing.assert_array_equal(lists.toarray(), plain_lists(after, 2, itself=False))


def test_no_rows_replaced():
    matrix = sparse.csr_matrix(np.eye(3, dtype="float32"))
    same = replace_rows(matrix, np.empty(0, "int64"), sparse.csr_matrix((0, 3), dtype="float32"))
    assert (same != matrix).nnz == 0


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("rows", [0, 1, 500])
def test_product_is_the_same_on_any_number_of_threads(rows, threads):
    rng = np.random.default_rng(2)
    left, right = (rng.integers(0, 3, shape).astype("float32") for shape in ((rows, 12), (12, 7)))
    product = multiplied(sparse.csr_matrix(left), sparse.csr_matrix(right), threads)
    assert product.dtype == "float32"
    np.testing.assert_array_equal(product, left @ right)
