"""Discriminant analysis: the results of R's mclust, of scikit-learn where both have the model, and the laws of EM."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import is_classifier
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks

from cyem import ConvergenceWarning, GaussianMixture, MixtureClassifier
from cyem.models.history import INTERRUPTED, Report
from cyem.selection.grid import Grid

SPECIES = np.repeat(["setosa", "versicolor", "virginica"], 50)

# EDDA of iris by mclust 6.0.0: log-likelihood without the labels, training error, Brier score
MCLUST = {
    "EII": (-414.69795127, 0.07333333, 0.05197045), "VII": (-392.49841450, 0.08, 0.05045829),
    "EEI": (-364.51736434, 0.04, 0.03239052), "VEI": (-340.83605248, 0.03333333, 0.02947691),
    "EVI": (-342.97369847, 0.04, 0.03402986), "VVI": (-309.36275789, 0.04, 0.03311478),
    "EEE": (-256.64618425, 0.02, 0.01420785), "VEE": (-238.39469906, 0.02, 0.01557269),
    "EVE": (-235.55048426, 0.02666667, 0.01339267), "VVE": (-215.34430485, 0.02, 0.01284959),
    "EEV": (-215.14326313, 0.01333333, 0.01091528), "VEV": (-187.70974441, 0.02, 0.01265092),
    "EVV": (-209.45479770, 0.02, 0.01036282), "VVV": (-182.92084861, 0.02, 0.01160023),
}
COARSE = {"VEE": 1e-4, "EVE": 2e-3, "VVE": 0.5}  # which mclust looks for in steps, with a tolerance


def expected_failures(estimator):
    """Starts of several components draw rows, and depend on their order."""
    return {} if estimator.n_components == 1 else {
        "check_sample_weight_equivalence_on_dense_data": "starts depend on the order of rows"}


@parametrize_with_checks(
    [MixtureClassifier(), MixtureClassifier(covariance_type="tied"), MixtureClassifier(shared=False),
     MixtureClassifier(2, covariance_type="diag")],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_names():
    check_dataframe_column_names_consistency("MixtureClassifier", MixtureClassifier())


def test_kind():
    assert is_classifier(MixtureClassifier())


# --- results of others -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", MCLUST)
def test_edda_of_iris(load, code):
    X, expected = load("iris"), MCLUST[code]
    model = MixtureClassifier(covariance_type=code, tol=1e-10).fit(X, SPECIES)
    coarse = COARSE.get(code, 0)
    assert model.log_likelihood_ == pytest.approx(expected[0], abs=max(coarse, 1e-6))
    assert 1 - model.score(X, SPECIES) == pytest.approx(expected[1], abs=1e-8)
    assert model.brier_score(X, SPECIES) == pytest.approx(expected[2], abs=max(coarse / 100, 1e-7))


def test_edda_of_iris_by_bic(load):
    """R12: VEV of all 14."""
    X = load("iris")
    model = MixtureClassifier(covariance_type="all").fit(X, SPECIES)
    assert model.chosen_ == [(1, "VEV")] * 3
    assert model.log_likelihood_ == pytest.approx(-187.7097, abs=5e-5)
    assert model.n_parameters_ == 38
    assert model.bic_ == pytest.approx(565.8236, abs=5e-5)
    assert 1 - model.score(X, SPECIES) == pytest.approx(0.02)
    assert model.brier_score(X, SPECIES) == pytest.approx(0.0127, abs=5e-5)


def test_mda_of_banknotes(load):
    """R12: two components of EVE for counterfeit notes, an ellipsoid for genuine ones."""
    X = load("banknote")
    X, y = X[:, :6], np.where(X[:, 6] == 1, "genuine", "counterfeit")
    asked = {"genuine": 1, "counterfeit": range(1, 4)}
    model = MixtureClassifier(asked, covariance_type="all", shared=False, random_state=0).fit(X, y)
    assert [k for k, _ in model.chosen_] == [2, 1]
    assert model.chosen_[0][1] == "EVE"
    assert model.log_likelihood_ == pytest.approx(-646.0801, abs=5e-4)
    assert model.n_parameters_ == 67
    assert model.bic_ == pytest.approx(1647.147, abs=5e-4)
    assert model.score(X, y) == 1


@pytest.mark.parametrize(("code", "theirs"), [
    ("tied", LinearDiscriminantAnalysis()), ("diag", GaussianNB(var_smoothing=0)),
    ("full", QuadraticDiscriminantAnalysis()),
])
def test_beside_scikit_learn(code, theirs):
    """The same predictions; of discriminants that divide by degrees of freedom where ML divides by n, nearly."""
    X, y = load_wine(return_X_y=True)
    ours = MixtureClassifier(covariance_type=code).fit(X, y)
    found, expected = ours.predict_proba(X), theirs.fit(X, y).predict_proba(X)
    if code == "diag":
        assert_allclose(found, expected, atol=1e-8)
    else:
        assert_allclose(found, expected, atol=0.02 if code == "tied" else 0.06)
        assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99


# --- what it is ------------------------------------------------------------------------------------------------------


def joint_by_hand(X, y, priors):
    """Log-densities of rows and classes, of one normal distribution for each."""
    return np.log(priors) + np.column_stack(
        [multivariate_normal(X[y == c].mean(axis=0), np.cov(X[y == c].T, bias=True)).logpdf(X) for c in np.unique(y)])


def test_formula(load):
    X = load("iris")
    model = MixtureClassifier(priors=[0.5, 0.3, 0.2]).fit(X, SPECIES)
    joint = joint_by_hand(X, SPECIES, [0.5, 0.3, 0.2])
    logs = joint - logsumexp(joint, axis=1, keepdims=True)
    assert_allclose(model.decision_function(X), joint, rtol=1e-9, atol=1e-9)
    assert_allclose(model.predict_log_proba(X), logs, rtol=1e-8, atol=1e-9)
    assert_allclose(model.predict_proba(X), np.exp(logs), rtol=1e-7, atol=1e-12)
    assert_array_equal(model.predict(X), model.classes_[joint.argmax(axis=1)])
    assert_allclose(model.priors_, [0.5, 0.3, 0.2])
    assert model.n_parameters_ == 42  # priors are given
    two = MixtureClassifier().fit(X[50:], SPECIES[50:])
    joint = joint_by_hand(X[50:], SPECIES[50:], [0.5, 0.5])
    assert_allclose(two.decision_function(X[50:]), joint[:, 1] - joint[:, 0], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shared", [True, False])
def test_several_components(load, shared):
    """Classes that no ellipse fits: each has its two clusters."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [4, 0], [2, 0], [6, 0]])
    part = rng.integers(4, size=800)
    X, y = centres[part] + 0.35 * rng.normal(size=(800, 2)), part // 2
    one = MixtureClassifier(covariance_type="tied", shared=shared).fit(X, y).score(X, y)
    model = MixtureClassifier([1, 2, 3], covariance_type=["spherical", "tied"], shared=shared, random_state=0).fit(X, y)
    assert one < 0.7
    assert model.score(X, y) > 0.99
    assert [k for k, _ in model.chosen_] == [2, 2]
    assert_array_equal(model.component_classes_, [0, 0, 1, 1])
    assert model.bic_ == pytest.approx(model.n_parameters_ * np.log(800) - 2 * model.mixture_.score(X) * 800)
    assert_allclose(model.priors_, np.bincount(y) / 800, atol=1e-3)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("code", ["full", "tied", "VEV"])
def test_rows_without_a_class(load, shared, code):
    """They help, and where they are all but a few, the classes are found nearly as with all labels."""
    X = load("iris")
    y = np.full(150, None, object)
    y[::5] = SPECIES[::5]
    model = MixtureClassifier(covariance_type=code, shared=shared).fit(X, y)
    assert model.score(X, SPECIES) > 0.95
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]

    def likelihood(model, rows):
        joint = model.decision_function(X)
        known = np.array([label is not None for label in y])
        place = np.searchsorted(model.classes_, y[known].astype(str))
        return joint[known, place].sum() + logsumexp(joint[~known], axis=1).sum()

    with_labels = MixtureClassifier(covariance_type=code, shared=shared).fit(X[::5], SPECIES[::5])
    assert likelihood(model, X) > likelihood(with_labels, X)


def test_two_ways_to_the_same_maximum(load):
    """Structures that tie nothing: classes apart, and as one mixture, with rows without a class."""
    X = load("iris")
    y = np.arange(150) // 50
    y[1::3] = -1
    one, other = (MixtureClassifier(shared=shared, unlabelled=-1, tol=1e-9).fit(X, y) for shared in (True, False))
    assert one.log_likelihood_ == pytest.approx(other.log_likelihood_, abs=1e-3)
    assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-3)
    held = GaussianMixture(3, tol=1e-9).fit(X, labels=y)
    assert_allclose(one.predict_proba(X), held.predict_proba(X), atol=1e-10)


def test_what_stands_for_no_class(load):
    X = load("iris")[50:]
    plain = np.repeat([1, 2], 50)
    plain[::4] = -1
    expected = MixtureClassifier(unlabelled=-1).fit(X, plain).predict_proba(X)
    floats = np.where(plain == -1, np.nan, plain)
    words = np.where(plain == -1, "?", np.where(plain == 1, "a", "b"))
    for y, unlabelled in ((floats, -1), (floats, None), (words, "?"), (plain.tolist(), -1)):
        assert_allclose(MixtureClassifier(unlabelled=unlabelled).fit(X, y).predict_proba(X), expected, atol=1e-12)
    signs = np.repeat([-1, 1], 50)
    with pytest.raises(ValueError, match="more than one class"):
        MixtureClassifier(unlabelled=-1).fit(X, signs)
    assert MixtureClassifier().fit(X, signs).classes_.tolist() == [-1, 1]
    three = np.repeat([-1, 0, 1], [30, 30, 40])
    assert MixtureClassifier().fit(X, three).classes_.tolist() == [-1, 0, 1]  # no class is lost unless it is told so


def test_gaps(load):
    rng = np.random.default_rng(0)
    X = load("iris").copy()
    X[rng.random(X.shape) < 0.1] = np.nan
    for shared in (True, False):
        model = MixtureClassifier(shared=shared).fit(X, SPECIES)
        assert model.score(X, SPECIES) > 0.93
        assert_allclose(model.predict_proba([[np.nan] * 4]), [model.priors_])


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("k", [1, 2])
def test_everything_at_once(load, shared, k):
    """Gaps, rows without a class, and weights, of which integers are repeated rows."""
    rng, X, y = np.random.default_rng(0), load("iris").copy(), SPECIES.astype(object)
    X[rng.random(X.shape) < 0.1] = np.nan
    y[::2] = None
    w = rng.integers(1, 3, 150)
    model = MixtureClassifier(k, covariance_type="VVI", shared=shared, random_state=0, tol=1e-8)
    model.fit(X, y, sample_weight=w)
    assert model.score(X, SPECIES) > 0.9
    if k == 1:
        again = MixtureClassifier(covariance_type="VVI", shared=shared, tol=1e-8)
        again.fit(np.repeat(X, w, axis=0), np.repeat(y, w))
        assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-4)


def test_weights(load):
    """Weight 2 is the row twice, weight 0 the row gone."""
    X = load("iris")
    w = np.arange(150) % 3
    for shared in (True, False):
        weighted = MixtureClassifier(covariance_type="tied", shared=shared).fit(X, SPECIES, sample_weight=w)
        repeated = MixtureClassifier(covariance_type="tied", shared=shared).fit(np.repeat(X, w, axis=0),
                                                                                np.repeat(SPECIES, w))
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-9)
        assert weighted.bic_ == pytest.approx(repeated.bic_, rel=1e-9)
    assert weighted.score(X, SPECIES, w) == repeated.score(np.repeat(X, w, axis=0), np.repeat(SPECIES, w))


def test_cross_validation(load):
    """By hand: each row is predicted by a fit without its part."""
    X = load("iris")
    found = MixtureClassifier(covariance_type="EEE").cross_validated(X, SPECIES, 10, random_state=0)
    assert found.error == pytest.approx(np.mean(found.predicted != SPECIES))
    truth = SPECIES[:, None] == ["setosa", "versicolor", "virginica"]
    assert found.brier == pytest.approx(((found.probabilities - truth) ** 2).sum() / 300)
    assert 0.01 <= found.error <= 0.04  # by mclust 0.02
    assert 0 < found.error_standard_error < 0.03
    left_out = MixtureClassifier(covariance_type="EEE").cross_validated(X, SPECIES, 50)
    one = np.arange(150) % 50 == 0
    assert left_out.probabilities.shape == (150, 3)
    y = SPECIES.astype(object)
    y[one] = None
    assert len(MixtureClassifier().cross_validated(X, y, 5, random_state=0).predicted) == 147
    again = MixtureClassifier(covariance_type="EEE").cross_validated(X, SPECIES, 10, random_state=0)
    assert again.error == found.error


@pytest.mark.parametrize(("change", "error", "fragment"), [
    (dict(priors=[0.5, 0.5]), ValueError, "priors must be 3 probabilities"),
    (dict(priors=[0.5, 0.5, 0.5]), ValueError, "sum to 1"),
    (dict(n_components=0), ValueError, "n_components"),
    (dict(n_components=[]), ValueError, "n_components"),
    (dict(n_components="2"), ValueError, "n_components"),
    (dict(n_components={"setosa": 1}), ValueError, "nothing for the classes"),
    (dict(n_components=51), ValueError, "more than a class has rows"),
    (dict(n_components=51, shared=False), ValueError, "n_components"),
    (dict(covariance_type="round"), ValueError, "covariance_type"),
    (dict(covariance_type=[]), ValueError, "covariance_type is empty"),
    (dict(shared="no"), ValueError, "shared must be a bool"),
    (dict(unlabelled=[1]), TypeError, "unlabelled"),
])
def test_bad_parameters(load, change, error, fragment):
    model = MixtureClassifier().fit(load("iris"), SPECIES)
    before = model.predict_proba(load("iris"))
    with pytest.raises(error, match=fragment):
        model.set_params(**change).fit(load("iris"), SPECIES)
    assert_array_equal(model.predict_proba(load("iris")), before)


@pytest.mark.parametrize(("y", "error", "fragment"), [
    (None, ValueError, "the target y is None"), (np.zeros(150), ValueError, "more than one class"),
    (np.linspace(0, 1, 150), ValueError, "Unknown label type: continuous"), (np.zeros(3), ValueError, "inconsistent"),
    (np.zeros((150, 2)), ValueError, "1d array"), ([1, "a"] * 75, TypeError, None),
    (np.array([1, "a"] * 75, object), TypeError, "cannot be compared"),
])
def test_bad_classes(load, y, error, fragment):
    if fragment is None:  # NumPy makes text of both
        assert MixtureClassifier().fit(load("iris"), y).classes_.tolist() == ["1", "a"]
        return
    with pytest.raises(error, match=fragment):
        MixtureClassifier().fit(load("iris"), y)
    with pytest.raises(ValueError, match="folds"):
        MixtureClassifier().cross_validated(load("iris"), SPECIES, 51)


def test_classes_too_small_for_a_covariance():
    """They are held at the floor, and that is said."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = np.r_[np.zeros(18, int), 1, 1]
    for shared in (True, False):
        with pytest.warns(ConvergenceWarning, match="held at the floor"):
            model = MixtureClassifier(shared=shared).fit(X, y)
        assert "held at the floor" in model.fit_report_[0]


@pytest.mark.parametrize("change", [
    dict(), dict(n_components=2), dict(shared=False), dict(shared=False, unlabelled="?"),
    dict(shared=False, covariance_type=["full", "tied"])], ids=str)
def test_ctrl_c_in_a_fit_ends_the_rest(load, monkeypatch, change):
    """A fit that was interrupted has an answer all the same; the others are not begun, and nothing is changed."""
    X, y = load("iris"), np.where(np.arange(150) % 3, SPECIES, "?")
    model = MixtureClassifier(**change).fit(X, y)
    before, begun, fit, run = model.predict_proba(X), [], GaussianMixture.fit, Grid.run

    def interrupted(self, *args, **known):
        begun.append(fit(self, *args, **known))
        self.fit_report_ = Report((INTERRUPTED,))
        return self

    def broken_off(self, workers):
        begun.append(next(run(self, workers)))
        yield begun[-1]
        raise KeyboardInterrupt

    monkeypatch.setattr(GaussianMixture, "fit", interrupted)
    monkeypatch.setattr(Grid, "run", broken_off)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert len(begun) == 1
    assert_array_equal(model.predict_proba(X), before)
