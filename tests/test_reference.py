"""Published and independently computed maximum-likelihood fits, reached to their last digits.

Sources are named beside each figure; `tests/data/README.md` tells where the data come from. A figure marked "two
programs" was computed by two independent programs iterated to a relative change of 1e-14; a figure from a publication
is rounded, or stopped early, and its tolerance says so.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cyem import GaussianMixture

STRUCTURE = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
CASES = [
    pytest.param(table["dataset"], case, id=f"{table['dataset']}-{case['model']}-{case['n_components']}")
    for table in (json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "data").glob("*.json")))
    for case in table["cases"]
    if case["model"] in STRUCTURE  # the others, some of which stop short of a maximum, are in test_structures.py
]


def tight(labels, covariance_type="full", X=None, sample_weight=None):
    """The maximum-likelihood fit of X that EM reaches from hard labels, with no floor and as far as float64 goes."""
    labels = np.asarray(labels, dtype=int)
    model = GaussianMixture(
        labels.max() + 1, covariance_type=covariance_type, init_params=labels, reg_covar=0, tol=1e-13, max_iter=100_000
    )
    return model.fit(X, sample_weight=sample_weight)


def log_likelihood(model, X):
    return model.score(X) * len(X)


def dense(model):
    """Covariances as one (d, d) matrix per component, whatever the structure."""
    k, d = model.means_.shape
    covariances = model.covariances_
    match model.covariance_type:
        case "full" | "VVV":
            return covariances
        case "tied" | "EEE":
            return np.repeat(covariances[None], k, axis=0)
        case "diag" | "VVI":
            return np.array([np.diag(row) for row in covariances])
        case "spherical" | "VII":
            return covariances[:, None, None] * np.eye(d)


@pytest.mark.parametrize("names", ["scikit-learn", "mclust"])
@pytest.mark.parametrize("dataset, case", CASES)
def test_mclust(load, dataset, case, names):
    """From the same labels, the same maximum as mclust's `me()`."""
    X = load(dataset)
    structure = STRUCTURE[case["model"]] if names == "scikit-learn" else case["model"]
    model = tight(case["start_labels"], structure, X)

    # Both sides are at their optimum; what is left is rounding in a sum of some hundred terms.
    gain = (log_likelihood(model, X) - case["loglik"]) / abs(case["loglik"])
    assert -1e-10 <= gain <= 1e-6
    # mclust stops at a relative change of 1e-12: near a maximum an error of e in the likelihood is one of sqrt(e) in
    # the parameters. Measured between mclust and a plain EM run to 1e-15: at most 6e-5 standard deviations.
    scale = X.std(axis=0)
    assert_allclose(model.weights_, case["weights"], rtol=0, atol=2e-4)
    assert_allclose(model.means_ / scale, case["means"] / scale, rtol=0, atol=2e-4)
    units = np.outer(scale, scale)
    assert_allclose(dense(model) / units, case["covariances"] / units, rtol=0, atol=2e-4)

    assert model._n_parameters() == case["n_parameters"]
    assert_allclose(model.bic(X), -case["bic"], rtol=1e-6)  # mclust's BIC has the other sign
    assert model.converged_
    assert len(model.fit_report_) == 0


def test_faithful_waiting_unequal_variances(load):
    """Two programs; K = 2 in one dimension (R1)."""
    X = load("faithful")[:, 1:]
    model = tight(X[:, 0] > 65, "full", X)
    assert_allclose(log_likelihood(model, X), -1034.00174983, rtol=0, atol=2e-8)
    assert_allclose(model.weights_[0], 0.3608860738, rtol=1e-6)
    assert_allclose(model.means_[:, 0], [54.614856141, 80.091069403], rtol=1e-6)
    assert_allclose(np.sqrt(model.covariances_[:, 0, 0]), [5.871219412, 5.867734424], rtol=1e-6)


@pytest.mark.parametrize("structure", STRUCTURE.values())
def test_faithful_waiting_one_component(load, structure):
    """Two programs (R1); in one dimension with one component the four structures are one."""
    X = load("faithful")[:, 1:]
    model = GaussianMixture(1, covariance_type=structure, reg_covar=0).fit(X)
    assert_allclose(log_likelihood(model, X), -1095.28880050, rtol=0, atol=2e-8)


def test_faithful_waiting_equal_variances(load):
    """R2: tight figure of the likelihood; parameters from the mixtools paper (Benaglia et al., JSS 32(6) 2009); BIC
    and ICL of mclust's choice E,2.
    """
    X = load("faithful")[:, 1:]
    model = tight(X[:, 0] > 65, "tied", X)
    assert_allclose(log_likelihood(model, X), -1034.00176, rtol=0, atol=1e-5)
    assert_allclose(model.weights_, [0.36085, 0.63915], rtol=0, atol=1e-5)
    assert_allclose(model.means_[:, 0], [54.61364, 80.09031], rtol=0, atol=3e-5)
    assert_allclose(np.sqrt(model.covariances_[0, 0]), 5.86909, rtol=0, atol=1e-5)
    assert_allclose(model.bic(X), 2090.427, rtol=0, atol=1e-3)
    # Mclust's default tolerance stops earlier; ICL is not stationary.
    assert_allclose(model.icl(X), 2099.576, rtol=0, atol=0.03)


def test_faithful_two_features(load):
    """R6: mclust's parameters at its default tolerance, BIC and ICL at 1e-14."""
    X = load("faithful")
    model = tight(X[:, 1] < 68, "full", X)
    assert_allclose(model.weights_, [0.64407179, 0.35592821], rtol=0, atol=1e-4)
    assert_allclose(model.means_, [[4.28978101, 79.96954915], [2.03652348, 54.47988565]], rtol=0, atol=2e-3)
    assert_allclose(model.bic(X), 2322.19174, rtol=0, atol=1e-5)
    assert_allclose(model.icl(X), 2322.70468, rtol=0, atol=1e-4)


def test_faithful_weighted(load):
    """R15: sample weights 1, 2, 1, 2, ...; mclust's `me.weighted`, and repeated rows in scikit-learn."""
    X = load("faithful")
    w = 1.0 + np.arange(len(X)) % 2
    model = tight(X[:, 1] < 68, "full", X, sample_weight=w)
    assert_allclose(model.score(X, sample_weight=w) * w.sum(), -1688.069859, rtol=0, atol=1e-6)
    assert_allclose(model.weights_, [0.6741134, 0.3258866], rtol=0, atol=2e-7)
    assert_allclose(model.means_, [[4.29964847, 80.35179254], [2.04988402, 54.58098372]], rtol=1e-6)


def test_acidity(load):
    """R8: equal variances, mclust's vignette; the tight likelihood is of two programs."""
    X = load("acidity")
    model = tight(X[:, 0] > 5.3, "tied", X)
    assert_allclose(log_likelihood(model, X), -185.949264, rtol=0, atol=1e-6)
    assert model._n_parameters() == 4
    assert_allclose(model.means_[:, 0], [4.370946, 6.320153], rtol=0, atol=3e-4)
    assert_allclose(model.covariances_[0, 0], 0.186370, rtol=0, atol=2e-5)
    assert_allclose(model.bic(X), 392.0723, rtol=0, atol=1e-4)
    assert_allclose(model.icl(X), 398.5554, rtol=0, atol=0.03)  # mclust's default tolerance stops earlier


def test_acidity_unequal_variances(load):
    """R4: the best optimum known."""
    X = load("acidity")
    assert_allclose(log_likelihood(tight(X[:, 0] > 5.3, "full", X), X), -184.644709, rtol=0, atol=1e-6)


def test_precip(load):
    """R8: mclust, default tolerance, which stops 8e-4 below the maximum."""
    X = load("precip")
    model = tight(X[:, 0] > 20, "full", X)
    assert -275.472853 <= log_likelihood(model, X) <= -275.472853 + 1e-3
    assert_allclose(model.bic(X), 572.188181, rtol=0, atol=2e-3)


def test_galaxies(load):
    """R9: V,3 of mclust's vignette, and the tight likelihoods of V,3 and E,3."""
    X = load("galaxies")
    labels = np.digitize(X[:, 0], [15, 28])
    model = tight(labels, "full", X)
    assert_allclose(log_likelihood(model, X), -203.179228, rtol=0, atol=1e-6)
    assert_allclose(model.bic(X), 441.6122, rtol=0, atol=1e-4)
    assert_allclose(model.icl(X), 441.6126, rtol=0, atol=1e-4)
    assert_allclose(log_likelihood(tight(labels, "tied", X), X), -212.351855, rtol=0, atol=1e-6)


def test_diabetes_corrected(load):
    """R10: mclust's vignette (a typing error in row 104 corrected) and the tight likelihood."""
    X = load("diabetes").copy()
    assert X[103, 1] == 45
    X[103, 1] = 455
    labels = next(case.values[1] for case in CASES if case.id == "diabetes-VVV-3")["start_labels"]
    model = tight(labels, "full", X)
    assert_allclose(log_likelihood(model, X), -2295.09346, rtol=0, atol=1e-5)
    assert model._n_parameters() == 29
    # The vignette's figures are those of mclust's default tolerance: 0.025 below the maximum in the likelihood.
    assert_allclose(model.bic(X), 4734.561, rtol=0, atol=0.1)
    assert_allclose(model.icl(X), 4749.160, rtol=0, atol=0.5)
    assert_allclose(model.weights_, [0.5553630, 0.2479432, 0.1966939], rtol=0, atol=0.01)
    assert np.bincount(model.predict(X)).tolist() == [82, 35, 28]


def test_nclus(load):
    """R14: flexmix's four simulated clusters, started from the true ones; full agrees with its vignette (-2223.678),
    diag is the best optimum known.
    """
    X = load("nclus")
    labels = np.repeat(range(4), [100, 100, 150, 200])
    full = tight(labels, "full", X)
    assert_allclose(log_likelihood(full, X), -2223.66118, rtol=0, atol=1e-5)
    assert full._n_parameters() == 23
    assert_allclose(full.bic(X), 4592.484, rtol=0, atol=0.05)
    diag = tight(labels, "diag", X)
    assert_allclose(log_likelihood(diag, X), -2371.62247, rtol=0, atol=1e-5)
    assert diag._n_parameters() == 19


def test_scikit_learn_docstring():
    """R27: the example of scikit-learn's own docstring, up to the order of the components."""
    X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    model = GaussianMixture(n_components=2, random_state=0).fit(X)
    left, right = np.argsort(model.means_[:, 0])
    assert_allclose(model.means_[[left, right]], [[1, 2], [10, 2]], rtol=0, atol=1e-9)
    assert model.predict([[0, 0], [12, 3]]).tolist() == [left, right]


def test_scikit_learn_model_selection_example():
    """R28: the data of scikit-learn's model-selection example; of 1 to 6 components and four structures BIC takes two
    full ones.
    """
    rng = np.random.RandomState(0)
    stretched = rng.randn(500, 2) @ np.array([[0.0, -0.1], [1.7, 0.4]])
    round_ = 0.7 * rng.randn(500, 2) + np.array([-6, 3])
    X = np.concatenate([stretched, round_])

    model = GaussianMixture(2, random_state=0).fit(X)
    assert_allclose(log_likelihood(model, X), -2242.3927, rtol=0, atol=1e-3)
    assert_allclose(model.bic(X), 4560.7707, rtol=0, atol=2e-3)

    bic = {
        (k, structure): GaussianMixture(k, covariance_type=structure, random_state=0).fit(X).bic(X)
        for k in range(1, 7)
        for structure in STRUCTURE.values()
    }
    ranked = sorted(bic, key=bic.get)
    assert ranked[:2] == [(2, "full"), (3, "full")]
    # The peer's best of its default starts; a better optimum has a smaller BIC.
    assert bic[3, "full"] <= 4597.712 + 1e-2
