"""Pictures: can everybody read them, do they show what was computed, and do they stay as they were looked at?"""

import itertools
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from scipy.stats import multivariate_normal

from cyem import GaussianMixture, merge, select, stability
from cyem.plotting import (
    CriterionDisplay,
    MergingDisplay,
    MixtureDisplay,
    ProjectionDisplay,
    ResponsibilitiesDisplay,
    StabilityDisplay,
    TraceDisplay,
    UncertaintyDisplay,
    geometry,
    style,
)
from cyem.plotting import mixture as mixture_module
from cyem.plotting.merging import leaves
from cyem.plotting.projection import plane

IMAGES = Path(__file__).parent / "images"
STRUCTURES = ["EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]
BACKGROUNDS = ["default", "dark_background"]


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def mixture(d, k):
    """A mixture with known parameters."""
    rng = np.random.default_rng(100 * d + k)
    half = rng.normal(size=(k, d, d)) / np.sqrt(d)
    covariances = half @ half.transpose(0, 2, 1) + 0.2 * np.eye(d)
    return GaussianMixture.from_parameters(rng.dirichlet(np.full(k, 5.0)), rng.normal(0, 4, (k, d)), covariances)


def samples(model, n=400):
    return model.sample(n, random_state=0)[0]


def criterion_display(n_components, n_structures):
    """Curves that fall, bend and rise, as those of a criterion do."""
    rng = np.random.default_rng(0)
    counts = np.arange(1, n_components + 1)
    curves = {
        name: 2300 + 900 * rng.random() / counts**2 + rng.uniform(5, 30) * counts + rng.normal(0, 2, n_components)
        for name in STRUCTURES[:n_structures]
    }
    doubtful = {name: rng.random(n_components) < 0.1 for name in curves}
    best = min(((k, name) for name in curves for k in counts), key=lambda cell: curves[cell[1]][cell[0] - 1])
    return CriterionDisplay(n_components=counts, curves=curves, doubtful=doubtful, best=best, criterion="bic")


def trace_display(n_iter, k=None):
    return TraceDisplay(values=-2 - 0.5 ** np.arange(n_iter), converged=True)


def stability_display(k):
    rng = np.random.default_rng(0)
    return StabilityDisplay(ari=rng.beta(9, 2, 60), jaccard=rng.beta(8, np.linspace(1, 8, k), (60, k)))


def merging_display(k):
    entropies = np.linspace(3, 0, k) ** 3
    pairs = [(0, 1), *((step + 1, k + step - 1) for step in range(1, k - 1))][: k - 1]
    return MergingDisplay(pairs=pairs, entropies=entropies, suggestion=max(k // 3, 1) if k > 2 else None)


# --- for every eye -----------------------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes 2009: what people without one kind of cones see, in linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(colours):
    """Linear RGB of hexadecimal sRGB (IEC 61966-2-1)."""
    values = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB of linear RGB, white point D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    xyz = np.clip(rgb, 0, 1) @ np.transpose(to_xyz) / [0.95047, 1, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", [style.ON_LIGHT, style.ON_DARK])
def test_colours_stay_apart(palette, vision):
    """A CIELAB distance of 19, of thirteen 17; 2.3 is just noticeable (Mahy et al. 1994)."""
    assert len(palette) == 13
    points = lab(linear(palette) @ np.transpose(VISION[vision]))
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(points[:7], 2)) > 19
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2)) > 17


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_colours_stand_out_from_the_background(background):
    """WCAG 2.1 asks for a contrast of 3 for graphics, and 4.5 for text."""
    with plt.style.context(background):
        look = style.look(plt.figure())
    luminance = linear([look.paper, look.ink, look.muted, *look.colours]) @ [0.2126, 0.7152, 0.0722]
    contrast = (np.maximum(luminance, luminance[0]) + 0.05) / (np.minimum(luminance, luminance[0]) + 0.05)
    assert contrast[1:].min() > 3
    assert contrast[1] > 12
    assert contrast[2] > 4.5


def test_every_component_has_its_own_look():
    look = style.look(Figure(facecolor="white"))
    assert len({look.colour(j) for j in range(13)}) == 13
    looks = {(look.colour(j), style.marker(j)) for j in range(60)}
    lines = {(look.colour(j), str(style.dashes(j))) for j in range(60)}
    assert len(looks) == len(lines) == 60


def test_colours_go_with_the_background_of_the_axes_not_with_the_settings():
    ax = Figure(facecolor="black").add_subplot(facecolor="black")
    assert style.look(ax).colours == style.ON_DARK
    ax.set_facecolor("none")
    assert style.look(ax).colours == style.ON_LIGHT  # transparent: what the text is made for


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=14), st.floats(0.01, 0.07))
def test_spread(wanted, gap):
    found = style.spread(wanted, gap, 0, 1)
    order = np.argsort(wanted, kind="stable")
    assert np.diff(found[order]).min(initial=gap) >= gap - 1e-12
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-12


def test_spread_is_the_nearest():
    assert_allclose(style.spread([0.5, 0.5], 0.2, 0, 1), [0.4, 0.6])
    assert_allclose(style.spread([0.9, 0.1, 0.12], 0.1, 0, 1), [0.9, 0.06, 0.16])
    assert_allclose(style.spread([0.2, 0.8], 0.1, 0, 1), [0.2, 0.8])


# --- readable ----------------------------------------------------------------------------------------------------


def texts(figure):
    """Every visible text of a figure that has been drawn, and its box in pixels."""
    found = []
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible()):
        parent = getattr(text, "axes", None)
        if text.get_text().strip() and (parent is None or parent.axison):
            found.append((text, Text.get_window_extent(text)))
    return found


def shown(figure):
    """The same, less the tick labels outside the range of their axis, which are not drawn."""
    hidden = set()
    for axis in (axis for ax in figure.findobj(Axes) for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-9 * (high - low)
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        hidden |= {label for tick in ticks if not low - slack <= tick.get_loc() <= high + slack
                   for label in (tick.label1, tick.label2)}
    return [(text, box) for text, box in texts(figure) if text not in hidden]


def check_readable(figure):
    """Nothing is cut off, nothing overlaps, axes have names."""
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    labels = shown(figure)
    for text, box in labels:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -1, text
    for (one, a), (other, b) in itertools.combinations(labels, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) < 1, (one, other)
    numbered = {(text.axes, side) for text, _ in labels if text.axes for side in "xy"
                if text in getattr(text.axes, f"get_{side}ticklabels")()}
    for ax, side in numbered:
        if ax.get_label() != "<colorbar>" or side == "y":
            assert getattr(ax, f"get_{side}label")(), (ax, side)


LIGHT, DARK = BACKGROUNDS


@pytest.mark.parametrize(
    "d, k, background",
    [(1, 1, LIGHT), (1, 20, DARK), (2, 1, DARK), (2, 20, LIGHT), (4, 3, LIGHT), (4, 20, DARK)],
)
def test_mixtures_are_readable(d, k, background):
    model = mixture(d, k)
    with plt.style.context(background):
        display = MixtureDisplay.from_estimator(model, samples(model, 200))
        check_readable(display.figure_)
    assert display.axes_.shape == (d, d)


@pytest.mark.parametrize("d, k", [(1, 1), (1, 20), (2, 3), (12, 20)])
def test_memberships_are_readable(d, k):
    model = mixture(d, k)
    X = samples(model)
    check_readable(UncertaintyDisplay.from_estimator(model, X).figure_)
    check_readable(ResponsibilitiesDisplay.from_estimator(model, X).figure_)


@pytest.mark.parametrize("n_components, n_structures", [(1, 1), (1, 14), (20, 14)])
def test_criteria_are_readable(n_components, n_structures):
    display = criterion_display(n_components, n_structures).plot()
    check_readable(display.figure_)
    names = [text.get_text() for text in display.ax_.texts]
    assert sorted(names) == sorted(STRUCTURES[:n_structures])  # each curve has its name beside it


@pytest.mark.parametrize("make", [trace_display, stability_display, merging_display])
@pytest.mark.parametrize("size", [1, 3, 20])
def test_others_are_readable(make, size):
    check_readable(make(size).plot().figure_)


def test_long_names_of_features_have_room():
    names = ["free sulfur dioxide", "total sulfur dioxide", "residual sugar", "alcohol by volume", "volatile acidity",
             "chlorides", "citric acid"]
    X = pd.DataFrame(samples(mixture(7, 4), 150), columns=names)
    model = GaussianMixture(4, covariance_type="diag", random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(model, X)
    check_readable(display.figure_)
    assert [ax.get_xlabel().replace("\n", " ") for ax in display.axes_[-1]] == names


# --- what they show ----------------------------------------------------------------------------------------------


def test_marginal_densities():
    """Those of SciPy for the features alone, and a mixture's integral is one."""
    components = geometry.Components.of(mixture(3, 4))
    x = np.linspace(-40, 40, 4001)
    found = components.marginal([1]).density(x[:, None])
    expected = [w * multivariate_normal(m[1], c[1, 1]).pdf(x) for w, m, c in zip(*components[:3], strict=True)]
    assert_allclose(found.T, expected, rtol=1e-9, atol=1e-15)
    assert_allclose(found.sum() * (x[1] - x[0]), 1, rtol=1e-9)


@pytest.mark.parametrize("structure", ["full", "tied", "diag", "spherical", "VEI", "EVE"])
def test_components_of_every_structure(structure):
    X = samples(mixture(3, 2))
    model = GaussianMixture(2, covariance_type=structure, random_state=0).fit(X)
    assert_allclose(geometry.Components.of(model).mixture.score_samples(X), model.score_samples(X), rtol=1e-9)


def test_ellipses_hold_their_share():
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    curve = geometry.ellipse(np.array([1.0, -2.0]), covariance, 0.9) - [1, -2]
    distances = np.einsum("ia,ab,ib->i", curve, np.linalg.inv(covariance), curve)
    assert_allclose(distances, 4.605170185988092)  # the quantile 0.9 of chi-squared with two degrees of freedom


def test_histograms_are_densities_of_all_samples():
    model = mixture(2, 3)
    X = samples(model, 5000)
    display = MixtureDisplay.from_estimator(model, X)
    assert len(display.points) == 2000
    for i, (heights, edges) in enumerate(display.histograms):
        assert_allclose((heights * np.diff(edges)).sum(), 1)
        assert (edges[0], edges[-1]) == (X[:, i].min(), X[:, i].max())
    ones = MixtureDisplay.from_estimator(model, X, sample_weight=np.arange(5000) < 100)
    first = MixtureDisplay.from_estimator(model, X[:100])
    centre = [np.average((e[1:] + e[:-1]) / 2, weights=h) for h, e in (ones.histograms[0], first.histograms[0])]
    assert abs(centre[0] - centre[1]) < 0.2


def test_labels_are_those_of_predict():
    model = mixture(2, 3)
    X = samples(model)
    assert_array_equal(MixtureDisplay.from_estimator(model, X).labels, model.predict(X))


def test_features_are_chosen_and_named():
    X = pd.DataFrame(samples(mixture(4, 2)), columns=list("abcd"))
    model = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(model, X, features=["d", 0])
    assert [ax.get_xlabel() for ax in display.axes_[-1]] == ["d", "a"]
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["d", "a"]
    assert_array_equal(display.points, X[["d", "a"]])


def test_features_whose_names_are_more_than_text():
    """They are shown in one line, and found by the names that they have."""
    X = pd.DataFrame(samples(mixture(2, 2)), columns=["fixed\nacidity", "\x1b[31m"])
    model = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(model, X, features=["\x1b[31m", "fixed\nacidity"])
    assert [ax.get_xlabel() for ax in display.axes_[-1]] == [r"\x1b[31m", r"fixed\nacidity"]
    assert_array_equal(display.points, X.iloc[:, ::-1])


def test_of_many_features_the_telling_ones(monkeypatch):
    """Components that differ in features 3 and 17 only."""
    monkeypatch.setattr(mixture_module, "MOST_FEATURES", 3)
    X = np.random.default_rng(0).normal(size=(300, 20))
    X[:150, [3, 17]] += 6
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    components = geometry.Components.of(model)
    assert components.telling(2) == [3, 17]
    display = MixtureDisplay.from_estimator(model, X)
    assert display.axes_.shape == (3, 3)
    assert "3 of 20 features" in display.figure_._suptitle.get_text()


def test_criterion_curves_are_the_table(load):
    selection = select(load("faithful"), range(1, 4), ["full", "diag"], random_state=0)
    for criterion in ("bic", "icl"):
        display = CriterionDisplay.from_selection(selection, criterion=criterion)
        for row in selection.rows:
            assert display.curves[row.covariance_type][row.n_components - 1] == getattr(row, criterion)
        best = selection.pick(criterion).best_row
        assert display.best == (best.n_components, best.covariance_type)


def test_what_was_not_fitted_is_a_gap():
    X = np.random.default_rng(0).normal(size=(5, 2))
    display = CriterionDisplay.from_selection(select(X, [1, 2, 6], "spherical", random_state=0))
    assert np.isnan(display.curves["spherical"]).tolist() == [False, False, True]


def test_uncertainty():
    model = mixture(2, 3)
    X = samples(model, 300)
    display = UncertaintyDisplay.from_estimator(model, X)
    assert_allclose(display.uncertainty, 1 - model.predict_proba(X).max(axis=1))
    labels = model.predict(X)
    sure = [(display.uncertainty[labels == j] < 0.05).mean() for j in range(3)]
    assert_allclose(display.shares[:, 0], sure)
    assert_allclose(display.shares.sum(axis=1), 1)
    weights = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = UncertaintyDisplay.from_estimator(model, X, sample_weight=weights)
    assert_allclose(weighted.shares, UncertaintyDisplay.from_estimator(model, np.repeat(X, weights, axis=0)).shares)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_rows_with_gaps(d):
    """Histograms of what was observed, points where both features were; what it is of is said above the panels."""
    model = mixture(d, 3)
    X = samples(model, 300)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    display = MixtureDisplay.from_estimator(model, X)
    check_readable(display.figure_)
    for i, (heights, edges) in enumerate(display.histograms):
        observed = X[~np.isnan(X[:, i]), i]
        inside = np.mean((edges[0] <= observed) & (observed <= edges[-1]))
        assert_allclose(heights, np.histogram(observed, edges, density=True)[0] * inside)
    assert ("both" in display.note) == (d > 1)
    if d > 1:
        drawn = np.concatenate([part.get_offsets() for part in display.axes_[1, 0].collections
                                if isinstance(part, PathCollection)])
        both = ~np.isnan(X[:, :2]).any(axis=1)
        assert (~np.isnan(np.ma.filled(drawn, np.nan)).any(axis=1)).sum() == both.sum()
    uncertain = UncertaintyDisplay.from_estimator(model, X)
    check_readable(uncertain.figure_)
    assert_allclose(uncertain.uncertainty, 1 - model.predict_proba(X).max(axis=1))
    check_readable(ResponsibilitiesDisplay.from_estimator(model, X).figure_)


def test_features_never_seen_together():
    """No pair has both: no points, and no regions that would hold shares of them."""
    model = mixture(2, 2)
    X = samples(model, 100)
    X[::2, 0] = X[1::2, 1] = np.nan
    check_readable(MixtureDisplay.from_estimator(model, X).figure_)
    X[:, 0] = np.nan
    for display in (MixtureDisplay, UncertaintyDisplay):
        with pytest.raises(ValueError, match="no observed value at all in columns 0"):
            display.from_estimator(model, X)


def test_responsibilities_are_sorted_and_averaged():
    model = mixture(2, 3)
    X = samples(model, 2000)
    display = ResponsibilitiesDisplay.from_estimator(model, X)
    assert display.responsibilities.shape == (600, 3)
    assert_allclose(display.responsibilities.sum(axis=1), 1)
    assert_array_equal(np.diff(display.ends, prepend=0), np.bincount(model.predict(X), minlength=3))
    few = ResponsibilitiesDisplay.from_estimator(model, X[:50])
    own = few.responsibilities[np.arange(50), few.responsibilities.argmax(axis=1)]
    labels = few.responsibilities.argmax(axis=1)
    assert all(np.diff(labels) >= 0)
    assert all(np.diff(own)[np.diff(labels) == 0] <= 0)


def test_trace(load):
    model = GaussianMixture(3, random_state=0).fit(load("faithful"))
    display = TraceDisplay.from_estimator(model)
    assert_array_equal(display.axes_[0].lines[0].get_ydata(), model.lower_bounds_)


def test_trees_do_not_cross():
    """The components of each cluster stand side by side."""
    pairs = [(0, 3), (1, 5), (2, 4), (6, 7)]
    order = leaves(pairs, 5)
    members = {j: {j} for j in range(5)}
    for step, (a, b) in enumerate(pairs, 5):
        members[step] = members[a] | members[b]
        places = sorted(order.index(leaf) for leaf in members[step])
        assert places == list(range(places[0], places[0] + len(places)))


# --- real data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 150, 3000])
@pytest.mark.parametrize("far", [20.0, -1e3, 1e9])
def test_an_outlier_flattens_no_panel(n, far):
    """The rest has a fifth of the panel at least, and what is outside is counted; without it everything is shown."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 2))
    model = GaussianMixture(1).fit(X)
    assert not MixtureDisplay.from_estimator(model, X).note
    wild = X.copy()
    wild[7, 0] = far
    for kind in (MixtureDisplay, UncertaintyDisplay):
        display = kind.from_estimator(model, wild)
        ax = display.axes_[1, 0] if kind is MixtureDisplay else display.axes_[0]
        low, high = ax.get_xlim()
        shown = np.delete(X[:, 0], 7)
        assert low < shown.min()
        assert shown.max() < high
        assert np.ptp(shown) > 0.2 * (high - low)
        assert "1 sample outside" in (display.note if kind is MixtureDisplay else ax.get_title(loc="left"))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_windows(values):
    """They leave out at most 1 % of the values, or one, at each end, and none where these are few, in any unit."""
    x = np.array(values)
    low, high = geometry.window(x)
    inside = (low <= x) & (x <= high)
    assert (~inside).sum() <= 2 * max(0.01 * len(x), 1)
    assert inside.all() or len(x) >= 20
    assert {low, high} <= set(values)
    assert_array_equal(geometry.window(-4 * x), [-4 * high, -4 * low])


def test_a_small_group_far_away_is_in_the_picture():
    """It is no outlier: 3 % of the rows."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(970, 1)), rng.normal(300, 1, (30, 1))])
    heights, edges = MixtureDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X).histograms[0]
    assert edges[-1] == X.max()
    assert_allclose(heights @ np.diff(edges), 1)


@pytest.mark.parametrize("unit, offset", [(1, 0), (0.25, -3), (0.1, 17)])
def test_points_of_a_lattice_are_jittered(unit, offset):
    """By less than half its step, to different places; what is continuous, or has few equal values, stays."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(4, 500)
    points = np.column_stack([unit * counts + offset, rng.normal(size=500)])
    moved = geometry.jittered(points)
    assert_array_equal(moved[:, 1], points[:, 1])
    assert np.abs(moved[:, 0] - points[:, 0]).max() < 0.34 * unit
    assert len(np.unique(moved[:, 0])) == 500
    heights, edges = mixture_module.histogram(points[:, 0], None)
    assert_allclose(heights * unit, np.bincount(counts)[counts.min():] / 500, atol=1e-12)  # a bar for each number
    assert_allclose(np.diff(edges), unit)


def test_bars_hold_equally_many_points_of_a_lattice():
    """Else some would be empty, and others twice as high."""
    ages = np.repeat(np.arange(18, 91), 20)
    heights, edges = mixture_module.histogram(ages.astype(float), None)
    assert_allclose(heights[:-1], heights[0])
    assert_allclose(heights @ np.diff(edges), 1)


def test_names_of_thirty_features_do_not_collide():
    names = [f"{kind}_{what}/of_everything" for kind in ("mean", "worst", "standard error of")
             for what in ("fractal_dimension", "concavepointsandmore", "radius", "texture", "od280/od315 of wines",
                          "symmetry", "area", "smoothness", "compactness", "nonflavanoid_phenols")]
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 30)) + 3 * (np.arange(200) % 2)[:, None], columns=names)
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(model, X)
    check_readable(display.figure_)
    assert display.axes_.shape == (12, 12)
    check_readable(UncertaintyDisplay.from_estimator(model, X).figure_)


def test_the_plane_of_uncertainty_is_where_components_are_apart():
    """Two features that separate together only, beside one that separates a little by itself."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    group = np.arange(600) % 2
    X[:, 0] += 1.5 * group
    X[:, 3] = 3 * X[:, 1] + 0.1 * X[:, 3] + 2 * group
    model = GaussianMixture(2, means_init=[X[group == j].mean(axis=0) for j in range(2)]).fit(X)
    assert UncertaintyDisplay.from_estimator(model, X).components.names == ("feature 1", "feature 3")


def test_overlap_bounds_the_error():
    """Of two normal distributions of one feature, by quadrature."""
    known = [0.3, 0.7], [[0.0], [2.0]], [1.0, 3.0]
    components = geometry.Components.of(GaussianMixture.from_parameters(*known, "spherical"))
    x = np.linspace(-30, 30, 60001)
    densities = components.density(x[:, None])
    assert_allclose(components.overlap(), np.sqrt(densities.prod(axis=1)).sum() * (x[1] - x[0]), rtol=1e-6)
    assert components.overlap() > densities.min(axis=1).sum() * (x[1] - x[0])


@pytest.mark.parametrize("d", [1, 2])
def test_a_background_is_part_of_the_picture(d):
    """Curves have its level and add up to the density of the model; it has its entry in the legend and its row."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(150, d)), rng.normal(9, 1, (150, d)), rng.uniform(-30, 40, (60, d))])
    model = GaussianMixture(2, background=True, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(model, X)
    check_readable(display.figure_)
    entries = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert f"none: {model.background_weight_:.0%}" in entries
    if d == 1:
        whole, level = (display.axes_[0, 0].lines[i] for i in (-1, -2))
        assert_allclose(np.log(whole.get_ydata()), model.score_samples(whole.get_xdata()[:, None]), atol=1e-9)
        assert_allclose(level.get_ydata().max(), model.background_weight_ * np.exp(model.background_log_density_))
    uncertain = UncertaintyDisplay.from_estimator(model, X)
    check_readable(uncertain.figure_)
    assert_allclose(uncertain.uncertainty, model.uncertainty(X))
    assert uncertain.shares.shape == (3, 3)
    assert uncertain.axes_[1].get_yticklabels()[-1].get_text() == "none"
    heat = ResponsibilitiesDisplay.from_estimator(model, X)
    check_readable(heat.figure_)
    assert_allclose(heat.responsibilities.sum(axis=1), 1)


def test_spurious_points_do_not_stretch_the_scale():
    """Of a fit that is thousands better, and not to be trusted, only the direction is shown; the band is explained."""
    plain, odd = criterion_display(6, 4), criterion_display(6, 4)
    odd.curves["EEI"][3] -= 5000
    odd.doubtful["EEI"][3] = True
    for display in (plain, odd):
        display.plot()
        check_readable(display.figure_)
    assert odd.ax_.get_ylim()[0] >= -20
    entries = [text.get_text() for text in odd.ax_.get_legend().get_texts()]
    assert "spurious, far below" in entries
    assert any("less than 10 above" in entry for entry in entries)
    assert "spurious, far below" not in [text.get_text() for text in plain.ax_.get_legend().get_texts()]


def test_the_plane_of_a_projection():
    """Two eigenvectors of the kernel of Scrucca (2010), whatever the units; along them everything has the variance one.

    In no plane of others do components overlap less.
    """
    model = mixture(8, 4)
    components = geometry.Components.of(model)
    weights, means, matrices = components[:3]
    offsets = means - weights @ means
    between, within = (offsets.T * weights) @ offsets, np.einsum("k,kij->ij", weights, matrices)
    whole = between + within
    inverse = np.linalg.inv(whole)
    kernel = between @ inverse @ between
    kernel = kernel + sum(w * (S - within) @ inverse @ (S - within) for w, S in zip(weights, matrices, strict=True))
    vectors = eigh(kernel, whole)[1]
    directions, seen = plane(components)
    found = np.abs(directions.T @ whole @ vectors)
    assert_allclose(np.sort(found), np.eye(8)[[7, 7]], atol=1e-8)  # each is one of them
    assert_allclose(directions.T @ whole @ directions, np.eye(2), atol=1e-8)
    for pair in itertools.combinations(vectors.T, 2):
        V = np.transpose(pair)
        other = GaussianMixture.from_parameters(weights, means @ V, V.T @ matrices @ V)
        assert geometry.Components.of(other).overlap() >= seen.overlap() - 1e-12
    units = 10.0 ** np.arange(-3, 5)
    other = GaussianMixture.from_parameters(weights, means * units, matrices * np.outer(units, units))
    assert_allclose(plane(geometry.Components.of(other))[0] * units[:, None], directions, rtol=1e-6)


@pytest.mark.parametrize("apart, wide", [(4, 1), (0, 5)])
def test_a_projection_finds_where_components_differ(apart, wide):
    """In the sum and the difference of two of nine features, in the mean or in the width; and says which these are."""
    rng = np.random.default_rng(0)
    group = np.arange(600) % 2
    plain = rng.normal(size=(600, 9))
    plain[:, 0] = plain[:, 0] * np.where(group, wide, 1) + apart * group
    X = pd.DataFrame(plain, columns=list("abcdefghi"))
    X["b"] = 0.1 * X["b"] + X["a"]
    means = [X[group == j].mean() for j in range(2)]
    model = GaussianMixture.from_parameters([0.5, 0.5], means, [np.cov(X[group == j].T) for j in range(2)])
    display = ProjectionDisplay.from_estimator(model, X.to_numpy())
    check_readable(display.figure_)
    axis = next(i for i in range(2) if abs(np.corrcoef(display.points[:, i], plain[:, 0])[0, 1]) > 0.99)
    told = display.components.names[axis].replace("\N{NO-BREAK SPACE}", " ").split(": ")[1].split(", ")
    assert {"+ feature 0", "+ feature 1"} <= set(told)
    gaps = X.to_numpy().copy()
    gaps[::3, 4] = np.nan
    check_readable(ProjectionDisplay.from_estimator(model, gaps).figure_)


# --- conventions -------------------------------------------------------------------------------------------------

DISPLAYS = {
    "criterion": lambda ax: criterion_display(9, 14).plot(ax),
    "mixture": lambda ax: MixtureDisplay.from_estimator(mixture(3, 4), samples(mixture(3, 4), 300), ax=ax),
    "projection": lambda ax: ProjectionDisplay.from_estimator(mixture(8, 4), samples(mixture(8, 4), 300), ax=ax),
    "density": lambda ax: MixtureDisplay.from_estimator(mixture(1, 3), samples(mixture(1, 3), 300), ax=ax),
    "uncertainty": lambda ax: UncertaintyDisplay.from_estimator(mixture(2, 4), samples(mixture(2, 4), 300), ax=ax),
    "uncertainty-1d": lambda ax: UncertaintyDisplay.from_estimator(mixture(1, 3), samples(mixture(1, 3), 300), ax=ax),
    "responsibilities": lambda ax: ResponsibilitiesDisplay.from_estimator(mixture(2, 4), samples(mixture(2, 4)), ax=ax),
    "trace": lambda ax: trace_display(12).plot(ax),
    "stability": lambda ax: stability_display(4).plot(ax),
    "merging": lambda ax: merging_display(6).plot(ax),
}


@pytest.mark.parametrize("d", [1, 3])
def test_histograms_are_not_cut_off(d):
    """Neither bars nor densities: their tops are inside, unless a density is more than three times the bars."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, d))
    display = MixtureDisplay.from_estimator(GaussianMixture(1).fit(X), X)
    bars = np.array([heights.max() for heights, _ in display.histograms])
    peaks = np.array([line.get_ydata().max() for ax in display.axes_.diagonal() for line in ax.lines])
    tops = np.array([ax.get_ylim()[1] for ax in display.axes_.diagonal()])
    assert (bars > peaks).any()  # of few samples
    assert (np.maximum(bars, peaks) < tops).all()
    spike = np.concatenate([np.zeros((500, 1)), rng.normal(0, 5, (500, 1))])
    display = MixtureDisplay.from_estimator(GaussianMixture(1).fit(spike), spike)
    assert display.axes_[0, 0].get_ylim()[1] > display.histograms[0][0].max()
    needle = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [0.0]], [1e-8, 25.0], "spherical")
    display = MixtureDisplay.from_estimator(needle, spike)
    assert display.axes_[0, 0].get_ylim()[1] < 3.5 * display.histograms[0][0].max()


def test_no_entropy_looks_like_none():
    """Clusters that are apart have an entropy of rounding, which is not drawn as if it were some."""
    display = MergingDisplay(pairs=[(0, 1), (2, 3)], entropies=np.array([2e-18, 1e-18, 0]))
    assert display.plot().axes_[1].get_xlim()[1] > 0.5


@pytest.mark.parametrize("name", ["criterion", "mixture", "uncertainty", "trace"])
def test_in_the_place_of_an_axes(name):
    figure, axes = plt.subplots(1, 2, figsize=(22, 9), layout="constrained")
    display = DISPLAYS[name](axes[1])
    assert display.figure_ is figure
    drawn = np.ravel(getattr(display, "axes_", getattr(display, "ax_", None)))
    figure.draw_without_rendering()
    assert all(ax.get_position().width > 0 and ax.bbox.x0 > figure.bbox.width / 2.2 for ax in drawn)


@pytest.mark.parametrize("name", ["density", "trace"])
def test_in_a_subfigure(name):
    figure = plt.figure(figsize=(20, 9), layout="constrained")
    _, right = figure.subfigures(1, 2)
    assert DISPLAYS[name](right).figure_ is figure


def test_bad_input():
    model = mixture(2, 2)
    X = samples(model)
    with pytest.raises(TypeError, match=r"ax='axes'.*Axes, Figure"):
        MixtureDisplay.from_estimator(model, X, ax="axes")
    with pytest.raises(ValueError, match=r"plt\.subplots"):
        MixtureDisplay.from_estimator(model, X, ax=plt.figure().add_axes((0, 0, 1, 1)))
    with pytest.raises(ValueError, match=r"features=\['b'\].*indices from 0 to 1"):
        MixtureDisplay.from_estimator(model, X, features=["b"])
    with pytest.raises(ValueError, match="features="):
        MixtureDisplay.from_estimator(model, X, features=[])
    with pytest.raises(ValueError, match="are 3: give two"):
        UncertaintyDisplay.from_estimator(mixture(3, 2), samples(mixture(3, 2)), features=[0, 1, 2])
    with pytest.raises(ValueError, match="feature"):
        MixtureDisplay.from_estimator(model, X[:, :1])
    with pytest.raises(ValueError, match="1 component and 2 features: a plane"):
        ProjectionDisplay.from_estimator(mixture(2, 1), X)
    with pytest.raises(ValueError, match="not fitted"):
        MixtureDisplay.from_estimator(GaussianMixture(2), X)
    with pytest.raises(ValueError, match="no iterations"):
        TraceDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="criterion='bicc'"):
        CriterionDisplay.from_selection(select(X, 1, "full"), criterion="bicc")
    assert not plt.get_fignums() or plt.close("all") is None


def test_names_are_no_formulas():
    """What stands between dollars in the name of a feature is text, be it TeX or not."""
    X = pd.DataFrame(samples(mixture(2, 2)), columns=["$\\frac$ of all", "x_1 $y$"])
    model = GaussianMixture(2, random_state=0).fit(X)
    for kind in (MixtureDisplay, UncertaintyDisplay):
        display = kind.from_estimator(model, X)
        display.figure_.draw_without_rendering()
        assert {"$\\frac$ of all", "x_1 $y$"} <= {text for ax in display.axes_.flat for text in (
            ax.get_xlabel(), ax.get_ylabel())}


def test_odd_data_are_drawn():
    """A constant feature, one sample only, a component without samples, single precision, a curve without fits."""
    X = np.column_stack([np.ones(50), np.arange(50.0)])
    model = GaussianMixture.from_parameters([0.5, 0.5], [[1.0, 10.0], [1.0, 40.0]], [1.0, 50.0], "spherical")
    check_readable(MixtureDisplay.from_estimator(model, X).figure_)
    check_readable(MixtureDisplay.from_estimator(model, X[:1]).figure_)
    check_readable(UncertaintyDisplay.from_estimator(model, X[:1].astype(np.float32)).figure_)
    check_readable(ResponsibilitiesDisplay.from_estimator(model, X[:1]).figure_)
    display = criterion_display(4, 3)
    display.curves["EEI"][:] = np.nan
    display.best = min((curve[0], 1, name) for name, curve in display.curves.items() if name != "EEI")[1:]
    check_readable(display.plot().figure_)


def test_drawings_are_small_in_vector_formats(tmp_path):
    """Points, and in small panels everything, are pixels: a report holds several pictures."""
    model = mixture(5, 10)
    figure = Figure()
    MixtureDisplay.from_estimator(model, samples(model, 1000), ax=figure)
    figure.savefig(tmp_path / "figure.svg")
    drawing = (tmp_path / "figure.svg").read_text()
    assert drawing.count("<use") + drawing.count("<path") < 300  # there are 10,000 points


def test_stability_and_merging_are_drawn_as_they_are(load):
    X = load("faithful")
    model = GaussianMixture(3, random_state=0).fit(X)
    found = stability(model, X, n_bootstrap=5, random_state=0)
    display = StabilityDisplay.from_stability(found)
    assert_array_equal(display.jaccard, found.jaccard)
    check_readable(display.figure_)
    ari, jaccard = np.array(found.ari), np.array(found.jaccard)
    jaccard[:, 1] = np.nan  # a cluster without samples
    display = StabilityDisplay(ari=ari, jaccard=jaccard).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["undefined: no sample in it"]
    check_readable(display.figure_)
    merging = merge(model, X)
    display = MergingDisplay.from_merging(merging)
    assert_array_equal(display.axes_[1].lines[0].get_xdata(), merging.entropies)
    assert display.pairs == [step.pair for step in merging.steps]
    check_readable(display.figure_)


def test_without_matplotlib_the_error_says_what_to_install():
    code = "import sys; sys.modules['matplotlib'] = None; import cyem; import cyem.plotting"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert "cyem.plotting needs the extra cyem[plot], which is not installed: pip install matplotlib" in done.stderr


# --- as they were looked at --------------------------------------------------------------------------------------

TOLERANCE = 2.5  # root mean square over pixels of a difference, of 255: antialiasing differs between versions


def textless(figure):
    """The same picture without text, whose shapes depend on the version of FreeType."""
    for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes)]:
        if legend is not None:
            legend.remove()
    for ax in figure.axes:
        ax.tick_params(which="both", labelbottom=False, labelleft=False, labelright=False)
    for text in figure.findobj(Text):
        text.set_visible(False)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("name", DISPLAYS)
def test_image(name, background, tmp_path, request):
    """``pytest tests/test_plotting.py --draw`` draws the images anew; look at them before they are kept."""
    with plt.style.context(["default", background]):
        figure = Figure()
        display = DISPLAYS[name](figure)
        assert display.figure_ is figure
        assert not plt.get_fignums()  # a figure that the caller made: pyplot does not hear of it
        check_readable(figure)
        textless(figure)
        file = f"{name}-{'dark' if background == 'dark_background' else 'light'}.png"
        drawn = tmp_path / file
        figure.savefig(drawn, dpi=40, metadata={"Software": None})
    if request.config.getoption("--draw"):
        IMAGES.mkdir(exist_ok=True)
        drawn.rename(IMAGES / file)
        return
    difference = compare_images(str(IMAGES / file), str(drawn), TOLERANCE)
    assert difference is None, difference
