"""Streams that come once: is `partial_fit` the equations of stepwise EM, and as good as EM over all rows?"""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import cyem
from cyem import GaussianMixture, StudentMixture
from cyem.em import stepwise
from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.gaussian import Gaussian
from cyem.families.student import Student
from cyem.models.river import OneByOne
from cyem.rows.samples import Frame

CODES = [each.code for each in STRUCTURES]


def clusters(n, d=2, gap=6.0):
    """Rows of three clusters of different sizes and shapes, and where each is from."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, p=[0.5, 0.3, 0.2], size=n)
    shapes = np.random.default_rng(7).normal(size=(3, d, d)) / np.sqrt(d) + np.eye(d)
    X = np.einsum("nij,nj->ni", shapes[y], rng.normal(size=(n, d)))
    X[:, 0] += gap * y
    return X, y


def batches(X, size, *others):
    for i in range(0, len(X), size):
        yield (X[i : i + size], *(each[i : i + size] for each in others)) if others else X[i : i + size]


def passed(model, X, size=1000):
    for batch in batches(X, size):
        model.partial_fit(batch)
    return model


def begun(name, family=Gaussian, **how):
    X, _ = clusters(1500, d=3)
    problem = Problem.of(family, X, None, structure(name), 1e-6, 1, **how)
    parameters = problem.family.adopt(problem.simple.assign_to(problem.frame.enter(X[:3])).parameters)
    for _ in range(5):
        parameters = problem.update(problem.sweep(parameters), parameters).parameters
    return problem, parameters


@pytest.mark.parametrize(("family", "name"), [(Gaussian, code) for code in CODES]
                         + [(Student, name) for name in ("full", "tied", "diag", "spherical")])
def test_a_mixture_is_what_its_own_samples_lead_to(family, name):
    """The M-step from the sums that samples of a mixture are expected to have is that mixture."""
    problem, parameters = begun(name, family)
    s = problem.family.expected(parameters, problem.frame)
    again = problem.update(s, parameters).parameters
    assert_allclose(again.weights, parameters.weights, rtol=1e-9)
    assert_allclose(again.means, parameters.means, rtol=0, atol=1e-9)
    assert_allclose(again.covariances, parameters.covariances, rtol=1e-6, atol=1e-9)
    if family is Student:
        assert_allclose(again.freedom, parameters.freedom, rtol=1e-4)


@pytest.mark.parametrize(("family", "name"), [(Gaussian, name) for name in ("full", "tied", "diag", "spherical", "VVE")]
                         + [(Student, name) for name in ("full", "tied", "diag", "spherical")])
def test_sums_move_to_other_means_and_frames(family, name):
    problem, parameters = begun(name, family)
    moments, density = problem.family.moments, problem.family.density(parameters)
    s = problem.sweep(parameters)
    about = parameters.means + np.arange(9).reshape(3, 3) / 4
    there = s.shifted(about, moments)
    assert_allclose(there.means, s.means, rtol=1e-12)
    assert_allclose(there.shifted(s.about, moments).buffer, s.buffer, rtol=1e-9, atol=1e-9)
    S = problem.structure.sample
    assert_allclose(S(there.second, there.masses, there.means - there.about),
                    S(s.second, s.masses, s.means - s.about), rtol=1e-9)
    ratio = np.array([4.0, 4.0, 4.0]) if problem.structure.one_unit else np.array([4.0, 0.5, 1.0])
    other = Frame(problem.frame.reference + 1, problem.frame.units * ratio)
    moved = s.inside(other, moments)
    beside = parameters.inside(problem.frame, other)
    direct = Problem(problem.family.over(problem.family.variances / ratio**2, problem.family.floor / ratio**2),
                     type(problem.samples)(problem.samples.X, None, other, 1)).sweep(beside)
    for part in ("masses", "shares", "means", "second"):
        assert_allclose(getattr(moved, part), getattr(direct, part), rtol=1e-8, atol=1e-8 * len(problem.samples.X))
    assert density.kind == beside.density.kind
    one = s.as_one(moments)
    assert_allclose(one.masses, s.masses.sum())
    if family is Gaussian and moments == "scatter":
        Z = problem.frame.enter(problem.samples.X)
        assert_allclose(one.means[0], Z.mean(axis=0), atol=1e-12)
        assert_allclose(one.second.reshape(3, 3), len(Z) * np.cov(Z.T, bias=True), rtol=1e-9)


def test_steps_are_those_of_the_equations():
    """Beside the formulas of the module's docstring in plain NumPy, with raw moments."""
    X, _ = clusters(20_000)
    n_0 = stepwise.enough(3, 2, structure("full"))
    first, rest = X[:n_0], X[n_0 : n_0 + 12_000]
    model = GaussianMixture(3, random_state=0).partial_fit(first)
    w, m, S = model.weights_, model.means_, model.covariances_

    def moments(w, m, S):
        return np.concatenate([w[:, None], w[:, None] * m,
                               (w[:, None, None] * (S + m[:, :, None] * m[:, None])).reshape(3, 4)], axis=1)

    def maximum(s):
        w, m = s[:, 0], s[:, 1:3] / s[:, :1]
        return w, m, s[:, 3:].reshape(3, 2, 2) / w[:, None, None] - m[:, :, None] * m[:, None]

    running = average = moments(w, m, S)
    before = float(n_0)
    sizes = [1000] * 6 + [500] * 12
    for batch in np.split(rest, np.cumsum(sizes)[:-1]):
        resp, _ = cyem.e_step(batch, (w, m, S))
        squares = (batch[:, :, None] * batch[:, None]).reshape(-1, 4)
        new = resp.T @ np.concatenate([np.ones((len(batch), 1)), batch, squares], axis=1) / len(batch)
        gamma = len(batch) / (len(batch) + n_0 * (before / n_0) ** stepwise.POWER / stepwise.HASTE)
        running = (1 - gamma) * running + gamma * new
        after = before + len(batch)
        average = running + (before / after) ** stepwise.AVERAGED * (average - running)
        w, m, S = maximum(running)
        before = after
        model.partial_fit(batch)
    w, m, S = maximum(average)
    assert_allclose(model.weights_, w, rtol=1e-10)
    assert_allclose(model.means_, m, rtol=1e-9, atol=1e-9)
    assert_allclose(model.covariances_, S, rtol=1e-8, atol=1e-10)
    assert model.n_samples_seen_ == before
    assert model.n_steps_ == model.n_iter_ == len(sizes)


def test_it_begins_at_the_best_of_four_fits():
    """Of which one by itself would be another."""
    X = np.random.default_rng(1).normal(size=(2000, 2)) * [3, 1]
    begun = GaussianMixture(6, random_state=0).partial_fit(X)
    one, best = (GaussianMixture(6, random_state=0, n_init=n).fit(X) for n in (1, 4))
    assert begun.lower_bound_ == pytest.approx(best.lower_bound_, abs=1e-12)
    assert begun.lower_bound_ > one.lower_bound_ + 1e-6


def test_what_a_row_counts_is_halved():
    """Whatever the batches are that come after it."""
    kept = [np.prod([1 - stepwise.share(size, 1e12, 2000, 500.0)] * (500 // size)) for size in (1, 10, 125, 500)]
    assert_allclose(kept, 0.5, rtol=1e-12)
    assert stepwise.share(1000, 2000, 2000) > stepwise.share(1000, 20_000, 2000) > 0


@pytest.mark.parametrize(("kind", "name"), [(GaussianMixture, code) for code in CODES]
                         + [(StudentMixture, name) for name in ("full", "tied", "diag", "spherical")])
def test_one_pass_comes_near_em(kind, name):
    """Within 0.01 nats a row of a fit to all rows from where the stream ended, in every structure."""
    X, _ = clusters(30_000, gap=5.0)
    model = passed(kind(3, covariance_type=name, random_state=0), X)
    value = model.score(X)
    start = pickle.loads(pickle.dumps(model)).set_params(warm_start=True)
    best = start.fit(X).score(X)
    assert best - 0.01 <= value <= best + 1e-6
    assert model.n_samples_seen_ == len(X)


def test_how_a_stream_is_cut_matters_little():
    X, _ = clusters(20_000)
    scores = [passed(GaussianMixture(3, random_state=0), X, size).score(X) for size in (250, 1000, 4000)]
    assert np.ptp(scores) < 1e-3


def test_drift_is_followed():
    """After a jump by a third of the gap between clusters."""
    X, _ = clusters(60_000)
    X[10_000:] += 2
    after = X[10_000:]
    best = GaussianMixture(3, random_state=0).fit(after).score(after)
    model = passed(GaussianMixture(3, forget=2000, random_state=0), X[:10_000])
    assert model.score(after) < best - 0.5
    for batch in batches(after, 1000):
        model.partial_fit(batch)
    assert model.score(after) > best - 0.05


def test_weights():
    """Weight 0 is the row gone, weight 2 the row twice."""
    X, _ = clusters(6000)
    w = np.random.default_rng(1).integers(3, size=len(X)).astype(float)
    weighted, repeated, dropped = (GaussianMixture(3, random_state=0) for _ in range(3))
    weighted.partial_fit(X[:4000])
    repeated.partial_fit(X[:4000])
    dropped.partial_fit(X[:4000])
    for batch, weights in batches(X[4000:], 500, w[4000:]):
        weighted.partial_fit(batch, sample_weight=weights)
        repeated.partial_fit(np.repeat(batch, weights.astype(int), axis=0))
        dropped.partial_fit(batch[weights > 0], sample_weight=weights[weights > 0])
    assert_allclose(weighted.means_, repeated.means_, rtol=1e-10)
    assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-9)
    assert weighted.n_samples_seen_ == repeated.n_samples_seen_
    assert_array_equal(weighted.means_, dropped.means_)


def test_a_source_is_a_stream(tmp_path):
    """Of a file, an iterator that can be read once, chunks with weights: batches of 1,536 rows, by their names."""
    X, _ = clusters(8000)
    frame = pd.DataFrame(X, columns=["a", "b"])
    frame.to_parquet(tmp_path / "x.parquet")
    w = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)

    def model():
        return GaussianMixture(3, random_state=0)

    by_hand = passed(model(), frame, 1536)
    for source in (tmp_path / "x.parquet", cyem.scan(tmp_path / "x.parquet", memory=0),
                   iter([frame[:5000], frame[5000:]])):
        found = model().partial_fit(source)
        assert_array_equal(found.means_, by_hand.means_)
        assert found.n_steps_ == by_hand.n_steps_ > 0 and found.feature_names_in_.tolist() == ["a", "b"]
    weighted = model()
    for batch, of_rows in batches(X, 1536, w):
        weighted.partial_fit(batch, sample_weight=of_rows)
    found = model().partial_fit(lambda: ((X[i : i + 700], w[i : i + 700]) for i in range(0, len(X), 700)))
    assert_array_equal(found.means_, weighted.means_)


def test_a_source_that_fails_leaves_the_stream_as_it_was():
    X, _ = clusters(8000)
    model = passed(GaussianMixture(3, random_state=0), X[:6000])
    before, steps = model.means_.copy(), model.n_steps_
    bad = X[6000:].copy()
    bad[-1, 1] = np.inf
    with pytest.raises(ValueError, match=r"chunk 0, from row 0 of X on: .* infinity in row 1999"):
        model.partial_fit(iter([bad]))
    with pytest.raises(ValueError, match=r"chunk 1, .* has 1 features"):
        model.partial_fit(iter([X[6000:], X[:, :1]]))
    assert_array_equal(model.means_, before)
    assert model.n_steps_ == steps
    passed(model, X[6000:])
    assert model.n_steps_ > steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["full", "diag", "spherical"])
def test_a_frame_widens(dtype, name):
    """Rows that come in another unit, far away, than the first ones: as well described as if it had been known."""
    X, _ = clusters(40_000)
    there = (X[3000:] * 1000 + 300_000).astype(dtype)
    model = GaussianMixture(1, covariance_type=name, forget=500, random_state=0).partial_fit(X[:3000].astype(dtype))
    frame = model._stream.frame
    passed(model, there, 500)
    assert (model._stream.frame.units > 100 * frame.units).all()
    assert model.means_.dtype == dtype
    last = there[-5000:].astype(np.float64)
    assert model.score(there[-5000:]) > GaussianMixture(1, covariance_type=name).fit(last).score(last) - 0.02
    floor = model._stream.family.floor * model._stream.frame.units ** 2
    assert_allclose(floor, 1e-6 * last.var(axis=0), rtol=4)


def test_units_are_no_matter():
    X, _ = clusters(8000)
    plain, scaled = (passed(GaussianMixture(3, random_state=0), each) for each in (X, X * [1024, 2**-20]))
    assert_array_equal(plain.means_ * [1024, 2**-20], scaled.means_)
    assert_array_equal(plain.weights_, scaled.weights_)


@pytest.mark.parametrize("kind", [GaussianMixture, StudentMixture])
def test_gaps(kind):
    """Values that are missing at random change little, in any batch, the first one included."""
    X, _ = clusters(12_000)
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    gaps[5000:6000] = X[5000:6000]
    model = passed(kind(3, random_state=0), gaps, 500)
    best = kind(3, random_state=0).fit(gaps)
    assert model.score(gaps) > best.score(gaps) - 0.01
    assert model.lower_bound_ == pytest.approx(best.lower_bound_, abs=0.05)


def test_what_is_known_of_some_stays():
    X, _ = clusters(8000)
    means = np.array([[0.0, 0.0], [6.0, 0.0], [12.0, 0.0]])
    model = passed(GaussianMixture(3, means_init=means, held="means"), X)
    assert_array_equal(model.means_, means)
    assert passed(GaussianMixture(3, equal_weights=True), X).weights_.tolist() == [1 / 3] * 3


@pytest.mark.parametrize("rows", [1000, 6000])  # gathered, and learned
def test_pickles_go_on_and_clones_begin(rows):
    X, _ = clusters(8000)
    model = passed(GaussianMixture(3, random_state=0), X[:rows])
    other = pickle.loads(pickle.dumps(model))
    for each in (model, other):
        passed(each, X[rows:])
    assert_array_equal(model.means_, other.means_)
    assert_array_equal(model.covariances_, other.covariances_)
    assert clone(model)._stream is None
    assert not clone(model).__sklearn_is_fitted__()


def test_gathered_rows_are_not_saved(tmp_path):
    X, _ = clusters(1500)
    model = GaussianMixture(3, random_state=0).partial_fit(X[:500])
    with pytest.warns(UserWarning, match="has gathered rows for a start, and these are not saved"):
        model.save(tmp_path / "model.npz")
    other = cyem.load(tmp_path / "model.npz")
    assert_array_equal(other.means_, model.means_)
    assert other.partial_fit(X[500:]).n_samples_seen_ == 1500


def test_memory_does_not_grow():
    X, _ = clusters(3000)
    model = GaussianMixture(3, random_state=0)
    sizes = set()
    for i in range(30):
        model.partial_fit(X)
        if i:
            sizes.add(len(pickle.dumps(model)) // 100)
    assert max(sizes) - min(sizes) <= 1
    assert len(model.lower_bounds_) == 1


@pytest.mark.parametrize("how", ["fit", "from_parameters", "file"])
def test_a_stream_goes_on_from_a_mixture(how, tmp_path):
    """That was fitted, given or loaded: near the best after more rows, and what it was before weighs as it did."""
    X, _ = clusters(30_000)
    model = GaussianMixture(3, random_state=0).fit(X[:20_000])
    if how == "from_parameters":
        model = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_)
    if how == "file":
        passed(model, X[20_000:22_000]).save(tmp_path / "model.npz")
        model = cyem.load(tmp_path / "model.npz")
        assert model.n_samples_seen_ == 22_000
    before = model.means_.copy()
    model.partial_fit(X[22_000:22_010])
    assert 0 < np.abs(model.means_ - before).max() < 0.1
    passed(model, X[22_000:])
    assert model.score(X) > GaussianMixture(3, random_state=0).fit(X).score(X) - 0.01
    assert f"stepwise EM: {model.n_steps_} steps, {model.n_samples_seen_:,.0f} samples" in model.summary()
    model.fit(X[:5000])
    assert model._stream is None
    assert not hasattr(model, "n_steps_")


def test_single_rows():
    """A start is made as soon as there are as many rows as components, again as rows become more, and goes on."""
    X, _ = clusters(2200)
    model = GaussianMixture(3, random_state=0)
    for i, x in enumerate(X):
        model.partial_fit(x[None])
        if i < 2:
            with pytest.raises(cyem.NotFittedError, match=f"has gathered {i + 1} rows, fewer than n_components=3"):
                model.predict(X)
        else:
            assert model.predict(X[:5]).shape == (5,)
    assert model.n_steps_ == 200
    assert model.score(X) > GaussianMixture(3, random_state=0).fit(X).score(X) - 0.02


def test_a_component_without_rows_is_seeded_anew():
    """Far rows that a component has stood for are forgotten; it goes where it is of use."""
    rng = np.random.default_rng(0)
    first = np.concatenate([rng.normal(size=(2000, 1)), rng.normal(1000, 1, size=(100, 1))])
    model = GaussianMixture(2, forget=20, random_state=0).partial_fit(first)
    reports = []
    for _ in range(20):
        both = rng.normal(size=(200, 1)) + 30 * rng.integers(2, size=(200, 1))
        reports += model.partial_fit(both).fit_report_
    assert any("seeded anew" in line for line in reports)
    assert sorted(model.means_.round(-1).ravel().tolist()) == [0, 30]


WRONG = {
    "forget": (dict(forget=0), None, ValueError, "'forget' parameter .* number of rows > 0.* Got 0"),
    "forget, no number": (dict(forget="week"), None, ValueError, "'forget' parameter"),
    "prior": (dict(prior="weak"), None, ValueError, "'prior' parameter .* must be None for partial_fit"),
    "labels": (dict(init_params=[0, 1]), None, ValueError, "'init_params' parameter .* function for partial_fit"),
    "n_components": (dict(n_components=2), None, ValueError, "n_components=2 .* after partial_fit had begun with 3"),
    "structure": (dict(covariance_type="diag"), None, ValueError, "covariance_type='diag' .* 3 components and 'full'"),
    "width": ({}, np.ones((5, 3)), ValueError, "X has 3 features, but GaussianMixture is expecting 2"),
    "no rows": ({}, np.ones((0, 2)), ValueError, "0 sample"),
    "infinity": ({}, [[np.inf, 1.0]], ValueError, "infinity in row 0, column 0"),
    "text": ({}, [["a", "b"]], ValueError, "numbers only"),
    "far away": ({}, [[1e200, 1.0]], ValueError, "rows so far from those before"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("rows", [1000, 3000])
def test_bad_input_changes_nothing(what, rows):
    changes, batch, error, message = WRONG[what]
    if rows == 1000 and what in ("n_components", "structure", "far away"):
        return  # gathered rows are fitted anew
    X, _ = clusters(4000)
    model, twin = (passed(GaussianMixture(3, random_state=0), X[:rows]) for _ in range(2))
    model.set_params(**changes)
    with pytest.raises(error, match=message):
        model.partial_fit(X[:10] if batch is None else batch)
    assert_array_equal(model.means_, twin.means_)
    assert model.n_samples_seen_ == twin.n_samples_seen_
    model.set_params(**twin.get_params())
    assert_array_equal(model.partial_fit(X[rows:]).means_, twin.partial_fit(X[rows:]).means_)


def test_weights_that_do_not_match_and_another_dtype():
    X, _ = clusters(3000)
    model = GaussianMixture(3, random_state=0).partial_fit(X.astype(np.float32))
    with pytest.raises(TypeError, match="float64, but the batches before were float32"):
        model.partial_fit(X)
    with pytest.raises(ValueError, match="one weight for each"):
        model.partial_fit(X.astype(np.float32), sample_weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="at least one must be non-zero"):
        model.partial_fit(X.astype(np.float32), sample_weight=np.zeros(len(X)))
    wide = GaussianMixture(3, random_state=0).partial_fit(X)
    assert wide.partial_fit(X.astype(np.float32)).means_.dtype == np.float64


def test_a_mixture_with_a_background_does_not_go_on():
    X, _ = clusters(300)
    model = GaussianMixture(3, background=True, random_state=0).fit(X).set_params(background=False)
    means = model.means_
    with pytest.raises(ValueError, match=r"fitted with background_weight_=.*fit it anew with background=False"):
        model.partial_fit(X)
    assert model.means_ is means
    model.fit(X).partial_fit(X)


@pytest.mark.parametrize("rows", [2, 3000])
def test_names(rows):
    frames = pytest.importorskip("pandas")
    X, _ = clusters(3000)
    frame = frames.DataFrame(X, columns=["one", "two"])
    model = GaussianMixture(3, random_state=0).partial_fit(frame[:rows])
    with pytest.raises(ValueError, match=r"feature names should match|features named"):
        model.partial_fit(frame[["two", "one"]])
    model.partial_fit(frame)
    assert model.feature_names_in_.tolist() == ["one", "two"]


def test_one_by_one():
    """As River asks: rows are dicts in any order, with values missing or not."""
    X, _ = clusters(2100)
    learner = OneByOne(GaussianMixture(3, random_state=0))
    assert learner.predict_one({"a": 1.0}) == 0
    assert learner.score_one({"a": 1.0}) == 0.0
    for i, (a, b) in enumerate(X.tolist()):
        learner.learn_one({"a": a, "b": b} if i % 2 == 0 else {"b": b, "a": a} if i % 5 else {"b": b})
    assert learner.model.n_samples_seen_ == len(X)
    assert learner.predict_one({"b": 0.0, "a": 6.0}) == learner.model.predict([[6.0, 0.0]])[0]
    assert learner.score_one({"a": 6.0, "b": 0.0}) == -learner.model.score_samples([[6.0, 0.0]])[0]
    assert sum(learner.predict_proba_one({"a": 6.0}).values()) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"x has \['c'\], which the rows before had not"):
        learner.learn_one({"a": 1.0, "c": 2.0})
    with pytest.raises(TypeError, match="must be a GaussianMixture"):
        OneByOne("model")


def test_in_a_pipeline_of_river():
    metrics, preprocessing, stream = (pytest.importorskip(f"river.{name}") for name in
                                      ("metrics", "preprocessing", "stream"))
    X, y = clusters(2000)
    scaler, learner = preprocessing.StandardScaler(), OneByOne(GaussianMixture(3, random_state=0))
    same = metrics.AdjustedRand()
    for i, (x, of) in enumerate(stream.iter_array(X, y)):
        scaler.learn_one(x)
        x = scaler.transform_one(x)
        if i >= 1000:
            same.update(int(of), learner.predict_one(x))
        learner.learn_one(x)
    assert same.get() > 0.9
