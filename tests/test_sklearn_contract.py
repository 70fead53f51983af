"""cyem as a member of scikit-learn's family: its estimator checks, its tools, data frames, pickles and worker
processes.
"""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_clusterer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.parallel import Parallel, delayed

from cyem import GaussianMixture, StudentMixture


def expected_failures(estimator):
    """With more than one component the numbering of components depends on random draws of rows, and so on the order of
    rows; the check compares numbers after shuffling. (That the fits are the same: `test_invariance.py`.)
    """
    if estimator.n_components == 1:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": "components are numbered as rows are drawn"}


@parametrize_with_checks(
    [
        GaussianMixture(),
        GaussianMixture(2),
        GaussianMixture(2, covariance_type="tied"),
        GaussianMixture(2, covariance_type="diag", init_params="kmeans"),
        GaussianMixture(2, covariance_type="spherical", n_init=2),
        StudentMixture(),
        StudentMixture(2, degrees_of_freedom="shared"),
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_kind():
    """As scikit-learn has it: a density estimator, not a clusterer."""
    assert not is_clusterer(GaussianMixture())
    assert GaussianMixture().__sklearn_tags__().estimator_type == "density_estimator"


def test_pipeline(load):
    X = load("faithful")
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)).fit(X)
    plain = GaussianMixture(2, random_state=0).fit(X)
    assert_array_equal(pipeline.predict(X), plain.predict(X))  # one fit, in two units
    assert_allclose(pipeline.score(X) - np.log(X.std(axis=0)).sum(), plain.score(X), rtol=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(load, n_jobs):
    """By cross-validated likelihood, two full components explain Old Faithful better than one or than diagonal ones."""
    X = load("faithful")
    grid = {"n_components": [1, 2], "covariance_type": ["full", "diag"]}
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(GaussianMixture(random_state=0), grid, cv=folds, n_jobs=n_jobs, error_score="raise").fit(X)
    assert search.best_params_ == {"n_components": 2, "covariance_type": "full"}
    assert_allclose(search.score(X), search.best_estimator_.score(X))


def test_clone():
    model = GaussianMixture(3, covariance_type="diag", init_params=np.eye(3), n_threads=1, weights_init=[0.2, 0.3, 0.5])
    copy = clone(model)
    assert copy is not model
    assert copy.get_params().keys() == model.get_params().keys()
    for name, value in model.get_params().items():
        assert_array_equal(copy.get_params()[name], value)
    fitted = GaussianMixture().fit([[0.0], [1.0]])
    assert not [name for name in vars(clone(fitted)) if name.endswith("_")]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(load, protocol):
    X = load("faithful")
    model = GaussianMixture(2, random_state=0).fit(X)
    other = pickle.loads(pickle.dumps(model, protocol))
    assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert other.get_params() == model.get_params()
    assert tuple(other.fit_report_) == tuple(model.fit_report_)
    assert_array_equal(other.fit(X).means_, model.means_)


def test_worker_processes(load):
    """Fits in two other processes, and what comes back, are those of this one."""
    X = load("faithful")
    models = [GaussianMixture(k, random_state=0) for k in (1, 2, 3, 4)]
    there = Parallel(n_jobs=2)(delayed(model.fit)(X) for model in models)
    for model, other in zip(models, there, strict=True):
        assert_array_equal(model.fit(X).means_, other.means_)
        assert model.lower_bound_ == other.lower_bound_


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_by_name(load, library):
    frames = pytest.importorskip(library)
    X = load("iris")
    columns = ["sepal length", "sepal width", "petal length", "petal width"]
    frame = frames.DataFrame(dict(zip(columns, X.T, strict=True)))
    plain = GaussianMixture(2, random_state=0).fit(X)
    model = GaussianMixture(2, random_state=0).fit(frame)
    assert_array_equal(model.means_, plain.means_)
    assert model.feature_names_in_.tolist() == columns
    assert_array_equal(model.predict(frame), plain.predict(X))
    assert_array_equal(model.score_samples(frame), plain.score_samples(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GaussianMixture was fitted with"):
        model.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but GaussianMixture was fitted without feature names"):
        plain.predict(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_weights_and_types(load, library):
    """Whole numbers beside floats, and weights from a column."""
    frames = pytest.importorskip(library)
    X = load("faithful")
    w = 1 + np.arange(len(X)) % 2
    frame = frames.DataFrame({"eruptions": X[:, 0], "waiting": X[:, 1].astype(int), "times": w})
    model = GaussianMixture(2, random_state=0).fit(frame[["eruptions", "waiting"]], sample_weight=frame["times"])
    plain = GaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    assert_array_equal(model.means_, plain.means_)


def test_get_and_set_params():
    model = GaussianMixture(2, tol=1e-5)
    assert model.get_params()["tol"] == 1e-5
    assert model.set_params(tol=1e-6, covariance_type="VVI") is model
    assert (model.tol, model.covariance_type) == (1e-6, "VVI")
    with pytest.raises(ValueError, match="Invalid parameter 'n_component'"):
        model.set_params(n_component=3)


def test_same_parameters_as_scikit_learn():
    """Every parameter of scikit-learn's estimator by the same name, and the same default but for those that are
    better otherwise.
    """
    from sklearn.mixture import GaussianMixture as Peer

    theirs, ours = Peer().get_params(), GaussianMixture().get_params()
    assert theirs.keys() <= ours.keys()
    assert {name for name in theirs if theirs[name] != ours[name]} <= {"tol", "max_iter", "init_params"}


def test_same_attributes_as_scikit_learn(load):
    """After a fit, everything that can be read from scikit-learn's estimator can be read here, in the same shape and
    type.
    """
    from sklearn.mixture import GaussianMixture as Peer

    X = load("iris")
    for structure in ("full", "tied", "diag", "spherical"):
        theirs, ours = (kind(3, covariance_type=structure, random_state=0).fit(X) for kind in (Peer, GaussianMixture))
        for name in [name for name in vars(theirs) if name.endswith("_")]:
            one, other = getattr(theirs, name), getattr(ours, name)
            assert np.shape(one)[:2] == np.shape(other)[:2] or name == "lower_bounds_"
            assert type(one) is type(other) or isinstance(one, float)


def test_same_answers_as_scikit_learn(load):
    """From one set of parameters, one density: the estimator of scikit-learn with our parameters answers alike."""
    from sklearn.mixture import GaussianMixture as Peer

    X = load("iris")
    for structure in ("full", "tied", "diag", "spherical"):
        ours = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
        theirs = Peer(3, covariance_type=structure)
        for name in ("weights_", "means_", "precisions_cholesky_"):
            setattr(theirs, name, getattr(ours, name))
        assert_allclose(theirs.score_samples(X), ours.score_samples(X), rtol=1e-9)
        assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=0, atol=1e-9)
        assert_allclose(theirs.bic(X), ours.bic(X), rtol=1e-9)
        assert_allclose(theirs.aic(X), ours.aic(X), rtol=1e-9)
