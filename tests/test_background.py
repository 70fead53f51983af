"""Samples of no component: the background, and how odd samples are.

Reference: Old Faithful and a grid of 36 points, by mclust 6.0.0 with Vinv = 1 / 350 (log-likelihoods to the digits it
prints, all 14 structures); where cyem is higher, mclust has ended at another maximum.
"""

import copy
import itertools

import numpy as np
import pytest
from cyem.kernels.arguments import DENSITIES, MOMENTS, Density
from scipy import optimize, stats

import cyem
from cyem import GaussianMixture, StudentMixture, select
from cyem.kernels import reference
from cyem.models.outliers import chi_square_beyond
from cyem.rows.samples import Frame, Samples
from cyem.rows.views import Known, Views

MCLUST = dict(EII=-1735.291040, VII=-1733.929713, EEI=-1433.920741, VEI=-1429.918900, EVI=-1427.844864,
              VVI=-1420.941071, EEE=-1425.524493, VEE=-1421.697129, EVE=-1421.149021, VVE=-1414.519879,
              EEV=-1425.016439, VEV=-1420.230261, EVV=-1420.343918, VVV=-1412.688144)


@pytest.fixture
def noisy(load):
    """Old Faithful, and a grid of 6 x 6 points around it."""
    return np.concatenate([load("faithful"), list(itertools.product(np.linspace(1, 6, 6), np.linspace(35, 105, 6)))])


def blobs(seed=0, n=500, outside=60, d=3):
    rng = np.random.default_rng(seed)
    near = rng.normal(size=(n, d)) * rng.uniform(0.5, 1.5, d) + 8.0 * rng.integers(2, size=n)[:, None]
    return np.concatenate([near, rng.uniform(-10, 18, (outside, d))])


def density(kind, k, d, rng):
    """A mixture density of a kind, beside a background."""
    triangles = np.triu(rng.normal(size=(k, d, d))) / 3 + 2 * np.eye(d)
    factors = {"triangular": triangles, "whitened": triangles[:1], "diagonal": rng.random((k, 1, d)) + 1,
               "spherical": rng.random((k, 1, 1)) + 1}[kind]
    heights = np.append(np.log(0.1), -np.log(rng.uniform(2, 4, d)))
    return Density(kind, rng.normal(size=(k, d)), factors, np.log(rng.dirichlet(np.ones(k)) * 0.9), background=heights)


@pytest.mark.parametrize("kind", DENSITIES[:4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernels_against_numpy(kind, dtype):
    rng = np.random.default_rng(1)
    n, d, k = 1000, 5, 3
    X, weights = rng.normal(size=(n, d)).astype(dtype), rng.random(n)
    mixture, samples = density(kind, k, d, rng), Samples(X, weights, Frame(np.zeros(d), np.ones(d)), 2)
    twin = reference.Density(kind, mixture.means, mixture.factors, mixture.constants, mixture.background)
    rows = reference.Rows(X.astype(float), samples.coordinates.astype(float), samples.weights.astype(float))
    near = dict(rtol=1e-12, atol=1e-11) if dtype == np.float64 else dict(rtol=2e-5, atol=1e-4)
    for moments in ("none", "scatter", "pooled") if kind in DENSITIES[:2] else MOMENTS:
        found = samples.sweep(mixture, moments)
        expected = np.empty_like(found.buffer)
        reference.sweep(rows, twin, expected, posterior=0, moments=MOMENTS.index(moments))
        np.testing.assert_allclose(found.buffer, expected, **near)
        assert found.outside > 0.1 * found.total
        assert np.isclose(found.total, samples.mass, rtol=1e-6)
    expected = np.empty(n, int)
    reference.labels(rows, twin, expected)
    assert (samples.labels(mixture) == expected).mean() > 0.999
    assert -1 in expected
    expected = np.empty((n, k))
    reference.responsibilities(rows, twin, expected)
    np.testing.assert_allclose(samples.responsibilities(mixture), expected, **near)


@pytest.mark.parametrize("axis", [False, True])
def test_kernels_with_gaps_against_numpy(axis):
    rng = np.random.default_rng(2)
    n, d, k = 60, 4, 3
    X, weights, noise = rng.normal(size=(n, d)), rng.random(n), rng.random((n, d))
    X[rng.random(X.shape) < 0.3] = np.nan
    A = rng.normal(size=(k, d, d))
    S = A @ A.swapaxes(1, 2) + np.eye(d)
    S = np.diagonal(S, axis1=1, axis2=2).copy() if axis else S
    shares, heights = np.array([0.2, 0.3, 0.4]), -np.log(rng.uniform(1, 4, d))
    possible, outside = rng.random((n, k)), np.where(np.arange(n) < 3, 0.0, rng.random(n))
    known = Views(X, weights, Frame(np.zeros(d), np.ones(d)), 2, known=Known(noise, possible, outside))
    factors = np.ones((k, 1, d)) if axis else np.tile(np.eye(d), (k, 1, 1))
    mixture = Density("diagonal" if axis else "triangular", rng.normal(size=(k, d)), factors, np.zeros(k), shares, S,
                      background=np.append(np.log(0.1), heights))
    with np.errstate(divide="ignore"):
        background = np.maximum(np.log(0.1) + ~np.isnan(X) @ heights + np.log(outside), -1e300)
    twin = X, known.weights * known.unit, shares, mixture.means, S, None, noise, possible, background
    for moments in ("squares", "norms") if axis else ("scatter", "pooled", "squares"):
        found = known.sweep(mixture, moments)
        np.testing.assert_allclose(found.buffer * found.unit, reference.views(*twin, emit=moments), atol=1e-11)
    np.testing.assert_allclose(known.score_samples(mixture), reference.views(*twin, emit="scores"), atol=1e-12)
    resp = reference.views(*twin, emit="responsibilities")
    np.testing.assert_allclose(known.responsibilities(mixture), resp, atol=1e-12)


@pytest.mark.parametrize("code", MCLUST)
def test_likelihood_of_mclust(code, noisy):
    X = noisy
    model = GaussianMixture(2, covariance_type=code, background=True, tol=1e-11, random_state=0).fit(X)
    found = model.score(X) * len(X)
    higher = {"EII", "VII", "VVE"}
    assert found > MCLUST[code] + 0.1 if code in higher else np.isclose(found, MCLUST[code], rtol=0, atol=2e-6)
    assert min(np.diff(model.lower_bounds_), default=0) > -1e-12


def test_old_faithful_and_a_grid(noisy):
    X = noisy
    model = GaussianMixture(2, background=True, tol=1e-13, random_state=0).fit(X)
    order = np.argsort(model.weights_)
    assert np.isclose(model.score(X) * len(X), -1412.68814361, rtol=0, atol=1e-8)
    np.testing.assert_allclose(model.weights_[order], [0.29420199, 0.55059263], atol=1e-7)
    assert np.isclose(model.background_weight_, 0.15520538, rtol=0, atol=1e-7)
    np.testing.assert_allclose(model.means_[order], [[1.99828108, 54.13108619], [4.31085527, 80.11781291]], atol=2e-5)
    assert model._n_parameters() == 13  # as mclust counts: the volume is one
    given = GaussianMixture(2, background=350.0, tol=1e-13, random_state=0).fit(X)
    assert given.lower_bound_ == pytest.approx(model.lower_bound_, abs=1e-12)
    assert given._n_parameters() == 12


@pytest.mark.parametrize("kind", ["plain", "labels", "all"])
def test_an_optimiser_finds_nothing_better(kind):
    rng = np.random.default_rng(5)
    X, k = blobs(5, n=150, outside=25), 2
    n, d = X.shape
    how, seen = {}, np.ones(X.shape, bool)
    weights, possible = np.ones(n), np.ones((n, k + 1))
    if kind == "all":
        how["sample_weight"] = weights = rng.uniform(0.5, 2, n)
        seen = rng.random(X.shape) > 0.2
    if kind in ("labels", "all"):
        labels = np.where(np.arange(n) < 40, (X[:, 0] > 4).astype(int), -1)
        how["labels"], possible[:40] = labels, labels[:40, None] == np.arange(k + 1)
    Z = np.where(seen, X, np.nan)
    model = GaussianMixture(k, covariance_type="VEV", background=True, tol=1e-14, max_iter=10000, random_state=0)
    model.fit(Z, **how)

    def covariances(sizes, shape, turns):
        values = np.exp(np.append(shape, -shape.sum()))  # of determinant one, the same for all
        Q = []
        for turn in turns.reshape(k, d):
            skew = np.cross(np.eye(d), turn)
            Q.append(np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew))
        return [np.exp(size) * q @ np.diag(values) @ q.T for size, q in zip(sizes, Q, strict=True)]

    heights = -np.log(np.nanmax(Z, axis=0) - np.nanmin(Z, axis=0))

    def value(shares, means, S):
        w = np.exp(np.append(shares, 0.0))
        w /= w.sum()
        density = np.empty((n, k + 1))
        density[:, k] = w[k] * np.exp(seen @ heights)
        for pattern in np.unique(seen, axis=0):
            rows, o = (seen == pattern).all(axis=1), np.flatnonzero(pattern)
            for j in range(k):
                density[rows, j] = w[j]
                if len(o):
                    component = stats.multivariate_normal(means[j, o], S[j][np.ix_(o, o)])
                    density[rows, j] *= component.pdf(X[np.ix_(rows, o)])
        return -weights @ np.log((density * possible).sum(axis=1)) / weights.sum()

    S = model.covariances_
    values, vectors = np.linalg.eigh(S)
    sizes = np.log(values).mean(axis=1)
    turns = []
    for q in vectors:
        q = q * np.array([1, 1, np.linalg.det(q)])  # Cayley's transform has no mirrors
        for signs in itertools.product((1, -1), repeat=2):
            p = q * np.array([*signs, signs[0] * signs[1]])
            if np.linalg.cond(np.eye(d) + p) < 1e3:
                A = np.linalg.solve(np.eye(d) + p, np.eye(d) - p)
                turns.append([A[2, 1], A[0, 2], A[1, 0]])
                break
    begin = np.concatenate([np.log(model.weights_ / model.background_weight_), model.means_.ravel(), sizes,
                            np.log(values[0] / np.exp(sizes[0]))[:-1], np.ravel(turns)])

    def cost(x):
        shares, means, sizes, shape, turns = np.split(x, np.cumsum([k, k * d, k, d - 1]))
        return value(shares, means.reshape(k, d), covariances(sizes, shape, turns))

    here = cost(begin)
    assert here == pytest.approx(-model.lower_bound_, abs=1e-8)
    assert optimize.minimize(cost, begin, method="BFGS", options=dict(gtol=1e-9, maxiter=60)).fun > here - 1e-6


def test_weights_are_repetition_and_units_do_not_matter():
    X = blobs()
    times = np.random.default_rng(3).integers(0, 3, len(X))
    start = dict(init_params=(X[:, 0] > 4).astype(int), background=True, tol=1e-10)
    one = GaussianMixture(2, **start).fit(X, sample_weight=times)
    start["init_params"] = np.repeat(start["init_params"], times)
    many = GaussianMixture(2, **start).fit(np.repeat(X, times, axis=0))
    assert one.background_weight_ == pytest.approx(many.background_weight_, abs=1e-9)
    np.testing.assert_allclose(one.means_, many.means_, rtol=1e-7)
    scale = np.array([1e3, 1e-5, 7.0])
    plain = GaussianMixture(2, background=True, random_state=0).fit(X)
    other = GaussianMixture(2, background=True, random_state=0).fit(X * scale + 5)
    np.testing.assert_allclose(other.means_, plain.means_ * scale + 5, rtol=1e-6)
    assert (other.predict(X * scale + 5) == plain.predict(X)).all()


def test_threads_change_no_bit_and_complete_rows_go_either_way():
    X = blobs(n=3000, outside=300)
    one, two = (GaussianMixture(2, background=True, random_state=0, n_threads=n).fit(X) for n in (1, 3))
    assert one.lower_bounds_ == two.lower_bounds_
    exact = GaussianMixture(2, background=True, random_state=0).fit(X, noise=np.zeros_like(X))
    assert exact.lower_bound_ == pytest.approx(one.lower_bound_, abs=1e-12)


def test_what_a_model_with_a_background_says():
    X = blobs()
    model = GaussianMixture(2, background=True, random_state=0).fit(X)
    resp, labels = model.predict_proba(X), model.predict(X)
    assert resp.shape == (len(X), 3)
    np.testing.assert_allclose(resp.sum(axis=1), 1, rtol=1e-12)
    assert (resp.argmax(axis=1) == np.where(labels < 0, 2, labels)).all()
    assert (labels[-60:] == -1).mean() > 0.9 > 0.1 > (labels[:-60] == -1).mean()
    assert model.weights_.sum() + model.background_weight_ == pytest.approx(1, abs=1e-12)
    assert model.predict([[1e3, 1e3, 1e3]]).tolist() == [-1]  # outside of the box as well
    drawn, y = model.sample(5000, random_state=0)
    assert (y == -1).mean() == pytest.approx(model.background_weight_, abs=0.02)
    low, high = model.background_box_
    assert ((drawn[y == -1] >= low) & (drawn[y == -1] <= high)).all()
    assert "background" in model.summary(X)
    with pytest.raises(ValueError, match="background"):
        model.marginal([0])
    with pytest.raises(ValueError, match="method='bootstrap'"):
        cyem.standard_errors(model, X)
    again = model.set_params(background=False).fit(X)
    assert "background_weight_" not in vars(again)
    assert again.predict_proba(X).shape == (len(X), 2)


def test_gaps_are_filled_in():
    X = blobs(d=2)
    model = GaussianMixture(2, background=True, random_state=0).fit(X)
    middle = model.background_box_.mean(axis=0)
    far = np.array([[17.0, np.nan]])  # where nothing but the background is
    assert model.impute(far)[0, 1] == pytest.approx(middle[1], abs=0.1)
    low, high = model.background_box_[:, 1]
    drawn = model.impute(np.repeat(far, 2000, axis=0), draws=1, random_state=0)[0, :, 1]
    assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_saved_and_loaded(tmp_path):
    X = blobs()
    model = GaussianMixture(2, background=True, random_state=0).fit(X)
    model.save(tmp_path / "model")
    loaded = cyem.load(tmp_path / "model")
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()
    assert loaded.bic(X) == model.bic(X)


def test_select_beside_a_background():
    X = blobs(n=300, d=2)
    selection = select(X, range(1, 4), ["full", "spherical"], background=True, random_state=0)
    assert selection.best_.n_components == 2
    assert selection.verdict.kind == "separate groups"
    assert "belong to the background" in str(selection.verdict)
    assert not selection.nesting_violations
    assert all(row.bic == pytest.approx(model.bic(X), rel=1e-12)
               for row, model in zip(selection.rows, selection.models, strict=True))


@pytest.mark.parametrize("value", ["yes", -1, 0, np.inf, np.nan, None])
def test_background_that_is_none(value):
    with pytest.raises(ValueError, match="'background' parameter"):
        GaussianMixture(2, background=value).fit(blobs())


def test_what_a_background_cannot_be_with():
    X = blobs()
    for other in (dict(prior="weak"), dict(search="swap"), dict(held="weights", weights_init=[0.5, 0.5])):
        with pytest.raises(ValueError, match="background=True"):
            GaussianMixture(2, background=True, **other).fit(X)
    with pytest.raises(ValueError, match="more than 3 samples"):
        GaussianMixture(3, background=True).fit(X[:3])
    with pytest.raises(ValueError, match="column 3"):
        GaussianMixture(2, background=True).fit(np.column_stack([X, np.ones(len(X))]))
    with pytest.raises(ValueError, match="last, the background"):
        GaussianMixture(2, background=True).fit(X, labels=np.ones((len(X), 2)))
    model = GaussianMixture(2, background=True, random_state=0).fit(X)
    for name, wrong in (("background_weight_", 2.0), ("background_box_", np.zeros((2, 3))),
                        ("background_log_density_", np.nan)):
        other = copy.copy(model)
        setattr(other, name, wrong)
        with pytest.raises(ValueError, match=f"{name}|weights_"):
            other.predict(X)


# --- how odd samples are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 8, 31])
def test_chi_square(d):
    x = np.array([0.0, 1e-3, 1.0, 5.0, 50.0, 300.0])
    np.testing.assert_allclose(chi_square_beyond(x, d), stats.chi2.sf(x, d), rtol=1e-11)


@pytest.mark.parametrize(("k", "d"), [(1, 3), (3, 2), (3, 4)])
def test_outlyingness_is_uniform_for_samples_of_the_mixture(k, d):
    rng = np.random.default_rng(d)
    A = rng.normal(size=(k, d, d)) / 2
    model = GaussianMixture.from_parameters(np.full(k, 1 / k), 3 * rng.normal(size=(k, d)),
                                            A @ A.swapaxes(1, 2) + np.eye(d) / 3)
    X, _ = model.sample(20000, random_state=1)
    p = model.outlyingness(X)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert (p <= 1e-3).mean() == pytest.approx(1e-3, rel=0.6)
    Z = np.where(rng.random(X.shape) < 0.2, np.nan, X)[:4000]
    assert stats.kstest(model.outlyingness(Z[~np.isnan(Z).all(axis=1)]), "uniform").pvalue > 1e-3


def test_far_out_it_is_that_of_the_nearest_component():
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [50.0, 0.0]], [1.0, 1.0], "spherical")
    distance = np.array([3.0, 5.0, 8.0, 20.0])
    p = model.outlyingness(np.column_stack([np.zeros(4), distance]))
    np.testing.assert_allclose(p, stats.chi2.sf(distance**2, 2), rtol=0.1)


def test_heavy_tails_forgive():
    X = np.array([[6.0]])
    normal = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical")
    heavy = StudentMixture.from_parameters([1.0], [[0.0]], [1.0], 3.0, "spherical")
    assert heavy.outlyingness(X)[0] == pytest.approx(2 * stats.t.sf(6, 3), rel=0.1)
    assert normal.outlyingness(X)[0] < 1e-8


def test_planted_rows_are_found():
    """2 % of the rows of twenty sets, which lie anywhere; about as many of the others are odd as the level says."""
    found, wrong = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        d, k = rng.integers(2, 6), rng.integers(2, 4)
        y = rng.integers(k, size=1000)
        turn, centres = rng.normal(size=(k, d, d)) * 0.4 + np.eye(d), rng.uniform(-8, 8, (k, d))
        X = centres[y] + np.einsum("nij,nj->ni", turn[y], rng.normal(size=(1000, d)))
        X[:20] = rng.uniform(X.min(axis=0) - 20, X.max(axis=0) + 20, (20, d))
        out = GaussianMixture(k, background=True, random_state=0).fit(X).outliers(X, 0.01)
        found.append(out[:20].mean())
        wrong.append(out[20:].mean())
    assert np.mean(found) >= 0.95
    assert 0.005 <= np.mean(wrong) <= 0.02


@pytest.mark.parametrize("level", [0, 1, -0.1, "0.1", True])
def test_levels_that_are_none(level):
    model = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical")
    with pytest.raises(ValueError, match="level="):
        model.outliers([[0.0]], level)
