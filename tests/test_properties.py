"""Laws over mixtures and data drawn at random: all structures and tails, any shape, weights, gaps, dtypes, degenerate
columns. Here some examples of each; `ci/deep laws` draws ten thousand.

Data lie on a dyadic grid and units are powers of two, so that moving them rounds nothing. Fits are of a few iterations
from given labels: what a law compares then differs by rounding alone, not by which maximum a path ends at.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t

import cyem
from cyem import GaussianMixture, StudentMixture
from cyem.em.problem import Problem
from cyem.families.covariance import structure as structure_named
from cyem.families.gaussian import Gaussian
from cyem.rows.samples import Samples

CODES = ["EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]
HEAVY = ["full", "tied", "diag", "spherical"]
CLOSED = [code for code in CODES if code not in ("VEI", "VEE", "EVE", "VVE", "VEV")]  # an M-step without a search
FREE = [code for code in CODES if code[2] != "I"]  # axes may lie as they like
LINEAR = ["EEE", "VEE", "VVV"]  # any linear map of the features leads to a mixture of the same structure
GRID = 2.0**-9

pytestmark = pytest.mark.filterwarnings("ignore::cyem.ConvergenceWarning")


class Case(NamedTuple):
    """Rows on a grid, what is known of them, and a seed for what else is drawn."""

    X: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    k: int
    seed: int

    @property
    def rng(self):
        return np.random.default_rng(self.seed + 1)


@st.composite
def cases(draw, most_d=4, most_k=4, degenerate=False):
    """Clusters, of which each has rows enough for a covariance matrix of its own."""
    d, k = draw(st.integers(1, most_d)), draw(st.integers(1, most_k))
    each = draw(st.integers(d + 3, 4 * d + 12))
    seed = draw(st.integers(0, 2**32 - 2))
    apart = draw(st.sampled_from([0.0, 1.0, 3.0, 30.0]))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(k), each))
    X = rng.normal(size=(k * each, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 2)
    X = np.round((X + apart * rng.normal(size=(k, d))[labels]) / GRID) * GRID
    if degenerate:
        match draw(st.integers(0, 4)):
            case 1:
                X[:, 0] = 3.0
            case 2:
                X = X[rng.integers(max(k, 3), size=len(X))]
            case 3:
                X[:, -1] = 2 * X[:, 0]
            case 4:
                X = np.round(X)
    weights = rng.integers(0, 4, len(X)).astype(float)
    for j in range(k):  # all of them are there, with rows enough
        weights[np.flatnonzero(labels == j)[: d + 2]] += 1
    return Case(X, labels, weights, k, seed)


@st.composite
def mixtures(draw, families=("gaussian", "student"), most_d=5, most_k=4, least_d=1):
    """Mixtures that were never fitted, of all structures."""
    d, k = draw(st.integers(least_d, most_d)), draw(st.integers(1, most_k))
    heavy = draw(st.sampled_from(families)) == "student"
    code = draw(st.sampled_from(HEAVY if heavy else CODES))
    seed = draw(st.integers(0, 2**32 - 2))
    return made(heavy, code, k, d, seed), seed


def made(heavy, code, k, d, seed):
    rng = np.random.default_rng(seed)
    shape = structure_named(code)
    volumes, shapes = rng.uniform(0.3, 3, k), rng.uniform(0.3, 3, (k, d))
    axes = np.linalg.qr(rng.normal(size=(k, d, d)))[0]
    letters = shape.code
    volumes = volumes[:1].repeat(k) if letters[0] == "E" else volumes
    shapes = np.ones((k, d)) if letters[1] == "I" else shapes[:1].repeat(k, axis=0) if letters[1] == "E" else shapes
    shapes /= np.exp(np.log(shapes).mean(axis=1, keepdims=True))
    axes = np.eye(d)[None].repeat(k, axis=0) if letters[2] == "I" else axes[:1].repeat(k, axis=0) if (
        letters[2] == "E") else axes
    full = volumes[:, None, None] * (axes * shapes[:, None, :]) @ axes.swapaxes(1, 2)
    given_ = shape.condensed((full + full.swapaxes(1, 2)) / 2)
    weights, means = rng.dirichlet(np.ones(k)), rng.normal(scale=3, size=(k, d))
    if not heavy:
        return GaussianMixture.from_parameters(weights, means, given_, code)
    return StudentMixture.from_parameters(weights, means, given_, rng.uniform(0.5, 30, k), code)


def log_joint(model, X):
    """log(weight of the component x its density), (n, k), by SciPy."""
    k, d = model.means_.shape
    matrices = getattr(model, "scales_", model.covariances_)
    full = structure_named(model.covariance_type).full(matrices, k, d)
    if isinstance(model, StudentMixture):
        parts = [multivariate_t(m, C, df).logpdf(X) for m, C, df in
                 zip(model.means_, full, model.degrees_of_freedom_, strict=True)]
    else:
        parts = [multivariate_normal(m, C).logpdf(X) for m, C in zip(model.means_, full, strict=True)]
    return np.log(model.weights_) + np.column_stack([np.atleast_1d(part) for part in parts])


def fitted(case, code, X=None, labels=None, weights=None, heavy=False, **how):
    """A few iterations from labels, with a floor that rounding does not reach."""
    how = dict(max_iter=3, tol=0.0, acceleration=None, reg_covar=1e-3) | how
    model = (StudentMixture if heavy else GaussianMixture)(
        case.k, covariance_type=code, init_params=case.labels if labels is None else labels, **how)
    return model.fit(case.X if X is None else X, sample_weight=weights)


def assert_same_climb(one, other, rtol=1e-7, fall=0.0):
    """Values after each iteration, lower by `fall`; at the end rounding says when there is no gain left."""
    n = max(len(one.lower_bounds_), len(other.lower_bounds_))
    these, those = (np.pad(m.lower_bounds_, (0, n - len(m.lower_bounds_)), "edge") for m in (one, other))
    assert_allclose(those + fall, these, rtol=rtol, atol=rtol)


def assert_same(one, other, rtol=1e-7):
    """The same but for rounding: what few iterations make of that is far below."""
    assert_same_climb(one, other, rtol)
    for name in ("weights_", "means_", "covariances_"):
        size = max(1.0, np.abs(getattr(one, name)).max())
        assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol * size, err_msg=name)


any_code = st.sampled_from(CODES)


# Fits


@given(case=cases(degenerate=True), code=any_code)
def test_weights_are_repetitions(case, code):
    """Integer weights are rows that are there so many times, weight 0 is a row that is not there."""
    times = case.weights.astype(int)
    weighted = fitted(case, code, weights=case.weights)
    X, labels = np.repeat(case.X, times, axis=0), np.repeat(case.labels, times)
    repeated = fitted(case, code, X, labels)
    assert_same(weighted, repeated)
    for question in ("score", "bic", "aic"):
        assert_allclose(getattr(weighted, question)(case.X, sample_weight=case.weights),
                        getattr(repeated, question)(X), rtol=1e-7, atol=1e-7)


@given(case=cases(degenerate=True), code=any_code, scale=st.integers(-40, 40))
def test_scale_of_weights(case, code, scale):
    """Weights are relative; a power of two changes no bit."""
    one, other = fitted(case, code, weights=case.weights), fitted(case, code, weights=case.weights * 2.0**scale)
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@given(case=cases(degenerate=True), code=any_code)
def test_order_of_rows(case, code):
    order = case.rng.permutation(len(case.X))
    assert_same(fitted(case, code), fitted(case, code, case.X[order], case.labels[order]))


@given(case=cases(), code=any_code)
def test_order_of_components(case, code):
    order = case.rng.permutation(case.k)
    one, other = fitted(case, code), fitted(case, code, labels=np.argsort(order)[case.labels])
    assert_same_climb(one, other)
    assert_allclose(other.means_, one.means_[order], rtol=1e-6, atol=1e-6 * max(1.0, np.abs(one.means_).max()))
    assert_allclose(other.weights_, one.weights_[order], rtol=1e-6)


@given(case=cases(), code=any_code)
def test_order_of_features(case, code):
    order = case.rng.permutation(case.X.shape[1])
    one, other = fitted(case, code), fitted(case, code, case.X[:, order])
    assert_same_climb(one, other)
    assert_allclose(other.means_, one.means_[:, order], rtol=1e-6, atol=1e-6 * max(1.0, np.abs(one.means_).max()))


@given(case=cases(degenerate=True), code=any_code, data=st.data())
def test_units_change_no_bit(case, code, data):
    """Powers of two, each feature its own where the structure has that."""
    d = case.X.shape[1]
    one_unit = structure_named(code).one_unit and d > 1
    powers = np.array(data.draw(st.lists(st.integers(-200, 200), min_size=d, max_size=d)))
    powers = powers[:1].repeat(d) if one_unit else powers
    s = 2.0**powers
    one, other = fitted(case, code), fitted(case, code, case.X * s)
    assert_array_equal(other.means_ / s, one.means_)
    assert_array_equal(other.weights_, one.weights_)
    assert_array_equal(other.predict_proba(case.X * s), one.predict_proba(case.X))
    assert_allclose(other.lower_bound_ + math.log(2) * powers.sum(), one.lower_bound_, rtol=1e-12, atol=1e-10)


@given(case=cases(), code=any_code, power=st.integers(0, 26))
def test_offsets(case, code, power):
    """Rows far away: nothing was rounded on the way there, and what is found differs no more than by rounding."""
    c = 2.0**power
    one, other = fitted(case, code), fitted(case, code, case.X + c)
    assert_same_climb(one, other)
    assert_allclose(other.means_ - c, one.means_, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(one.means_).max()))


@given(case=cases(), code=st.sampled_from([code for code in FREE if code in CLOSED] + ["EII", "VII"]))
def test_rotations(case, code):
    """Structures whose axes may lie as they like know no axes."""
    d = case.X.shape[1]
    Q = np.linalg.qr(case.rng.normal(size=(d, d)))[0]
    how = dict(reg_covar=0.0)  # the floor is that of the features as they are
    one, other = fitted(case, code, **how), fitted(case, code, case.X @ Q, **how)
    size = max(1.0, np.abs(case.X).max())
    assert_same_climb(one, other)
    assert_allclose(other.means_, one.means_ @ Q, rtol=1e-6, atol=1e-6 * size)


@given(case=cases(), code=st.sampled_from(["EEE", "VVV"]))
def test_linear_maps(case, code):
    d = case.X.shape[1]
    A = np.linalg.qr(case.rng.normal(size=(d, d)))[0] * case.rng.uniform(0.5, 2, d)
    A = A @ np.linalg.qr(case.rng.normal(size=(d, d)))[0]
    how = dict(reg_covar=0.0)
    one, other = fitted(case, code, **how), fitted(case, code, case.X @ A, **how)
    log_det = np.linalg.slogdet(A)[1]
    assert_same_climb(one, other, fall=log_det)
    assert_allclose(other.means_, one.means_ @ A, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(case.X).max()))


@given(case=cases(degenerate=True), code=any_code, reg_covar=st.sampled_from([0.0, 1e-6, 0.1]),
       how=st.sampled_from([{}, dict(equal_weights=True), dict(acceleration="squarem")]), single=st.booleans())
def test_likelihood_never_falls(case, code, reg_covar, how, single):
    """Up to rounding, but for moves that the report tells of; the value is that of the parameters."""
    X = case.X.astype(np.float32 if single else np.float64)
    model = fitted(case, code, X, weights=case.weights, max_iter=30, reg_covar=reg_covar, **how)
    climbs(model, np.finfo(X.dtype).eps)
    slack = 1e-7 if not single else 1e-3
    assert_allclose(model.lower_bound_, model.score(X, sample_weight=case.weights), rtol=slack, atol=slack)


@given(case=cases(degenerate=True), code=st.sampled_from(HEAVY), freedom=st.sampled_from(["own", "shared", 3.0, 1e6]))
def test_likelihood_never_falls_with_heavy_tails(case, code, freedom):
    model = fitted(case, code, weights=case.weights, heavy=True, degrees_of_freedom=freedom, max_iter=20)
    climbs(model, np.finfo(float).eps)
    assert_allclose(model.lower_bound_, model.score(case.X, sample_weight=case.weights), rtol=1e-7, atol=1e-7)


@given(case=cases(), code=any_code, share=st.sampled_from([0.05, 0.4]), noisy=st.booleans())
def test_likelihood_never_falls_with_gaps(case, code, share, noisy):
    X = holed(case, share)
    noise = 0.2 * case.rng.random(X.shape) if noisy else None
    model = GaussianMixture(case.k, covariance_type=code, init_params=case.labels, max_iter=10, tol=0.0, reg_covar=1e-3)
    model.fit(X, sample_weight=case.weights, noise=noise)
    climbs(model, np.finfo(float).eps)
    assert_allclose(model.lower_bound_, model.score(X, sample_weight=case.weights, noise=noise), rtol=1e-7, atol=1e-7)


@given(case=cases(), code=any_code)
def test_density_never_falls_beside_a_prior(case, code):
    model = fitted(case, code, weights=case.weights, prior="weak", max_iter=10)
    climbs(model, np.finfo(float).eps)


@given(case=cases(), code=any_code)
def test_likelihood_never_falls_beside_a_background(case, code):
    assume(np.ptp(case.X, axis=0).min() > 0)
    model = fitted(case, code, weights=case.weights, background=True, max_iter=10)
    climbs(model, np.finfo(float).eps)
    assert_allclose(model.lower_bound_, model.score(case.X, sample_weight=case.weights), rtol=1e-7, atol=1e-7)


def climbs(model, eps):
    bounds = np.array(model.lower_bounds_)
    rounding = 64 * eps * max(1.0, np.abs(bounds).max(initial=1.0))
    moves = sum("iteration" in line for line in model.fit_report_)
    assert np.count_nonzero(np.diff(bounds) < -rounding) <= moves, (np.diff(bounds).min(), model.fit_report_)
    assert model.lower_bound_ >= bounds.max(initial=-np.inf) - rounding


def holed(case, share):
    """The rows with gaps, none of them without any value."""
    X = case.X.copy()
    gaps = case.rng.random(X.shape) < share
    gaps[np.arange(len(X)), case.rng.integers(X.shape[1], size=len(X))] = False
    X[gaps] = np.nan
    return X


@given(case=cases(degenerate=True), code=any_code, n_threads=st.integers(2, 5), copies=st.sampled_from([1, 40]))
def test_threads_change_no_bit(case, code, n_threads, copies):
    """Also where rows are enough for several pieces."""
    X, labels = np.tile(case.X, (copies, 1)), np.tile(case.labels, copies)
    one, other = (fitted(case, code, X, labels, n_threads=n) for n in (1, n_threads))
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert_array_equal(one.score_samples(X), other.score_samples(X))


@given(case=cases(), code=any_code)
def test_layout_changes_no_bit(case, code):
    one, other = fitted(case, code), fitted(case, code, np.asfortranarray(case.X))
    assert_array_equal(one.means_, other.means_)
    assert_array_equal(one.predict_proba(case.X), other.predict_proba(np.asfortranarray(case.X)))


@given(case=cases(), code=st.sampled_from(CODES), single=st.booleans())
def test_precision(case, code, single):
    """Rows that single precision holds: what is found of them is the same to that precision."""
    one, other = fitted(case, code, max_iter=1), fitted(case, code, case.X.astype(np.float32), max_iter=1)
    assert other.means_.dtype == np.float32
    size = max(1.0, np.abs(case.X).max())
    assert_allclose(other.means_, one.means_, rtol=1e-3, atol=1e-3 * size)
    assert_allclose(other.lower_bound_, one.lower_bound_, rtol=1e-3, atol=1e-3)


@given(case=cases(), code=any_code, rows=st.integers(1, 50))
def test_reading_in_pieces_changes_no_bit(case, code, rows):
    """Rows that come in chunks are those of an array."""
    chunks = [case.X[i : i + rows] for i in range(0, len(case.X), rows)]
    scan = cyem.scan(lambda: iter(chunks), memory=1 << 30)
    one, other = fitted(case, code), fitted(case, code, scan)
    assert_array_equal(one.means_, other.means_)
    assert one.lower_bounds_ == other.lower_bounds_


# What is known of rows


@given(case=cases(degenerate=True), code=any_code)
def test_errors_of_nothing(case, code):
    """Complete rows without errors of measurement, as those of which a part is known: the same fit."""
    one = fitted(case, code)
    other = GaussianMixture(case.k, covariance_type=code, init_params=case.labels, max_iter=3, tol=0.0, reg_covar=1e-3,
                            acceleration=None).fit(case.X, noise=np.zeros(case.X.shape))
    assert_same(one, other, rtol=1e-6)


@given(case=cases(), code=any_code)
def test_rows_without_labels(case, code):
    """A label for each row: one update is all there is to do. It is the M-step of these labels."""
    model = GaussianMixture(case.k, covariance_type=code, reg_covar=1e-3, tol=1e-9).fit(case.X, labels=case.labels)
    start = fitted(case, code, max_iter=0)
    assert_allclose(model.weights_, np.bincount(case.labels) / len(case.X), rtol=1e-12)
    assert_allclose(model.means_, start.means_, rtol=1e-9, atol=1e-9 * np.abs(case.X).max())


@given(drawn=mixtures(least_d=2), share=st.sampled_from([0.2, 0.6]))
def test_gaps_are_marginals(drawn, share):
    """The density of what was observed is that of the marginal mixture."""
    model, seed = drawn
    rng = np.random.default_rng(seed + 1)
    d = model.means_.shape[1]
    seen = np.sort(rng.choice(d, size=rng.integers(1, d), replace=False))
    X = 4 * rng.normal(size=(5, d))
    X[:, np.setdiff1d(np.arange(d), seen)] = np.nan
    marginal = model.marginal(seen.tolist())
    assert_allclose(model.score_samples(X), marginal.score_samples(X[:, seen]), rtol=1e-9, atol=1e-9)
    assert_allclose(model.predict_proba(X), marginal.predict_proba(X[:, seen]), rtol=1e-8, atol=1e-9)


@given(drawn=mixtures(least_d=2))
def test_marginal_times_conditional(drawn):
    """f(a, b) = f(a) f(b | a), row by row and all at once."""
    model, seed = drawn
    rng = np.random.default_rng(seed + 1)
    d = model.means_.shape[1]
    known = np.sort(rng.choice(d, size=rng.integers(1, d), replace=False)).tolist()
    asked = [feature for feature in range(d) if feature not in known]
    X = 3 * rng.normal(size=(3, d))
    joint, marginal = model.score_samples(X), model.marginal(known).score_samples(X[:, known])
    rows = model.predict_conditional(X[:, known], features=asked, known=known)
    assert_allclose(marginal + rows.log_density(X[:, asked]), joint, rtol=1e-8, atol=1e-8)
    for row, total, part, mean in zip(X, joint, marginal, rows.mean(), strict=True):
        given_ = model.condition(dict(zip(known, row[known].tolist(), strict=True)))
        assert_allclose(part + given_.score_samples(row[None, asked])[0], total, rtol=1e-8, atol=1e-8)
        assert_allclose(given_.weights_ @ given_.means_, mean, rtol=1e-8, atol=1e-8)


# Mixtures


@given(drawn=mixtures())
def test_densities(drawn):
    """By definition, with SciPy's; whatever asks for one row, some, or all of them."""
    model, seed = drawn
    X = np.random.default_rng(seed + 1).normal(scale=5, size=(7, model.means_.shape[1]))
    joint = log_joint(model, X)
    expected = logsumexp(joint, axis=1)
    assert_allclose(model.score_samples(X), expected, rtol=1e-8, atol=1e-8)
    assert_allclose(model.predict_proba(X), np.exp(joint - expected[:, None]), rtol=0, atol=1e-8)
    assert_allclose(np.concatenate([model.score_samples(row[None]) for row in X]), expected, rtol=1e-8, atol=1e-8)
    scorer = model.compiled()
    assert_allclose(scorer.score_samples(X), expected, rtol=1e-8, atol=1e-8)
    assert_allclose(scorer.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-9)


@given(drawn=mixtures(), q=st.floats(1e-6, 1 - 1e-6))
def test_quantiles_undo_probabilities(drawn, q):
    model, seed = drawn
    feature = seed % model.means_.shape[1]
    x = model.quantile(q, feature)
    assert_allclose(model.cdf(x, feature), q, rtol=1e-6, atol=1e-12)
    near = model.cdf(np.array([x - 1.0, x, x + 1.0]), feature)
    assert (np.diff(near) >= 0).all()
    assert ((near >= 0) & (near <= 1)).all()


@given(drawn=mixtures())
def test_peaks(drawn):
    """At least one; no higher point beside any, nor a component whose mean is higher than all."""
    model, seed = drawn
    peaks = model.modes()
    heights = model.score_samples(peaks)
    assert (np.diff(heights) <= 1e-9).all()
    assert heights[0] >= model.score_samples(model.means_).max() - 1e-9
    k, d = model.means_.shape
    steps = np.random.default_rng(seed + 1).normal(size=(8, d))
    for peak, height in zip(peaks, heights, strict=True):
        assert model.score_samples(peak + 1e-3 * steps).max() <= height + 1e-7
    assert len(peaks) >= 1 and (d > 1 or len(peaks) <= k or isinstance(model, StudentMixture))


@given(drawn=mixtures())
def test_outlyingness_is_a_probability(drawn):
    """Of one component the tail of its own distances; never outside of 0 and 1."""
    model, seed = drawn
    X = np.random.default_rng(seed + 1).normal(scale=8, size=(20, model.means_.shape[1]))
    odd = model.outlyingness(X)
    assert ((odd >= 0) & (odd <= 1)).all()
    assert_array_equal(model.outliers(X, 0.2), odd <= 0.2)
    if len(model.means_) == 1:  # the lower the density, the odder
        assert (np.diff(odd[np.argsort(model.score_samples(X))]) >= -1e-9).all()


@given(drawn=mixtures(families=("gaussian",)), n=st.integers(1, 20))
def test_criteria(drawn, n):
    """By their definitions, of the number of free parameters that letters say."""
    model, seed = drawn
    (k, d), code = model.means_.shape, model.covariance_type
    X = np.random.default_rng(seed + 1).normal(scale=5, size=(n, d))
    joint = log_joint(model, X)
    total = logsumexp(joint, axis=1).sum()
    free = {"I": 0, "E": 1, "V": k}
    p = k - 1 + k * d + free[code[0]] + free[code[1]] * (d - 1) + free[code[2]] * d * (d - 1) // 2
    assert_allclose(model.aic(X), 2 * p - 2 * total, rtol=1e-8, atol=1e-8)
    assert_allclose(model.bic(X), p * math.log(n) - 2 * total, rtol=1e-8, atol=1e-8)
    sharpest = (joint.max(axis=1) - logsumexp(joint, axis=1)).sum()
    assert_allclose(model.icl(X), p * math.log(n) - 2 * total - 2 * sharpest, rtol=1e-8, atol=1e-8)


# Sums and updates


@given(case=cases(), code=any_code, cut=st.floats(0, 1))
def test_sums_of_parts_are_those_of_the_whole(case, code, cut):
    whole = Problem.of(Gaussian, case.X, None, structure_named(code), 1e-3, 1)
    parameters = whole.assign(np.eye(case.k)[case.labels]).parameters
    s, at = whole.sweep(parameters), 1 + int(cut * (len(case.X) - 2))
    parts = [Samples(case.X[rows], None, whole.frame, 1).sweep(parameters.density, whole.family.moments)
             for rows in (slice(0, at), slice(at, None))]
    both = parts[0] + parts[1]
    assert_allclose(both.buffer, s.buffer, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(s.buffer).max()))
    elsewhere = s.shifted(s.about + 1.5, whole.family.moments)
    back = elsewhere.shifted(s.about, whole.family.moments)
    assert_allclose(back.buffer, s.buffer, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(elsewhere.buffer).max()))


@given(case=cases(), code=any_code)
def test_the_update_is_better_than_all_near_it(case, code):
    """Towards other covariances of the structure, and away from them, likelihood falls."""
    problem = Problem.of(Gaussian, case.X, None, structure_named(code), 0.0, 1)
    statistics = problem.given(np.eye(case.k)[case.labels])
    found = problem.update(statistics).parameters
    for _ in range(30):  # some structures search, from where they are
        found = problem.update(statistics, found).parameters
    other = problem.assign(np.eye(case.k)[case.rng.permutation(case.labels)]).parameters
    shape, (k, d) = problem.structure, found.means.shape
    S = shape.sample(statistics.second, statistics.masses, found.means - statistics.about)
    best = shape.cost(found.factors, S, statistics.masses, d)
    here, there = shape.unfold(found.factors), shape.unfold(other.factors)
    for step in (-0.01, 0.01, 0.1):
        U = shape.fold(here + step * (there - here), k, d, found.covariances)
        assert shape.cost(U, S, statistics.masses, d) >= best - 1e-6 * max(1.0, abs(best))
