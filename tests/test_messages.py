"""Whatever argument of a public call is wrong, the error names it, and says what it was and what it should be."""

import functools
import inspect
import re

import numpy as np
import pytest

import cyem
from cyem import GaussianMixture, MixtureClassifier, MixtureRegressor, StudentMixture

n = 30
Y = np.arange(n) % 2
X = np.random.default_rng(0).normal(size=(n, 2)) + 8 * Y[:, None]

# By the name of a parameter: what is wrong for it, and what is said of that.
SAMPLES = [(None, "X is NoneType .*order in which"), (X[:, :0], r"X has 0 feature.* minimum of 1"),
           (GaussianMixture(), "X is a GaussianMixture, and must be samples")]
WHOLE = [(0, "0"), (1.5, "1.5"), ("two", "'two'")]
MODEL = [(3.5, "float, and must be"), (X, "ndarray, and must be .*(samples come after it|Mixture)")]
RETURNED = [(3, r"int, and must be what cyem\.\w+ returns")]
FEATURES = [([9], "features has 9, .* index from 0 to 1"), (["no"], "features has 'no', .* indices, 0 to 1"),
            ([], "features is empty: name at least one")]
WRONG = {
    "X": SAMPLES,
    "y": [(np.ones(3), r"y .*3.*30|30.*y .*3|y has 3")],
    "sample_weight": [(np.ones(3), r"sample_weight\.shape == \(3,\), .* one weight for each"),
                      (-np.ones(n), "sample_weight must not be negative, but is -1.0 at index 0: 0 leaves"),
                      ("w", r"sample_weight has shape \(\): give one weight")],
    "labels": [(np.full(n, 7), "labels must be integers from 0 .*, or -1 .* row 0, counted from 0, has 7"),
               (["a"] * n, "labels must be numbers of components .* 'a'; numpy.unique"),
               ([0] * 3, r"labels must have shape \(30,\).*got \(3,\)")],
    "noise": [(-np.ones((n, 2)), "noise of row 0, counted from 0, is no covariance: it must be"),
              (np.ones(3), r"noise must have shape \(30, 2\).*got \(3,\)"), ("n", "noise must hold numbers, got 'n'")],
    "n_components": [*WHOLE, ("two", "'two'")],
    "covariance_type": [("round", "covariance_type.* must be one of .*'full'.* Got 'round'"), (3, "Got 3")],
    "covariance_types": [("round", "covariance_type.* must be one of .*'full'.* Got 'round'"),
                         ([], r"covariance_types=\[\] must be a name, such as 'full', or several")],
    "criterion": [("size", "criterion='size' does not exist; choose one of 'bic'")],
    "family": [("normal", "family='normal' must be one of 'gaussian', 'student'")],
    "n_init": WHOLE, "n_bootstrap": WHOLE, "draws": WHOLE, "n_samples": WHOLE, "folds": WHOLE,
    "stop_after": [(-1, "-1"), ("x", "'x'")],
    "memory": [(-1, "-1"), ("x", "'x'")],
    "run": [(3, "run must be a function .* got 3")],
    "random_state": [("seed", "random_state must be None, an integer >= 0, .* got 'seed'"), (-1, "got -1")],
    "n_jobs": [(0, "0"), ("all", "'all'"), (1.5, "1.5")],
    "n_threads": [(0, "0"), ("x", "'x'")],
    "time_budget": [(0, "time_budget must be None or a number of seconds > 0, got 0"), ("x", "'x'")],
    "progress": [("yes", "progress='yes' must be True, False, None or a function")],
    "method": [("best", "method='best' does not exist; choose one of 'observed'")],
    "mode": [("x", "mode must be 'print' or 'dict', got 'x'")],
    "path": [(3, "path is a int, and must be the name of a file"), ("no/such/folder", "No such f.*: 'no/such/folder'")],
    "name": [("1x", "name must be at most 61 letters, .* got '1x'"), (3, "name must be text, got 3")],
    "dtype": [("int", "dtype must be 'float64' or 'float32', got dtype"), ("x", "dtype")],
    "columns": [(["no"], "columns and weights are names of columns")],
    "weights": [([-1.0], r"weights' should be in the range \[0, 1\]"), ("w", "weights' should hold numbers")],
    "means": [("x", r"means' should have the shape \(n_components"), ([[np.nan]], "means' should be finite")],
    "covariances": [([[[-1.0]]], "covariances' should be symmetric, positive"),
                    ([[1.0, 2.0]], r"covariances' should have the shape of \(1, 1, 1\)")],
    "scales": [([[[-1.0]]], "scales' should be symmetric, positive"), ([[1.0, 2.0]], r"shape of \(1, 1, 1\)")],
    "degrees_of_freedom": [([0.0], "degrees_of_freedom"), ("x", "degrees_of_freedom")],
    "responsibilities": [(-np.ones((n, 2)), "responsibilities must not be negative, got -1.0"),
                         (np.ones((3, 2)), "responsibilities has 3 rows, X has 30: give one row for each")],
    "reg_covar": [(-1, "reg_covar must be a number >= 0, got -1"), ("x", "got 'x'")],
    "parameters": [(3, "parameters must be weights, .* got 3|parameters=3 does not exist: choose one of 'fitted'")],
    "model": MODEL, "fitted": MODEL,
    "selection": RETURNED, "merging": RETURNED, "stability": RETURNED,
    "ax": [("axes", "ax='axes' must be a matplotlib Axes, Figure or SubFigure, or None")],
    "known": [({7: 1.0}, "known has 7, .* index from 0 to 1"), ({0: "x"}, "known must hold numbers only: .*'x'")],
    "features": FEATURES,
    "feature": [(9, "feature has 9, .* index from 0 to 1"), ("no", "feature has 'no', .* indices"),
                ([0, 1], "must be one, by")],
    "X_known": [([[0.0, 1.0, 2.0]], "X_known|known"), ([0.0], "X_known")],
    "x": [("x", "x must hold numbers, got")],
    "q": [(2, "q .*2"), ("x", "q must hold numbers, got")],
    "level": [(value, f"level={value!r} must be a number between 0 and 1, such as 0.01") for value in (0, 2, "x")],
    "checkpoint": [(3, "checkpoint is a int, and must be the name of a file"), ("no/such/folder", "No such folder")],
}
# What may be anything, is asked about beside others only, or is ignored by design.
FREE = {"checkpoint_every", "title", "command", "figures", "return_cov", "return_std"}
UNLIKE = {  # parameters of single calls that are something else there
    ("MixtureDisplay.from_estimator", "features"), ("UncertaintyDisplay.from_estimator", "features"),
    ("examine", "n_components"), ("scan", "weights"), ("scan", "X"), ("likelihood_ratio_test", "labels"),
    ("stability", "model"), ("GaussianMixture.predict_conditional", "known"),
    ("GaussianMixture.impute", "sample_weight"), ("GaussianMixture.impute", "random_state"),
    ("GaussianMixture.summary", "sample_weight"),
    ("standard_errors", "n_bootstrap"), ("standard_errors", "n_jobs"), ("standard_errors", "random_state"),
    ("standard_errors", "progress"), ("GaussianMixture.summary", "X"), ("TraceDisplay.from_estimator", "model"),
}
SCIKIT = re.compile("get_params|set_params|.*_request|get_metadata_routing")  # that library's own protocol


@functools.cache
def fitted(kind):
    """A fitted estimator, or an answer; each is made once."""
    return {
        "GaussianMixture": lambda: GaussianMixture(2, random_state=0).fit(X),
        "StudentMixture": lambda: StudentMixture(2, random_state=0, max_iter=5, tol=1).fit(X),
        "MixtureClassifier": lambda: MixtureClassifier().fit(X, Y),
        "MixtureRegressor": lambda: MixtureRegressor(2, random_state=0).fit(X, X[:, 0] + np.tile([0, 2, 5], 10)),
        "selection": lambda: cyem.select(X, [1, 2], "full", random_state=0),
        "merging": lambda: cyem.merge(fitted("GaussianMixture"), X),
        "stability": lambda: cyem.stability(fitted("GaussianMixture"), X, n_bootstrap=2, random_state=0),
        "parameters": lambda: cyem.m_step(X, fitted("GaussianMixture").predict_proba(X)),
    }[kind]()


def calls():
    """Every public function, and method of a class, that takes something: its name, and how it is got at."""
    for name in cyem.__all__:
        public = getattr(cyem, name)
        if not inspect.isclass(public) and callable(public):
            yield name, functools.partial(getattr, cyem, name)
    for kind in (GaussianMixture, StudentMixture, MixtureClassifier, MixtureRegressor):
        for name in dir(kind):
            inherited = kind is StudentMixture and name != "from_parameters"  # as in GaussianMixture
            if not (name.startswith("_") or inherited or SCIKIT.fullmatch(name)) and callable(getattr(kind, name)):
                yield f"{kind.__name__}.{name}", lambda kind=kind, name=name: getattr(fitted(kind.__name__), name)
    plotting = pytest.importorskip("cyem.plotting")
    for kind in plotting.__all__:
        for name in dir(getattr(plotting, kind)):
            if name.startswith("from_"):
                yield f"{kind}.{name}", lambda kind=kind, name=name: getattr(getattr(plotting, kind), name)


def parameters(call):
    found = inspect.signature(call).parameters
    return {name: each for name, each in found.items() if each.kind is not each.VAR_KEYWORD}


def right(name, call):
    """Something that may be given."""
    values = {"X": (lambda: iter([X])) if call == "scan" else X,
              "n_components": 2, "path": "here", "known": {0: 1.0}, "features": [0], "weights": [1.0],
              "means": [[0.0]], "covariances": [[[1.0]]], "scales": [[[1.0]]], "degrees_of_freedom": [3.0],
              "x": [[0.0, 0.0]], "q": 0.5, "y": X[:, 0] if "Regressor" in call else Y, "X_known": [[0.0]],
              "n_threads": 1, "run": list}
    if name in ("model", "fitted"):
        return fitted("GaussianMixture")
    if name == "responsibilities":
        return fitted("GaussianMixture").predict_proba(X)
    return values[name] if name in values else fitted(name)


CASES = [(call, get, name, wrong, said) for call, get in calls() for name in parameters(get())
         for wrong, said in WRONG.get(name, ()) if (call, name) not in UNLIKE
         and not (name == "y" and call.startswith("GaussianMixture."))]  # which takes none


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "get", "name", "wrong", "said"), CASES,
                         ids=[f"{call}-{name}-{str(wrong)[:12]}" for call, _, name, wrong, _ in CASES])
def test_what_is_wrong_is_named(call, get, name, wrong, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {other: right(other, call) for other, each in parameters(get()).items() if each.default is each.empty}
    if call.endswith((".quantile", ".cdf")) and name != "feature":
        given["feature"] = 0
    if call.endswith("predict_conditional"):
        given["features"] = 1
    with pytest.raises((ValueError, TypeError, OSError), match=f"(?s){said}") as caught:
        made = get()(**given | {name: wrong})
        if call == "config_context":  # which looks then
            made.__enter__()
    told = str(caught.value)
    assert name.removesuffix("s").removesuffix("_known") in told or isinstance(caught.value, OSError), told
    assert "ufunc" not in told and len(told) >= 20


def test_all_parameters_are_asked_about():
    """Whoever adds one, says here what is wrong for it."""
    for call, get in calls():
        unknown = parameters(get()).keys() - WRONG.keys() - FREE
        assert not unknown, (call, unknown)
