"""Are fits to rows that other processes hold those of one machine, whatever has functions called there?"""

import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import cyem
from cyem import GaussianMixture, StudentMixture, elsewhere

EXAMPLES = Path(__file__).parents[1] / "examples" / "cluster"
CUTS = [0, 700, 900, 1900]  # the first part is empty
# some steps on the way, of which none is at an end that rounding decides about
PLAIN = dict(random_state=0, init_params="random_from_data", acceleration=None, tol=0.0, max_iter=6)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3000, 3)) + 6 * np.eye(3)[rng.integers(3, size=3000)] + 100  # so far apart that EM is sure


def there(parts, weights=None):
    """What has a function called for each part, as another process sees it."""

    def run(function):
        function = pickle.loads(pickle.dumps(function))
        own = parts if weights is None else zip(parts, weights, strict=True)
        found = [function(i, each) if weights is None else function(i, *each) for i, each in enumerate(own)]
        return pickle.loads(pickle.dumps(found))

    return run


def close(model, other):
    for name in ("weights_", "means_", "covariances_", "lower_bound_"):
        a, b = np.asarray(getattr(model, name)), np.asarray(getattr(other, name))
        assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("settings", [
    dict(), dict(covariance_type="VVE"), dict(covariance_type="diag", **PLAIN), dict(init_params="random")], ids=str)
@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_the_fit_is_that_of_one_machine(X, settings):
    settings = dict(random_state=0) | settings
    rows = elsewhere(there(np.split(X, CUTS)))
    model, here = GaussianMixture(3, **settings).fit(rows), GaussianMixture(3, **settings).fit(X)
    close(model, here)
    assert_array_equal(model.predict(rows), here.predict(X))
    assert_allclose(model.predict_proba(rows), here.predict_proba(X), atol=1e-9)
    assert model.bic(rows) == pytest.approx(here.bic(X), rel=1e-12)


def test_weights_gaps_tails_and_precision(X):
    parts = np.split(X, CUTS)
    weights = np.split(np.random.default_rng(1).integers(3, size=len(X)), CUTS)
    model = GaussianMixture(3, random_state=0)
    rows = elsewhere(there(parts, weights))
    close(model.fit(rows), GaussianMixture(3, random_state=0).fit(X, sample_weight=np.concatenate(weights)))
    assert len(model.predict(rows)) == len(X)  # those of weight zero too
    close(GaussianMixture(3, random_state=0).fit(rows, sample_weight=2.0), model)
    gappy = np.where(np.random.default_rng(2).random(X.shape) < 0.1, np.nan, X)
    start = dict(weights_init=model.weights_, means_init=model.means_, precisions_init=model.precisions_)
    rows = elsewhere(there(np.split(gappy, CUTS)))
    close(GaussianMixture(3, **start).fit(rows), GaussianMixture(3, **start).fit(gappy))
    single = [part.astype(np.float32) for part in parts]
    assert GaussianMixture(3, random_state=0).fit(elsewhere(there(single))).means_.dtype == np.float32
    close(StudentMixture(3, random_state=0).fit(elsewhere(there(parts))), StudentMixture(3, random_state=0).fit(X))


def test_labels_to_begin_from(X):
    labels = GaussianMixture(3, random_state=0).fit_predict(X)
    close(GaussianMixture(3, init_params=labels).fit(elsewhere(there(np.split(X, CUTS)))),
          GaussianMixture(3, init_params=labels).fit(X))


def test_how_many_there_are_can_be_asked_first(X):
    assert elsewhere(there(np.split(X, CUTS))).shape == X.shape


def test_columns_have_names(X):
    pandas = pytest.importorskip("pandas")
    parts = [pandas.DataFrame(part, columns=["a", "b", "c"]) for part in np.split(X, CUTS)]
    rows = elsewhere(there(parts))
    assert repr(rows) == "<cyem.elsewhere: rows not yet counted>"
    assert GaussianMixture(3, random_state=0).fit(rows).feature_names_in_.tolist() == ["a", "b", "c"]
    assert repr(rows) == "<cyem.elsewhere: 3,000 rows in 5 parts>"
    assert cyem.select(rows, [2, 3], "full", random_state=0).best_.n_components == 3


def test_processes(X):
    parts = np.split(X, CUTS)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        rows = elsewhere(lambda function: pool.map(function, range(len(parts)), parts))
        close(GaussianMixture(3, random_state=0).fit(rows), GaussianMixture(3, random_state=0).fit(X))


def wrong(found):
    """What gives other parts than the first time."""
    calls = []

    def run(function):
        calls.append(function)
        return found(function)[: 2 if len(calls) > 1 else None]

    return run


@pytest.mark.parametrize(("run", "words"), [
    (lambda function: [], "no row in any of its 0 parts"),
    (lambda function: [function(0, np.empty((0, 2)))], "no row in any of its 1 parts"),
    (lambda function: [function(1, np.ones((3, 2))), function(0, np.ones((3, 2)))], r"gave the parts \[1, 0\]"),
    (lambda function: [function(0, np.ones((3, 2))), function(1, np.ones((3, 1)))], "part 1, has 1 features"),
    (lambda function: [function(0, np.ones((3, 2))), function(1, np.ones((3, 2)), np.ones(3))], "part 1, has weights"),
    (lambda function: [function(0, np.full((3, 2), np.inf))], "infinity"),
    (wrong(lambda function: [function(i, np.ones((3, 2))) for i in range(3)]), "2 parts, and for 3 before"),
])
def test_parts_that_are_none(run, words):
    model = GaussianMixture(1).fit([[0.0, 1], [1, 0], [1, 2]])
    before = model.means_.copy()
    with pytest.raises(ValueError, match=words):
        model.fit(elsewhere(run))
    assert_array_equal(model.means_, before)


def test_what_cannot_be_asked(X):
    with pytest.raises(TypeError, match="run must be a function"):
        elsewhere([X])
    rows = elsewhere(there(np.split(X, CUTS)))
    with pytest.raises(ValueError, match="sample_weight is an array"):
        GaussianMixture(2).fit(rows, sample_weight=np.ones(len(X)))
    with pytest.raises(TypeError, match="partial_fit"):
        GaussianMixture(2).partial_fit(rows)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples come with the repository only")
@pytest.mark.parametrize(("name", "module", "before"), [
    ("on_ray", "ray", []), ("on_spark", "pyspark", []), ("by_mpi", "mpi4py", ["mpiexec", "-n", "4"]),
])
def test_examples(name, module, before, tmp_path):
    """On what clusters there are; none of these is among what the tests install."""
    if not find_spec(module) or not all(map(shutil.which, before[:1])):
        pytest.skip(f"needs {module}")
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run([*before, sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, text=True,
                          env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = []
    for i in range(4):
        rng = np.random.default_rng(i)
        parts.append(rng.normal(size=(1000, 2)) + 6 * rng.integers(2, size=(1000, 1)))
    X = np.concatenate(parts)
    here = GaussianMixture(2, random_state=0).fit(X).score(X)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(here, rel=1e-12)
