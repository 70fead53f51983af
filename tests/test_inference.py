"""Standard errors: published figures, numerical derivatives of an independent log-density, and simulated coverage."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm
from scipy.stats import multivariate_normal, norm

from cyem import GaussianMixture, standard_errors

CODES = ["EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]


def tight(X, k, structure, *, sample_weight=None, labels=None, noise=None, **parameters):
    parameters = {"random_state": 0, "reg_covar": 0, "tol": 1e-13, "max_iter": 10_000, **parameters}
    model = GaussianMixture(k, covariance_type=structure, **parameters)
    return model.fit(X, sample_weight=sample_weight, labels=labels, noise=noise)


def dense(A, k, d):
    """Covariances, or their errors, of any shape, as (k, d, d)."""
    if A.shape == (k,):
        return A[:, None, None] * np.eye(d)
    if A.shape == (d, d):
        return np.broadcast_to(A, (k, d, d))
    return A if A.ndim == 3 else A[:, :, None] * np.eye(d)


@pytest.fixture(scope="module")
def waiting(load):
    return load("faithful")[:, 1:]


@pytest.mark.parametrize("tol, rtol", [(1e-12, 1e-6), (1e-9, 1e-4)])
def test_published_errors(waiting, tol, rtol):
    """Old Faithful's waiting times: from a Hessian computed with 40 digits; errors of standard deviations."""
    model = tight(waiting, 2, "full", tol=tol)
    errors = standard_errors(model, waiting)
    order = np.argsort(model.means_[:, 0])
    assert_allclose(errors.weights, 0.03116475, rtol=rtol)
    assert_allclose(errors.means[order, 0], [0.69967498, 0.50459471], rtol=rtol)
    of_deviations = errors.covariances[:, 0, 0] / (2 * np.sqrt(model.covariances_[:, 0, 0]))
    assert_allclose(of_deviations[order], [0.53732238, 0.40096150], rtol=rtol)


@pytest.mark.parametrize("structure", CODES)
def test_one_component(structure):
    """The textbook: a mean has the variance Sigma / n, and variances s of independent features 2 s^2 / n each."""
    X = np.random.default_rng(0).normal(size=(500, 3)) * [1, 2, 3]
    model = tight(X, 1, structure)
    errors = standard_errors(model, X)
    own = dense(model.covariances_, 1, 3)[0]
    assert_array_equal(errors.weights, [0])
    assert_allclose(errors.means[0], np.sqrt(np.diag(own) / len(X)), rtol=1e-9)
    variances = np.diag(dense(errors.covariances, 1, 3)[0])
    samples = 3 * len(X) if structure[1] == "I" else len(X)
    assert_allclose(variances, np.diag(own) * np.sqrt(2 / samples), rtol=1e-9)


class Coordinates:
    """Free parameters of a mixture around a fit, by volume, shape and axes, for numerical derivatives."""

    def __init__(self, model, structure, equal_weights):
        self.volume, self.shape, self.orientation = structure
        self.k, self.d = k, d = model.means_.shape
        self.equal_weights = equal_weights
        self.weights, self.means = model.weights_, model.means_
        C = dense(model.covariances_, k, d)
        if self.orientation == "I":
            self.Q = np.repeat(np.eye(d)[None], k, axis=0)
        else:  # the axes of the first are those of all where these are common
            self.Q = np.linalg.eigh(C if self.orientation == "V" else np.repeat(C[:1], k, axis=0))[1]
        self.v = np.diagonal(self.Q.swapaxes(1, 2) @ C @ self.Q, axis1=1, axis2=2)
        count = {"I": 0, "E": 1, "V": k}
        self.counts = [0 if equal_weights else k - 1, k * d, count[self.volume], count[self.shape] * (d - 1),
                       count[self.orientation] * d * (d - 1) // 2]

    def __call__(self, x):
        """Weights, means and covariances."""
        k, d = self.k, self.d
        logs, means, volume, shape, angles = np.split(x, np.cumsum(self.counts)[:-1])
        weights = self.weights * np.exp(np.append(logs, 0) if not self.equal_weights else np.zeros(k))
        if len(shape):
            shape = shape.reshape(-1, d - 1)
            shape = np.column_stack([shape, -shape.sum(axis=1)])
        v = self.v * np.exp(volume[:, None] + (shape if len(shape) else 0))
        turns = np.zeros((max(1, len(angles) // max(1, d * (d - 1) // 2)), d, d))
        if len(angles):
            turns[(slice(None), *np.triu_indices(d, 1))] = angles.reshape(len(turns), -1)
        Q = self.Q @ np.array([expm(A - A.T) for A in turns])
        return weights / weights.sum(), self.means + means.reshape(k, d), (Q * v[:, None, :]) @ Q.swapaxes(1, 2)

    def log_density(self, x, X):
        weights, means, covariances = self(x)
        parts = [np.log(w) + multivariate_normal(m, C).logpdf(X)
                 for w, m, C in zip(weights, means, covariances, strict=True)]
        return np.logaddexp.reduce(parts, axis=0)


def numerical_errors(coordinates, X, w, step=1e-3):
    """By method: standard errors by finite differences of fourth order for scores, and of second for the Hessian."""
    p = sum(coordinates.counts)
    unit = step * np.eye(p)

    def slopes(f):
        return np.array([(8 * (f(e) - f(-e)) - (f(2 * e) - f(-2 * e))) / (12 * step) for e in unit])

    scores = slopes(lambda x: coordinates.log_density(x, X)).T

    def total(x):
        return w @ coordinates.log_density(x, X)

    here, sides = total(np.zeros(p)), np.array([[total(e), total(-e)] for e in unit])
    hessian = np.diag(sides.sum(axis=1) - 2 * here)
    for i in range(p):
        for j in range(i):
            both = total(unit[i] + unit[j]) + total(-unit[i] - unit[j]) - sides[i].sum() - sides[j].sum() + 2 * here
            hessian[i, j] = hessian[j, i] = both / 2
    bread, outer = np.linalg.inv(-hessian / step**2), (scores.T * w) @ scores
    covariances = {"observed": bread, "scores": np.linalg.inv(outer), "sandwich": bread @ outer @ bread}
    parts = [slopes(lambda x, part=part: coordinates(x)[part].ravel()) for part in range(3)]
    return {method: [np.sqrt(np.einsum("ai,ab,bi->i", J, covariance, J)) for J in parts]
            for method, covariance in covariances.items()}


@pytest.fixture(scope="module")
def triple():
    """Two clusters that overlap, in three dimensions."""
    rng = np.random.default_rng(3)
    first = rng.normal(size=(150, 3)) @ [[2, 1, 0], [0, 1, 0.5], [0, 0, 0.6]]
    return np.concatenate([first, rng.normal(size=(100, 3)) * [0.7, 1.5, 1] + [2, -2, 1]])


@pytest.mark.parametrize("structure", CODES)
def test_numerical_derivatives(triple, structure):
    """Of the log-density of SciPy, by other coordinates than ours; with and without weights of samples and components.

    The tolerance is that of finite differences.
    """
    equal = structure[0] == "E" and structure[2] == "V"
    w = np.random.default_rng(1).uniform(0, 2, len(triple)) if structure[1] == "V" else np.ones(len(triple))
    model = GaussianMixture(2, covariance_type=structure, equal_weights=equal, reg_covar=0, tol=1e-13, max_iter=5000,
                            random_state=0).fit(triple, sample_weight=w)
    coordinates = Coordinates(model, structure, equal)
    assert sum(coordinates.counts) == model._n_parameters()
    for method, (weights, means, covariances) in numerical_errors(coordinates, triple, w).items():
        errors = standard_errors(model, triple, method, sample_weight=w)
        assert_allclose(errors.weights, weights, rtol=1e-4, atol=1e-12)
        assert_allclose(errors.means.ravel(), means, rtol=1e-4)
        assert_allclose(dense(errors.covariances, 2, 3).ravel(), covariances, rtol=1e-4, atol=1e-7)


class Partial(Coordinates):
    """The same of rows of which a part is known: missing values, errors of measurement, labels."""

    def __init__(self, model, structure, noise, possible):
        super().__init__(model, structure, False)
        self.noise, self.possible = noise, possible

    def log_density(self, x, X):
        weights, means, covariances = self(x)
        seen = (~np.isnan(X)).astype(float)
        apart = (1 - seen)[:, :, None] * np.eye(X.shape[1])  # missing: independent of the rest, and known to be 0
        parts = []
        for w, m, C in zip(weights, means, covariances, strict=True):
            T = (C + self.noise) * seen[:, :, None] * seen[:, None] + apart
            y = np.where(seen > 0, X - m, 0)[:, :, None]
            q = (y * np.linalg.solve(T, y)).sum(axis=(1, 2))
            parts.append(np.log(w) - (q + np.linalg.slogdet(T)[1] + seen.sum(axis=1) * np.log(2 * np.pi)) / 2)
        with np.errstate(divide="ignore"):
            return np.logaddexp.reduce(np.array(parts) + np.log(self.possible.T), axis=0)


def with_gaps(X, share=0.3, seed=5):
    """Gaps anywhere, and a row of nothing else."""
    gaps = np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)
    gaps[0] = np.nan
    return gaps


@pytest.mark.parametrize(("structure", "d", "known"), [
    *((code, 3 if code[2] == "I" else 2, "gaps") for code in CODES), ("VEE", 3, "gaps"),
    ("EVE", 3, "gaps, noise, labels"), ("VEI", 3, "gaps, noise, labels")])
def test_numerical_derivatives_with_gaps(triple, structure, d, known):
    """Of the density of what was observed, with weights, by formulas and coordinates of their own."""
    half = np.ascontiguousarray(triple[::2, :d])
    rng, X, n = np.random.default_rng(1), with_gaps(half, 0.25), len(half)
    w, how, noise, possible = rng.uniform(0, 2, n), {}, np.zeros((n, d, d)), np.ones((n, 2))
    if "noise" in known:
        A = 0.2 * rng.normal(size=(n, d, d))
        noise, possible[:15] = A @ A.swapaxes(1, 2), [1, 0]
        how = dict(noise=noise, labels=possible)
        if structure[1] == "E":  # variances of each value
            noise = 0.2 * rng.random((n, d))[:, :, None] * np.eye(d)
            how["noise"] = np.diagonal(noise, axis1=1, axis2=2)
    first = GaussianMixture(2, covariance_type=structure, init_params=np.repeat(np.eye(2), [75, 50], axis=0)).fit(half)
    model = tight(X, 2, structure, sample_weight=w, **how, weights_init=first.weights_, means_init=first.means_,
                  precisions_init=first.precisions_)
    coordinates = Partial(model, structure, noise, possible)
    errors = standard_errors(model, X, "sandwich", sample_weight=w, **how)  # of second derivatives and of scores
    weights, means, covariances = numerical_errors(coordinates, X, w)["sandwich"]
    assert_allclose(errors.weights, weights, rtol=1e-4)
    assert_allclose(errors.means.ravel(), means, rtol=1e-4)
    assert_allclose(dense(errors.covariances, 2, d).ravel(), covariances, rtol=1e-4, atol=1e-7)


def flat(errors):
    return np.concatenate([errors.weights, errors.means.ravel(), errors.covariances.ravel()])


@pytest.mark.parametrize("structure", ["full", "diag", "EVE", "VEV", "tied", "spherical"])
def test_units(triple, structure):
    """Errors change as their parameters do when data are shifted and scaled."""
    model = tight(triple, 2, structure)
    errors = standard_errors(model, triple)
    moved = standard_errors(tight(triple * 1e-3 + 1e3, 2, structure), triple * 1e-3 + 1e3)
    assert_allclose(moved.weights, errors.weights, rtol=1e-5)
    assert_allclose(moved.means, errors.means * 1e-3, rtol=1e-5)
    assert_allclose(moved.covariances, errors.covariances * 1e-6, rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize("method", ["observed", "scores", "sandwich"])
def test_whole_weights_are_repeated_rows(triple, method):
    counts = np.random.default_rng(2).integers(0, 4, len(triple))
    model = GaussianMixture(2, tol=1e-10, random_state=0).fit(triple, sample_weight=counts)
    weighted = standard_errors(model, triple, method, sample_weight=counts)
    repeated = standard_errors(model, np.repeat(triple, counts, axis=0), method)
    assert_allclose(flat(weighted), flat(repeated), rtol=1e-9)


def test_blocks_change_nothing(triple, monkeypatch):
    model = tight(triple, 2, "full")
    whole = standard_errors(model, triple, "sandwich")
    monkeypatch.setattr("cyem.inference.errors.BLOCK", 1)
    monkeypatch.setattr("cyem.inference.errors.ROWS", 3)
    assert_allclose(flat(standard_errors(model, triple, "sandwich")), flat(whole), rtol=1e-9)


def test_single_precision(triple):
    """Errors are computed in double precision, about parameters in single."""
    errors = standard_errors(tight(triple, 2, "full"), triple)
    single = standard_errors(tight(triple.astype(np.float32), 2, "full", tol=1e-6), triple.astype(np.float32))
    assert_allclose(flat(single), flat(errors), rtol=1e-2)


def test_intervals(triple):
    """Normal on the scale of the logit and the logarithm; nested; symmetric for what may take any value."""
    X = triple * 1e4
    model = tight(X, 2, "full")
    errors = standard_errors(model, X)
    z = norm.ppf(0.95)
    intervals = errors.intervals(0.9)
    w, (low, high) = model.weights_, intervals.weights
    assert intervals.degrees_of_freedom is None  # which t distributions alone have
    logit = z * errors.weights / (w * (1 - w))
    assert_allclose(np.log(high / (1 - high)) - np.log(w / (1 - w)), logit)
    assert_allclose(np.log(w / (1 - w)) - np.log(low / (1 - low)), logit)
    low, high = intervals.means
    assert_allclose([high - model.means_, model.means_ - low], [z * errors.means] * 2)
    low, high = intervals.covariances
    i = range(3)
    ratio = np.exp(z * errors.covariances / model.covariances_)[:, i, i]
    assert_allclose((high / model.covariances_)[:, i, i], ratio)
    assert_allclose((model.covariances_ / low)[:, i, i], ratio)
    assert_allclose((high - model.covariances_)[:, 0, 1], z * errors.covariances[:, 0, 1])
    for (low, high), (lower, higher) in zip(intervals[:3], errors.intervals(0.99)[:3], strict=True):
        assert ((lower < low) & (low < high) & (high < higher)).all()


def test_whole_rows_by_the_path_for_parts(triple):
    """Errors of measurement of size zero change nothing."""
    model = tight(triple, 2, "VVE")
    whole = standard_errors(model, triple, "sandwich")
    assert_array_equal(whole.missing_information, [0, 0])
    part = standard_errors(model, triple, "sandwich", noise=np.zeros_like(triple))
    assert_allclose(flat(part), flat(whole), rtol=1e-11)
    assert_allclose(part.missing_information, 0, atol=1e-12)


def test_order_and_blocks_with_gaps(triple, monkeypatch):
    X = with_gaps(triple)
    model = tight(X, 2, "full", tol=1e-10)
    errors = standard_errors(model, X)
    order = np.random.default_rng(0).permutation(len(X))
    assert_allclose(flat(standard_errors(model, X[order])), flat(errors), rtol=1e-9)
    monkeypatch.setattr("cyem.inference.errors.BLOCK", 1)
    monkeypatch.setattr("cyem.inference.errors.ROWS", 3)
    again = standard_errors(model, X)
    assert_allclose(flat(again), flat(errors), rtol=1e-9)
    assert_allclose(again.missing_information, errors.missing_information, rtol=1e-9)


def test_missing_information():
    """Of independent features what is missing is the share of the gaps; of two values both are needed to tell a
    covariance. What others tell is not lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)) * [1, 5]
    gone = rng.random(X.shape) < 0.3
    gaps = np.where(gone, np.nan, X)
    model = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[1.0, 25.0]], "diag")
    with pytest.warns(UserWarning, match="away from a maximum"):
        share = standard_errors(model, gaps).missing_information
    assert_allclose(share, gone.mean())
    model = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [np.diag([1.0, 25.0])])
    with pytest.warns(UserWarning, match="away from a maximum"):
        share = standard_errors(model, gaps).missing_information
    apart = (4 * gone.mean() + gone.any(axis=1).mean()) / 5
    assert_allclose(share, apart)
    alike = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 4.5], [4.5, 25.0]]])
    with pytest.warns(UserWarning, match="away from a maximum"):
        assert gone.all(axis=1).mean() < standard_errors(alike, gaps).missing_information[0] < apart
    nothing = np.full_like(X, np.nan)
    with pytest.raises(ValueError, match="do not determine"):
        standard_errors(model, nothing)


def test_a_component_without_gaps_loses_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), np.arange(400) % 2
    X[:, 0] += 100 * y
    X[(rng.random(400) < 0.5) & (y == 1), 1] = np.nan
    model = GaussianMixture(2, covariance_type="diag", init_params=np.eye(2)[y], tol=1e-12).fit(X)
    gone = np.isnan(X[y == 1]).mean()
    errors = standard_errors(model, X)
    assert_allclose(errors.missing_information, [0, gone], atol=1e-12)
    assert errors.summary().endswith(f"by component: 0: 0%, 1: {gone:.0%}")


TRUTHS = {
    "observed": ([0.4, 0.6], [[0.0], [4.0]], [[1.0], [1.5]], "diag"),
    "scores": ([0.4, 0.6], [[0.0, 0.0], [3.0, 2.0]], [[1.0, 0.5], [0.5, 1.0]], "tied"),
    "sandwich": ([0.3, 0.3, 0.4], [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], [1.0, 0.5, 1.5], "spherical"),
}


@pytest.mark.parametrize("method", TRUTHS)
def test_coverage(method):
    """95 % intervals cover the truth in 92 to 98 % of 500 simulated sets, every parameter.

    Of a true share of 95 %, 500 sets show a share outside of this in less than one case in 400.
    """
    truth = GaussianMixture.from_parameters(*TRUTHS[method])
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(500):
        X, labels = truth.sample(500, random_state=rng)
        model = GaussianMixture(len(truth.means_), covariance_type=truth.covariance_type, init_params=labels, tol=1e-8)
        intervals = standard_errors(model.fit(X), X, method).intervals()
        true = truth.weights_, truth.means_, truth.covariances_
        covered += np.concatenate([((low <= part) & (part <= high)).ravel()
                                   for part, (low, high) in zip(true, intervals[:3], strict=True)])
    assert (covered >= 460).all() and (covered <= 490).all(), covered / 500


def test_bootstrap(waiting):
    """It agrees with the information as far as 272 samples and 200 refits go; numbers do not depend on processes."""
    model = tight(waiting, 2, "full")
    errors = standard_errors(model, waiting, "bootstrap", random_state=0)
    assert_allclose(flat(errors), flat(standard_errors(model, waiting, "sandwich")), rtol=0.25)
    assert errors.replicates.means.shape == (200, 2, 1)
    assert_allclose(errors.replicates.means.mean(axis=0), model.means_, atol=0.5)  # matched: they do not mix
    low, high = errors.intervals().means
    assert_allclose((errors.replicates.means < low).mean(axis=0), 0.025, atol=0.01)
    assert_allclose((errors.replicates.means > high).mean(axis=0), 0.025, atol=0.01)


def test_bootstrap_of_any_structure_in_processes(triple):
    model = GaussianMixture(2, covariance_type="tied", random_state=0).fit(triple)
    one, two = (standard_errors(model, triple, "bootstrap", n_bootstrap=4, random_state=1, n_jobs=n) for n in (1, 2))
    assert_array_equal(flat(one), flat(two))
    assert one.covariances.shape == (3, 3)


def test_bootstrap_weights_are_drawn_rows(triple):
    """Rows without weight are never drawn."""
    w = np.repeat([1.0, 0.0], [150, 100])
    model = GaussianMixture(1).fit(triple[:150])
    some = standard_errors(model, triple[:150], "bootstrap", n_bootstrap=3, random_state=0)
    far = np.where(w[:, None] > 0, triple, 1e6)
    assert_allclose(flat(standard_errors(model, far, "bootstrap", sample_weight=w, n_bootstrap=3, random_state=0)),
                    flat(some))


def test_table(waiting):
    model = tight(waiting, 2, "full")
    table = str(standard_errors(model, waiting))
    assert table.splitlines()[0].split() == ["component", "parameter", "estimate", "standard", "error", "95", "%",
                                             "interval"]
    assert len(table.splitlines()) == 1 + 2 * 3 + 1
    assert "0.0311648" in table and "method: observed" in table


def test_not_at_a_maximum(triple):
    model = GaussianMixture(2, random_state=0).fit(triple)
    with pytest.warns(UserWarning, match="away from a maximum"):
        standard_errors(model, triple + 0.5, "scores")


def test_components_that_the_samples_do_not_determine():
    X = np.random.default_rng(0).normal(size=(40, 4))
    labels = np.repeat([0, 1], [36, 4])
    with pytest.warns(UserWarning):
        model = GaussianMixture(2, init_params=labels, random_state=0, max_iter=5).fit(X)
    with pytest.raises(ValueError, match="held at the floor of variance: components 1"):
        standard_errors(model, X, "scores")


@pytest.mark.parametrize("method", ["observed", "scores", "sandwich"])
def test_a_component_that_no_sample_belongs_to(method):
    """Nothing is known about it: no standard error of zero."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [1e3, 0.0]], [[1.0, 1.0]] * 2, "diag")
    with pytest.raises(ValueError, match="do not determine the 9 parameters"):
        standard_errors(model, X, method)


def test_a_component_on_one_sample():
    """At the floor of variance there is no curvature."""
    X = np.append(np.random.default_rng(0).normal(size=(100, 2)), [[20.0, 20.0]], axis=0)
    with pytest.warns(UserWarning, match="floor"):
        model = GaussianMixture(2, covariance_type="diag", init_params=np.repeat([0, 1], [100, 1])).fit(X)
    with pytest.raises(ValueError, match="held at the floor of variance: components 1"):
        standard_errors(model, X)


def test_round_components_have_no_turns():
    """Parameters that nothing depends on are left out: two round clusters, whose orientation is free."""
    X = np.random.default_rng(0).normal(size=(400, 2))
    X = np.concatenate([X[:200] - 9, X[200:] + 9])
    model = GaussianMixture.from_parameters([0.5, 0.5], [[-9.0, -9.0], [9.0, 9.0]], [np.eye(2)] * 2, "EEV")
    with pytest.warns(UserWarning, match="maximum"):  # nearly one
        errors = standard_errors(model, X)
    assert_allclose(errors.means, np.full((2, 2), 200**-0.5), rtol=1e-6)


def test_names_of_features_are_no_news(triple):
    """Refits are asked about arrays, which have no names: nobody is warned of that."""
    frame = pd.DataFrame(triple, columns=list("abc"))
    model = tight(frame, 2, "diag")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        errors = standard_errors(model, frame, "bootstrap", n_bootstrap=3, random_state=0)
    assert "mean of b" in str(errors)


def test_a_saddle():
    """Two components that coincide are no maximum."""
    X = np.random.default_rng(0).normal(size=(200, 1))
    X = np.concatenate([X - 3, X + 3])
    model = GaussianMixture.from_parameters([0.5, 0.5], [X.mean(axis=0)] * 2, [X.var()] * 2, "spherical")
    with pytest.raises(ValueError, match="not positive definite"):
        standard_errors(model, X)


def test_intervals_of_one_component(triple):
    low, high = standard_errors(tight(triple, 1, "full"), triple).intervals().weights
    assert low == high == 1


def test_a_component_without_weight(triple):
    model = GaussianMixture.from_parameters([1, 0], [[0.0] * 3, [1.0] * 3], [1.0, 1.0], "spherical")
    with pytest.raises(ValueError, match=r"Component 1 has no weight.*fewer than 2"):
        standard_errors(model, triple)


@pytest.mark.parametrize(
    "bad, fragments",
    [
        ({"method": "exact"}, ["method='exact'", "'observed'"]),
        ({"model": 3}, ["model is a int", "fitted GaussianMixture", "best_"]),
        ({"X": np.zeros(5)}, ["2D array"]),
        ({"X": np.zeros((5, 2))}, ["2", "3"]),
        ({"sample_weight": [1, 2]}, ["sample_weight"]),
        ({"method": "bootstrap", "n_bootstrap": 1}, ["n_bootstrap=1", "2"]),
        ({"method": "bootstrap", "n_jobs": 0}, ["n_jobs=0"]),
    ],
)
def test_bad_input(triple, bad, fragments):
    model = GaussianMixture(2, random_state=0).fit(triple)
    with pytest.raises((ValueError, TypeError)) as caught:
        standard_errors(**{"model": model, "X": triple} | bad)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_bad_level(triple):
    for level, said in ((95, "level=95"), ("0.9", "level='0.9'")):
        with pytest.raises(ValueError, match=said):
            standard_errors(tight(triple, 1, "full"), triple).intervals(level)


@pytest.mark.parametrize("how", [{"held": "means"}, {"prior": "weak"}])
def test_what_information_is_not_about_is_left_to_refits(how):
    """Which hold what was held, and believe what was believed."""
    X = np.random.default_rng(0).normal(size=(200, 1)) + [[0], [6]] * 100
    init = dict(weights_init=[0.5, 0.5], means_init=[[0.0], [6.0]], precisions_init=[[[1.0]], [[1.0]]])
    model = GaussianMixture(2, random_state=0, **init, **how).fit(X)
    with pytest.raises(ValueError, match=f"has {next(iter(how))}=.*method='bootstrap'"):
        standard_errors(model, X)
    errors = standard_errors(model, X, "bootstrap", n_bootstrap=60, random_state=0)
    assert_allclose(errors.means, 0 if "held" in how else 0.1, rtol=0.35)  # four standard errors of 60 refits
    assert (errors.covariances > 0).all()
