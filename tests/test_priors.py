"""Priors: R's mclust, and what no unit may change. `test_structures.py` sets an optimiser against each structure."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp, softmax

from cyem import GaussianMixture, likelihood_ratio_test, load, select, standard_errors

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge", "ignore:.*fit_report_")
CODES = ["EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]
TIGHT = dict(tol=1e-13, max_iter=10_000)
every_structure = pytest.mark.parametrize("code", CODES)

# me(model, iris, z = the species, prior = priorControl(scale = ...)) of mclust 6.0.0, run to tol 1e-12: log-likelihood
# at the mode, and weights. The scale is 0.3 for round and axis-parallel components, else that of all over 3^(1/2)
MCLUST = {
    "VII": (-384.640357196, [0.2506453, 0.3333333, 0.4160213]),
    "VVI": (-309.884287777, [0.2818160, 0.3333333, 0.3848506]),
    "EEE": (-257.737508873, [0.3187112, 0.3333333, 0.3479554]),
    "VVV": (-192.628225612, [0.3137595, 0.3333333, 0.3529072]),
}


def clusters(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    means = np.array([[0, 0, 0], [4, 0, 1], [0, 4, 3.0]])[:, :d]
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + means[labels], labels


# log-likelihoods where its M-steps maximise another density, or none: `mclust_m_step` says what each of them does
OTHERS = {"EII": -401.95318529563, "EEI": -361.61353948457, "VEI": -340.73839704636, "EVI": -339.5703933224,
          "EEV": -220.92722903979, "VEV": -198.37393748665}


def scale_of(code, X):
    return 0.3 if code.endswith("I") else np.cov(X.T, bias=True) / 3**0.5


@pytest.mark.parametrize("code", MCLUST)
def test_mclust(load, code):
    X, labels = load("iris"), np.repeat(np.arange(3), 50)
    model = GaussianMixture(3, covariance_type=code, prior={"scale": scale_of(code, X)}, init_params=labels,
                            **TIGHT).fit(X)
    value, weights = MCLUST[code]
    assert_allclose(model.score(X) * len(X), value, rtol=1e-8)
    assert_allclose(sorted(model.weights_), weights, atol=1e-6)


def mclust_m_step(code, X, r, scale, shrinkage=0.01):
    """Weights, means and covariances by the M-step of mclust's me beside a prior, from responsibilities r (n, k)."""
    (n, d), k, N, dof = X.shape, r.shape[1], r.sum(axis=0), X.shape[1] + 2
    means, centre = r.T @ X / N[:, None], X.mean(axis=0)
    gap = means - centre
    W = np.einsum("nk,nki,nkj->kij", r, X[:, None] - means, X[:, None] - means)
    W = W + np.einsum("k,ki,kj->kij", shrinkage * N / (N + shrinkage), gap, gap)
    if code != "EEI":  # which does not shrink means
        means = (N[:, None] * means + shrinkage * centre) / (N + shrinkage)[:, None]
    once = n + dof + 2 + (d if code == "EEV" else 0)  # degrees of freedom are counted once, not for each component
    if code == "EII":  # the scale is left out
        return N / n, means, np.eye(d)[None] * np.trace(W.sum(axis=0)) / (dof + 2 + (n + k) * d) * np.ones((k, 1, 1))
    e, axes = np.diagonal(W, axis1=1, axis2=2), np.eye(d)[None]
    if code.endswith("V"):
        e, axes = np.linalg.eigh(W + scale)
    elif code != "EEI":
        e = e + scale
    if code == "EEI":
        e = np.tile((e.sum(axis=0) + scale) / once, (k, 1))
    elif code == "EVI":
        volumes = np.exp(np.log(e).mean(axis=1))
        e = e / volumes[:, None] * volumes.sum() / once
    elif code == "EEV":
        e = np.tile(e.sum(axis=0) / once, (k, 1))
    else:  # degrees of freedom count a d-th for VEI, and not at all for VEV
        volumes = np.ones(k)
        for _ in range(20):
            shape = (e / volumes[:, None]).sum(axis=0)
            shape /= np.exp(np.log(shape).mean())
            volumes = (e / shape).sum(axis=1) / (d * N + (dof + 3 if code == "VEI" else 0))
        e = volumes[:, None] * shape
    return N / n, means, (axes * e[:, None]) @ np.swapaxes(axes, 1, 2)


@pytest.mark.parametrize("code", OTHERS)
def test_where_mclust_is_not_at_the_greatest_density(load, code):
    """What it maximises is known to the digits of its likelihood; the density of the prior that it is told is lower."""
    X, labels = load("iris"), np.repeat(np.arange(3), 50)
    scale, r = scale_of(code, X), np.eye(3)[labels]
    settings = dict(covariance_type=code, prior={"scale": scale})
    for _ in range(200):
        weights, means, covariances = mclust_m_step(code, X, r, scale)
        precisions, gaps = np.linalg.inv(covariances), X[:, None] - means
        logs = np.log(weights) - 0.5 * (np.einsum("nki,kij,nkj->nk", gaps, precisions, gaps)
                                        + np.linalg.slogdet(2 * np.pi * covariances)[1])
        value, r = logsumexp(logs, axis=1).sum(), softmax(logs, axis=1)
    assert_allclose(value, OTHERS[code], rtol=1e-8)
    model = GaussianMixture(3, init_params=labels, **TIGHT, **settings).fit(X)
    if code.endswith("I"):
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    precisions = precisions[:, 0] if code == "EII" else precisions
    there = GaussianMixture(3, weights_init=weights, means_init=means, precisions_init=precisions, max_iter=0,
                            **settings).fit(X)
    assert_allclose(there.score(X) * len(X), value, rtol=1e-9)
    assert (model.lower_bound_ - there.lower_bound_) * len(X) > 1e-3


@every_structure
def test_em_never_loses_density(code):
    X, labels = clusters(30)
    model = GaussianMixture(3, covariance_type=code, prior="weak", init_params=labels % 2 + labels // 2,
                            acceleration=None, tol=1e-10).fit(X)
    assert np.diff(model.lower_bounds_).min() >= -1e-13
    assert model.lower_bound_ == model.lower_bounds_[-1]
    assert model.lower_bound_ <= model.score(X)  # the density of the prior is relative to its greatest


@every_structure
def test_units_change_nothing(code):
    """Of those structures that are of one unit only a common one."""
    X, labels = clusters()
    one = code in ("EII", "VII", "EVE", "VVE", "EEV", "VEV")
    units = np.full(3, 1e-3) if one else np.array([1e-3, 7, 1e5])
    settings = dict(covariance_type=code, prior="weak", init_params=labels, tol=1e-12)
    plain, scaled = GaussianMixture(3, **settings).fit(X), GaussianMixture(3, **settings).fit(X * units + units)
    assert_allclose(scaled.means_, plain.means_ * units + units, rtol=1e-6, atol=1e-6 * units.min())
    assert_allclose(scaled.lower_bound_ + np.log(units).sum(), plain.lower_bound_, rtol=1e-9)


@pytest.mark.parametrize("code", ["VVV", "EEE", "VEE", "EVV"])
def test_linear_maps_change_nothing(code):
    """Nor do they lead out of these structures."""
    X, labels = clusters()
    A = np.random.default_rng(2).normal(size=(3, 3))
    settings = dict(covariance_type=code, prior="weak", init_params=labels, tol=1e-12)
    plain, mapped = GaussianMixture(3, **settings).fit(X), GaussianMixture(3, **settings).fit(X @ A)
    assert_allclose(mapped.means_, plain.means_ @ A, rtol=1e-5, atol=1e-6)


def test_weights_are_repetitions():
    X, labels = clusters()
    w = np.random.default_rng(0).integers(1, 4, size=len(X))
    settings = dict(prior="weak", tol=1e-12)
    weighted = GaussianMixture(3, init_params=labels, **settings).fit(X, sample_weight=w)
    repeated = GaussianMixture(3, init_params=np.repeat(labels, w), **settings).fit(np.repeat(X, w, axis=0))
    assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-6)
    assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=1e-9)


@every_structure
def test_many_samples_say_more_than_a_prior(code):
    """Its weight does not grow with theirs."""
    X, labels = clusters(20_000)
    plain, beside = (GaussianMixture(3, covariance_type=code, prior=prior, init_params=labels).fit(X)
                     for prior in (None, "weak"))
    assert_allclose(beside.score(X), plain.score(X), atol=1e-5)
    assert beside.score(X) <= plain.score(X) + 1e-7


def test_no_component_collapses():
    """Six samples of a plane in four components: of the likelihood there is no maximum."""
    X = clusters(6, d=2)[0]
    model = GaussianMixture(4, prior="weak", reg_covar=0, random_state=0).fit(X)
    assert model.converged_
    assert not any("floor" in line for line in model.fit_report_)
    assert np.linalg.eigvalsh(model.covariances_).min() > 0.01


def test_criteria_are_of_the_likelihood():
    X, labels = clusters()
    model = GaussianMixture(3, prior="weak", init_params=labels).fit(X)
    known = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_)
    assert_allclose(model.bic(X), known.bic(X), rtol=1e-12)
    assert_allclose(model.score(X), known.score(X), rtol=1e-12)


def test_missing_values():
    """Without any the same as without asking; with some EM climbs."""
    X, labels = clusters()
    X[::7, 1] = np.nan
    model = GaussianMixture(3, prior="weak", init_params=labels, acceleration=None).fit(X)
    assert np.diff(model.lower_bounds_).min() >= -1e-12


def test_a_search_with_a_prior_is_never_lower():
    X, _ = clusters(90)
    settings = dict(prior="weak", init_params="random_from_data", random_state=0)
    without = GaussianMixture(4, **settings).fit(X)
    assert GaussianMixture(4, search="swap", **settings).fit(X).lower_bound_ >= without.lower_bound_


def test_a_prior_is_saved(tmp_path):
    X, labels = clusters()
    prior = {"shrinkage": 0.1, "dof": 7}
    model = GaussianMixture(3, prior=prior, init_params=labels).fit(X)
    model.save(tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").prior == prior


@pytest.mark.parametrize(("prior", "message"), [
    ("strong", r"'prior' parameter must be None, 'weak' or a dict .* Got 'strong'"),
    ({"kappa": 1}, r"a dict of shrinkage, mean, dof, scale.* Got \{'kappa': 1\}"),
    ({"shrinkage": -1}, "shrinkage must be >= 0"),
    ({"shrinkage": "much"}, "shrinkage must be a number, got 'much'"),
    ({"shrinkage": None}, "shrinkage must be a number, got None"),
    ({"dof": True}, "dof must be a number, got True"),
    ({"dof": 2}, r"dof=2 must be > 2 for 3 features .*'full'; the default is 5"),
    ({"mean": [0, 0]}, r"mean must have shape \(3,\), one value for each feature, got \(2,\)"),
    ({"mean": [0, np.nan, 0]}, "mean must be an array of finite numbers"),
    ({"mean": [0, 0, 0], "shrinkage": 0}, "mean counts for nothing with shrinkage=0"),
    ({"scale": np.eye(2)}, r"scale must be a number, or have shape \(3,\) or \(3, 3\), got \(2, 2\)"),
    ({"scale": -1.0}, "scale must be > 0"),
    ({"scale": np.ones((3, 3))}, "scale must be symmetric and positive definite"),
    ({"scale": np.triu(np.ones((3, 3))) + np.eye(3)}, "scale must be symmetric and positive definite"),
    ({"scale": "wide"}, "scale must be an array of finite numbers, got 'wide'"),
])
def test_bad_priors_are_named(prior, message):
    model = GaussianMixture(2, prior=prior)
    with pytest.raises(ValueError, match=message):
        model.fit(clusters()[0])
    assert not hasattr(model, "means_")


def test_what_a_prior_does_not_go_with():
    X, labels = clusters()
    with pytest.raises(ValueError, match=r"'held' parameter .* must be None where prior='weak'"):
        GaussianMixture(3, prior="weak", held="means", means_init=np.zeros((3, 3))).fit(X)
    model = GaussianMixture(3, prior="weak", init_params=labels).fit(X)
    with pytest.raises(ValueError, match=r"prior='weak'.*Ask for method='bootstrap'"):
        standard_errors(model, X)
    with pytest.raises(TypeError, match="prior"):
        likelihood_ratio_test(X, 1, prior="weak")
    with pytest.raises(TypeError, match="prior"):
        select(X, prior="weak")
