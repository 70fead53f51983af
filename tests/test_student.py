"""Mixtures of t distributions: published maxima, SciPy's densities, an independent optimiser, the laws of every fit."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, special, stats

import cyem
from cyem import ConvergenceWarning, GaussianMixture, StudentMixture
from cyem.families import student

STRUCTURES = ("full", "tied", "diag", "spherical")
REFERENCE = Path(__file__).parent / "data" / "robust"
every_structure = pytest.mark.parametrize("structure", STRUCTURES)


def drawn(nus, d, n=600, seed=0, apart=8):
    """Samples of components with the given degrees of freedom, and the components."""
    rng = np.random.default_rng(seed)
    k = len(nus)
    means, A = rng.normal(size=(k, d)) * apart / np.sqrt(d), rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    y = rng.integers(k, size=n)
    u = np.array([rng.chisquare(nus[j]) / nus[j] for j in y])
    z = rng.normal(size=(n, d)) / np.sqrt(u)[:, None]
    return means[y] + np.einsum("nij,nj->ni", A[y], z), y


def matrices(model):
    """Scale matrices (k, d, d)."""
    k, d = model.means_.shape
    S = model.scales_ if isinstance(model, StudentMixture) else model.covariances_
    return {"full": lambda: S, "tied": lambda: np.repeat(S[None], k, 0), "diag": lambda: S[:, None] * np.eye(d),
            "spherical": lambda: S[:, None, None] * np.eye(d)}[model.covariance_type]()


def log_density(model, X):
    parts = zip(model.weights_, model.means_, matrices(model), model.degrees_of_freedom_, strict=True)
    logs = [np.log(w) + stats.multivariate_t(m, S, df=nu).logpdf(X) for w, m, S, nu in parts]
    return special.logsumexp(np.reshape(logs, (len(logs), -1)), axis=0)


# --- what others found -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "k", "log_likelihood", "nu"), [
    # one number of degrees of freedom for all: R's teigen (UUUC) agrees on iris
    ("iris", 3, -179.962808614, 45.9), ("iris", 2, -214.2593604, 77.2), ("faithful", 2, -1130.17891848, 59.7),
])
def test_published_maxima(load, table, k, log_likelihood, nu):
    X = load(table)[:, :4]
    model = StudentMixture(k, degrees_of_freedom="shared", tol=1e-10, random_state=0).fit(X)
    assert len(X) * model.lower_bound_ == pytest.approx(log_likelihood, abs=2e-7)
    assert_allclose(model.degrees_of_freedom_, nu, rtol=5e-3)  # the likelihood is flat there


@pytest.mark.parametrize("case", ["student_faithful_noise_k2", "student_galaxies_k1"])
def test_reference_cases(case):
    case = json.loads((REFERENCE / f"{case}.json").read_text())
    X, expected = np.array(case["X"]), case["expected"]
    X = X.reshape(len(X), -1)
    model = StudentMixture(case["model"]["n_components"], init_params=np.array(case["start"]["labels"]), tol=1e-12,
                           reg_covar=0).fit(X)
    assert len(X) * model.lower_bound_ == pytest.approx(expected["log_likelihood"], rel=1e-9)
    assert_allclose(model.weights_, expected["weights"], atol=1e-5)
    assert_allclose(model.means_, expected["means"], rtol=1e-5)
    assert_allclose(model.scales_, expected["scales"], rtol=1e-4)
    assert_allclose(model.degrees_of_freedom_, expected["nu"], rtol=1e-4)


@every_structure
def test_densities_are_those_of_scipy(structure):
    X, _ = drawn([3, 10, 1.5], 3)
    model = StudentMixture(3, covariance_type=structure, random_state=0).fit(X)
    assert_allclose(model.score_samples(X), log_density(model, X), atol=1e-11)
    assert_allclose(model.score(X), model.lower_bound_, rtol=1e-12)
    far = model.score_samples(X * 1e6)  # tails as powers
    assert_allclose(far, log_density(model, X * 1e6), rtol=1e-11)


# --- an independent optimiser ----------------------------------------------------------------------------------------


def negative(x, X, k, structure, shared):
    """-log-likelihood of free numbers: logits, means, logarithms of nu, factors by their logarithmic diagonals."""
    d = X.shape[1]
    logits, means, nus, rest = np.split(x, np.cumsum([k - 1, k * d, 1 if shared else k]))
    weights, nus = special.log_softmax(np.append(logits, 0)), np.broadcast_to(np.exp(nus), k)
    per = {"full": d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": d, "spherical": 1}[structure]
    logs = []
    for j in range(k):
        part = rest[:per] if structure == "tied" else rest[j * per : (j + 1) * per]
        L = np.zeros((d, d))
        if structure in ("full", "tied"):
            L[np.tril_indices(d)] = part
            L[np.diag_indices(d)] = np.exp(np.diag(L))
        else:
            L[np.diag_indices(d)] = np.exp(part)
        z = np.linalg.solve(L, (X - means[j * d : (j + 1) * d]).T)
        a = (nus[j] + d) / 2
        logs.append(weights[j] + special.gammaln(a) - special.gammaln(nus[j] / 2) - d / 2 * np.log(nus[j] * np.pi)
                    - np.log(np.diag(L)).sum() - a * np.log1p((z * z).sum(axis=0) / nus[j]))
    return -special.logsumexp(logs, axis=0).sum()


def free(model, shared):
    logits = np.log(model.weights_[:-1] / model.weights_[-1])
    nus = np.log(model.degrees_of_freedom_[:1] if shared else model.degrees_of_freedom_)
    factors = []
    for S in matrices(model)[: 1 if model.covariance_type == "tied" else None]:
        L = np.linalg.cholesky(S)
        L[np.diag_indices(len(L))] = np.log(np.diag(L))
        factors += {"diag": [np.diag(L)], "spherical": [np.diag(L)[:1]]}.get(
            model.covariance_type, [L[np.tril_indices(len(L))]])
    return np.concatenate([logits, model.means_.ravel(), nus, *factors])


@every_structure
@pytest.mark.parametrize("tails", ["own", "shared"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_optimiser_climbs_from_there(structure, tails, seed):
    X, _ = drawn([2.5, 12], 2, 300, seed, apart=5)
    model = StudentMixture(2, covariance_type=structure, degrees_of_freedom=tails, tol=1e-12, random_state=0).fit(X)
    x = free(model, tails == "shared")
    arguments = X, 2, structure, tails == "shared"
    assert negative(x, *arguments) == pytest.approx(-len(X) * model.lower_bound_, rel=1e-8)  # of its log gamma
    found = optimize.minimize(negative, x, args=arguments, method="BFGS", options={"maxiter": 100})
    assert -found.fun <= -negative(x, *arguments) + 1e-6


@pytest.mark.parametrize("x", [0.025, 0.3, 1.0, 7.7, 40.0, 5e3, 5e6])
def test_special_functions(x):
    assert student.digamma_less_log(x) == pytest.approx(special.digamma(x) - np.log(x), rel=1e-8, abs=1e-15)
    assert student.trigamma(x) == pytest.approx(special.polygamma(1, x), rel=1e-12)
    assert student.degrees_of(-student.digamma_less_log(x)) == pytest.approx(2 * x, rel=1e-9)
    for d in (1, 7):
        exact = stats.multivariate_t(np.zeros(d), np.eye(d), df=2 * x).logpdf(np.zeros(d)) + d / 2 * np.log(2 * np.pi)
        assert student.surplus(2 * x, d) == pytest.approx(exact, abs=1e-7 if x > 1e6 else 1e-9)


@pytest.mark.parametrize("nu", [1.0, 5.0, 40.0])
def test_information(nu):
    """In one dimension: the mean square of the derivative of the log-density by 1 / nu, by quadrature."""
    def score(x, h=1e-4):
        up, down = (stats.t.logpdf(x, 1 / (1 / nu + step)) for step in (h / nu, -h / nu))
        return (up - down) / (2 * h / nu)

    x = stats.t.ppf((np.arange(400_000) + 0.5) / 400_000, nu)
    assert np.mean(score(x) ** 2) == pytest.approx(student.information(nu, 1), rel=1e-2)


# --- laws ------------------------------------------------------------------------------------------------------------


@every_structure
@pytest.mark.parametrize("tails", ["own", "shared", 4.0])
@pytest.mark.parametrize("acceleration", ["squarem", None])
def test_the_likelihood_never_falls(structure, tails, acceleration):
    X, y = drawn([1.2, 30, 5], 3, 400, 3, apart=3)
    model = StudentMixture(3, covariance_type=structure, degrees_of_freedom=tails, acceleration=acceleration,
                           init_params=y, tol=1e-8).fit(X)
    assert np.diff(model.lower_bounds_).min() >= -1e-13
    if tails == 4.0:
        assert (model.degrees_of_freedom_ == 4).all()


@every_structure
def test_infinitely_many_degrees_of_freedom_are_normal(structure):
    X, y = drawn([5, 5], 2, seed=4)
    how = dict(covariance_type=structure, init_params=y, tol=1e-13)
    normal = GaussianMixture(2, **how).fit(X)
    for nu, near in ((np.inf, 1e-9), (1e7, 1e-5)):  # at 1e7 the densities themselves differ by 1e-7
        model = StudentMixture(2, degrees_of_freedom=nu, **how).fit(X)
        assert_allclose(model.lower_bound_, normal.lower_bound_, rtol=1e-8 if nu == np.inf else 3e-7)
        assert_allclose(model.means_, normal.means_, atol=near)
        assert_allclose(model.scales_, normal.covariances_, rtol=1e-4 * (near > 1e-6) + 1e-7)


@every_structure
def test_many_degrees_of_freedom_are_normal_but_for_their_first_term(load, structure):
    """log t = log N + (d (d - 2) + q^2 - 2 d q) / (4 nu) + O(1 / nu^2), q the squared distance (Stirling, log(1 + x)).

    A maximum moves by O(1 / nu), and its height, to that order, by the mean of this over samples and components.
    """
    X, nu = load("iris")[:, :4], 1e7
    normal = GaussianMixture(3, covariance_type=structure, random_state=0, tol=1e-13, max_iter=10_000).fit(X)
    start = dict(weights_init=normal.weights_, means_init=normal.means_, precisions_init=normal.precisions_)
    model = StudentMixture(3, covariance_type=structure, degrees_of_freedom=nu, tol=1e-13, max_iter=10_000, **start)
    assert_allclose(model.fit(X).means_, normal.means_, rtol=0, atol=1e-6)
    d, resp = X.shape[1], normal.predict_proba(X)
    each = [stats.multivariate_normal(mean, covariance) for mean, covariance in
            zip(normal.means_, matrices(normal), strict=True)]
    q = np.column_stack([2 * (one.logpdf(one.mean) - one.logpdf(X)) for one in each])
    term = (resp * (d * (d - 2) + q**2 - 2 * d * q)).sum(axis=1).mean() / (4 * nu)
    assert abs(term) < 1e-6
    assert_allclose(model.lower_bound_ - term, normal.lower_bound_, rtol=0, atol=1e-11)


def test_outliers_do_not_move_it():
    """One sample in twenty far away: centres of t hardly move, those of normal components do."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(8, 1, (300, 2)), rng.uniform(-60, 60, (30, 2))])
    true = np.array([[0.0, 0.0], [8.0, 8.0]])
    how = dict(means_init=true + 0.5)
    robust, normal = StudentMixture(2, **how).fit(X), GaussianMixture(2, **how).fit(X)
    assert abs(robust.means_ - true).max() < 0.15 < abs(normal.means_ - true).max()


def test_weights_are_repetitions():
    X, y = drawn([3, 8], 2)
    w = np.arange(len(X)) % 3
    weighted = StudentMixture(2, init_params=y, tol=1e-10).fit(X, sample_weight=w)
    repeated = StudentMixture(2, init_params=np.repeat(y, w), tol=1e-10).fit(np.repeat(X, w, axis=0))
    assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=1e-12)
    assert_allclose(weighted.degrees_of_freedom_, repeated.degrees_of_freedom_, rtol=1e-6)
    assert weighted.bic(X, w) == pytest.approx(repeated.bic(np.repeat(X, w, axis=0)), rel=1e-12)


@every_structure
def test_units_and_order_of_samples_change_nothing(structure):
    X, y = drawn([3, 8], 2)
    how = dict(covariance_type=structure, tol=1e-10)
    first = StudentMixture(2, init_params=y, **how).fit(X)
    units = np.array([1e4, 1e4] if structure == "spherical" else [1e4, 1e-3])
    other = StudentMixture(2, init_params=y[::-1], **how).fit(X[::-1] * units + 1e3 * units)
    assert_allclose(other.lower_bound_, first.lower_bound_ - np.log(units).sum(), rtol=1e-9)
    assert_allclose(other.degrees_of_freedom_, first.degrees_of_freedom_, rtol=1e-4)
    assert_allclose(other.means_, (first.means_ + 1e3) * units, rtol=1e-7)


def test_threads_and_single_precision():
    X, y = drawn([3, 8], 4, 5000)
    one, two = (StudentMixture(2, init_params=y, n_threads=n).fit(X) for n in (1, 2))
    assert one.scales_.tobytes() == two.scales_.tobytes()
    assert one.predict_proba(X).tobytes() == two.predict_proba(X).tobytes()
    single = StudentMixture(2, init_params=y).fit(X.astype(np.float32))
    assert single.scales_.dtype == np.float32
    assert_allclose(single.lower_bound_, one.lower_bound_, rtol=1e-5)
    assert_allclose(single.degrees_of_freedom_, one.degrees_of_freedom_, rtol=0.02)


@every_structure
def test_samples_have_the_moments_of_the_mixture(structure):
    model = StudentMixture(2, covariance_type=structure, random_state=0).fit(drawn([9, 15], 2)[0])
    model.degrees_of_freedom_ = np.array([9.0, 15.0])
    X, y = model.sample(200_000, random_state=0)
    assert_allclose(np.bincount(y) / len(y), model.weights_, atol=5e-3)
    k, d = model.means_.shape
    covariances = model.covariances_
    each = {"diag": lambda C: C[:, None] * np.eye(d), "spherical": lambda C: C[:, None, None] * np.eye(d)}.get(
        structure, lambda C: C)(covariances)
    for j in range(k):
        assert_allclose(X[y == j].mean(axis=0), model.means_[j], atol=0.02 * np.sqrt(np.trace(each[j])))
        assert_allclose(np.cov(X[y == j].T), each[j], atol=0.05 * np.trace(each[j]))


def test_covariances_are_infinite_where_there_are_none():
    scales = [[[1.0, 0.5], [0.5, 1.0]]] * 3
    model = StudentMixture.from_parameters([0.2, 0.3, 0.5], np.eye(3, 2), scales, [2.0, 4.0, np.inf])
    assert np.isinf(model.covariances_[0]).all()
    assert_allclose(model.covariances_[1:], [2 * np.array(scales[0]), scales[0]])


# --- what estimators do ----------------------------------------------------------------------------------------------


def test_files_pickles_and_words(tmp_path):
    X, _ = drawn([3, 8], 2)
    model = StudentMixture(2, random_state=0).fit(X)
    model.save(tmp_path / "model.npz")
    for other in (cyem.load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))):
        assert type(other) is StudentMixture
        assert other.get_params() == model.get_params()
        assert other.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
        assert other.covariances_.tobytes() == model.covariances_.tobytes()
    text = str(model.summary(X))
    assert text.startswith("Mixture of t distributions, 2 components") and "degrees of freedom" in text
    assert "Mixture of t distributions" in model._repr_html_()
    p = 1 + 4 + 6 + 2  # weights, means, scale matrices, degrees of freedom
    assert model.bic(X) == pytest.approx(p * math.log(len(X)) - 2 * len(X) * model.score(X))
    shared = StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X)
    assert shared._n_parameters() == p - 1 == StudentMixture(2, degrees_of_freedom=3).fit(X)._n_parameters() + 1


def test_a_warm_start_goes_on():
    X, y = drawn([3, 8], 2)
    model = StudentMixture(2, init_params=y, max_iter=2, tol=1e-9, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        before = model.fit(X).lower_bound_
    model.set_params(max_iter=1000).fit(X)
    assert model.converged_ and model.lower_bounds_[0] >= before
    assert_allclose(model.lower_bound_, StudentMixture(2, init_params=y, tol=1e-9).fit(X).lower_bound_, rtol=1e-8)


def test_attributes_set_by_hand_are_used_and_checked():
    X, _ = drawn([3, 8], 2)
    model = StudentMixture(2, random_state=0).fit(X)
    before = model.score(X)
    model.degrees_of_freedom_ = model.degrees_of_freedom_ * 3
    assert model.score(X) < before
    assert_allclose(model.score_samples(X), log_density(model, X), atol=1e-11)
    for wrong in ([1.0], [0.0, 1.0], [np.nan, 1.0], "own"):
        model.degrees_of_freedom_ = wrong
        with pytest.raises((TypeError, ValueError), match="degrees_of_freedom_"):
            model.predict(X)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, "both", None, True, [1.0], [1.0, 0.0], [[1.0, 2.0]], "3"])
def test_bad_degrees_of_freedom(bad):
    with pytest.raises(ValueError, match="'degrees_of_freedom' parameter of StudentMixture must be"):
        StudentMixture(2, degrees_of_freedom=bad).fit(np.zeros((9, 2)))


def test_other_structures_are_refused():
    with pytest.raises(ValueError, match="'covariance_type' parameter of StudentMixture must be one of 'full'"):
        StudentMixture(covariance_type="VVE").fit(np.eye(3))


def test_light_tails_are_told():
    X = np.random.default_rng(0).uniform(size=(500, 2))  # tails lighter than normal ones
    model = StudentMixture(random_state=0, tol=1e-10).fit(X)
    assert model.degrees_of_freedom_[0] == student.MOST
    assert any("as good as normal" in line for line in model.fit_report_)


@pytest.mark.parametrize("X", [np.zeros((20, 2)), np.repeat([[0.0, 1.0], [5.0, 2.0]], 10, axis=0),
                               np.eye(3), np.arange(20.0)[:, None] * [1, 2, 3]], ids=["point", "ties", "few", "line"])
def test_degenerate_samples(X):
    model = StudentMixture(2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X)
    assert np.isfinite(model.score(X)) and model.fit_report_


@pytest.fixture(scope="module")
def selection():
    X, _ = drawn([3, 3, 3], 2, 600, 5)
    return X, cyem.select(X, range(1, 5), family="student", degrees_of_freedom="shared", random_state=0)


def test_select(selection):
    X, found = selection
    assert found.best_.n_components == 3 and type(found.best_) is StudentMixture
    normal = cyem.select(X, range(1, 5), random_state=0)
    assert found.best_row.bic < normal.best_row.bic  # which need more components for the tails
    for row, model in zip(found.rows, found.models, strict=True):
        assert row.log_likelihood == pytest.approx(len(X) * model.score(X), rel=1e-10)
        assert row.bic == pytest.approx(model.bic(X), rel=1e-10)
    best = {(row.n_components, row.covariance_type): row.log_likelihood for row in found.rows}
    for (k, name), value in best.items():  # nesting
        assert k == 1 or value >= best[k - 1, name] - 1e-6
        assert name != "full" or value >= max(best[k, other] for other in STRUCTURES) - 1e-6
    assert "components" in str(found) and found._repr_html_()


def test_select_is_the_same_for_any_number_of_workers(selection):
    X, found = selection
    for n_jobs in (1, 3):
        other = cyem.select(X, range(1, 5), family="student", degrees_of_freedom="shared", random_state=0,
                            n_jobs=n_jobs)
        assert [row.log_likelihood for row in other.rows] == [row.log_likelihood for row in found.rows]
    held_out = cyem.select(X, [1, 3], "full", "cv", family="student", degrees_of_freedom=3.0, random_state=0)
    assert held_out.best_.n_components == 3
    with pytest.raises(ValueError, match="family='normal' must be one of 'gaussian', 'student'"):
        cyem.select(X, family="normal")
    with pytest.raises(TypeError, match="neither select nor GaussianMixture"):
        cyem.select(X, degrees_of_freedom=3)


def test_pictures(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    from cyem.plotting import MixtureDisplay

    X, _ = drawn([3, 8], 2)
    for columns in (X, X[:, :1]):
        display = MixtureDisplay.from_estimator(StudentMixture(2, random_state=0).fit(columns), columns)
        assert display.figure_ is not None
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("nu", [1.0, 4.0, np.inf])
def test_ellipses_hold_their_share(nu):
    geometry = pytest.importorskip("cyem.plotting.geometry")
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    curve = geometry.ellipse(np.zeros(2), S, 0.9, nu=nu)
    q = np.einsum("ni,ij,nj->n", curve, np.linalg.inv(S), curve)
    assert_allclose(q, q[0], rtol=1e-9)
    inside = stats.f(2, nu).cdf(q[0] / 2) if np.isfinite(nu) else stats.chi2(2).cdf(q[0])
    assert inside == pytest.approx(0.9, rel=1e-12)


@every_structure
@pytest.mark.parametrize("far", [1e8, 1e20])
def test_one_wild_row_hides_nothing(structure, far):
    """Such as a number that stands for a missing one: the likelihood is what it is, and the rest is fitted."""
    X, _ = drawn([4], 2, 400)
    X[0] = far
    model = StudentMixture(covariance_type=structure, random_state=0).fit(X)
    assert_allclose(model.lower_bound_, log_density(model, X).mean(), rtol=1e-9)
    assert_allclose(model.score(X), model.lower_bound_, rtol=1e-9)
    without = StudentMixture(covariance_type=structure, random_state=0).fit(X[1:])
    assert abs(model.means_ - without.means_).max() < 0.2


def test_quartiles():
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 6, 50, 51):
        X, w = rng.normal(size=(n, 2)), rng.integers(1, 4, n)
        plain = student.quartiles(X, None)
        assert (plain == student.quartiles(X, np.ones(n))).all()
        assert (student.quartiles(X, w.astype(float)) == student.quartiles(np.repeat(X, w, axis=0), None)).all()


@pytest.mark.parametrize("structure", ["full", "tied"])
def test_the_floor_where_there_are_as_many_components_as_features(structure):
    """Three features on a line: the scale matrices are held, and no step loses."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(4, size=(90, 1)) * [1, 2, 3] + np.repeat([[0], [9], [20]], 30, axis=0)
    with pytest.warns(ConvergenceWarning, match="held at the floor"):
        model = StudentMixture(3, covariance_type=structure, init_params=np.repeat([0, 1, 2], 30), tol=1e-8,
                               reg_covar=1e-3).fit(X)
    assert model.converged_ and np.diff(model.lower_bounds_).min() >= -1e-12
    assert_allclose(model.scales_, np.swapaxes(model.scales_, -1, -2))


# --- how sure --------------------------------------------------------------------------------------------------------


def test_standard_errors():
    """Of the centre of a t distribution those of Fisher's information: (nu + 1) / (nu + 3) of a normal one's."""
    X = np.random.default_rng(0).standard_t(3, size=(400, 1))
    model = StudentMixture(1, degrees_of_freedom=3.0, random_state=0).fit(X)
    errors = cyem.standard_errors(model, X, "bootstrap", n_bootstrap=150, random_state=0)
    assert_allclose(errors.means, np.sqrt(model.scales_.ravel() * 6 / 4 / 400)[:, None], rtol=0.25)
    assert errors.degrees_of_freedom is None
    free = StudentMixture(1, random_state=0).fit(X)
    free = cyem.standard_errors(free, X, "bootstrap", n_bootstrap=40, random_state=0)
    low, high = free.intervals().degrees_of_freedom
    assert low < 3 < high < 10
    assert "degrees of freedom" in str(free)
    assert "squared scale of" in str(free)
    with pytest.raises(ValueError, match="method='bootstrap'"):
        cyem.standard_errors(model, X)


def test_clusters_come_back_and_are_counted(tmp_path):
    X, y = drawn([3, 3], 1, n=120, seed=2, apart=16)
    model = StudentMixture(2, random_state=0).fit(X)
    assert cyem.stability(model, X, n_bootstrap=5, random_state=0).jaccard.min() > 0.9
    assert cyem.merge(model, X).suggestion is None
    how = dict(family="student", n_bootstrap=4, n_init=1, tol=1e-4, random_state=0)
    assert cyem.likelihood_ratio_test(X, 1, **how).p_value == 0.2
    one = X[y == 0]  # whose tails two normal components are needed for
    assert cyem.likelihood_ratio_test(one, 1, **how).p_value > 0.2
    with pytest.raises(TypeError, match="degrees_of_freedom of each component"):
        cyem.likelihood_ratio_test(X, 2, degrees_of_freedom=[3.0, 4.0], **how)
    page = cyem.report(model, X, tmp_path / "a.html", figures=False).read_text()
    assert "Mixture of t distributions" in page
    assert "with the scale within it" in page
    choice = cyem.select(X, [1, 2], "full", family="student", random_state=0)
    assert "family=&#x27;student&#x27;" in cyem.report(choice, X, tmp_path / "b.html", figures=False).read_text()
