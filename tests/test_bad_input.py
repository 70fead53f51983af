"""Bad input: a clear error that names the parameter, the value and the remedy, and an estimator that is as it was."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

import cyem
from cyem import GaussianMixture, NotFittedError, plotting

X = np.random.default_rng(0).normal(size=(12, 2))
LABELS = np.arange(12) % 2
EITHER = (ValueError, TypeError)  # scikit-learn's error for a bad parameter is both


def holed(value):
    out = X.copy()
    out[3, 1] = value
    return out


# What X may not be: the value, the type of error, what the message must say.
DATA = {
    "no rows": (np.empty((0, 2)), ValueError, ["0 sample", "minimum of 1"]),
    "no features": (np.empty((3, 0)), ValueError, ["0 feature", "minimum of 1"]),
    "one dimension": (X[:, 0], ValueError, ["2D array", "Reshape your data"]),
    "no dimension": (np.float64(3), ValueError, ["2D array", "0 dimensions"]),
    "three dimensions": (X[None], ValueError, ["2D array", "3 dimensions"]),
    "infinity": (holed(np.inf), ValueError, ["inf", "row 3", "column 1"]),
    "minus infinity": (holed(-np.inf), ValueError, ["inf", "row 3", "column 1"]),
    "complex": (X + 1j, ValueError, ["Complex data not supported"]),
    "text": (np.array([["a", "b"], ["c", "d"]]), ValueError, ["'a'"]),
    "objects": (np.array([[{}, 1], [2, 3]], object), TypeError, ["number"]),
    "sparse": (scipy.sparse.csr_array(X), TypeError, ["parse"]),
    "nothing": (None, EITHER, []),
}

# One bad parameter each: what is given, and what the message must hold beside the parameter's name.
PARAMETERS = {
    "n_components": {0: "0", -2: "-2", 1.5: "1.5", "2": "'2'", None: "None", 13: "13"},
    "covariance_type": {"fulll": "'fulll'", 3: "3", None: "None", "VEE ": "'VEE '"},
    "tol": {-1e-3: "-0.001", "small": "'small'", np.nan: "nan", None: "None"},
    "reg_covar": {-1e-6: "-1e-06", "none": "'none'", np.nan: "nan", np.inf: "inf"},
    "max_iter": {-1: "-1", 10.5: "10.5", "100": "'100'"},
    "n_init": {0: "0", 1.5: "1.5", None: "None"},
    "init_params": {"k-mean": "'k-mean'", 7: "7", None: "None"},
    "random_state": {"seed": "'seed'", -1: "-1", 1.5: "1.5"},
    "warm_start": {"yes": "'yes'"},
    "verbose_interval": {0: "0", "x": "'x'"},
    "n_threads": {0: "0", -1: "-1", 1.5: "1.5", "all": "'all'", True: "True"},
}

# Starts and weights: constructor parameters, keyword arguments of fit, what the message must hold.
EYE = np.eye(2)
MORE = {
    "labels too few": ({"init_params": LABELS[:5]}, {}, ["init_params", "5", "12"]),
    "labels out of range": ({"init_params": LABELS + 1}, {}, ["init_params", "2"]),
    "labels negative": ({"init_params": LABELS - 1}, {}, ["init_params", "-1"]),
    "labels not whole": ({"init_params": LABELS + 0.5}, {}, ["init_params", "0.5"]),
    "matrix of the wrong shape": ({"init_params": np.eye(3)[LABELS]}, {}, ["init_params", "(12, 3)", "(12, 2)"]),
    "matrix negative": ({"init_params": 2 * EYE[LABELS] - 0.5}, {}, ["init_params", "-0.5"]),
    "matrix not normalised": ({"init_params": 2 * EYE[LABELS]}, {}, ["init_params", "sum"]),
    "matrix with NaN": ({"init_params": np.nan * EYE[LABELS]}, {}, ["init_params", "nan"]),
    "callable returns rubbish": ({"init_params": lambda *_, **__: "start"}, {}, ["init_params", "'start'"]),
    "weights_init shape": ({"weights_init": [1.0]}, {}, ["'weights' should have the shape of (2,), but got (1,)"]),
    "weights_init range": ({"weights_init": [1.5, -0.5]}, {}, ["'weights' should be in the range [0, 1]"]),
    "weights_init sum": ({"weights_init": [0.5, 0.4]}, {}, ["'weights' should be normalized", "0.9"]),
    "weights_init NaN": ({"weights_init": [np.nan, 0.5]}, {}, ["weights", "NaN"]),
    "means_init shape": (
        {"means_init": np.zeros((3, 2))},
        {},
        ["'means' should have the shape of (2, 2), but got (3, 2)"],
    ),
    "means_init NaN": ({"means_init": np.full((2, 2), np.nan)}, {}, ["means", "NaN"]),
    "precisions_init shape": ({"precisions_init": EYE}, {}, ["precision", "(2, 2, 2)", "(2, 2)"]),
    "precisions_init asymmetric": (
        {"precisions_init": [EYE, [[1, 0.5], [0, 1]]]},
        {},
        ["symmetric, positive-definite"],
    ),
    "precisions_init indefinite": ({"precisions_init": [EYE, [[1, 2], [2, 1]]]}, {}, ["symmetric, positive-definite"]),
    "precisions_init tied": (
        {"precisions_init": -EYE, "covariance_type": "tied"},
        {},
        ["symmetric, positive-definite"],
    ),
    "precisions_init diag": (
        {"precisions_init": -np.ones((2, 2)), "covariance_type": "diag"},
        {},
        ["should be positive"],
    ),
    "precisions_init zero": (
        {"precisions_init": np.zeros(2), "covariance_type": "spherical"},
        {},
        ["should be positive"],
    ),
    "sample_weight negative": ({}, {"sample_weight": np.where(LABELS, 1, -2.5)}, ["sample_weight", "-2.5"]),
    "sample_weight NaN": ({}, {"sample_weight": np.where(LABELS, 1, np.nan)}, ["sample_weight", "NaN"]),
    "sample_weight infinite": ({}, {"sample_weight": np.where(LABELS, 1, np.inf)}, ["sample_weight", "inf"]),
    "sample_weight zero": ({}, {"sample_weight": np.zeros(12)}, ["sample_weight", "zero"]),
    "sample_weight too few": ({}, {"sample_weight": np.ones(5)}, ["sample_weight", "(5,)", "(12,)"]),
    "sample_weight 2-d": ({}, {"sample_weight": np.ones((12, 1))}, ["Sample weights must be 1D array or scalar"]),
    "sample_weight leaves too few": ({}, {"sample_weight": np.eye(12)[0]}, ["n_components", "2", "1"]),
}


def check_refusal(model, error, fragments, X=X, **fit):
    """The error says what it must, and no attribute of the estimator was added, removed or replaced."""
    before = dict(vars(model))
    arrays = {name: value.copy() for name, value in before.items() if isinstance(value, np.ndarray)}
    with pytest.raises(error) as caught:
        model.fit(X, **fit)
    message = str(caught.value)
    for fragment in fragments:
        assert fragment in message
    assert len(message) > 30  # more than a name: what is expected is said too
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    for name, value in arrays.items():
        assert_array_equal(before[name], value)


@pytest.fixture(params=["new", "fitted"])
def model(request):
    """An estimator that was never fitted, and one that was."""
    model = GaussianMixture(2, random_state=0)
    return model if request.param == "new" else model.fit(X)


@pytest.mark.parametrize("bad", DATA)
def test_data(model, bad):
    value, error, fragments = DATA[bad]
    check_refusal(model, error, fragments, X=value)


@pytest.mark.parametrize("bad", DATA)
@pytest.mark.parametrize("verb", ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"])
def test_data_after_fit(verb, bad):
    value, error, fragments = DATA[bad]
    fitted = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(error) as caught:
        getattr(fitted, verb)(value)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize("name, value", [(name, value) for name, values in PARAMETERS.items() for value in values])
def test_parameters(model, name, value):
    model.set_params(**{name: value})
    check_refusal(model, EITHER, [name, PARAMETERS[name][value]])


@pytest.mark.parametrize("bad", MORE)
def test_starts_and_weights(model, bad):
    parameters, fit, fragments = MORE[bad]
    model.set_params(**parameters)
    check_refusal(model, EITHER, fragments, **fit)


@pytest.mark.parametrize("verb", ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl"])
def test_wrong_number_of_features(verb):
    fitted = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="X has 3 features, but GaussianMixture is expecting 2 features as input"):
        getattr(fitted, verb)(np.zeros((4, 3)))


@pytest.mark.parametrize("verb", ["predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl", "sample"])
def test_not_fitted(verb):
    with pytest.raises(NotFittedError, match=r"This GaussianMixture instance is not fitted yet\. Call 'fit'"):
        getattr(GaussianMixture(2), verb)(*([] if verb == "sample" else [X]))


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "3", None, 2**62, 10**30])
def test_sample(n_samples):
    fitted = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(EITHER, match="n_samples"):
        fitted.sample(n_samples)


@pytest.mark.parametrize("verb", ["score", "bic", "aic", "icl"])
@pytest.mark.parametrize("bad", [bad for bad in MORE if bad.startswith("sample_weight") and "leaves" not in bad])
def test_weights_after_fit(verb, bad):
    fitted = GaussianMixture(2, random_state=0).fit(X)
    _, weight, fragments = MORE[bad]
    with pytest.raises(EITHER) as caught:
        getattr(fitted, verb)(X, **weight)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "bad, fragments",
    [
        ({"weights": [0.5, 0.4]}, ["weights", "normalized"]),
        ({"weights": [0.5, 0.25, 0.25]}, ["shape"]),
        ({"means": np.zeros(2)}, ["means", "shape"]),
        ({"means": np.full((2, 2), np.nan)}, ["means", "NaN"]),
        ({"covariances": EYE}, ["covariance", "shape", "(2, 2, 2)"]),
        ({"covariances": [EYE, -EYE]}, ["covariance", "positive-definite"]),
        ({"covariances": [EYE, [[1, 0.5], [0, 1]]]}, ["covariance", "symmetric"]),
        ({"covariance_type": "ful"}, ["covariance_type", "'ful'"]),
    ],
)
def test_from_parameters(bad, fragments):
    given = {"weights": [0.5, 0.5], "means": np.zeros((2, 2)), "covariances": [EYE, EYE], "covariance_type": "full"}
    GaussianMixture.from_parameters(**given)
    with pytest.raises(EITHER) as caught:
        GaussianMixture.from_parameters(**given | bad)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "change, fragments",
    [
        ({"n_components": 3}, ["n_components", "3", "2"]),
        ({"covariance_type": "diag"}, ["covariance_type", "'diag'"]),
        ({}, ["1", "2"]),
    ],
    ids=["components", "structure", "features"],
)
def test_warm_start_from_another_kind_of_fit(change, fragments):
    """Parameters of the last fit that do not fit the next: the message says that it is `warm_start` that asks for
    them.
    """
    model = GaussianMixture(2, random_state=0, warm_start=True).fit(X).set_params(**change)
    check_refusal(model, ValueError, ["warm_start", *fragments], X=X if change else X[:, :1])


class Interrupted(Exception):
    pass


def interrupt(X, n_components, random_state):
    raise Interrupted


@pytest.mark.parametrize("n_init", [1, 3])
def test_an_interrupted_fit_changes_nothing(model, n_init):
    """Whatever a callable start raises comes out as it is."""
    before = dict(vars(model.set_params(init_params=interrupt, n_init=n_init)))
    with pytest.raises(Interrupted):
        model.fit(X)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


FITTED = GaussianMixture(2, random_state=0).fit(X)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: cyem.select(FITTED, X), "X is a GaussianMixture, and must be samples"),
    (lambda: cyem.examine(FITTED), "X is a GaussianMixture, and must be samples"),
    (lambda: cyem.GaussianMixture(2).fit(FITTED), "X is a GaussianMixture"),
    (lambda: FITTED.predict(cyem.select(X, [1])), "X is a Selection, and must be samples"),
    (lambda: cyem.stability(X, FITTED), "X is a GaussianMixture"),
    (lambda: cyem.likelihood_ratio_test(FITTED, X), "X is a GaussianMixture"),
    (lambda: cyem.MixtureRegressor(2).fit(FITTED, X), "X is a GaussianMixture"),
    (lambda: cyem.e_step(FITTED, X), "X is a GaussianMixture"),
    (lambda: cyem.m_step(FITTED, X), "X is a GaussianMixture"),
    (lambda: cyem.select(2, X), "X is int with 0 dimensions: are the arguments in the order"),
    (lambda: cyem.likelihood_ratio_test(1, X), "X is int with 0 dimensions: are the arguments in the order"),
    (lambda: cyem.merge(X, FITTED), "model is a ndarray, and must be .* samples come after it"),
    (lambda: cyem.standard_errors(X, FITTED), "model is a ndarray, and must be .* samples come after it"),
    (lambda: cyem.merge(pd.DataFrame(X), FITTED), "model is a DataFrame, and must be .* samples come after it"),
    (lambda: cyem.report(FITTED, "page.html", X), "path is a ndarray, and must be the name of a file; it comes"),
    (lambda: plotting.MixtureDisplay.from_estimator(X, FITTED), "model is a ndarray, .* samples come after it"),
    (lambda: plotting.CriterionDisplay.from_selection(FITTED), "selection is a .* what cyem.select returns"),
    (lambda: plotting.StabilityDisplay.from_stability(FITTED), "stability is a Gauss.* what cyem.stability returns"),
    (lambda: plotting.MergingDisplay.from_merging(FITTED), "merging is a GaussianMixture, .* cyem.merge returns"),
])
def test_arguments_in_another_order_are_named(call, message):
    with pytest.raises(EITHER, match=message):
        call()


@pytest.mark.parametrize("named", ["X", "it"])
@pytest.mark.parametrize(("argument", "values", "message"), [
    ("labels", [-1, -1, 7] + [-1] * 9, "labels .* row 2 \\('row 2'\\), counted from 0, has 7"),
    ("labels", np.array([[1, 1], [0, 0]] + [[1, 1]] * 10), "labels of row 1 \\('row 1'\\), counted from 0, are .0"),
    ("noise", np.full((12, 2), [[1.0, 1.0]] * 11 + [[-1.0, 1.0]]), "noise of row 11 \\('row 11'\\), counted from 0"),
    ("sample_weight", [1, 1, np.nan] + [1] * 9, "sample_weight contains NaN at index 2 \\('row 2'\\)"),
    ("sample_weight", [1, -1, 1] + [1] * 9, "sample_weight must not be negative, .* at index 1 \\('row 1'\\): 0"),
])
def test_rows_are_called_by_their_names(argument, values, message, named):
    """Those of X, or of what is given beside it."""
    index = [f"row {i}" for i in range(12)]
    rows = pd.DataFrame(X, index=index) if named == "X" else X
    if named == "it":
        values = (pd.Series if np.ndim(values) == 1 else pd.DataFrame)(values, index=index)
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(rows, **{argument: values})
    if argument == "sample_weight":
        for call in (cyem.select, cyem.examine, GaussianMixture(2).partial_fit):
            with pytest.raises(ValueError, match=message):
                call(rows, sample_weight=values)
    else:
        with pytest.raises(ValueError, match=message):
            cyem.standard_errors(FITTED, rows, **{argument: values})


@pytest.mark.parametrize(("name", "values"), [("background", [False, True]), ("reg_covar", (1e-6, 1e-3)),
                                              ("n_init", [1, 5]), ("init_params", ["kmeans", "random"])])
def test_a_search_says_what_it_compares(name, values):
    with pytest.raises(TypeError, match=f"{name}=.*: structures and numbers of components are what .* once for each"):
        cyem.select(X, 2, **{name: values})


@pytest.mark.parametrize("words", [np.array(["red", "blue"] * 6), ["red", "blue"] * 6,
                                   np.array(["red", None] * 6, object), np.array(["2024-01-01"] * 12, "M8[D]")])
@pytest.mark.parametrize("give", [lambda words: GaussianMixture(2, init_params=words).fit(X),
                                  lambda words: GaussianMixture(2, init_params=lambda *_, **__: words).fit(X),
                                  lambda words: GaussianMixture(2).fit(X, labels=words)])
def test_words_for_labels_are_an_error_of_words(give, words):
    with pytest.raises(TypeError, match=r"abels.* from 0 to n_components - 1 = 1.*|labels must be numeric") as caught:
        give(words)
    assert "ufunc" not in str(caught.value)


@pytest.mark.parametrize(("frame", "message"), [
    ({"a": [1.0, 2, 3], "b": [1, None, "x"]}, "column 'b' of X must hold numbers only: .*'x' in row 2, counted"),
    ({"a": [1, "", 3], "b": [1, None, 3]}, "column 'a' of X .*'' in row 1, counted from 0: where nothing is there"),
    ({"a": np.array([1, None, {}], object), "b": np.array([3, 4, None], object)}, "column 'a' of X .* in row 2"),
])
def test_columns_of_objects_are_named(frame, message):
    with pytest.raises(EITHER, match=message):
        GaussianMixture(1).fit(pd.DataFrame(frame))
    with pytest.raises(EITHER, match=message.partition(" in row")[0] + " in row . \\('[uvw]'\\)"):
        GaussianMixture(1).fit(pd.DataFrame(frame, index=["u", "v", "w"]))


def test_gaps_in_columns_of_objects_are_gaps():
    frame = pd.DataFrame({"a": pd.array([1, pd.NA, 3, 5], dtype=object), "b": [None, "2", 2.5, 1]})
    plain = np.array([[1, np.nan], [np.nan, 2], [3, 2.5], [5, 1]])
    assert_array_equal(GaussianMixture(1).fit(frame).means_, GaussianMixture(1).fit(plain).means_)


def test_standard_errors_at_the_floor_name_it():
    flat = np.c_[np.r_[np.zeros(20), 5 + np.arange(30) % 7], np.arange(50) % 11]
    with pytest.warns(UserWarning, match="held at the floor"):
        model = GaussianMixture(2, random_state=0).fit(flat)
    with pytest.raises(ValueError, match=r"This fit was held at the floor of variance: components \d; there the like.*"
                                         "fewer components or a larger reg_covar, or with prior='weak'"):
        cyem.standard_errors(model, flat)
