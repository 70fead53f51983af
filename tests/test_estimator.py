"""scikit-learn's protocol, proven on a density so small that only the protocol can fail."""

import linecache
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning as TheirConvergenceWarning
from sklearn.exceptions import NotFittedError as TheirNotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from cyem import GaussianMixture
from cyem.models.estimator import Estimator
from cyem.notices import ConvergenceWarning, NotFittedError, warn
from cyem.rows import data


class Box(Estimator):
    """A normal density with independent features; a sample is labelled by the side of the mean that it is on."""

    def __init__(self, *, floor=1e-6, offset=None, random_state=None):
        self.floor = floor
        self.offset = offset
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        names = data.feature_names(X)
        x = data.samples(X)
        w = data.weights(sample_weight, len(x))
        self.mean_ = np.average(x, axis=0, weights=w)
        self.variance_ = np.average((x - self.mean_) ** 2, axis=0, weights=w) + self.floor
        self.n_iter_ = 1
        self._remember(x.shape[1], names)
        return self

    def score_samples(self, X):
        x = self._samples(X)
        return -0.5 * ((x - self.mean_) ** 2 / self.variance_ + np.log(2 * np.pi * self.variance_)).sum(axis=1)

    def score(self, X, y=None, sample_weight=None):
        density = self.score_samples(X)
        return float(np.average(density, weights=data.weights(sample_weight, len(density))))

    def predict(self, X):
        return (self._samples(X)[:, 0] > self.mean_[0]).astype(int)

    def fit_predict(self, X, y=None, sample_weight=None):
        return self.fit(X, sample_weight=sample_weight).predict(X)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@parametrize_with_checks([Box()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_scikit_learn_on_names():
    check_dataframe_column_names_consistency("Box", Box())


def test_tags():
    tags = get_tags(Box())
    assert tags.estimator_type == "density_estimator"
    assert not tags.target_tags.required
    assert not tags.input_tags.allow_nan


# --- parameters ---


def test_parameters():
    box = Box(offset=3)
    assert box.get_params() == box.get_params(deep=False) == {"floor": 1e-6, "offset": 3, "random_state": None}
    assert box.set_params(floor=1, offset=None) is box
    assert (box.floor, box.offset) == (1, None)


def test_unknown_parameters_change_nothing():
    box = Box()
    message = r"'flor' for estimator Box\(\). Valid parameters are: \['floor', 'offset', 'random_state'\]"
    with pytest.raises(ValueError, match=message):
        box.set_params(floor=1, flor=2)
    assert box.floor == 1e-6


def test_clone_keeps_parameters_and_forgets_the_fit(X):
    box = Box(floor=0.5, offset=np.arange(3)).fit(X)
    copy = clone(box)
    assert not hasattr(copy, "mean_")
    assert copy.floor == 0.5
    np.testing.assert_array_equal(copy.offset, box.offset)


@pytest.mark.parametrize(
    ("box", "text"),
    [
        (Box(), "Box()"),
        (Box(floor=float("1e-6")), "Box()"),
        (Box(floor=0.5, random_state=1), "Box(floor=0.5, random_state=1)"),
        (Box(offset="left"), "Box(offset='left')"),
        (Box(offset=np.eye(2)), "Box(offset=array([[1., 0.], [0., 1.]]))"),
        (Box(floor=float("nan")), "Box(floor=nan)"),
    ],
)
def test_repr_shows_what_is_not_default(box, text):
    assert repr(box) == text


def test_repr_of_much_is_short():
    assert len(repr(Box(offset=np.random.default_rng(0).normal(size=(1000, 1000))))) < 400


def test_pipelines_show(X):
    pipeline = make_pipeline(StandardScaler(), Box(floor=0.5)).fit(X)
    assert "Box(floor=0.5)" in repr(pipeline)
    assert "Box" in pipeline._repr_html_()


# --- fitted state ---


def test_use_before_fit(X):
    for verb in (Box().predict, Box().score_samples, Box().score):
        with pytest.raises(NotFittedError, match=r"This Box instance is not fitted yet\. Call 'fit'") as raised:
            verb(X)
        assert isinstance(raised.value, TheirNotFittedError)


def test_the_error_travels_between_processes(X):
    with pytest.raises(NotFittedError) as raised:
        Box().predict(X)
    back = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(back, NotFittedError)
    assert isinstance(back, TheirNotFittedError)
    assert str(back) == str(raised.value)


def test_scikit_learn_knows_what_is_fitted(X):
    box = Box()
    with pytest.raises(TheirNotFittedError):
        check_is_fitted(box)
    check_is_fitted(box.fit(X))


def test_parameters_set_by_hand_make_it_fitted(X):
    box = Box()
    box.mean_, box.variance_ = np.zeros(3), np.ones(3)
    assert box.predict(X).shape == (40,)


def test_pickle(X):
    box = Box().fit(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(box)).score_samples(X), box.score_samples(X))


@pytest.mark.parametrize("bad", [{"X": [[np.nan, 1, 2]]}, {"sample_weight": [1, 2]}, {"X": [1, 2]}])
def test_a_bad_fit_changes_nothing(X, bad):
    box = Box().fit(X)
    before = dict(vars(box))
    with pytest.raises(ValueError):
        box.fit(**{"X": X, **bad})
    assert vars(box).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(box).items())


def test_a_filter_for_either_warning_works():
    for category in (ConvergenceWarning, TheirConvergenceWarning):
        with pytest.warns(category, match="slow"):
            warn("slow", ConvergenceWarning)


# --- names ---


@pytest.mark.parametrize("verb", ["predict", "score", "score_samples", "bic"])
def test_warnings_point_to_the_caller(X, verb):
    pandas = pytest.importorskip("pandas")
    model = GaussianMixture().fit(X)
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    with pytest.warns(UserWarning, match="fitted without") as caught:
        getattr(model, verb)(frame)
    assert linecache.getline(caught[0].filename, caught[0].lineno).strip() == "getattr(model, verb)(frame)"


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names(X, library):
    frame = pytest.importorskip(library).DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    box = Box().fit(frame)
    assert box.n_features_in_ == 3
    assert list(box.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(box.score_samples(frame), Box().fit(X).score_samples(X))
    with pytest.raises(ValueError, match="must be in the same order"):
        box.predict(frame[["b", "a", "c"]])
    with pytest.raises(ValueError, match="seen at fit time, yet now missing:\n- b\n- c\n"):
        box.predict(frame[["a"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Box was fitted with"):
        box.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but Box was fitted without"):
        Box().fit(X).predict(frame)
    assert not hasattr(box.fit(X), "feature_names_in_")


def test_many_wrong_names(X):
    pandas = pytest.importorskip("pandas")
    box = Box().fit(pandas.DataFrame(X, columns=["a", "b", "c"]))
    message = "unseen at fit time:\n- n0\n- n1\n- n2\n- n3\n- n4\n- ...\nFeature names seen at fit time"
    with pytest.raises(ValueError, match=message):
        box.predict(pandas.DataFrame(np.zeros((1, 7)), columns=[f"n{i}" for i in range(7)]))


def test_number_of_features(X):
    with pytest.raises(ValueError, match="X has 2 features, but Box is expecting 3 features as input"):
        Box().fit(X).predict(X[:, :2])


# --- metadata routing ---


def test_weights_pass_through_a_pipeline(X, routing):
    w = np.arange(40.0)
    box = Box().set_fit_request(sample_weight="importance").set_score_request(sample_weight=True)
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), box)
    pipeline.fit(X, importance=w)
    Z = StandardScaler().fit_transform(X)
    expected = Box().fit(Z, sample_weight=w)
    np.testing.assert_array_equal(pipeline[-1].mean_, expected.mean_)
    assert pipeline.score(X, sample_weight=w) == expected.score(Z, sample_weight=w)
    assert pipeline.score(X) == expected.score(Z)


def test_weights_pass_through_a_search(X, routing):
    w = np.arange(1, 41.0)
    box = Box().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(box, {"floor": [1e-6, 100.0]}, cv=2).fit(X, sample_weight=w)
    np.testing.assert_array_equal(search.best_estimator_.mean_, Box().fit(X, sample_weight=w).mean_)
    assert search.best_params_ == {"floor": 1e-6}


def test_unrequested_weights_are_an_error(X, routing):
    with pytest.raises(ValueError, match="sample_weight"):
        make_pipeline(Box()).fit(X, sample_weight=np.ones(40))


def test_requests_survive_clone_and_pickle(routing):
    box = Box().set_fit_request(sample_weight=True)
    for copy in (clone(box), pickle.loads(pickle.dumps(box)), box.set_fit_request()):
        assert copy.get_metadata_routing().fit.requests == {"sample_weight": True}
        assert copy.get_metadata_routing().score.requests == {"sample_weight": None}


def test_the_routing_given_out_is_a_copy(routing):
    box = Box().set_fit_request(sample_weight=True)
    box.get_metadata_routing().fit.add_request(param="sample_weight", alias=False)
    assert box.get_metadata_routing().fit.requests == {"sample_weight": True}


def test_requests_need_routing():
    with pytest.raises(RuntimeError, match="routing is not enabled"):
        Box().set_fit_request(sample_weight=True)


def test_a_search_without_routing(X):
    search = GridSearchCV(make_pipeline(StandardScaler(), Box()), {"box__floor": [1e-6, 100.0]}, cv=2).fit(X)
    assert search.best_params_ == {"box__floor": 1e-6}


# --- without scikit-learn ---

ALONE = """
import pickle, sys
from cyem.models.estimator import Estimator
from cyem.notices import ConvergenceWarning, NotFittedError, familiar

class Box(Estimator):
    def __init__(self, floor=1): self.floor = floor

assert familiar(ConvergenceWarning) is ConvergenceWarning
assert repr(Box(2).set_params(floor=3)) == "Box(floor=3)"
try:
    Box()._check_fitted()
except ValueError as error:
    assert type(error) is NotFittedError
    assert type(pickle.loads(pickle.dumps(error))) is NotFittedError
else:
    raise AssertionError
assert "sklearn" not in sys.modules
"""


def test_scikit_learn_is_not_imported():
    subprocess.run([sys.executable, "-P", "-c", ALONE], check=True)
