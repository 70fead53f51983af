"""What holds for every fit, whatever the data: the laws of EM and of a mixture, against definitions written out here
with SciPy.
"""

import json
import pickle
import warnings
from pathlib import Path

import hypothesis.extra.numpy
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from cyem import ConvergenceWarning, GaussianMixture

DATA = Path(__file__).parent / "data"
STRUCTURES = ["full", "tied", "diag", "spherical"]
STARTS = ["default", "kmeans", "k-means++", "random_from_data", "random"]
DTYPES = [np.float64, np.float32]


def clusters(n=300, d=3, k=3, seed=0):
    """Overlapping clusters of different sizes and shapes, and the cluster of each row."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2)))
    means = rng.normal(scale=2, size=(k, d))
    mixing = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    return means[labels] + np.einsum("nij,nj->ni", mixing[labels], rng.normal(size=(n, d))), labels


def start(init_params):
    return {} if init_params == "default" else {"init_params": init_params}


def dense(model):
    """Covariances as one (d, d) matrix per component."""
    k, d = model.means_.shape
    covariances = model.covariances_
    return {
        "full": lambda: covariances,
        "tied": lambda: np.repeat(covariances[None], k, axis=0),
        "diag": lambda: covariances[:, :, None] * np.eye(d),
        "spherical": lambda: covariances[:, None, None] * np.eye(d),
    }[model.covariance_type]()


def joint(model, X):
    """log(weight of the component x its density), (n, k), by definition."""
    parts = [multivariate_normal(m, c).logpdf(X) for m, c in zip(model.means_, dense(model), strict=True)]
    return np.log(model.weights_) + np.column_stack(parts)


def random_model(structure, seed, k=3, d=2):
    """A mixture that was never fitted."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(k, d, d + 2))
    full = roots @ roots.transpose(0, 2, 1)
    covariances = {
        "full": full,
        "tied": full[0],
        "diag": full.diagonal(axis1=1, axis2=2),
        "spherical": full[:, 0, 0],
    }[structure]
    return GaussianMixture.from_parameters(
        rng.dirichlet(np.ones(k)), rng.normal(scale=3, size=(k, d)), covariances, structure
    )


# The climb


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init_params", STARTS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_likelihood_never_falls(structure, init_params, dtype):
    """Each step raises the likelihood, up to its rounding: 32 units in the last place of what is summed."""
    X, _ = clusters()
    w = np.random.default_rng(0).uniform(0, 2, len(X))
    model = GaussianMixture(
        4, covariance_type=structure, reg_covar=0, tol=1e-9, max_iter=2000, random_state=0, **start(init_params)
    )
    model.fit(X.astype(dtype), sample_weight=w)
    check_climb(model, np.finfo(dtype).eps)


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@pytest.mark.parametrize("structure", STRUCTURES)
def test_likelihood_never_falls_on_the_floor(structure):
    """A floor is a constraint, and each step is the best under it: the climb stays a climb."""
    X, _ = clusters()
    model = GaussianMixture(4, covariance_type=structure, reg_covar=0.3, tol=1e-9, max_iter=2000, random_state=0).fit(X)
    check_climb(model, np.finfo(float).eps)


def check_climb(model, eps):
    """No fall beyond rounding, but where the report tells of a component that was moved; the best is kept."""
    bounds = np.array(model.lower_bounds_)
    rounding = 32 * eps * abs(bounds).max()
    moves = sum("iteration" in line for line in model.fit_report_)
    assert np.count_nonzero(np.diff(bounds) < -rounding) <= moves
    assert model.lower_bound_ >= bounds.max() - rounding
    assert len(bounds) == model.n_iter_
    if not moves:
        assert_allclose(bounds[-1], model.lower_bound_, rtol=32 * eps)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_floor_bounds_the_smallest_variance(structure):
    """`reg_covar` times the variance of each feature is the least variance in any direction, in the units of the
    features.
    """
    X, _ = clusters()
    X = X * [1, 100, 0.01]
    model = GaussianMixture(4, covariance_type=structure, reg_covar=0.3, random_state=0).fit(X)
    units = X.std(axis=0) if structure != "spherical" else np.sqrt(X.var(axis=0).mean())
    smallest = np.linalg.eigvalsh(dense(model) / (units * np.reshape(units, (-1, 1)))).min()
    assert smallest >= 0.3 * (1 - 1e-9)


def test_floor_touches_nothing_above_it(load):
    """Unlike a ridge: at the default an ordinary fit is the maximum-likelihood one."""
    X = load("iris")
    labels = np.repeat([0, 1, 2], 50)
    fits = [GaussianMixture(3, reg_covar=r, init_params=labels, tol=1e-10, max_iter=10_000).fit(X) for r in (0, 1e-6)]
    assert_allclose(fits[0].covariances_, fits[1].covariances_, rtol=1e-12)


@pytest.mark.parametrize("tol", [1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("dataset", ["faithful", "iris", "diabetes"])
def test_tol_bounds_the_remaining_gain(load, dataset, tol):
    """From the starts of the reference fits, many of them slow (up to 860 steps of plain EM): what is left to gain at
    the end is at most `tol` per row, or twice that where the projection is not yet sharp. (A looser `tol` than the
    default may end a fit that passes close by a saddle: no projection sees that its gains will grow again.)
    """
    X = load(dataset)
    for case in json.loads((DATA / f"{dataset}.json").read_text())["cases"]:
        if case["model"] not in ("VVV", "EEE", "VVI", "VII"):
            continue
        labels = np.array(case["start_labels"])
        start = {"covariance_type": case["model"], "init_params": labels, "reg_covar": 0}
        model = GaussianMixture(case["n_components"], tol=tol, max_iter=10_000, **start).fit(X)
        assert model.converged_
        reached = model.lower_bound_
        model.set_params(warm_start=True, tol=1e-13, max_iter=100_000).fit(X)
        assert model.lower_bound_ - reached <= 2 * tol, (case["model"], case["n_components"])


@pytest.mark.parametrize("structure", STRUCTURES)
def test_smaller_tol_is_never_worse(structure):
    X, labels = clusters()
    bounds = [
        GaussianMixture(3, covariance_type=structure, init_params=labels, tol=tol, max_iter=10_000).fit(X).lower_bound_
        for tol in (1e-1, 1e-3, 1e-6, 1e-9)
    ]
    assert np.diff(bounds).min() >= -1e-13


@pytest.mark.parametrize("max_iter", [1, 2, 7])
def test_max_iter(max_iter):
    X, _ = clusters()
    model = GaussianMixture(4, init_params="random", tol=1e-12, max_iter=max_iter, random_state=0)
    with pytest.warns(UserWarning, match="did not converge"):
        model.fit(X)
    assert not model.converged_
    assert model.n_iter_ == max_iter
    assert_allclose(model.lower_bound_, model.score(X), rtol=1e-12)


# The fitted mixture


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init_params", STARTS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_fitted_parameters_are_a_mixture(structure, init_params, dtype):
    X, _ = clusters()
    X = X.astype(dtype)
    _n, d = X.shape
    k = 4
    model = GaussianMixture(k, covariance_type=structure, random_state=0, **start(init_params)).fit(X)

    shape = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[structure]
    assert model.weights_.shape == (k,)
    assert model.means_.shape == (k, d)
    for name in ("covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(model, name).shape == shape
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(model, name).dtype == dtype
        assert np.isfinite(getattr(model, name)).all()

    eps = np.finfo(dtype).eps
    assert (model.weights_ > 0).all()
    assert_allclose(model.weights_.sum(dtype=float), 1, rtol=4 * eps)
    assert ((X.min(axis=0) <= model.means_) & (model.means_ <= X.max(axis=0))).all()
    # An M-step keeps the mean of all rows.
    rounding = 64 * eps if dtype == np.float64 else 5e-5  # in single precision the sums of a pass are good to 1e-5
    assert_allclose(model.weights_ @ model.means_, X.mean(axis=0, dtype=float), rtol=0, atol=rounding)
    covariances = dense(model).astype(float)
    assert_array_equal(covariances, covariances.transpose(0, 2, 1))
    assert np.linalg.eigvalsh(covariances).min() > 0

    C, P, U = model.covariances_, model.precisions_, model.precisions_cholesky_
    rounding = 32 * d * eps * np.linalg.cond(covariances).max()
    if structure in ("full", "tied"):
        assert_allclose(C @ P, np.broadcast_to(np.eye(d), shape), rtol=0, atol=rounding)
        assert_allclose(U @ np.swapaxes(U, -1, -2), P, rtol=0, atol=rounding * np.abs(P).max())
        assert_array_equal(U, np.triu(U))
        assert (np.diagonal(U, axis1=-2, axis2=-1) > 0).all()
    else:
        assert_allclose(C * P, 1, rtol=8 * eps)
        assert_allclose(U**2, P, rtol=8 * eps)
        assert (U > 0).all()

    assert isinstance(model.converged_, bool)
    assert isinstance(model.n_iter_, int)
    assert isinstance(model.lower_bound_, float)
    assert model.n_features_in_ == d


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_component_is_the_closed_form(structure, weighted):
    X, _ = clusters(d=4)
    w = np.random.default_rng(0).uniform(0, 2, len(X)) if weighted else np.ones(len(X))
    model = GaussianMixture(1, covariance_type=structure).fit(X, sample_weight=w if weighted else None)
    covariance = np.cov(X.T, aweights=w, bias=True)
    expected = {
        "full": covariance[None],
        "tied": covariance,
        "diag": covariance.diagonal()[None],
        "spherical": covariance.diagonal().mean(keepdims=True),
    }[structure]
    assert_allclose(model.weights_, [1], rtol=1e-15)
    assert_allclose(model.means_, [np.average(X, axis=0, weights=w)], rtol=1e-12, atol=1e-14)
    assert_allclose(model.covariances_, expected, rtol=1e-12, atol=1e-14)
    assert model.converged_
    assert model.predict(X).tolist() == [0] * len(X)


@given(seed=st.integers(0, 2**32 - 1), structure=st.sampled_from(STRUCTURES), k=st.integers(1, 6), d=st.integers(1, 5))
def test_densities_are_by_definition(seed, structure, k, d):
    """score_samples, predict_proba, predict and score against SciPy's densities."""
    model = random_model(structure, seed, k, d)
    X = np.random.default_rng(seed).normal(scale=5, size=(40, d))
    log_joint = joint(model, X)
    expected = logsumexp(log_joint, axis=1)
    assert_allclose(model.score_samples(X), expected, rtol=1e-9, atol=1e-9)  # SciPy inverts by eigenvalues
    assert_allclose(model.predict_proba(X), np.exp(log_joint - expected[:, None]), rtol=0, atol=1e-9)
    assert_allclose(model.score(X), expected.mean(), rtol=1e-9, atol=1e-9)
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_responsibilities_anywhere(structure, dtype):
    """Rows as far as the type goes: responsibilities are finite, none negative, and sum to one; a log-density is
    never NaN or positive infinity.
    """
    model = random_model(structure, 0)

    @given(X=hypothesis.extra.numpy.arrays(dtype, (5, 2), elements={"allow_nan": False, "allow_infinity": False}))
    def check(X):
        r = model.predict_proba(X)
        assert np.isfinite(r).all()
        assert (r >= 0).all()
        assert_allclose(r.sum(axis=1), 1, rtol=0, atol=8 * np.finfo(dtype).eps)
        assert_array_equal(model.predict(X), r.argmax(axis=1))
        density = model.score_samples(X)
        assert not np.isnan(density).any()
        assert (density < np.inf).all()

    check()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_weighted_score(structure):
    X, _ = clusters(d=2)
    w = np.random.default_rng(1).uniform(0, 3, len(X))
    model = random_model(structure, 1)
    assert_allclose(
        model.score(X, sample_weight=w), np.average(logsumexp(joint(model, X), axis=1), weights=w), rtol=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_criteria(structure, weighted):
    """BIC, AIC and ICL from their definitions, in scikit-learn's sign: smaller is better."""
    X, _ = clusters(d=4)
    model = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
    w = np.random.default_rng(1).uniform(0, 3, len(X)) if weighted else np.ones(len(X))
    weight = {"sample_weight": w} if weighted else {}
    p = 2 + 3 * 4 + {"full": 3 * 10, "tied": 10, "diag": 3 * 4, "spherical": 3}[structure]
    assert model._n_parameters() == p
    log_joint = joint(model, X)
    log_likelihood = w @ logsumexp(log_joint, axis=1)
    bic = -2 * log_likelihood + p * np.log(w.sum())
    assert_allclose(model.bic(X, **weight), bic, rtol=1e-10)
    assert_allclose(model.aic(X, **weight), -2 * log_likelihood + 2 * p, rtol=1e-10)
    sharpest = np.max(log_joint, axis=1) - logsumexp(log_joint, axis=1)
    assert_allclose(model.icl(X, **weight), bic - 2 * w @ sharpest, rtol=1e-10)
    assert model.icl(X) >= model.bic(X)


# Sampling


@pytest.mark.parametrize("structure", STRUCTURES)
def test_sample_moments(structure):
    """Mean and covariance of 40000 rows per mixture, within five standard errors; the same for the shares of the
    components.
    """
    model = random_model(structure, 5)
    n = 40_000
    X, y = model.sample(n, random_state=0)
    assert X.shape == (n, 2)
    assert y.shape == (n,)
    shares = np.bincount(y, minlength=3) / n
    assert (abs(shares - model.weights_) < 5 * np.sqrt(model.weights_ * (1 - model.weights_) / n)).all()
    for component, (mean, covariance) in enumerate(zip(model.means_, dense(model), strict=True)):
        own = X[y == component]
        variances = covariance.diagonal()
        assert (abs(own.mean(axis=0) - mean) < 5 * np.sqrt(variances / len(own))).all()
        error = np.sqrt((np.outer(variances, variances) + covariance**2) / len(own))
        assert (abs(np.cov(own.T) - covariance) < 5 * error).all()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_sample_of_a_fit_in_single_precision(structure):
    """Weights in single precision sum to one only nearly."""
    X, _ = clusters()
    X = X.astype(np.float32)
    model = GaussianMixture(5, covariance_type=structure, random_state=0).fit(X)
    drawn, y = model.sample(4000, random_state=0)
    assert_allclose(drawn.mean(axis=0), X.mean(axis=0), rtol=0, atol=5 * X.std() / np.sqrt(4000))
    assert set(y) == set(range(5))


def test_sample_random_state():
    model = random_model("full", 0)
    for seed in (0, 7):
        one, other = model.sample(50, random_state=seed), model.sample(50, random_state=seed)
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])
    assert not np.isin(model.sample(50, random_state=1)[0], model.sample(50, random_state=2)[0]).any()
    rng = np.random.RandomState(0)
    assert not np.isin(model.sample(50, random_state=rng)[0], model.sample(50, random_state=rng)[0]).any()
    assert model.sample()[0].shape == (1, 2)


def test_a_fit_is_reproducible():
    X, _ = clusters()
    one, other = (GaussianMixture(4, random_state=11).fit(X) for _ in range(2))
    assert_array_equal(one.means_, other.means_)
    assert one.lower_bound_ == other.lower_bound_


def test_numpy_global_state_is_the_default_source_of_chance():
    """As in scikit-learn, `random_state=None` draws from `numpy.random`, so seeding it repeats a fit."""
    X, _ = clusters()
    fits = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002
        fits.append(GaussianMixture(4, init_params="random_from_data").fit(X))
    assert_array_equal(fits[0].means_, fits[1].means_)


# From parameters


@pytest.mark.parametrize("structure", STRUCTURES)
def test_from_parameters(structure):
    X, _ = clusters()
    fit = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
    built = GaussianMixture.from_parameters(fit.weights_, fit.means_, fit.covariances_, structure)
    assert built.n_components == 3
    assert built.covariance_type == structure
    assert built.n_features_in_ == 3
    for name in ("weights_", "means_", "covariances_"):
        assert_array_equal(getattr(built, name), getattr(fit, name))
    for name in ("precisions_", "precisions_cholesky_"):
        assert_allclose(getattr(built, name), getattr(fit, name), rtol=1e-10, atol=1e-10)
    assert_allclose(built.score_samples(X), fit.score_samples(X), rtol=1e-10)
    assert_array_equal(built.predict(X), fit.predict(X))
    assert built.sample(3, random_state=0)[0].shape == (3, 3)


def test_density_by_hand(load):
    """As in scikit-learn, setting weights_, means_ and precisions_cholesky_ on an estimator is enough for a density."""
    X = load("faithful")
    fit = GaussianMixture(2, random_state=0).fit(X)
    model = GaussianMixture(2)
    model.weights_, model.means_, model.precisions_cholesky_ = fit.weights_, fit.means_, fit.precisions_cholesky_
    assert_array_equal(model.score_samples(X), fit.score_samples(X))
    assert_array_equal(model.predict(X), fit.predict(X))


# Starts


def test_labels_matrix_and_callable_are_one_start():
    def call(answer):
        def start(X, n_components, random_state):
            assert X.shape == (300, 3)
            assert n_components == 3
            assert isinstance(random_state, np.random.Generator)
            return answer

        return start

    X, _ = clusters()
    labels = np.arange(len(X)) % 3
    resp = np.eye(3)[labels]
    fits = [
        GaussianMixture(3, init_params=init_params, max_iter=5, tol=0)
        for init_params in (labels, resp, labels.tolist(), resp.tolist(), call(resp), call(labels))
    ]
    for model in fits:
        with pytest.warns(UserWarning, match="did not converge"):
            model.fit(X)
    for model in fits[1:]:
        assert_allclose(model.means_, fits[0].means_, rtol=1e-13)
        assert_allclose(model.lower_bounds_, fits[0].lower_bounds_, rtol=1e-13)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_zero_iterations_return_the_start(structure):
    """`max_iter=0`: the M-step of the given labels and nothing else."""
    X, labels = clusters()
    model = GaussianMixture(3, covariance_type=structure, init_params=labels, max_iter=0).fit(X)
    assert_allclose(model.weights_, np.bincount(labels) / len(X), rtol=1e-14)
    assert_allclose(model.means_, [X[labels == j].mean(axis=0) for j in range(3)], rtol=1e-12)
    within = np.array([np.cov(X[labels == j].T, bias=True) for j in range(3)])
    expected = {
        "full": within,
        "tied": np.tensordot(model.weights_, within, 1),
        "diag": within.diagonal(axis1=1, axis2=2),
        "spherical": within.diagonal(axis1=1, axis2=2).mean(axis=1),
    }[structure]
    assert_allclose(model.covariances_, expected, rtol=1e-11, atol=1e-13)
    assert_allclose(model.lower_bound_, model.score(X), rtol=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_parameters_as_start(structure):
    """weights_init, means_init and precisions_init are where the climb begins."""
    X, labels = clusters()
    first = GaussianMixture(3, covariance_type=structure, init_params=labels, tol=1e-4).fit(X)
    given_ = {"weights_init": first.weights_, "means_init": first.means_, "precisions_init": first.precisions_}
    copies = {name: value.copy() for name, value in given_.items()}
    again = GaussianMixture(3, covariance_type=structure, max_iter=0, **given_).fit(X)
    for name in ("weights_", "means_"):
        assert_allclose(getattr(again, name), getattr(first, name), rtol=1e-12)
    assert_allclose(again.covariances_, first.covariances_, rtol=1e-9, atol=1e-12)
    assert_allclose(again.lower_bound_, first.lower_bound_, rtol=1e-10)
    for name, value in copies.items():
        assert_array_equal(given_[name], value)


def test_some_parameters_as_start():
    """What is not given comes from `init_params`, or from the partition by the nearest of the given means."""
    X, labels = clusters()
    weights, means = np.array([0.5, 0.3, 0.2]), X[[0, 100, 200]]
    plain = GaussianMixture(3, init_params=labels, max_iter=0).fit(X)
    with_weights = GaussianMixture(3, init_params=labels, max_iter=0, weights_init=weights).fit(X)
    assert_array_equal(with_weights.weights_, weights)
    assert_allclose(with_weights.means_, plain.means_, rtol=1e-12)
    assert_allclose(with_weights.covariances_, plain.covariances_, rtol=1e-12, atol=1e-14)
    with_means = GaussianMixture(3, max_iter=0, means_init=means).fit(X)
    assert_allclose(with_means.means_, means, rtol=1e-12)
    nearest = GaussianMixture(3, covariance_type="tied", max_iter=0, means_init=means, random_state=5).fit(X)
    assert_allclose(with_means.weights_, nearest.weights_, rtol=1e-12)  # no chance in it


@pytest.mark.parametrize("structure", STRUCTURES)
def test_more_starts_are_never_worse(structure):
    X, _ = clusters(k=5)
    parameters = {"covariance_type": structure, "init_params": "random_from_data", "random_state": 4}
    bounds = [GaussianMixture(5, n_init=n, **parameters).fit(X).lower_bound_ for n in (1, 2, 5)]
    assert np.diff(bounds).min() >= 0


def test_stretched_and_unbalanced_clusters():
    """Long parallel ridges, one of 4 % of the rows: the default start finds them from every seed, Euclidean k-means
    cannot.
    """
    rng = np.random.default_rng(0)
    counts = [500, 460, 40]
    labels = np.repeat(range(3), counts)
    X = np.column_stack([rng.normal(scale=50, size=1000), labels * 4.0 + rng.normal(scale=0.5, size=1000)])
    turned = X @ np.array([[0.8, -0.6], [0.6, 0.8]])
    truth = GaussianMixture(3, init_params=labels).fit(turned).lower_bound_
    for seed in range(10):
        model = GaussianMixture(3, random_state=seed).fit(turned)
        assert model.lower_bound_ >= truth - 1e-3
        assert len(set(zip(labels, model.predict(turned), strict=True))) == 3


@pytest.mark.parametrize("structure", STRUCTURES)
def test_start_on_a_part_of_many_rows(structure):
    """The default start looks at some of many rows; the fit that it leads to is as good as one from the true labels."""
    X, labels = clusters(n=30_000, d=2, seed=4)
    truth = GaussianMixture(3, covariance_type=structure, init_params=labels).fit(X).lower_bound_
    for seed in range(3):
        model = GaussianMixture(3, covariance_type=structure, random_state=seed).fit(X)
        assert model.lower_bound_ >= truth - 2e-5


# Warm start


def test_warm_start_continues():
    X, _ = clusters(n=600)
    cold = GaussianMixture(4, init_params="random_from_data", random_state=0, max_iter=3, tol=1e-10)
    warm = GaussianMixture(4, init_params="random_from_data", random_state=0, max_iter=3, tol=1e-10, warm_start=True)
    with pytest.warns(UserWarning, match="did not converge"):
        assert_array_equal(cold.fit(X).means_, warm.fit(X).means_)
        before = warm.lower_bound_
        cold.fit(X)
        warm.fit(X)
    assert cold.lower_bound_ == before
    assert warm.lower_bound_ > before
    warm.set_params(max_iter=10_000).fit(X)
    reached = warm.lower_bound_
    warm.fit(X)
    assert warm.n_iter_ <= 5  # there was next to nothing left to do
    assert_allclose(warm.lower_bound_, reached, rtol=1e-9)


def test_warm_start_on_other_data():
    """A fit of yesterday's rows is the start for today's."""
    X, _ = clusters(n=600)
    model = GaussianMixture(3, random_state=0, warm_start=True, tol=1e-8, max_iter=10_000).fit(X[::2])
    model.fit(X[1::2])
    assert_allclose(model.lower_bound_, model.score(X[1::2]), rtol=1e-12)


# Collapse


COLLAPSING = np.concatenate(
    [
        np.random.default_rng(0).normal(size=(50, 2)),
        np.random.default_rng(1).normal(size=(50, 2)) + 6,
        np.full((6, 2), 12.0),
    ]
)


@pytest.mark.parametrize("structure", ["full", "diag", "spherical"])
def test_collapse_is_reported_and_warned_about_once(structure):
    """A component of six identical rows has no variance: it is held at the floor, and one warning points to the
    report.
    """
    labels = np.repeat([0, 1, 2], [50, 50, 6])
    model = GaussianMixture(3, covariance_type=structure, init_params=labels)
    with pytest.warns(UserWarning, match="fit_report_") as caught:
        model.fit(COLLAPSING)
    assert len(caught) == 1
    report = model.fit_report_
    assert len(report) >= 1
    assert all(isinstance(line, str) and "component" in line and "\n" not in line for line in report)
    assert str(report).splitlines() == list(report)
    assert_allclose(model.means_[2], 12)
    assert_array_equal(model.predict(COLLAPSING), labels)


def test_ordinary_fits_report_nothing(recwarn):
    X, _labels = clusters()
    model = GaussianMixture(3, random_state=0).fit(X)
    assert len(model.fit_report_) == 0
    assert tuple(model.fit_report_) == ()
    assert str(model.fit_report_).strip() == "" or len(str(model.fit_report_).splitlines()) == 1
    assert len(recwarn) == 0


def test_empty_component_is_seeded_again():
    """A mean far from every row has no responsibilities at all; the fit goes on with three real components."""
    X, labels = clusters(seed=3)
    means = [X[labels == 0].mean(axis=0), X[labels == 1].mean(axis=0), np.full(3, 1e6)]
    model = GaussianMixture(3, means_init=means, precisions_init=np.tile(np.eye(3), (3, 1, 1)))
    with pytest.warns(UserWarning, match="fit_report_"):
        model.fit(X)
    assert model.weights_.min() > 1e-3
    two = GaussianMixture(2, init_params=np.minimum(labels, 1)).fit(X)
    assert model.lower_bound_ > two.lower_bound_


def test_empty_component_in_responsibilities():
    X, labels = clusters()
    model = GaussianMixture(4, init_params=np.eye(4)[labels])
    with pytest.warns(UserWarning, match="fit_report_"):
        model.fit(X)
    assert model.weights_.min() > 0
    assert model.lower_bound_ > GaussianMixture(3, init_params=labels).fit(X).lower_bound_


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@pytest.mark.parametrize("structure", STRUCTURES)
def test_several_starts_survive_collapse(structure):
    """With starts that collapse among them, the best of all is kept and is as good as the best single one."""
    parameters = {"covariance_type": structure, "init_params": "random_from_data", "reg_covar": 0}
    rng = np.random.RandomState(0)
    single = [GaussianMixture(3, random_state=rng, **parameters).fit(COLLAPSING).lower_bound_ for _ in range(10)]
    many = GaussianMixture(3, n_init=10, random_state=np.random.RandomState(0), **parameters).fit(COLLAPSING)
    assert np.isfinite(single).all()
    assert many.lower_bound_ >= max(single) - 1e-9  # the same ten starts


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@given(
    X=hypothesis.extra.numpy.arrays(
        np.int8, st.tuples(st.integers(3, 12), st.integers(1, 3)), elements=st.integers(0, 3)
    ),
    structure=st.sampled_from(STRUCTURES),
    init_params=st.sampled_from(STARTS),
    reg_covar=st.sampled_from([0, 1e-6]),
)
def test_no_table_of_small_integers_breaks_a_fit(X, structure, init_params, reg_covar):
    """Ties, duplicates, constant columns, hardly any rows."""
    model = GaussianMixture(3, covariance_type=structure, reg_covar=reg_covar, random_state=0, **start(init_params))
    model.fit(X)
    assert np.isfinite(model.lower_bound_)
    assert np.isfinite(model.means_).all()
    assert np.linalg.eigvalsh(dense(model)).min() > 0
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert_allclose(model.lower_bound_, model.score(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("structure", ["full", "tied", "diag", "spherical"])
def test_predictions_follow_parameters_that_are_changed_by_hand(load, structure):
    """In place or by a new array, also after predictions, and in copies: what was computed before is never used."""
    X = load("iris")
    model = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)

    def fresh():
        return GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_, structure)

    def changed(before):
        now = model.predict_proba(X)
        assert not np.allclose(now, before, atol=1e-3)
        assert_allclose(now, fresh().predict_proba(X), atol=1e-9)
        assert_allclose(model.score_samples(X), fresh().score_samples(X), rtol=1e-9)
        assert_allclose(pickle.loads(pickle.dumps(model)).predict_proba(X), now, rtol=0)
        return now

    now = model.predict_proba(X)
    model.means_[0] += 1.0
    now = changed(now)
    model.means_ = model.means_ - 0.5
    now = changed(now)
    model.weights_[:] = [0.98, 0.01, 0.01]
    now = changed(now)
    model.covariances_ *= 9
    model.precisions_cholesky_ /= 3
    changed(now)
    assert_allclose(model.predict_proba(X.astype(np.float32)), model.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(4))
def test_the_value_of_a_fit_is_that_of_its_parameters(structure, seed):
    """Also where components are so thin that a pass cannot take from the whole what the one before it has taken."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(0, 10, 180), rng.integers(3, size=180) + rng.normal(0, 5e-3, 180)])
    for how in (dict(init_params="random"), dict(init_params="random", acceleration=None), {}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = GaussianMixture(3, covariance_type=structure, random_state=seed, tol=1e-9, reg_covar=0,
                                    max_iter=300, **how).fit(X)
        assert_allclose(model.lower_bound_, model.score(X), rtol=1e-8)
