"""The search over the grid: nesting holds, the known maxima are reached, and nothing depends on workers or luck."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import mahalanobis

from cyem import GaussianMixture, select, workers
from cyem.em.problem import Problem
from cyem.em.start import seeded
from cyem.families import covariance, paths
from cyem.families.gaussian import Gaussian
from cyem.rows import samples
from cyem.selection import contest, grid
from cyem.selection.criteria import measures
from cyem.selection.select import Row, Selection, Shared, distinct
from cyem.workers import Stopped, Workers

CODES = [each.code for each in covariance.STRUCTURES]
# The best log-likelihoods of three components that are known: those of mclust from its own start and, where this is
# better, from the solutions of other structures.
BEST = {
    "faithful": dict(zip(CODES, [
        -1663.53959975, -1637.43441800, -1133.45539992, -1132.66684339, -1132.42243932, -1127.00751919, -1126.31592782,
        -1124.52818221, -1124.83185156, -1122.79684535, -1126.16326646, -1122.54939033, -1124.12724033, -1119.21397059,
    ], strict=True)),
    "iris": dict(zip(CODES, [
        -401.80217579, -384.31409506, -361.42552204, -339.46872726, -338.78884831, -306.86046051, -256.35404313,
        -237.56016280, -234.14023506, -215.24087034, -214.85037887, -186.07328340, -205.53588082, -180.18547713,
    ], strict=True)),
}
# What mclust chooses for the same grid, by BIC, and the values of the best three.
CHOICE = {
    "faithful": [(3, "EEE", 2314.316), (2, "VVE", 2320.433), (3, "VEE", 2322.103)],
    "iris": [(2, "VEV", 561.7285), (3, "VEV", 562.5522), (2, "VVV", 574.0178)],
}


@pytest.fixture(scope="module")
def tables(load):
    return {name: load(name) for name in BEST}


@pytest.fixture(scope="module")
def selections(tables):
    return {name: select(X, range(1, 7), "all", random_state=0) for name, X in tables.items()}


@pytest.mark.parametrize("name", BEST)
def test_nesting(selections, name):
    assert selections[name].nesting_violations == ()


@pytest.mark.parametrize("name", BEST)
def test_the_known_maxima_are_reached(selections, name):
    for row in selections[name].rows:
        if row.n_components == 3:
            best = BEST[name][row.covariance_type]
            assert row.log_likelihood > best - 1e-6 * abs(best), row
            assert not row.spurious


@pytest.mark.parametrize("name", CHOICE)
def test_the_choice_by_bic(selections, name):
    """That of mclust, whose fits end somewhat earlier; below it may stand maxima that mclust does not find."""
    selection = selections[name]
    rows = {row[:2]: row for row in selection.rows}
    assert selection.best_row[:2] == CHOICE[name][0][:2]
    for k, code, bic in CHOICE[name]:
        assert rows[k, code].bic < bic + 2e-3
    assert selection.best_row.bic == pytest.approx(CHOICE[name][0][2], abs=0.05)


def test_the_audit_finds_what_is_wrong():
    def table(*rows):
        return Selection(tuple(Row(*row[:2], *row[2:3], spurious=len(row) > 3) for row in rows), (None,) * len(rows))

    assert table((1, "EII", -10.0), (2, "EII", -9.0), (2, "VVV", -8.0)).nesting_violations == ()
    assert table((2, "EVE", -9.0), (2, "VEE", -9.5)).nesting_violations == ()  # neither is a case of the other
    assert table((2, "EII", -9.0), (3, "VVV", -9.5)).nesting_violations == ()  # compared one step at a time
    assert table((2, "tied", -9.0), (2, "EEE", -9.5)).nesting_violations == ()  # two names for one structure
    (violation,) = table((2, "tied", -9.0), (2, "EVE", -9.5)).nesting_violations
    assert (violation.special[:2], violation.general[:2], violation.loss) == ((2, "tied"), (2, "EVE"), 0.5)
    (violation,) = table((2, "diag", -9.0), (4, "diag", -9.1)).nesting_violations
    assert violation.special.n_components == 2
    assert table((2, "diag", -9.0, "spurious"), (4, "diag", -9.1)).nesting_violations == ()


def test_order_of_the_structures():
    """By what each letter allows; the number of free parameters cannot fall on the way."""
    shapes = {s.code: s for s in covariance.STRUCTURES}
    assert [s.code for s in covariance.STRUCTURES if shapes["VVI"].includes(s)] == ["EII", "VII", "EEI", "VEI", "EVI",
                                                                                   "VVI"]
    assert grid.special_cases("EEE") == ["EEI"]
    assert grid.special_cases("VVV") == ["VVE", "VEV", "EVV"]
    for special in shapes.values():
        assert shapes["VVV"].includes(special) and special.includes(shapes["EII"])
        for general in shapes.values():
            if general.includes(special):
                assert general.n_parameters(3, 4) >= special.n_parameters(3, 4)
                assert general.least_samples(3, 4) >= special.least_samples(3, 4)


def same(a, b):
    rows = [[row._replace(seconds=0.0) for row in selection.rows] for selection in (a, b)]
    assert str(rows[0]) == str(rows[1])
    for one, other in zip(a.models, b.models, strict=True):
        assert one.means_.tobytes() == other.means_.tobytes()
        assert one.covariances_.tobytes() == other.covariances_.tobytes()


def test_workers_and_threads_change_nothing(tables):
    X = tables["iris"][::2]
    grid = {"n_components": range(1, 5), "covariance_types": ("EII", "EEE", "VEI", "VVE", "VVV"), "random_state": 3}
    alone = select(X, **grid, n_jobs=1, n_threads=1)
    for settings in ({"n_jobs": 3}, {"n_jobs": 2, "n_threads": 2}, {"n_jobs": None}):
        same(alone, select(X, **grid, **settings))


def test_a_component_too_many_gains_nothing_and_loses_nothing():
    """Samples on the corners of a cube: round components of one size are best all in one place, or all at corners."""
    X = np.array(np.meshgrid([0.0, 1], [0, 1], [0, 1])).reshape(3, -1).T.repeat(3, axis=0)
    selection = select(X, range(1, 6), ("EII", "EEI", "EEE"), random_state=0)
    assert selection.nesting_violations == ()
    assert not any(row.reason for row in selection.rows)


def test_time_budget(tables):
    X = np.concatenate([tables["iris"]] * 20)
    X = X + np.random.default_rng(0).normal(0, 0.05, X.shape)
    selection = select(X, range(1, 30), "all", time_budget=1.0, random_state=0)
    reached = [row.reason == "" for row in selection.rows]
    assert any(reached) and not all(reached)
    assert {row.reason for row in selection.rows} == {"", "not reached within time_budget=1.0"}
    assert selection.interrupted
    assert selection.best_.predict(X).shape == (len(X),)
    assert selection.nesting_violations == ()
    counts = [sum(row.reason == "" for row in selection.rows if row.n_components == k) for k in range(1, 30)]
    assert counts == sorted(counts, reverse=True)  # small numbers of components come first, with every structure


def test_workers_stop():
    done = []

    def task(i):
        done.append(i)
        return i

    workers = Workers(2, deadline=-math.inf)
    with workers, pytest.raises(Stopped):
        list(workers.run({i: lambda i=i: task(i) for i in range(5)}))
    assert done == []
    with Workers(2) as workers:
        found = dict(workers.run({1: lambda: 1, 2: lambda: 1 / 0}))
    assert found[1] == 1 and isinstance(found[2], ZeroDivisionError)
    with pytest.raises(Stopped):
        workers.check()


@pytest.mark.parametrize("room", [0, 1])
def test_fewer_workers_than_were_asked_for(monkeypatch, room):
    """Where the system gives no more threads, those that there are do all, and a warning says so."""
    start, left = workers.start_new_thread, [room]

    def limited(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        return start(*arguments)

    monkeypatch.setattr(workers, "start_new_thread", limited)
    with Workers(3) as three, pytest.warns(RuntimeWarning, match="n_jobs asks for more .*can't start") as told:
        assert dict(three.run({i: lambda i=i: i**2 for i in range(9)})) == {i: i**2 for i in range(9)}
        assert dict(three.run({1: int})) == {1: 0}
    assert len(told) == 1


def test_workers_wait_for_what_comes_before():
    begun, through = [], []

    def task(name):
        begun.append((name, list(through)))

    before = {"c": ["a", "b"], "b": [], "a": [], "d": ["c"]}
    with Workers(3) as workers:
        for name, _ in workers.run({name: lambda name=name: task(name) for name in "abcd"}, before):
            through.append(name)
    assert sorted(through) == list("abcd")
    for name, known in begun:
        assert set(before[name]) <= set(known)


def test_what_a_run_may_come_to():
    """Gains that halve add up to twice the first; of fewer than three values nothing is known, nor of growing gains."""
    assert contest.hope([0.0, 1.0, 1.5]) == pytest.approx(1.5 + 0.5 * contest.OPTIMISM)
    assert contest.hope([0.0, 1.0]) == np.inf
    assert contest.hope([0.0, 1.0, 3.0]) > 50
    assert contest.hope([0.0, 1.0, 1.0]) == 1.0


def test_runs_meet_whatever_the_order_of_their_components(tables):
    mixture = Problem.of(Gaussian, tables["iris"], None, covariance.structure("VVV"), 1e-6, 1)
    begin = seeded(mixture, 3, np.random.default_rng(0))[0]
    (end,) = contest.finish(mixture, contest.Run(begin), Shared(tables["iris"], None, {}).settings())
    w, means, S = paths.gaussians(end.parameters)

    def run(order, step):
        these = paths.Gaussians(w[order], means[order] + step, S[order])
        parameters = mixture.update(paths.statistics(mixture, these)).parameters
        return contest.Run(None, value=end.value - 1e-4, parameters=parameters)

    others = [end]
    assert contest.meets(others, run([2, 0, 1], 1e-3))
    assert others[0].starts == end.starts + 1
    assert not contest.meets(others, run([0, 1, 2], 0.2))
    assert not contest.meets(others, run([0, 1, 2], 0.0)._replace(value=end.value - 0.1))


def test_many_samples():
    """Starts are compared on a part of them: the table is as sound, and as independent of workers."""
    X = np.concatenate([np.random.default_rng(i).normal(3 * i, 1 + i, (2000, 2)) for i in range(3)])
    problem = Problem.of(Gaussian, X, None, covariance.structure("VVV"), 1e-6, 1)
    assert len(contest.sample(problem, 3, 0).samples.X) < len(X)
    grid = {"n_components": range(1, 5), "covariance_types": ("EII", "EEE", "VVV"), "random_state": 0}
    alone, together = select(X, **grid, n_jobs=1), select(X, **grid, n_jobs=3)
    same(alone, together)
    assert alone.nesting_violations == ()
    assert alone.best_row[:2] == (3, "VVV")
    twice = select(X[::2], sample_weight=np.full(3000, 2.0), **grid)
    assert twice.nesting_violations == ()


def test_what_has_no_bounded_likelihood_is_a_row_with_its_reason():
    X = np.random.default_rng(0).normal(size=(4, 3)).repeat(5, axis=0)
    rows = {row[:2]: row.reason for row in select(X, [1, 2, 5], ("EII", "VII", "EEE", "VVV"), random_state=0).rows}
    assert [cell for cell, reason in rows.items() if not reason] == [
        *((1, code) for code in ("EII", "VII", "EEE", "VVV")), (2, "EII"), (2, "VII"),
    ]
    assert rows[2, "VVV"] == "VVV needs 8 different samples for 2 components in 3 dimensions, and X has 4"
    assert rows[2, "EEE"] == "EEE needs 5 different samples for 2 components in 3 dimensions, and X has 4"
    assert rows[5, "EII"] == "5 components need 5 different samples, and X has 4"


def test_distinct():
    X = np.arange(100.0)[:, None] // 30
    assert distinct(X, 1) >= 1
    assert [distinct(X, most) for most in (3, 4, 9)] == [min(most, 4) for most in (3, 4, 9)]


@pytest.mark.parametrize("code", CODES)
def test_moments_of_a_mixture_give_it_back(code, tables):
    """In its own structure and in every one that includes it, whatever the frame."""
    X = tables["iris"] * [1, 100, 1, 0.01]
    mixtures = {s.code: Problem.of(Gaussian, X, None, s, 1e-6, 1) for s in covariance.STRUCTURES}
    mixture = mixtures[code]
    these = mixture.update(seeded(mixture, 3, np.random.default_rng(0))[0], start=True).parameters
    value = mixture.value(mixture.sweep(these)) - mixture.frame.log_volume
    for general in covariance.STRUCTURES:
        if general.includes(mixture.structure):
            target = mixtures[general.code]
            moved = paths.moved(paths.gaussians(these), mixture.frame, target.frame)
            found = target.update(paths.statistics(target, moved)).parameters
            assert_allclose(target.value(target.sweep(found)) - target.frame.log_volume, value, rtol=1e-9)


def moments(these):
    mean = these.weights @ these.means
    gaps = these.means - mean
    return mean, np.einsum("k,kab->ab", these.weights, these.covariances + gaps[:, :, None] * gaps[:, None, :])


def test_splits_and_merges_keep_the_moments():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(4, 3, 3))
    these = paths.Gaussians(rng.dirichlet(np.ones(4)), rng.normal(size=(4, 3)), roots @ roots.swapaxes(1, 2))
    for other, k in [(paths.split(these, 2), 5), (paths.twin(these, 1), 5), (paths.merged(these, 0, 3), 3)]:
        assert len(other.weights) == k
        assert (np.linalg.eigvalsh(other.covariances) > 0).all()
        for ours, theirs in zip(moments(other), moments(these), strict=True):
            assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_what_the_responsibilities_say(tables, weighted, monkeypatch):
    X = tables["faithful"]
    w = np.random.default_rng(0).uniform(0.1, 40, len(X)) if weighted else np.ones(len(X))
    monkeypatch.setattr(samples, "ENTROPIES", 40)
    selection = select(X, 3, "full", sample_weight=w if weighted else None, random_state=0)
    (row,), r = selection.rows, selection.best_.predict_proba(X)
    assert row.icl == pytest.approx(row.bic - 2 * w @ np.log(r.max(axis=1)))
    assert row.entropy == pytest.approx(-(w[:, None] * r * np.log(np.maximum(r, 1e-300))).sum())


@pytest.mark.parametrize(("n", "size", "place", "expected"), [
    (5, 0.05, [1, -1], True), (40, 0.05, [1, -1], False), (5, 2.0, [1, -1], False), (5, 0.05, [4, -6], False),
    (3, 0.05, [4, -6], True),
])
def test_spurious(n, size, place, expected):
    """Few samples and little volume together, unless they lie where hardly one of the others' would."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(200, 2)), rng.normal([8, 8], 1, (200, 2)), rng.normal(place, size, (n, 2))])
    mixture = Problem.of(Gaussian, X, None, covariance.structure("full"), 1e-6, 1)
    parameters = mixture.assign(np.repeat(np.eye(3), [200, 200, n], axis=0)).parameters
    why = contest.spurious(mixture, parameters)
    assert why == ("on a handful of samples with little volume: components 2" if expected else "")


@pytest.mark.parametrize("code", ["full", "diag", "spherical", "tied"])
def test_distances_of_components(code):
    """As those of SciPy."""
    X = np.random.default_rng(0).normal(size=(60, 3)) @ np.diag([1, 5, 0.2])
    mixture = Problem.of(Gaussian, X, None, covariance.structure(code), 1e-6, 1)
    these = paths.gaussians(mixture.assign(np.eye(3)[np.arange(60) % 3]).parameters)
    matrices = [np.diag(np.broadcast_to(S, 3)) if np.ndim(S) < 2 else S for S in these.covariances]
    expected = [mahalanobis(these.means[1], these.means[i], np.linalg.inv(matrices[i])) ** 2 for i in (0, 2)]
    assert_allclose(these.distances(1, [0, 2]), expected)


def test_criteria():
    """On numbers that can be checked by hand."""
    found = measures(3, 7, 20, -50.0, -90.0, -2.0, 4.0)
    assert found == {
        "bic": 7 * math.log(20) + 100, "aic": 114, "aicc": 114 + 2 * 7 * 8 / 12,
        "icl": 7 * math.log(20) + 104, "nec": 0.1, "entropy": 4.0,
    }
    assert measures(1, 2, 20, -90.0, -90.0, 0.0, 0.0)["nec"] == 1
    undefined = measures(3, 7, 8, -90.0, -90.0, -2.0, 4.0)
    assert math.isnan(undefined["aicc"]) and math.isnan(undefined["nec"])


def test_a_criterion_that_is_not_defined_says_so():
    X = np.random.default_rng(0).normal(size=(12, 2))
    selection = select(X, [1, 2], "VVV", random_state=0).pick("aicc")
    assert selection.best_row.n_components == 1
    lines = selection.table.splitlines()
    assert "undefined" in lines[2]
    assert lines[-1] == "undefined: aicc needs more samples than parameters + 1"
    with pytest.raises(ValueError, match=r"criterion='aicc' is not defined for any row: it needs more samples"):
        select(X, 2, "VVV", criterion="aicc", random_state=0)
    with pytest.raises(ValueError, match=r"criterion='cv' is not defined for any row: .* criterion='cv'"):
        selection.pick("cv")


def test_cross_validation(tables):
    """One component: its mean and covariance from the others, the density of those left out."""
    X = tables["faithful"]
    selection = select(X, [1, 2], ("full", "spherical"), criterion="cv", random_state=0)
    folds = Shared(X, None, {"random_state": 0}).folds()
    expected = 0.0
    for fold in range(10):
        train, test = X[folds != fold], X[folds == fold]
        C = np.cov(train.T, bias=True)
        gap = test - train.mean(axis=0)
        expected += (gap @ np.linalg.inv(C) * gap).sum() + len(test) * np.linalg.slogdet(2 * np.pi * C)[1]
    assert selection.rows[0].cv == pytest.approx(expected, rel=1e-10)
    assert all(row.cv > -2 * row.log_likelihood for row in selection.rows)
    assert selection.best_row[:2] == (2, "full")


def test_a_function_as_criterion(tables):
    X = tables["faithful"]
    selection = select(X, [1, 2, 3], ("full", "diag"), random_state=0,
                       criterion=lambda row, model: abs(row.n_components - 3) + (model.covariance_type == "full"))
    assert selection.best_row[:2] == (3, "diag")
    assert "* best by criterion (smaller is better): 3 components, diag" in str(selection)
    assert selection.values("bic") == tuple(row.bic for row in selection.rows)


def test_starts_that_the_user_gives(tables):
    """They take the place of the seeds, and reach the optimum that they lead to."""
    X = tables["iris"]
    labels = np.repeat(np.arange(3), 50)
    selection = select(X, [2, 3], "VVV", init_params=labels, random_state=0)
    alone = GaussianMixture(3, init_params=labels).fit(X)
    assert selection.rows[1].log_likelihood > 150 * alone.lower_bound_ - 1e-3
    assert selection.rows[0].reason.startswith("Labels in init_params must be integers from 0 to n_components - 1 = 1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_jobs": 0}, "n_jobs must be None, -1"), ({"n_jobs": 1.5}, "n_jobs must be None, -1"),
        ({"time_budget": 0}, "time_budget must be"), ({"time_budget": "1 s"}, "time_budget must be"),
        ({"n_init": 0}, "'n_init'"), ({"random_state": -1}, "random_state must be"),
    ],
)
def test_wrong_arguments(tables, arguments, message):
    with pytest.raises(ValueError, match=message):
        select(tables["iris"], 2, "full", **arguments)
