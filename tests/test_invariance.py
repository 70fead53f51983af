"""Units, order, repetition and memory layout change nothing but units.

The law for a change of units x -> s (x + c): the log-likelihood falls by n d log s, means follow the data,
covariances gain s^2, responsibilities stay. It can only hold beyond the rounding of the data themselves: a float64 at
1e8 standard deviations keeps 1.5e-8 of one. The data here therefore lie on a dyadic grid (multiples of 2^-9, which
float32 holds up to 2^14) and s and c are powers of two, so that s (x + c) is computed without any rounding and every
difference in a result is the library's.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem import GaussianMixture

STRUCTURES = ["full", "tied", "diag", "spherical"]
GRID = 2.0**-9
DTYPES = [np.float64, np.float32]
FITTED = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "lower_bound_", "lower_bounds_"]


def clusters(n=240, d=3, seed=0):
    """Three overlapping clusters of unit size on the grid, and the cluster of each row."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    spread = np.array([1.0, 0.6, 1.5])[labels, None]
    X = rng.normal(size=(n, d)) * spread + 2.5 * np.eye(3, d)[labels]
    X[:, 0] += 0.5 * X[:, -1]
    return np.round(X / GRID) * GRID, labels


def fitted(X, labels, structure, **parameters):
    parameters = {"tol": 1e-12, "max_iter": 10_000, "covariance_type": structure, "init_params": labels} | parameters
    sample_weight = parameters.pop("sample_weight", None)
    return GaussianMixture(3, **parameters).fit(X, sample_weight=sample_weight)


def assert_same_bits(one, other):
    for name in FITTED:
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.n_iter_ == other.n_iter_


def assert_same(one, other, rtol, rtol_parameters=1e-5):
    """Equal up to the order of summation; near a maximum parameters are as accurate as the square root of the
    likelihood.
    """
    assert_allclose(one.lower_bound_, other.lower_bound_, rtol=rtol, atol=rtol)
    for name in ("weights_", "means_", "covariances_"):
        assert_allclose(
            getattr(one, name), getattr(other, name), rtol=rtol_parameters, atol=rtol_parameters, err_msg=name
        )


def covariance_units(structure, s):
    """What a covariance is multiplied by when feature j is multiplied by s[j]."""
    return {"full": np.outer(s, s), "tied": np.outer(s, s), "diag": s**2, "spherical": s[0] ** 2}[structure]


def check_units(X, labels, structure, s, c, *, rtol_bound, rtol_covariance, dtype=np.float64, **parameters):
    """Fit X and s (X + c), and compare them by the law at the top of this file."""
    _n, d = X.shape
    s, c = np.broadcast_to(s, d).astype(float), np.broadcast_to(c, d).astype(float)
    X = X.astype(dtype)
    moved = ((X.astype(float) + c) * s).astype(dtype)
    assert_array_equal(moved / s - c, X)  # nothing was rounded: what follows is no fault of the data

    plain = fitted(X, labels, structure, **parameters)
    other = fitted(moved, labels, structure, **parameters)
    assert other.means_.dtype == dtype

    eps = np.finfo(dtype).eps
    bound = plain.lower_bound_ - np.log(s).sum()
    assert_allclose(other.lower_bound_, bound, rtol=rtol_bound, atol=rtol_bound)
    # Means can be told to the spacing of floating-point numbers where they are, and no better.
    means = other.means_.astype(float) / s - c
    assert_allclose(means, plain.means_, rtol=0, atol=2 * eps * np.abs(c).max() + rtol_covariance)
    covariances = other.covariances_ / covariance_units(structure, s)
    assert_allclose(covariances, plain.covariances_, rtol=rtol_covariance, atol=rtol_covariance)
    assert_allclose(other.weights_, plain.weights_, rtol=rtol_covariance)
    # The returned means are rounded as above, which moves a log-density by about as many standard deviations.
    rounding = 32 * eps * np.abs(c).max() + rtol_covariance
    assert_allclose(other.predict_proba(moved), plain.predict_proba(X), rtol=0, atol=rounding)
    assert_allclose(other.score_samples(moved) + np.log(s).sum(), plain.score_samples(X), rtol=rounding, atol=rounding)
    # At a maximum the bound is flat: that rounding shows only as its square.
    assert_allclose(other.score(moved), bound, rtol=rtol_bound, atol=rtol_bound + 4 * rounding**2)


@pytest.mark.parametrize("c", [0, 2**10, 2**20, 2**27], ids=lambda c: f"c={c:.0e}")
@pytest.mark.parametrize("s", [2.0**-27, 1.0, 2.0**27], ids=lambda s: f"s={s:.0e}")
@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_float64(structure, s, c):
    """Up to 1.3e8 standard deviations away and scaled by 7e-9 to 1.3e8.

    Tolerance: no rounding of data, so only that of sums of a few hundred terms (1e-13), and for parameters its square
    root (see `assert_same`), in practice far less because both fits walk the same path.
    """
    X, labels = clusters()
    check_units(X, labels, structure, s, np.array([1, -1, 1]) * c, rtol_bound=1e-11, rtol_covariance=1e-6)


@pytest.mark.parametrize("c", [0, 2**7, 2**10, 10_000], ids=lambda c: f"c={c:.0e}")
@pytest.mark.parametrize("s", [2.0**-27, 1.0, 2.0**27], ids=lambda s: f"s={s:.0e}")
@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_float32(structure, s, c):
    """Up to 1e4 standard deviations away. Tolerance: single precision of a density (1e-6), more for parameters where
    the likelihood is flat.
    """
    X, labels = clusters()
    bound = dict(rtol_bound=5e-6, rtol_covariance=5e-3)
    check_units(X, labels, structure, s, np.array([1, -1, 1]) * c, dtype=np.float32, tol=1e-6, **bound)


@pytest.mark.parametrize("c", [0, 2**20])
@pytest.mark.parametrize("structure", ["full", "tied", "diag"])
def test_units_of_each_feature(structure, c):
    """Millimetres beside light-years: each feature in units of its own (not for spherical covariances, which have one
    unit for all).
    """
    X, labels = clusters()
    s = np.array([2.0**-27, 1.0, 2.0**27])
    check_units(X, labels, structure, s, c, rtol_bound=1e-11, rtol_covariance=1e-6)


@pytest.mark.parametrize("s", [1e-8, 1e-3, 0.7, 1e3, 1e8])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_decimal_units(load, structure, s):
    """Factors that are no powers of two round each value by half a unit in the last place: 1e-16 of it, invisible at
    1e-10.
    """
    X = load("faithful")
    labels = (X[:, 1] > 68).astype(int)
    plain, other = (
        GaussianMixture(2, covariance_type=structure, init_params=labels, tol=1e-12, max_iter=10_000).fit(Y)
        for Y in (X, s * X)
    )
    assert_allclose(other.lower_bound_ + 2 * np.log(s), plain.lower_bound_, rtol=1e-10)
    assert_allclose(other.means_ / s, plain.means_, rtol=1e-6)


@pytest.mark.parametrize("init_params", ["default", "kmeans", "k-means++", "random_from_data", "random"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_starts_know_no_units(structure, init_params):
    """From every start with the same seed, the same optimum: no start depends on the units.

    Powers of two again, so the start's own arithmetic is exact in s; c shifts the last bits of its sums, hence the
    tolerance.
    """
    X, _ = clusters(d=2)
    start = {} if init_params == "default" else {"init_params": init_params}
    bounds = []
    for s, c in [(1.0, 0), (2.0**-27, 0), (2.0**27, 0), (1.0, 2**27), (2.0**-10, -(2**20))]:
        model = GaussianMixture(3, covariance_type=structure, tol=1e-9, max_iter=10_000, random_state=1, **start).fit(
            s * (X + c)
        )
        bounds.append(model.lower_bound_ + 2 * np.log(s))
    assert_allclose(bounds, bounds[0], rtol=0, atol=1e-7)


@pytest.mark.parametrize("s", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_extreme_magnitude(structure, s):
    """Values whose squares overflow or vanish. Their covariances are beyond float64 (inf or 0 is all it can say);
    weights, means, densities and labels are not.
    """
    X, labels = clusters()
    plain, other = fitted(X, labels, structure), fitted(s * X, labels, structure)
    # The sum is near 2000: 1e-9 is 1e-12 of it.
    assert_allclose(other.lower_bound_ + 3 * np.log(s), plain.lower_bound_, rtol=0, atol=1e-9)
    assert_allclose(other.means_ / s, plain.means_, rtol=1e-5, atol=1e-6)
    assert_allclose(other.score(s * X) + 3 * np.log(s), plain.score(X), rtol=0, atol=1e-9)
    assert_array_equal(other.predict(s * X), plain.predict(X))
    assert_allclose(other.predict_proba(s * X), plain.predict_proba(X), rtol=0, atol=1e-5)
    assert np.isfinite(other.bic(s * X))


def test_extreme_magnitudes_side_by_side():
    """A feature of 1e-300 beside one of 1e300."""
    X, labels = clusters(d=2)
    s = np.array([1e-300, 1e300])
    plain, other = fitted(X, labels, "full"), fitted(s * X, labels, "full")
    assert_allclose(other.lower_bound_ + np.log(s).sum(), plain.lower_bound_, rtol=0, atol=1e-9)
    assert_allclose(other.predict_proba(s * X), plain.predict_proba(X), rtol=0, atol=1e-5)


def test_one_extreme_value():
    """One row of 1e300 among ordinary ones: nothing overflows on the way."""
    X, _ = clusters(d=2)
    X[7] = 1e300
    model = GaussianMixture(2, random_state=0).fit(X)
    assert np.isfinite(model.means_).all()
    assert np.isfinite(model.lower_bound_)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert (model.predict(X) == model.predict(X[7:8])).sum() == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_integer_weights_are_repeated_rows(structure, dtype):
    """Weight 2 is the row twice, weight 0 the row gone: they differ in the order of summation only (float32: of
    values rounded in single).
    """
    X, labels = clusters()
    X = X.astype(dtype)
    w = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = fitted(X, labels, structure, sample_weight=w)
    repeated = fitted(np.repeat(X, w, axis=0), np.repeat(labels, w), structure)
    if dtype == np.float64:
        assert_same(weighted, repeated, rtol=1e-12)
    else:
        assert_same(weighted, repeated, rtol=1e-6, rtol_parameters=5e-3)
    rows = np.repeat(X, w, axis=0)
    for criterion in ("score", "bic", "aic", "icl"):
        one = getattr(weighted, criterion)(X, sample_weight=w)
        other = getattr(repeated, criterion)(rows)
        # All but ICL are flat at the maximum.
        flat, slope = (1e-10, 1e-6) if dtype == np.float64 else (1e-5, 1e-4)
        assert_allclose(one, other, rtol=slope if criterion == "icl" else flat, err_msg=criterion)


@pytest.mark.parametrize("outlier", [0.0, 1e6, 1e200])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_zero_weight_is_no_row(structure, outlier):
    """However far away it is: it counts neither in the fit nor in the scale that regularisation is relative to."""
    X, labels = clusters()
    more = np.concatenate([X, np.full((5, 3), outlier)])
    w = np.repeat([1.0, 0.0], [len(X), 5])
    with_rows = fitted(more, np.append(labels, [0, 1, 2, 0, 1]), structure, sample_weight=w)
    without = fitted(X, labels, structure)
    assert_same(with_rows, without, rtol=1e-12)
    assert_allclose(with_rows.bic(more, sample_weight=w), without.bic(X), rtol=1e-11)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_weights_by_default_start(structure):
    """The default start too draws rows by weight: with one seed, repeated and weighted rows reach one optimum."""
    X, _ = clusters(d=2)
    w = np.random.default_rng(2).integers(0, 4, len(X))
    parameters = dict(covariance_type=structure, random_state=3, tol=1e-9, max_iter=10_000)
    weighted = GaussianMixture(3, **parameters).fit(X, sample_weight=w)
    repeated = GaussianMixture(3, **parameters).fit(np.repeat(X, w, axis=0))
    assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=0, atol=1e-7)


@pytest.mark.parametrize("factor", [1e-6, 0.1, 1e6])
def test_scale_of_weights(factor):
    """Multiplying all weights changes nothing in the fit; the mean log-likelihood is per unit of weight."""
    X, labels = clusters()
    w = np.random.default_rng(3).uniform(0.5, 2, len(X))
    assert_same(
        fitted(X, labels, "full", sample_weight=factor * w), fitted(X, labels, "full", sample_weight=w), rtol=1e-12
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_unit_weights_are_no_weights(structure):
    X, labels = clusters()
    assert_same(fitted(X, labels, structure, sample_weight=np.ones(len(X))), fitted(X, labels, structure), rtol=1e-13)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_order_of_rows(structure):
    """Only the order of summation differs."""
    X, labels = clusters()
    order = np.random.default_rng(4).permutation(len(X))
    one, other = fitted(X, labels, structure), fitted(X[order], labels[order], structure)
    assert_same(one, other, rtol=1e-12)
    assert_allclose(one.predict_proba(X)[order], other.predict_proba(X[order]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_order_of_features(structure):
    X, labels = clusters()
    order = [2, 0, 1]
    one, other = fitted(X, labels, structure), fitted(X[:, order], labels, structure)
    assert_allclose(one.lower_bound_, other.lower_bound_, rtol=1e-12)
    assert_allclose(one.means_[:, order], other.means_, rtol=1e-5, atol=1e-5)
    covariances = one.covariances_
    if structure in ("full", "tied"):
        covariances = covariances[..., order, :][..., order]
    elif structure == "diag":
        covariances = covariances[:, order]
    assert_allclose(covariances, other.covariances_, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_order_of_components(structure):
    X, labels = clusters()
    order = np.array([2, 0, 1])
    one, other = fitted(X, labels, structure), fitted(X, np.argsort(order)[labels], structure)
    assert_allclose(one.lower_bound_, other.lower_bound_, rtol=1e-12)
    assert_allclose(one.means_[order], other.means_, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_number_of_threads(structure, dtype):
    """The same bits from 1, 2, 3 and 4 threads, in the default start, the fit and every verdict."""
    X, _ = clusters(n=9001)
    X = X.astype(dtype)
    w = np.random.default_rng(5).uniform(0, 2, len(X))
    models = [
        GaussianMixture(3, covariance_type=structure, random_state=0, n_threads=n).fit(X, sample_weight=w)
        for n in (1, 2, 3, 4)
    ]
    for model in models[1:]:
        assert_same_bits(models[0], model)
        for verb in ("predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"):
            assert_array_equal(getattr(models[0], verb)(X), getattr(model, verb)(X), err_msg=verb)


def strided(X):
    wide = np.zeros((2 * len(X), 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def backwards(X):
    return X[::-1, ::-1].copy()[::-1, ::-1]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def misaligned(X):
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:]
    out = raw.view(X.dtype).reshape(X.shape)
    out[...] = X
    return out


def foreign_byte_order(X):
    return X.astype(X.dtype.newbyteorder())


LAYOUTS = [strided, backwards, read_only, misaligned, np.asfortranarray, foreign_byte_order]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_memory_layout(layout, dtype):
    """The same bits from every layout, and the array is left as it was."""
    X, labels = clusters()
    X = X.astype(dtype)
    other = layout(X)
    plain, model = fitted(X, labels, "full"), fitted(other, labels, "full")
    assert_same_bits(plain, model)
    assert_array_equal(model.predict_proba(other), plain.predict_proba(X))
    assert_array_equal(model.score_samples(other), plain.score_samples(X))
    assert_array_equal(other, X)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_map(tmp_path, mode):
    X, labels = clusters()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    plain, model = fitted(X, labels, "full"), fitted(mapped, labels, "full")
    assert_same_bits(plain, model)
    assert_array_equal(model.predict(mapped), plain.predict(X))
    assert_array_equal(mapped, X)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.float16, np.longdouble, bool, "list"])
def test_other_numbers(dtype):
    """Every other real type is taken as float64."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    X = rng.integers(0, 2, (90, 2)) if dtype is bool else rng.integers(0, 9, (90, 2)) + 10 * labels[:, None]
    other = X.tolist() if dtype == "list" else X.astype(dtype)
    assert_same_bits(fitted(X.astype(float), labels, "full"), fitted(other, labels, "full"))


@pytest.mark.parametrize("value", [0.0, -7.0, 1e8, 1e300])
@pytest.mark.parametrize("structure", ["full", "tied", "diag"])
def test_constant_column(structure, value):
    """A constant column tells the components nothing: labels and the other features' parameters are as without it."""
    X, labels = clusters()
    with_column = np.column_stack([X, np.full(len(X), value)])
    plain, model = fitted(X, labels, structure), fitted(with_column, labels, structure)
    assert_allclose(model.predict_proba(with_column), plain.predict_proba(X), rtol=0, atol=1e-5)
    assert_allclose(model.means_[:, :3], plain.means_, rtol=1e-5, atol=1e-5)
    assert_allclose(model.means_[:, 3], value, rtol=1e-13)  # the rounding of a sum of 240 terms
    assert np.isfinite(model.lower_bound_)
    assert np.isfinite(model.precisions_cholesky_).all()


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("value", [0.0, 5.0, 1e-300, 1e300])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_identical_rows(structure, value, k):
    """Nothing varies at all."""
    X = np.full((6, 2), value)
    model = GaussianMixture(k, covariance_type=structure, random_state=0).fit(X)
    assert_allclose(model.means_, value, rtol=1e-12, atol=0 if value else 1e-30)
    assert_allclose(model.weights_.sum(), 1, rtol=1e-12)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.isfinite(model.score(X))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_duplicate_rows(structure):
    X, labels = clusters()
    once, thrice = fitted(X, labels, structure), fitted(np.repeat(X, 3, axis=0), np.repeat(labels, 3), structure)
    assert_same(once, thrice, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:.*fit_report_")
@pytest.mark.parametrize("reg_covar", [1e-6, 0])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n, d, k", [(1, 1, 1), (1, 3, 1), (3, 2, 3), (8, 1, 8), (5, 12, 2), (5, 12, 5), (20, 40, 3)])
def test_few_rows(structure, reg_covar, n, d, k):
    """As many components as rows, and more features than rows. There the likelihood is no surer than the inverse of a
    nearly singular matrix, and its noise must not keep a fit from ending.
    """
    X = np.random.default_rng(0).normal(size=(n, d))
    model = GaussianMixture(k, covariance_type=structure, reg_covar=reg_covar, random_state=0).fit(X)
    assert model.converged_
    assert model.n_iter_ < 100
    assert np.isfinite(model.means_).all()
    assert np.isfinite(model.covariances_).all()
    assert np.isfinite(model.precisions_cholesky_).all()
    assert_allclose(model.weights_.sum(), 1, rtol=1e-12)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert_allclose(model.weights_ @ model.means_, X.mean(axis=0), atol=1e-5)
    assert np.isfinite(model.score(X))
