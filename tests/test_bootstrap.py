"""The likelihood-ratio test of the number of components, and the stability of clusters."""

import errno
import itertools
import math
import multiprocessing
import warnings
from multiprocessing.context import SpawnProcess

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import adjusted_rand_score

from cyem import GaussianMixture, likelihood_ratio_test, stability
from cyem.inference.bootstrap import _best, _split, adjusted_rand, jaccard, matched
from cyem.inference.children import Children
from cyem.inference.replicates import replicates
from cyem.workers import Crew


@pytest.fixture(scope="module")
def apart():
    """Two clusters far from each other, in the plane."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-4, 1, (60, 2)), rng.normal(4, 1, (40, 2))])


# --- likelihood_ratio_test -------------------------------------------------------------------------------------------


def test_published_statistics(load):
    """Diabetes, row 104 corrected: statistics 369.985 and 121.107, p 0.001 and 0.001 (999 replicates), then p 0.283.

    Source: the vignette of R's mclust, VVV. Its statistics are of single starts: ours come from maxima that are no
    lower, and the two add up to the same, since the mixtures of one and of three components are the same.
    """
    X = load("diabetes").copy()
    assert X[103, 1] == 45
    X[103, 1] = 455
    tests = [likelihood_ratio_test(X, k, n_bootstrap=19, random_state=0) for k in (1, 2)]
    assert [test.p_value for test in tests] == [0.05, 0.05]
    assert tests[0].statistic >= 369.98
    assert_allclose(sum(test.statistic for test in tests), 369.98537 + 121.10652, atol=0.1)
    last = likelihood_ratio_test(X, 3, n_bootstrap=99, tol=1e-5, random_state=0)
    assert last.statistic >= 19.9
    assert last.p_value > 0.1
    assert last.stopped


def test_the_statistic_is_twice_the_gain(load):
    X = load("faithful")
    test = likelihood_ratio_test(X, 1, "tied", n_bootstrap=1, random_state=0)
    gain = 2 * (-1140.18675944 + 1289.79674505)  # EEE of two and of one component; two programs
    assert test.statistic == pytest.approx(gain, rel=1e-5)


def test_levels():
    """Where the null hypothesis holds, p is at most 0.2 in a fifth of the cases: here 20 sets, so 4, give or take.

    More than 10 would be chance in one of some 2,000 trials.
    """
    rng = np.random.default_rng(0)
    found = [likelihood_ratio_test(rng.normal(size=(30, 1)), 1, "tied", n_bootstrap=9, stop_after=3, tol=1e-3,
                                   random_state=rng).p_value for _ in range(20)]
    assert 1 <= sum(p <= 0.2 for p in found) <= 10
    assert min(found) >= 0.1


def test_sequential_stopping():
    """Besag & Clifford (1991): at the replicate that is the h-th to reach the statistic, p = h / replicates so far."""
    normal, parameters = np.random.default_rng(5).normal(size=(50, 1)), {"n_bootstrap": 40, "tol": 1e-3}
    whole = likelihood_ratio_test(normal, 1, "tied", stop_after=None, random_state=0, **parameters)
    assert len(whole.replicates) == 40 and not whole.stopped
    reached = np.cumsum(whole.replicates >= whole.statistic)
    assert reached[-1] >= 4
    assert whole.p_value == (1 + reached[-1]) / 41
    early = likelihood_ratio_test(normal, 1, "tied", stop_after=4, random_state=0, **parameters)
    when = int(np.searchsorted(reached, 4)) + 1
    assert_array_equal(early.replicates, whole.replicates[:when])
    assert early.p_value == 4 / when and early.stopped


def test_processes_change_nothing(apart):
    one, two = (likelihood_ratio_test(apart, 2, "diag", n_bootstrap=12, stop_after=3, random_state=3, n_jobs=n)
                for n in (1, 2))
    assert_array_equal(one.replicates, two.replicates)
    assert one.p_value == two.p_value


def test_weights_are_repeated_rows(apart):
    counts = np.random.default_rng(0).integers(1, 4, len(apart))
    parameters = {"n_bootstrap": 3, "random_state": 0, "tol": 1e-10}
    weighted = likelihood_ratio_test(apart, 1, "tied", sample_weight=counts, **parameters)
    repeated = likelihood_ratio_test(np.repeat(apart, counts, axis=0), 1, "tied", **parameters)
    assert weighted.statistic == pytest.approx(repeated.statistic, rel=1e-6)
    assert weighted.p_value == repeated.p_value == 0.25


def test_a_component_is_split_alike_in_all_units(apart):
    """Along the axis that is the longest in its own standard deviations, whatever the features are measured in."""
    model = GaussianMixture(1).fit(apart @ [[1, 0.5], [0, 1]])
    units = np.array([2.0**20, 2.0**-20])
    other = GaussianMixture.from_parameters(model.weights_, model.means_ * units,
                                            model.covariances_ * np.outer(units, units))
    assert_allclose(_split(other, 0).means_, _split(model, 0).means_ * units, rtol=1e-12)


@pytest.mark.parametrize("search", [None, "swap"])
def test_a_collapse_counts_last(search):
    """The one on two equal samples has the greater likelihood; that a fit tells of its search is no collapse."""
    X = np.append(np.random.default_rng(0).normal(size=(60, 1)), [[0.5]] * 2, axis=0)
    starts = np.repeat([0, 1], [60, 2]), (X[:, 0] > 0).astype(int)
    models = [GaussianMixture(2, covariance_type="diag", search=search, n_moves=1, random_state=0, init_params=labels)
              for labels in starts]
    best = _best(models, X, None)
    assert best is models[1] and models[0].lower_bound_ > best.lower_bound_


def test_a_sentence(apart):
    text = str(likelihood_ratio_test(apart, 1, "tied", n_bootstrap=9, random_state=0))
    assert text.startswith("1 against 2 components, tied: statistic ")
    assert text.endswith("p = 0.1 (0 of 9 replicates reach it)")


# --- stability -------------------------------------------------------------------------------------------------------


def test_what_is_there_comes_back(apart):
    found = stability(2, apart, n_bootstrap=20, random_state=0)
    assert found.ari.shape == (20,) and found.jaccard.shape == (20, 2)
    assert (found.ari == 1).all() and (found.jaccard == 1).all() and (found.dissolved == 0).all()
    assert sorted(found.sizes) == [40, 60]


def test_what_is_not_there_does_not(apart):
    """Five components where there are two clusters: some are not found again."""
    found = stability(GaussianMixture(5, random_state=0).fit(apart), apart, n_bootstrap=20, random_state=0)
    assert found.jaccard.mean(axis=0).min() < 0.6
    assert found.dissolved.max() > 0.2
    assert np.median(found.ari) < 0.9


def test_a_worker_process_that_dies(apart):
    """As when memory runs out."""
    def kill(done, total, seconds):
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(ChildProcessError, match=r"SIGKILL.*n_jobs"):
        stability(3, apart, n_bootstrap=100_000, random_state=0, n_jobs=2, progress=kill)
    assert multiprocessing.active_children() == []


def test_what_a_worker_process_raises():
    with Crew(2, Children(math.sqrt).child) as crew:
        crew.start()
        crew.give("well", 4.0)
        assert crew.take() == ("well", 2.0, None)
        crew.give("ill", -1.0)
        name, result, error = crew.take()
    assert (name, result, type(error)) == ("ill", None, ValueError)
    assert "worker process" in error.__notes__[0]


def test_the_first_of_very_many_replicates():
    """Nothing is made or handed out long before it is needed."""
    numbers = itertools.count(1)
    found = replicates(np.random.Generator.random, np.random.default_rng(0), 10**12, 2, False,
                       lambda value: next(numbers) == 9)
    assert found == replicates(np.random.Generator.random, np.random.default_rng(0), 9, 1, False)


def test_fewer_processes_than_were_asked_for(monkeypatch):
    """Where the system gives no more, the others do all, and a warning says so; where it gives none, an error does."""
    start, room = SpawnProcess.start, [2]

    def limited(self):
        room[0] -= 1
        if room[0] < 0:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        start(self)

    def some():
        return replicates(np.random.Generator.random, np.random.default_rng(0), 20, 4, False)

    expected = some()
    monkeypatch.setattr(SpawnProcess, "start", limited)
    with pytest.warns(RuntimeWarning, match="n_jobs asks for more than can be started") as told:
        assert some() == expected
    assert len(told) == 1
    with pytest.raises(OSError, match=r"No worker process can be started: .*unavailable.*n_jobs=1"):
        some()


def test_weights_and_processes(apart):
    """Samples of weight 0 are not there, and the result does not depend on processes."""
    w = np.random.default_rng(0).integers(0, 3, len(apart))
    one, two = (stability(3, apart, sample_weight=w, n_bootstrap=4, random_state=0, n_jobs=n) for n in (1, 2))
    assert_array_equal(one.ari, two.ari)
    assert_array_equal(one.jaccard, two.jaccard)
    assert one.sizes.sum() == w.sum()
    far = np.where(w[:, None] > 0, apart, 1e5)
    assert_allclose(stability(3, far, sample_weight=w, n_bootstrap=4, random_state=0).ari, one.ari, rtol=1e-9)


def test_a_model_is_left_as_it_was(apart):
    model = GaussianMixture(2, random_state=0)
    stability(model, apart, n_bootstrap=2, random_state=0)
    assert not hasattr(model, "means_")
    model.fit(apart)
    before = {name: str(value) for name, value in vars(model).items()}
    stability(model, apart, n_bootstrap=2, random_state=0)
    assert {name: str(value) for name, value in vars(model).items()} == before


def test_a_table(apart):
    lines = str(stability(2, apart, n_bootstrap=4, random_state=0)).splitlines()
    assert len(lines) == 4
    assert lines[-1] == "adjusted Rand index of 4 refits: median 1.000, 5 % 1.000"


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_rand(seed):
    """scikit-learn's; sizes of any scale."""
    a, b = np.random.default_rng(seed).integers(0, 4, (2, 50))
    b[a == 2] = 1
    pairs = np.bincount(a * 4 + b, minlength=16).reshape(4, 4)
    assert adjusted_rand(pairs) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_jaccard():
    """{0, 1, 2 | 3, 4} against {0, 1 | 2, 3, 4}: 2 of 3, and 2 of 3; of a cluster without samples nothing is known."""
    assert_allclose(jaccard(np.array([[2, 1, 0], [0, 2, 0], [0, 0, 0]])), [2 / 3, 2 / 3, np.nan])


def test_a_cluster_without_samples_is_undefined(apart):
    """A wide component below a narrow one of the same place: nobody's most probable one."""
    model = GaussianMixture(3, covariance_type="spherical", max_iter=0, weights_init=[0.5, 0.499999, 1e-6],
                            means_init=[[-5, 0], [5, 0], [5, 0]], precisions_init=[1, 1, 1], random_state=0).fit(apart)
    found = stability(model, apart, n_bootstrap=3, random_state=0)
    assert_array_equal(found.sizes > 0, [True, True, False])
    assert_array_equal(np.isnan(found.jaccard).all(axis=0), [False, False, True])
    assert_array_equal(np.isnan(found.dissolved), [False, False, True])
    assert "undefined: no sample" in str(found).splitlines()[3]


def test_matched():
    assert_array_equal(matched(np.array([[1, 9, 0], [8, 7, 2], [3, 6, 5]])), [1, 0, 2])


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, bad, fragments",
    [
        (likelihood_ratio_test, {"n_bootstrap": 0}, ["n_bootstrap=0", "1"]),
        (likelihood_ratio_test, {"n_components": GaussianMixture(2)}, ["n_components=GaussianMixture", "integer"]),
        (likelihood_ratio_test, {"stop_after": 2.5}, ["stop_after=2.5"]),
        (likelihood_ratio_test, {"n_jobs": -2}, ["n_jobs=-2", "-1"]),
        (likelihood_ratio_test, {"n_components": 100}, ["101", "100"]),
        (likelihood_ratio_test, {"covariance_type": "fulll"}, ["covariance_type", "'fulll'"]),
        (likelihood_ratio_test, {"random_state": "x"}, ["random_state", "'x'"]),
        (likelihood_ratio_test, {"means_init": np.zeros((2, 1))}, ["means_init", "leave it out"]),
        (likelihood_ratio_test, {"sample_weight": np.full(100, 0.01)}, ["sample_weight sums to 1", "3 components"]),
        (stability, {"n_bootstrap": True}, ["n_bootstrap=True"]),
        (stability, {"model": "2"}, ["model is a str", "number of components", "best_"]),
        (stability, {"model": 0}, ["n_components", "0"]),
        (stability, {"model": GaussianMixture(2), "tol": 0.1}, ["tol", "number of components"]),
        (stability, {"X": np.zeros(4)}, ["2D array"]),
    ],
)
def test_bad_input(apart, function, bad, fragments):
    what = "model" if function is stability else "n_components"
    with pytest.raises((ValueError, TypeError)) as caught:
        function(**{"X": apart, what: 2} | bad)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_names_of_features_are_no_news(apart):
    frame = pd.DataFrame(apart, columns=[f"c{i}" for i in range(apart.shape[1])])
    model = GaussianMixture(2, random_state=0).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stability(model, frame, n_bootstrap=3, random_state=0)


def test_replicates_warn_of_nothing(apart):
    X = np.round(apart)
    with pytest.warns(UserWarning, match="held at the floor"):
        model = GaussianMixture(8, random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stability(model, X, n_bootstrap=3, random_state=0)


def test_ctrl_c(apart, monkeypatch):
    """It ends the work with what is known by then, and a warning; before that there is nothing to tell."""
    from cyem.inference import replicates

    perform, done = replicates.perform, []

    def interrupted(*arguments):
        done.append(1)
        if len(done) == 4:
            raise KeyboardInterrupt
        return perform(*arguments)

    monkeypatch.setattr(replicates, "perform", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 3 of 30 replicates"):
        assert len(stability(2, apart, n_bootstrap=30, random_state=0).ari) == 3
    done[:] = [1] * 3
    with pytest.raises(KeyboardInterrupt):
        stability(2, apart, n_bootstrap=30, random_state=0)
    done.clear()
    with pytest.warns(UserWarning, match="interrupted after 3 of 30"):
        assert likelihood_ratio_test(apart, 1, "tied", n_bootstrap=30, random_state=0).p_value == 1 / 4


def test_ctrl_c_in_the_first_fit(apart):
    """There is nothing yet to tell: it does not go on with refits to half a fit."""
    calls = []

    def once(*_):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        stability(GaussianMixture(2, callback=once), apart, n_bootstrap=3, random_state=0)


def test_progress(apart):
    calls = []
    stability(2, apart, n_bootstrap=3, random_state=0, progress=lambda *arguments: calls.append(arguments))
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert all(call[2] > 0 for call in calls)
