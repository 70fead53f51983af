"""Some features given others: formulas of textbooks in NumPy, SciPy's distributions, and the laws of probability."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, multivariate_t, norm
from scipy.stats import t as student

from cyem import GaussianMixture, StudentMixture, kernels
from cyem.families.covariance import STRUCTURES, structure
from cyem.kernels import reference
from cyem.models import conditional

CODES = [each.code for each in STRUCTURES]
KNOWN, ASKED = [3, 0], [1, 4, 2]  # of five features
HEAVY = "full", "tied", "diag", "spherical"


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(5)
    shear = np.eye(5) + 0.4 * rng.normal(size=(5, 5))
    return 100 + (3 * rng.normal(size=(3, 5)))[rng.integers(3, size=400)] + rng.normal(size=(400, 5)) @ shear


@pytest.fixture(scope="module")
def models(X):
    """A mixture of each structure, by its code."""
    return {code: GaussianMixture(3, covariance_type=code, random_state=0).fit(X) for code in CODES}


@pytest.fixture(scope="module")
def heavy(X):
    """A mixture of t distributions with each structure that these have."""
    return {name: StudentMixture(3, covariance_type=name, random_state=0, degrees_of_freedom=[2.5, 5, 9],
                                 max_iter=30, tol=1e-2).fit(X) for name in HEAVY}


def full(model):
    """Covariances, or scale matrices, as k square matrices."""
    return structure(model.covariance_type).full(getattr(model, model._matrices), *model.means_.shape)


def by_hand(model, X, known, asked):
    """Weights (n, k), means (n, k, m), covariances (k, m, m) of features given others, component by component."""
    S, mu = full(model), model.means_
    joint = np.log(model.weights_) + np.column_stack(
        [multivariate_normal(m[known], s[np.ix_(known, known)]).logpdf(X) for m, s in zip(mu, S, strict=True)])
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    means, covariances = [], []
    for m, s in zip(mu, S, strict=True):
        gain = s[np.ix_(asked, known)] @ np.linalg.inv(s[np.ix_(known, known)])
        means.append(m[asked] + (X - m[known]) @ gain.T)
        covariances.append(s[np.ix_(asked, asked)] - gain @ s[np.ix_(known, asked)])
    return weights, np.stack(means, axis=1), np.array(covariances)


def mixed(weights, means, covariances):
    """Means (n, m) and covariances (n, m, m) of mixtures."""
    mean = np.einsum("nk,nkm->nm", weights, means)
    gap = means - mean[:, None]
    return mean, np.einsum("nk,kab->nab", weights, covariances) + np.einsum("nk,nka,nkb->nab", weights, gap, gap)


# --- marginals and conditionals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_marginals_are_sums_over_the_rest(models, X, code):
    model, features = models[code], [4, 1]
    one = model.marginal(features)
    expected = np.log(sum(w * multivariate_normal(m[features], s[np.ix_(features, features)]).pdf(X[:, features])
                          for w, m, s in zip(model.weights_, model.means_, full(model), strict=True)))
    assert_allclose(one.score_samples(X[:, features]), expected, rtol=1e-10)
    assert one.n_features_in_ == 2
    again = one.marginal(1)
    assert_allclose(again.means_, model.means_[:, [1]])


@pytest.mark.parametrize("code", CODES)
def test_conditionals_are_ratios(models, X, code):
    """log f(y | x) = log f(x, y) - log f(x), for every structure, and by a mixture of one that says so."""
    model, x = models[code], X[7]
    given = model.condition({3: x[3], 0: x[0]})
    Y = X[:50, [1, 2, 4]]
    both = np.tile(x, (50, 1))
    both[:, [1, 2, 4]] = Y
    some = model.marginal([0, 3]).score_samples(both[:, [0, 3]])
    assert_allclose(given.score_samples(Y), model.score_samples(both) - some, rtol=1e-9, atol=1e-9)
    _, means, covariances = by_hand(model, x[None, KNOWN], KNOWN, [1, 2, 4])
    assert_allclose(given.means_, means[0], rtol=1e-12)
    assert_allclose(full(given), covariances, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("code", CODES)
def test_structures_are_kept_where_some_features_have_them(models, code):
    """In each structure that says so below, and in no smaller one."""
    kept = {"EVI": "diag", "EVE": "full", "VVE": "full", "EEV": "full", "VEV": "full", "EVV": "full"}.get(code, code)
    assert models[code].marginal([0, 2, 4]).covariance_type == kept
    assert models[code].condition({2: 100.0}).covariance_type == kept


@pytest.mark.parametrize("name", HEAVY)
def test_conditionals_of_t_are_ratios(heavy, X, name):
    model, x = heavy[name], X[3]
    given = model.condition({3: x[3], 0: x[0]})
    Y = X[:50, [1, 2, 4]]
    both = np.tile(x, (50, 1))
    both[:, [1, 2, 4]] = Y
    expected = np.log(sum(w * multivariate_t(m, s, nu).pdf(both) for w, m, s, nu in zip(
        model.weights_, model.means_, full(model), model.degrees_of_freedom_, strict=True)))
    some = np.ix_([0, 3], [0, 3])
    expected -= np.log(sum(w * multivariate_t(m[[0, 3]], s[some], nu).pdf(x[[0, 3]]) for w, m, s, nu in zip(
        model.weights_, model.means_, full(model), model.degrees_of_freedom_, strict=True)))
    assert_allclose(given.score_samples(Y), expected, rtol=1e-9)
    assert_allclose(given.degrees_of_freedom_, [4.5, 7, 11])
    rows = model.predict_conditional(x[None, [3, 0]], known=[3, 0])
    assert_allclose(rows.log_density(Y[0]), expected[:1], rtol=1e-9)


def test_names():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(rng.normal(size=(60, 3)) + np.arange(3), columns=["a", "b", "c"])
    model = GaussianMixture(2, random_state=0).fit(X)
    assert model.marginal(["c", "a"]).feature_names_in_.tolist() == ["c", "a"]
    assert model.condition({"b": 1.0}).feature_names_in_.tolist() == ["a", "c"]
    by_name = model.predict_conditional(X[["c", "a"]])
    by_index = model.predict_conditional(X[["c", "a"]].to_numpy(), features=[1], known=[2, 0])
    assert by_name.features == [1]
    assert_array_equal(by_name.mean(), by_index.mean())
    assert model.cdf(0.3, "b") == model.cdf(0.3, 1)
    with pytest.raises(ValueError, match="'d', which is none of 'a', 'b', 'c'"):
        model.marginal("d")


# --- many rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_many_rows(models, X, code):
    """Formulas in NumPy, to 1e-12."""
    model = models[code]
    rows = model.predict_conditional(X[:, KNOWN], ASKED, known=KNOWN)
    weights, means, covariances = by_hand(model, X[:, KNOWN], KNOWN, ASKED)
    mean, covariance = mixed(weights, means, covariances)
    assert_allclose(rows.weights, weights, atol=1e-10)  # of which the densities are known to the rounding of 100 / 1
    assert_allclose(rows.means, means, rtol=1e-12)
    assert_allclose(rows.covariances[0], covariances, rtol=1e-11, atol=1e-12)
    assert_allclose(rows.mean(), np.einsum("nk,nkm->nm", rows.weights, means), rtol=1e-12)
    assert_allclose(rows.mean(), mean, rtol=1e-12)
    assert_allclose(rows.covariance(), covariance, rtol=1e-9, atol=1e-10)
    assert_allclose(rows.variance(), np.diagonal(covariance, axis1=1, axis2=2), rtol=1e-9)
    assert_allclose(rows.std() ** 2, rows.variance())
    both = model.marginal([*KNOWN, *ASKED]).score_samples(X[:, [*KNOWN, *ASKED]])
    assert_allclose(rows.log_density(X[:, ASKED]), both - model.marginal(KNOWN).score_samples(X[:, KNOWN]))


@pytest.mark.parametrize("code", CODES)
def test_rows_are_conditions(models, X, code):
    """What is said of a row among many is what the mixture says that is conditioned on its values."""
    model = models[code]
    rows = model.predict_conditional(X[:9, KNOWN], ASKED, known=KNOWN)
    for i in range(9):
        one = model.condition(dict(zip(KNOWN, X[i, KNOWN], strict=True)))  # of features 1, 2, 4
        assert_allclose(rows.weights[i], one.weights_, atol=1e-12)
        assert_allclose(rows.means[i], one.means_[:, [0, 2, 1]], rtol=1e-12)
        assert_allclose(rows.quantile([0.2, 0.9], 1)[i], one.quantile([0.2, 0.9], 2), rtol=1e-11)


@pytest.mark.parametrize("family", ["normal", "t"])
def test_rows_with_gaps(models, heavy, X, family):
    """Each pattern is a question of its own; a row of which nothing is known has the mixture without conditions."""
    model, rng = models["VVV"] if family == "normal" else heavy["full"], np.random.default_rng(1)
    gappy = X[:40, KNOWN].copy()
    gappy[rng.random(gappy.shape) < 0.4] = np.nan
    gappy[0] = np.nan
    rows = model.predict_conditional(gappy, ASKED, known=KNOWN)
    quantiles, probabilities = rows.quantile(0.3, 0), rows.cdf(X[:40, 4], 1)
    covariance, density = rows.covariance(), rows.log_density(X[:40, ASKED])
    mean, std = rows.mean_and_std()
    for i, row in enumerate(gappy):
        seen = np.flatnonzero(~np.isnan(row))
        if len(seen):
            one = model.predict_conditional(row[None, seen], ASKED, known=np.array(KNOWN)[seen].tolist())
            assert_allclose(mean[i], one.mean()[0], rtol=1e-12)
            assert_allclose(std[i], one.std()[0], rtol=1e-9)
            assert_allclose(covariance[i], one.covariance()[0], rtol=1e-8, atol=1e-9)
            assert_allclose(quantiles[i], one.quantile(0.3, 0)[0], rtol=1e-12)
            assert_allclose(probabilities[i], one.cdf(X[i, 4], 1)[0], rtol=1e-9)
            assert_allclose(density[i], one.log_density(X[i, ASKED])[0], rtol=1e-9)
        else:
            assert_allclose(mean[i], model.weights_ @ model.means_[:, ASKED], rtol=1e-12)
            assert_allclose(quantiles[i], model.quantile(0.3, 1), rtol=1e-12)
            assert_allclose(rows.means[i], model.means_[:, ASKED], rtol=1e-12)
    assert len(rows.covariances) == len(np.unique(np.isnan(gappy), axis=0))
    filled = np.full((40, 5), np.nan)
    filled[:, KNOWN] = gappy
    assert_allclose(mean, model.impute(filled)[:, ASKED], rtol=1e-10)


@pytest.mark.parametrize("name", HEAVY)
def test_rows_of_t(heavy, X, name):
    """Density, by SciPy; mean and variance by integrals over it."""
    model = heavy[name]
    rows = model.predict_conditional(X[:5, [0, 1, 2, 3]], 4)
    angles = (np.arange(20000) + 0.5) / 20000 * np.pi - np.pi / 2  # a grid as wide as the tails
    for i, x in enumerate(X[:5, :4]):
        mean, variance = rows.mean()[i, 0], rows.variance()[i, 0]
        y, widths = mean + np.tan(angles), np.pi / 20000 / np.cos(angles) ** 2
        both = np.column_stack([np.tile(x, (len(y), 1)), y])
        density = widths * sum(w * multivariate_t(m, s, nu).pdf(both) for w, m, s, nu in zip(
            model.weights_, model.means_, full(model), model.degrees_of_freedom_, strict=True))
        density /= density.sum()
        assert_allclose(density @ y, mean, rtol=1e-9)
        assert_allclose(density @ (y - mean) ** 2, variance, rtol=1e-6)
        assert_allclose(rows.covariance()[i, 0, 0], variance, rtol=1e-10)
        assert_allclose(rows.cdf(mean + 1)[i], density[y < mean + 1].sum(), atol=1e-3)
        assert_allclose(rows.cdf(rows.quantile(0.9)[:, 0])[i], 0.9, rtol=1e-12)


def test_moments_that_do_not_exist():
    """Of a component with one degree of freedom there is no mean, of one with two no variance."""
    wild = StudentMixture.from_parameters([0.5, 0.5], [[0, 0], [5, 5]], [1.0, 1.0], [0.5, 9.0], "spherical")
    assert np.isinf(wild.predict_conditional([[0.0]], 1).variance()).all()  # one and a half
    assert np.isfinite(wild.predict_conditional([[0.0]], 1).mean()).all()
    cauchy = StudentMixture.from_parameters([1.0], [[0, 0]], [1.0], [0.5], "spherical")
    assert np.isnan(cauchy.predict_conditional([[np.nan]], 1).mean()).all()


def test_far_from_the_origin(models, X):
    """What is said does not depend on where zero is, or on units, up to the rounding of the data."""
    model = models["VVV"]
    S = full(model)
    units = np.array([1e-3, 1.0, 1e3, 1e5, 1e-5])
    far = GaussianMixture.from_parameters(model.weights_, model.means_ * units + 1e6 * units,
                                          S * units * units[:, None])
    here = model.predict_conditional(X[:, KNOWN], ASKED, known=KNOWN)
    there = far.predict_conditional((X * units + 1e6 * units)[:, KNOWN], ASKED, known=KNOWN)
    assert_allclose((there.mean() / units[ASKED]) - 1e6, here.mean(), rtol=1e-8)
    assert_allclose(there.std() / units[ASKED], here.std(), rtol=1e-7)


def test_single_precision(models, X):
    model = models["VVV"]
    single = X[:, KNOWN].astype(np.float32)
    one, other = (model.predict_conditional(x, ASKED, known=KNOWN) for x in (single, single.astype(float)))
    assert_array_equal(one.mean(), other.mean())  # computed in double precision
    fitted = GaussianMixture(3, random_state=0).fit(X.astype(np.float32))
    assert_allclose(fitted.marginal([1, 2]).means_, fitted.means_[:, [1, 2]])


# --- one feature -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_cdf_and_quantile(models, code):
    model = models[code]
    sd = np.sqrt(full(model)[:, 2, 2])
    x = np.linspace(80, 120, 41)
    expected = (model.weights_ * norm(model.means_[:, 2], sd).cdf(x[:, None])).sum(axis=1)
    assert_allclose(model.cdf(x, 2), expected, rtol=1e-11)
    q = np.array([1e-300, 1e-12, 0.001, 0.3, 0.5, 0.9, 1 - 1e-12])
    found = model.quantile(q, 2)
    assert (np.diff(found) > 0).all()
    assert_allclose(model.cdf(found, 2), q, rtol=1e-9)
    assert model.cdf(-np.inf, 2) == 0
    assert 1 - 1e-15 <= model.cdf(np.inf, 2) <= 1
    assert model.cdf(x.reshape(1, 41), 2).shape == (1, 41)


@pytest.mark.parametrize("nu", [0.1, 1, 2.5, 30, 9999, 10001, 1e7])
def test_distribution_of_t(nu):
    model = StudentMixture.from_parameters([1.0], [[2.0]], [9.0], nu, "spherical")
    z = np.array([-1e8, -40, -3, -1.2, -0.1, 0, 0.1, 1.2, 3, 40])
    assert_allclose(model.cdf(2 + 3 * z), student(nu).cdf(z), rtol=1e-10, atol=1e-300)
    q = np.array([1e-9, 0.01, 0.3, 0.5, 0.975])
    assert_allclose(model.quantile(q), 2 + 3 * student(nu).ppf(q), rtol=1e-8)


def test_quantiles_between_clusters_far_apart():
    """Where hardly anything is, the distribution function is flat, and Newton's steps lead nowhere."""
    model = GaussianMixture.from_parameters([0.25, 0.75], [[-1e6], [1e6]], [1e-6, 4.0], "spherical")
    assert_allclose(model.quantile(0.125), -1e6, rtol=1e-12)
    assert_allclose(model.quantile([0.2499999, 0.2500001]) / 1e6, [-1, 1], rtol=1e-4)
    assert -1e6 <= model.quantile(0.25) <= 1e6
    assert_allclose(model.quantile(0.625), 1e6, rtol=1e-12)


# --- kernels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", kernels.available())
@pytest.mark.parametrize("n", [1, 63, 64, 65, 3000])
def test_moments_beside_their_twin(monkeypatch, isa, n):
    """Also the same bits for one thread and for three."""
    rng = np.random.default_rng(n)
    p, m, k = 3, 4, 5
    X, reference_, resp = rng.normal(size=(n, p)), rng.normal(size=p), rng.dirichlet(np.ones(k), n)
    stretch, constants, maps = rng.random((n, k)) + 0.5, rng.normal(size=(k, m)), rng.normal(size=(k, m, p))
    spread, about = rng.random((k, m)), rng.normal(size=m)
    for own in (stretch, np.empty((0, 0))):
        found = []
        for n_threads in (1, 3):
            around = np.full((2, n + 16, m), 7.0)
            out = around[0, 8:-8], around[1, 8:-8]
            kernel = kernels.module("conditional", isa)
            size = kernel.workspace_size(p, k, n_threads)
            workspace = np.full(size + 64, 7, np.uint8)
            kernel.conditional_moments(X, reference_, resp, own, constants, maps, spread, about, *out, workspace[:size],
                                       n_threads=n_threads)
            assert (workspace[size:] == 7).all()  # it writes nowhere else
            assert (around[:, :8] == 7).all()
            assert (around[:, -8:] == 7).all()
            found.append(out)
        twin = np.empty((n, m)), np.empty((n, m))
        reference.conditional_moments(X, reference_, resp, own, constants, maps, spread, about, *twin)
        for one, other, expected in zip(*found, twin, strict=True):
            assert_array_equal(one, other)
            assert_allclose(one, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("isa", kernels.available())
def test_quantiles_beside_scipy(isa):
    """And the same bits for one thread and for three."""
    rng = np.random.default_rng(0)
    n, k = 700, 3
    weights, locations, scales = rng.dirichlet(np.ones(k), n), 5 * rng.normal(size=(n, k)), rng.random((n, k)) + 0.1
    freedom, q = np.array([np.inf, 3.0, 40.0]), np.array([1e-4, 0.5, 0.99])
    kernel, heights = kernels.module("conditional", isa), conditional.heights(freedom)
    found = []
    for n_threads in (1, 3):
        out = np.empty((n, 3))
        kernel.quantiles(q, weights, locations, scales, freedom, heights, out, n_threads=n_threads)
        found.append(out)
    assert_array_equal(*found)
    z = (found[0][:, None] - locations[:, :, None]) / scales[:, :, None]
    below = np.stack([norm.cdf(z[:, 0]), student(3).cdf(z[:, 1]), student(40).cdf(z[:, 2])], axis=1)
    assert_allclose((weights[:, :, None] * below).sum(axis=1), np.tile(q, (n, 1)), rtol=1e-11)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "error", "fragments"), [
    (lambda m: m.marginal(5), ValueError, "features has 5, but there are 5 features: give an index from 0 to 4"),
    (lambda m: m.marginal(-1), ValueError, "features has -1"),
    (lambda m: m.marginal([]), ValueError, "features is empty"),
    (lambda m: m.marginal([1, 1]), ValueError, "twice"),
    (lambda m: m.marginal(True), TypeError, "features has True: features are told by index or name"),
    (lambda m: m.marginal(1.0), TypeError, "features has 1.0"),
    (lambda m: m.marginal("a"), ValueError, "the features have no names: use indices"),
    (lambda m: m.condition([1.0]), TypeError, "known must be a dict"),
    (lambda m: m.condition({}), ValueError, "known is empty"),
    (lambda m: m.condition({7: 1.0}), ValueError, "known has 7"),
    (lambda m: m.condition({0: np.nan}), ValueError, "known contains NaN"),
    (lambda m: m.condition(dict.fromkeys(range(5), 1.0)), ValueError, "known has values of all 5 features"),
    (lambda m: m.predict_conditional([[1.0]]), ValueError, "features and known are both None"),
    (lambda m: m.predict_conditional([[1.0]], 2), ValueError, "X_known has 1 columns, expected 4"),
    (lambda m: m.predict_conditional([[1.0]], [2, 3], known=3), ValueError, "both known and asked for"),
    (lambda m: m.predict_conditional([[1.0]], range(5)), ValueError, "none of the 5 features"),
    (lambda m: m.predict_conditional([[np.inf]], 2, known=3), ValueError, "infinity"),
    (lambda m: m.quantile(0.0, 1), ValueError, r"q must be a number in \(0, 1\)"),
    (lambda m: m.quantile([0.5, 1.0], 1), ValueError, "at 0 and 1"),
    (lambda m: m.quantile(0.5), ValueError, "feature is None, but there are 5 features"),
    (lambda m: m.cdf(np.nan, 1), ValueError, "x contains NaN"),
    (lambda m: m.cdf("1", 1), TypeError, "x must hold numbers"),
    (lambda m: m.predict_conditional([[1.0]], [2, 4], known=3).cdf(0.0), ValueError, "feature=None is none of the 2"),
    (lambda m: m.predict_conditional([[1.0]], 2, known=3).cdf([0.0, 1.0]), ValueError, "y has the shape"),
    (lambda m: m.predict_conditional([[1.0]], 2, known=3).quantile(1.5), ValueError, "q must be"),
    (lambda m: m.predict_conditional([[1.0]], 2, known=3).log_density([[1.0, 2.0]]), ValueError, "Y has the shape"),
])
def test_bad_input(models, call, error, fragments):
    with pytest.raises(error, match=fragments):
        call(models["VVV"])


def test_before_fit():
    for call in (lambda m: m.marginal(0), lambda m: m.condition({0: 1.0}), lambda m: m.cdf(0.0),
                 lambda m: m.predict_conditional([[1.0]], 0)):
        with pytest.raises(ValueError, match="not fitted yet"):
            call(GaussianMixture())


def test_how_a_conditional_is_shown():
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0] * 3, [4.0] * 3], np.ones(2), "spherical")
    assert repr(model.predict_conditional([[0.0]], features=[1, 2])) == (
        "<Conditional of features 1 and 2 in 1 row, 2 components>")
