"""The verdict of a selection: separate groups, one cloud, or that it cannot be told."""

import importlib.util
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

from cyem import GaussianMixture, StudentMixture, select
from cyem.families.covariance import STRUCTURES
from cyem.selection import verdict as verdicts
from cyem.selection.modes import FLAT, Landscape
from cyem.selection.verdict import KINDS, ONE, SEPARATE, UNKNOWN, Seen, chance, judged, shape

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "verdicts.py"


def found(X, **settings):
    return select(X, range(1, 7), random_state=0, **settings).verdict


def blobs(centres, n, seed=0, sd=1.0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, sd, (n, np.size(centre))) for centre in centres])


@pytest.fixture(scope="module")
def groups():
    """A skewed group, which takes several components, and a normal one."""
    rng = np.random.default_rng(0)
    skewed = np.exp(rng.normal(0, 0.6, (300, 2)))
    return np.concatenate([skewed, rng.normal([-4, -4], 0.7, (200, 2))])


@pytest.fixture(scope="module")
def selection(groups):
    return select(groups, range(1, 6), random_state=0)


# --- data of which the answer is known -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("draw", "looks"), [
    (lambda rng: np.exp(rng.normal(size=(400, 1))), "skewed"),
    (lambda rng: rng.standard_t(3, (400, 1)), "heavy-tailed"),
    (lambda rng: rng.uniform(size=(400, 1)), "flat or hollow"),
    (lambda rng: rng.uniform(size=(400, 2)), "flat or hollow"),
], ids=["lognormal", "t", "uniform", "square"])
def test_one_cloud_that_is_not_normal(draw, looks, seed):
    said = found(draw(np.random.default_rng(seed)))
    assert said.kind == ONE and said.n_groups == 1
    assert said.headline.startswith(f"one {looks} cloud, not separate groups")


@pytest.mark.parametrize("seed", range(3))
def test_nine_rows(seed):
    said = select(np.random.default_rng(seed).normal(size=(9, 4)), random_state=0).verdict
    assert said.kind == UNKNOWN and said.headline == "cannot tell: 9 rows are too few"
    assert "parameters" in said.reasons[0] and "rows or more" in said.next_step


def test_normal_rows():
    said = found(np.random.default_rng(0).normal(size=(300, 3)))
    assert said.kind == ONE and "a single component" in said.headline and "BIC is better by" in said.reasons[0]


def test_two_that_overlap():
    assert found(blobs([0, 1.8], 200)).kind == ONE


@pytest.mark.parametrize("seed", range(3))
def test_groups_four_standard_deviations_apart(seed):
    said = found(blobs([0, 4, 9], 100, seed))
    assert said.kind == SEPARATE and said.n_groups == 3
    assert said.headline.startswith("3 separate groups, of ")


def test_a_small_group_far_away():
    """Which starts of single fits miss, as those are that leave rows out."""
    X = np.concatenate([np.random.default_rng(0).normal(size=(1000, 10)), blobs([[3.8] * 10], 20, 1, 0.2)])
    said = select(X, [1, 2], "tied", random_state=0).verdict
    assert said.kind == SEPARATE and said.headline == "2 separate groups, of 1,000 and 20 rows"


def test_faithful(load):
    said = select(load("faithful"), random_state=0).verdict
    assert said.headline == "2 separate groups, of 175 and 97 rows"


def test_whole_numbers():
    """Between them there are no others, and components sit on each: no valleys."""
    X = np.random.default_rng(0).poisson(6, (400, 1)).astype(float)
    selection = select(X, [1, 10], "tied", random_state=0)
    assert selection.best_.n_components == 10 and selection.verdict.kind == ONE


def test_zeros_beside_a_cloud():
    """Ten components, one of them on three rows between the zeros and the cloud."""
    X = np.concatenate([np.zeros((400, 1)), np.random.default_rng(0).normal(10, 2, (600, 1))])
    said = select(X, [1, 10], "tied", random_state=0).verdict
    assert said.kind == SEPARATE and said.n_groups == 2


def test_two_moons():
    """Curved groups, each of several components, side by side."""
    angle = np.random.default_rng(0).uniform(0, np.pi, 500)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    X[250:] = [1, 0.5] - X[250:]
    X += np.random.default_rng(1).normal(0, 0.08, X.shape)
    selection = select(X, range(1, 9), random_state=0)
    said = selection.verdict
    assert said.n_groups == 2 < selection.best_.n_components
    labels = said.group_of[selection.best_.predict(X)]
    assert len(set(labels[:250])) == len(set(labels[250:])) == 1 and labels[0] != labels[-1]


def test_groups_of_several_components(selection, groups):
    said, k = selection.verdict, selection.best_.n_components
    assert k > 2 and said.kind == SEPARATE and said.n_groups == 2
    assert said.headline == "2 separate groups, of 300 and 200 rows"
    assert any("make up one skewed group" in reason for reason in said.reasons)
    labels = said.group_of[selection.best_.predict(groups)]
    assert (labels == np.repeat([0, 1], [300, 200])).mean() > 0.99


@pytest.mark.parametrize("code", [shape.code for shape in STRUCTURES])
def test_all_structures(code):
    X = blobs([[0, 0], [6, 0]], 60)
    assert select(X, [1, 2, 3], code, random_state=0).verdict.n_groups == 2
    assert select(X[:60], [1, 2], code, random_state=0).verdict.kind == ONE


def test_mixtures_of_t():
    rng = np.random.default_rng(0)
    X = rng.standard_t(3, (100, 2))
    assert select(X, [1, 2], "spherical", family="student", random_state=0).verdict.kind == ONE
    X[:50, 0] += 20
    said = select(X, [1, 2], "spherical", family="student", random_state=0).verdict
    assert said.headline == "2 separate groups, of 50 and 50 rows"


# --- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [[1e-3, 1e-3], [1000.0, 0.01]])
def test_units_change_nothing(groups, units):
    one, other = (select(X, range(1, 6), "full", random_state=0).verdict for X in (groups, groups * units + [5, -3]))
    assert one.kind == SEPARATE and str(one) == str(other)


def test_the_order_of_the_rows_changes_nothing(groups, selection):
    shuffled = Seen.of(np.random.default_rng(1).permutation(groups), None)
    assert str(judged(selection, shuffled)) == str(selection.verdict)
    box = np.random.default_rng(2).uniform(size=(200, 6))
    selection = select(box, [1, 2], "tied", random_state=0)
    assert "of those of a piece elsewhere" in selection.verdict.reasons[0]
    assert str(judged(selection, Seen.of(box[::-1], None))) == str(selection.verdict)


def test_the_order_of_the_components_changes_nothing(groups, selection):
    other = select(groups, range(1, 6), random_state=0)
    model, order = other.best_, np.random.default_rng(0).permutation(selection.best_.n_components)
    permuted = GaussianMixture.from_parameters(model.weights_[order], model.means_[order],
                                               model.covariances_[order] if model.covariances_.ndim != 2
                                               or model.covariance_type == "diag" else model.covariances_,
                                               model.covariance_type)
    permuted.random_state = 0
    models = list(other.models)
    models[other.rows.index(other.best_row)] = permuted
    vars(other)["models"] = tuple(models)
    said = other.verdict
    assert said.headline == selection.verdict.headline
    assert said.group_of.tolist() == selection.verdict.group_of[order].tolist()


def test_weights_are_repetitions(groups, selection):
    weights = np.arange(len(groups)) % 3 + 1
    model, row = selection.best_, selection.best_row
    weighted, repeated = (Seen.of(X, w) for X, w in ((groups, weights), (np.repeat(groups, weights, axis=0), None)))
    resp = [model.predict_proba(seen.X) for seen in (weighted, repeated)]
    landscape = Landscape(model)
    peaks = landscape.peaks()
    assert len(set(peaks.tolist())) == 2 and row.n_components == len(peaks)
    (_, one), (_, other) = (verdicts._merged(landscape, peaks, r, seen)
                            for r, seen in zip(resp, (weighted, repeated), strict=True))
    assert_allclose(one, other, rtol=1e-9)
    assert shape(weighted.X, weighted.counts) == shape(repeated.X, repeated.counts)


def test_what_becomes_of_the_rows_changes_nothing(groups):
    X = groups.copy()
    selection = select(X, [1, 2, 3], random_state=0)
    X[:] = 0
    assert selection.verdict.kind == SEPARATE


def test_a_verdict_is_that_of_the_model_chosen():
    X = np.exp(np.random.default_rng(0).normal(size=(300, 1)))
    selection = select(X, [1, 2, 3], "full", random_state=0)
    other = selection.pick(lambda row, model: row.n_components)
    assert "3 components describe" in selection.verdict.headline
    assert other.best_.n_components == 1 and "a single component" in other.verdict.headline
    assert len(other.verdict.group_of) == 1


def test_pieces_that_part_anywhere():
    """Of a box in six dimensions few rows lie in the middle between two halves, but these are halves of no account."""
    X = np.random.default_rng(2).uniform(size=(200, 6))
    said = select(X, [1, 2], "tied", random_state=0).verdict
    assert said.kind == ONE and "They cut it anywhere." in said.reasons[0]


# --- where nothing can be told ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "told"), [(4, "the rows do not show it"), (6, "hardly better than one")])
def test_few_rows(seed, told):
    X = np.concatenate([np.random.default_rng(seed).normal(c, 1, (25, 1)) for c in (0, 4)])
    said = select(X, [1, 2], "tied", random_state=0).verdict
    assert said.kind == UNKNOWN and told in said.headline and said.n_groups == 1


def test_weights_that_sum_to_one():
    X = blobs([0, 9], 50)
    said = select(X, [1, 2], "full", sample_weight=np.full(100, 0.01), random_state=0).verdict
    assert said.headline == "cannot tell: 1 row is too few"


def test_few_rows_that_count_for_many():
    said = select(np.arange(6.0)[:, None], [1, 6], "tied", sample_weight=np.full(6, 50), random_state=0).verdict
    assert said.kind in KINDS


def test_many_components():
    """Of thirty each is compared with those near it only."""
    centres = np.stack(np.meshgrid(np.arange(6) * 9, np.arange(5) * 9), axis=-1).reshape(-1, 2)
    labels = np.repeat(np.arange(30), 40)
    said = select(blobs(centres, 40), [30], "spherical", random_state=0, init_params=labels).verdict
    assert said.headline == "30 separate groups, of 40 to 40 rows"


def test_only_one_number_of_components():
    X = blobs([0, 9], 50)
    assert select(X, [1], random_state=0).verdict.headline == "cannot tell: only one component was tried"
    assert select(X, [2], "full", random_state=0).verdict.n_groups == 2


def test_without_rows(selection):
    assert judged(selection, None).headline == "cannot tell: the selection has no rows"


def test_a_search_that_was_ended():
    def stop(done, total, seconds):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        selection = select(blobs([0, 9], 50), [1, 2, 3], random_state=0, n_jobs=1, progress=stop)
    assert selection.verdict.headline.startswith("cannot tell: the search was ended")


def test_more_parameters_than_rows():
    said = select(np.random.default_rng(0).normal(size=(40, 12)), [2], "full", random_state=0).verdict
    assert said.headline == "cannot tell: 40 rows are too few"


# --- the parts -------------------------------------------------------------------------------------------------------


def test_peaks_and_passes_are_found():
    """Of three components in three dimensions: each valley is as deep as a numerical optimiser finds it."""
    rng = np.random.default_rng(2)
    roots = rng.normal(size=(3, 3, 3))
    covariances = roots @ roots.swapaxes(1, 2) + np.eye(3)
    means = np.array([[0, 0, 0], [9, 0, 0], [0, 30.0, 0]])
    model = GaussianMixture.from_parameters([0.5, 0.3, 0.2], means, covariances)

    def down(x):
        return -model.score_samples(x[None])[0]

    peaks = [optimize.minimize(down, mean, tol=1e-10) for mean in means]
    landscape = Landscape(model)
    for valley in landscape.valleys:
        i, j = valley.pair
        inside = landscape.frame.leave(valley.middle)
        lower = min(-peaks[i].fun, -peaks[j].fun)
        assert valley.depth == pytest.approx(lower + down(inside), abs=0.02)
    assert len(set(landscape.peaks().tolist())) == 3


@pytest.mark.parametrize("made_by", [GaussianMixture, StudentMixture])
def test_when_two_components_have_two_peaks(made_by):
    """Of two equal normal components: from two standard deviations on (Robertson & Fryer 1969); others by a grid."""
    depths = []
    for gap in np.arange(1.5, 5, 0.25):
        tails = ([4.0, 4.0],) if made_by is StudentMixture else ()
        model = made_by.from_parameters([0.5, 0.5], [[0.0], [gap]], [1.0, 1.0], *tails, "spherical")
        depths.append(Landscape(model).valleys[0].depth)
        grid = model.score_samples(np.linspace(0, gap, 2001)[:, None])
        assert depths[-1] == pytest.approx(grid.max() - grid[1000], abs=1e-3)
        if made_by is GaussianMixture:
            assert (depths[-1] > 1e-9) == (gap > 2)
    assert all(a <= b + 1e-12 for a, b in pairwise(depths)) and depths[0] < FLAT < depths[-1]


def test_chance():
    """The probability that a fair coin shows so few heads."""
    for n in (5, 12, 40, 300):
        for few in range(n // 2 + 1):
            assert chance(few, n - few) == pytest.approx(stats.binom.cdf(few, n, 0.5), abs=0.02)
    assert chance(0, 0) == 1


def ring(rng, n):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.1, (n, 2))


def bent(rng, n):
    x = rng.normal(size=n)
    return np.column_stack([3 * x, x**2 + rng.normal(size=n) * 0.5])


@pytest.mark.parametrize(("draw", "looks"), [
    (lambda rng, n: rng.normal(size=(n, 4)), ""),
    (lambda rng, n: rng.exponential(size=(n, 3)), "skewed"),
    (lambda rng, n: -rng.lognormal(size=(n, 1)), "skewed"),
    (lambda rng, n: rng.standard_t(4, (n, 1)), "heavy-tailed"),
    (lambda rng, n: rng.uniform(size=(n, 2)), "flat or hollow"),
    (ring, "flat or hollow"),
    (bent, "curved"),
], ids=["normal", "exponential", "lognormal", "t", "uniform", "ring", "bent"])
def test_shapes(draw, looks):
    """By name, and the same whatever the axes and units."""
    rng = np.random.default_rng(3)
    X = draw(rng, 500)
    assert shape(X, np.ones(500)) == looks
    A = rng.normal(size=(X.shape[1], X.shape[1]))
    assert shape(X @ A * 1e4 - 7, np.ones(500)) == looks


def test_shapes_of_next_to_nothing():
    assert shape(np.zeros((30, 2)), np.ones(30)) == ""
    X = np.column_stack([np.random.default_rng(0).exponential(size=300)] * 2)  # within a line
    assert shape(X, np.ones(300)) == "skewed"


# --- how it is said --------------------------------------------------------------------------------------------------


def test_words(selection):
    text = str(selection.verdict)
    assert text.startswith("verdict: 2 separate groups") and "\nNext: " in text
    assert max(map(len, text.splitlines())) < 80
    assert str(selection).endswith(text) and text not in selection.table
    html = selection._repr_html_()
    assert selection.verdict.headline in html and selection.verdict.reasons[0] in html


def test_columns_are_named():
    X = np.exp(np.random.default_rng(0).normal(size=(300, 2)))
    pandas = pytest.importorskip("pandas")
    said = select(pandas.DataFrame(X, columns=["dose", "size"]), [1, 2, 3], random_state=0).verdict
    assert "take logarithms of dose and size" in said.next_step


@pytest.mark.skipif(not BENCHMARK.exists(), reason="the benchmarks come with the repository only")
def test_the_rates_are_counted(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("rates", BENCHMARK)
    rates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rates)
    monkeypatch.setattr(rates, "ROWS", (100,))
    monkeypatch.setattr(rates, "select", partial(select, n_components=[1, 2, 3], covariance_types="diag"))
    assert rates.main(10, 3) in (True, False)
    lines = capsys.readouterr().out.splitlines()
    assert all(kind in lines[0] for kind in KINDS)
    counts = {line.split()[0]: list(map(int, line.split()[1:])) for line in lines[1:-1]}
    assert sum(counts["separate"]) == 4 and [sum(c) for c in counts.values()] == [4, *[1] * 6]
    assert lines[-1].startswith("wrong: ") and "missed: " in lines[-1]
