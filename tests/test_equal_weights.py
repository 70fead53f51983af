"""Equal mixing weights: EM with these fixed, against R's mclust and a few lines of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, rankdata

from cyem import GaussianMixture, select
from cyem import load as load_model

# R's mclust 6.0.0: me(faithful, modelName, unmap(cut(rank(waiting, ties = "first"), k)), control =
# emControl(tol = c(1e-14, 1e-12), itmax = c(100000, 10000), equalPro = TRUE))$loglik, and nMclustParams
MCLUST = [
    ("VVV", 2, -1141.688150381, 10),
    ("VVV", 3, -1127.148721728, 15),
    ("EEE", 2, -1151.033910222, 7),
    ("EEE", 3, -1131.073749079, 9),
    ("VEV", 2, -1146.038050490, 9),
    ("VEV", 3, -1122.949091955, 13),
]


def parts(X, k):
    """Labels: k parts of equal size by the last feature."""
    return ((rankdata(X[:, -1], method="ordinal") - 1) * k // len(X)).astype(int)


@pytest.mark.parametrize("structure, k, log_likelihood, n_parameters", MCLUST)
def test_mclust(load, structure, k, log_likelihood, n_parameters):
    X = load("faithful")
    model = GaussianMixture(k, covariance_type=structure, equal_weights=True, init_params=parts(X, k), reg_covar=0,
                            tol=1e-13, max_iter=10_000).fit(X)
    assert len(X) * model.score(X) >= log_likelihood * (1 + 1e-9)
    assert_array_equal(model.weights_, np.full(k, 1 / k))
    assert 2 * n_parameters == pytest.approx(model.aic(X) + 2 * len(X) * model.score(X))


@pytest.mark.parametrize("structure", ["full", "diag"])
def test_numpy(load, structure):
    """Textbook EM with the weights left at 1/2, step by step."""
    X = load("faithful")
    labels = parts(X, 2)
    resp = np.eye(2)[labels]
    for _ in range(8):
        n = resp.sum(axis=0)
        means = resp.T @ X / n[:, None]
        covariances = np.array([((X - m).T * r) @ (X - m) / r.sum() for m, r in zip(means, resp.T, strict=True)])
        if structure == "diag":
            covariances *= np.eye(2)
        density = np.column_stack([multivariate_normal(m, C).pdf(X) for m, C in zip(means, covariances, strict=True)])
        resp = density / density.sum(axis=1, keepdims=True)
    # the first M-step is the start, seven iterations follow
    model = GaussianMixture(2, covariance_type=structure, equal_weights=True, init_params=labels, tol=0, reg_covar=0,
                            acceleration=None, max_iter=7)
    with pytest.warns(UserWarning, match="did not converge"):
        model.fit(X)
    i = range(2)
    assert_allclose(model.means_, means, rtol=1e-10)
    assert_allclose(model.covariances_, covariances if structure == "full" else covariances[:, i, i], rtol=1e-10)
    assert model.lower_bound_ == pytest.approx(np.log(density.mean(axis=1)).mean(), rel=1e-12)


def test_it_never_loses(load):
    model = GaussianMixture(3, equal_weights=True, random_state=0).fit(load("iris"))
    assert (np.diff(model.lower_bounds_) > -1e-12).all()


@pytest.mark.parametrize("init", ["short_em", "kmeans", "k-means++", "random", "random_from_data"])
def test_every_start(load, init):
    model = GaussianMixture(3, equal_weights=True, init_params=init, random_state=0).fit(load("iris"))
    assert_array_equal(model.weights_, np.full(3, 1 / 3))


def test_warm_start_from_unequal_weights(load):
    """The weights that the last fit ended with are not kept, however little the rest changes."""
    X = load("faithful")
    model = GaussianMixture(2, random_state=0).fit(X)
    model.set_params(equal_weights=True, warm_start=True, max_iter=0).fit(X)
    assert_array_equal(model.weights_, [0.5, 0.5])


def test_it_is_a_parameter_like_others(load, tmp_path):
    X = load("faithful")
    model = GaussianMixture(2, equal_weights=True, random_state=0).fit(X, sample_weight=np.arange(272) % 3)
    assert_array_equal(model.weights_, [0.5, 0.5])
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").bic(X) == model.bic(X)
    table = select(X, [1, 2, 3, 4], "full", equal_weights=True, random_state=0)
    assert table.rows[1].n_parameters == 10
    for row, own in zip(table.rows, table.models, strict=True):
        assert_array_equal(own.weights_, np.full(row.n_components, 1 / row.n_components))
    assert table.rows[1].log_likelihood == pytest.approx(272 * GaussianMixture(
        2, equal_weights=True, tol=1e-10, random_state=0).fit(X).score(X), rel=1e-6)


def test_three_of_equal_weights_do_not_include_two(load):
    """Four do: each component twice. 100 and 100 samples far apart; three components of equal weight fit them worse."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(100, 1)), rng.normal(99, 1, (100, 1))])
    table = select(X, [2, 3, 4], "spherical", equal_weights=True, random_state=0)
    two, three, four = (row.log_likelihood for row in table.rows)
    assert three < two < four
    assert table.nesting_violations == ()


def test_uncertainty(load):
    X = load("faithful").astype(np.float32)
    model = GaussianMixture(2, random_state=0).fit(X)
    assert_array_equal(model.uncertainty(X), 1 - model.predict_proba(X).max(axis=1))
    assert model.uncertainty(X).dtype == np.float32


@pytest.mark.parametrize("parameters, fragments", [
    ({"equal_weights": "yes"}, ["equal_weights", "'yes'"]),
    ({"equal_weights": True, "weights_init": [0.3, 0.7]}, ["weights_init", "equal_weights"]),
])
def test_bad_input(load, parameters, fragments):
    with pytest.raises(ValueError) as caught:
        GaussianMixture(2, **parameters).fit(load("faithful"))
    for fragment in fragments:
        assert fragment in str(caught.value)
