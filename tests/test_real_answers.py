"""What somebody sees who tries data of which the right answer is known: the answers that were once wrong, by name.

Where another file asks the same, a comment says which test that is.
"""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cyem import GaussianMixture, examine, merge, select

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge", "ignore:.*fit_report_")

# Iris, wine: test_starts.py, test_iris_has_one_maximum_whatever_the_seed, test_wine_has_three_sorts_whatever_the_seed.
# Other units, sums, shares: test_set_aside.py, test_what_others_determine_changes_nothing, test_shares_of_a_whole.
# A value that many rows hold: test_set_aside.py, test_a_value_that_many_rows_hold_is_a_group.
# Nine rows, skewed, flat and heavy-tailed clouds: test_verdict.py, test_nine_rows, test_one_cloud_that_is_not_normal.
# The index of a frame in a file: test_examine.py, test_the_index_of_a_frame_is_set_aside.
# Six components of one normal distribution: test_starts.py, test_components_on_few_samples_are_rare_and_reported.


def two(seed=0, n=50):
    """Two groups in one column, nine standard deviations apart."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(9, 1, n)])[:, None]


@pytest.mark.parametrize("seed", range(2))
def test_breast_cancer_has_two_kinds(seed):
    """569 samples for 991 parameters; starts used to end at indices from 0.26 on."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.metrics import adjusted_rand_score

    X, kinds = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert adjusted_rand_score(kinds, GaussianMixture(2, random_state=seed).fit_predict(X)) > 0.75


@pytest.mark.parametrize("seed", range(2))
def test_digits_are_as_well_described_as_from_kmeans(seed):
    """4,959 parameters and many maxima: the default used to end at -132,474, below what k-means led to."""
    from sklearn.datasets import load_digits

    X = load_digits().data
    X -= X.mean(axis=0)
    X = X @ np.linalg.svd(X, full_matrices=False)[2][:30].T
    default, kmeans = (GaussianMixture(10, init_params=how, random_state=seed).fit(X) for how in ("short_em", "kmeans"))
    assert default.lower_bound_ > kmeans.lower_bound_
    assert default.score(X) * len(X) > -131_900


def test_two_groups_in_a_column():
    selection = select(two(), random_state=0)
    assert selection.best_row[:2] == (2, "tied")
    assert selection.verdict.headline == "2 separate groups, of 50 and 50 rows"


@pytest.mark.parametrize("other", [lambda z: z, lambda z: 1.8 * z + 32, lambda z: (2.20462 * z).round(2)],
                         ids=["copy", "Fahrenheit", "pounds"])
def test_the_same_column_twice(other):
    z = two()
    twice = np.column_stack([z, other(z)])
    (found,) = examine(twice)
    assert (found.kind, set(found.columns)) == ("relation", {0, 1})
    selection, alone = select(twice, random_state=0), select(z, random_state=0)
    assert selection.best_row[:2] == alone.best_row[:2] == (2, "tied")
    assert "set aside, as others determine it: column 1" in selection.table
    assert (selection.best_.predict(twice) == alone.best_.predict(z)).all()


def test_two_typing_errors(load):
    """A comma forgotten in two rows, which are named and make no groups of one row."""
    X = load("iris").copy()
    X[8, 0] *= 10
    X[101, 3] *= 10
    (found,) = examine(X)
    assert found.kind == "odd rows"
    assert found.rows == (8, 101)
    selection = select(X, random_state=0)
    assert "row 8 " in selection.table and "row 101 " in selection.table
    sizes = map(int, re.findall(r"\d+", selection.verdict.headline.partition("of ")[2]))
    assert 1 not in sizes


@pytest.mark.parametrize("seed", range(2))
def test_a_tight_group_far_away(seed):
    """20 rows in ten dimensions are few to tell of a covariance matrix, but none lie there by chance."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(1000, 10)), rng.normal(12 / np.sqrt(10), 0.2, size=(20, 10))])
    selection = select(X, n_components=[1, 2], covariance_types="full", random_state=0)
    assert selection.best_row.n_components == 2
    assert not selection.best_row.spurious
    assert selection.verdict.headline == "2 separate groups, of 1,000 and 20 rows"


def test_nothing_to_merge_in_three_groups():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        z = np.concatenate([rng.normal(centre, 1, 100) for centre in (0, 4, 9)])[:, None]
        assert merge(GaussianMixture(3, covariance_type="tied", random_state=0).fit(z), z).suggestion is None


def test_weights_that_sum_to_one():
    X = np.random.default_rng(0).normal(size=(200, 2))
    weights = np.full(200, 1 / 200)
    with pytest.warns(UserWarning, match="the weights sum to 1, and there are 200 rows.*multiply"):
        selection = select(X, n_components=[1, 2], sample_weight=weights, random_state=0)
    assert selection.verdict.kind == "cannot tell"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select(X, n_components=[1, 2], sample_weight=weights * 200, random_state=0)


@pytest.mark.parametrize("digits", [None, 1])
def test_one_column_in_two_units(digits):
    """Celsius beside Fahrenheit: at the floor of variance, which is reported, or left out."""
    rng = np.random.default_rng(0)
    celsius = np.concatenate([rng.normal(15, 2, 100), rng.normal(25, 2, 100)])
    humidity = np.concatenate([rng.normal(70, 5, 100), rng.normal(50, 5, 100)])
    celsius = celsius if digits is None else celsius.round(digits)
    X = np.column_stack([celsius, humidity, 1.8 * celsius + 32])
    tied = dict(covariance_type="tied", random_state=0)
    assert any("floor" in line for line in GaussianMixture(2, **tied).fit(X).fit_report_)
    selection = select(X, n_components=[1, 2], covariance_types="tied", random_state=0)
    assert selection.aside == (2,)
    assert_allclose(selection.best_row.log_likelihood, 200 * GaussianMixture(2, **tied).fit(X[:, :2]).score(X[:, :2]))


def test_acceleration_from_labels_ends_no_lower():
    """Ten columns of breast cancer, tied: leaps used to end two nats lower."""
    from sklearn.datasets import load_breast_cancer

    X, kinds = load_breast_cancer(return_X_y=True)
    X = (X[:, :10] - X[:, :10].mean(axis=0)) / X[:, :10].std(axis=0)
    ends = [569 * GaussianMixture(2, covariance_type="tied", init_params=kinds, acceleration=how, tol=1e-8,
                                  max_iter=5000).fit(X).score(X) for how in ("squarem", None)]
    assert_allclose(ends, -2304.5978, atol=1e-3)
