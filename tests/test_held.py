"""What is held stays as it was given, to the last bit, and the rest is the best beside it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone

from cyem import GaussianMixture, likelihood_ratio_test, select, standard_errors
from cyem import load as load_model
from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.gaussian import Parameters
from cyem.families.held import Held, Which
from cyem.notices import ConvergenceWarning

CODES = [shape.code for shape in STRUCTURES]
OWN = ["VII", "VVI", "VVV"]
SHARED = [code for code in CODES if code not in OWN]
MEANS = np.array([[-0.3, 0.2], [4.1, 0.1], [0.1, 5.2]])
INITIAL = {"weights": "weights_init", "means": "means_init", "covariances": "precisions_init"}
FITTED = {"weights": "weights_", "means": "means_", "covariances": "precisions_"}


def samples(seed=0, n=150):
    """Three clusters that overlap."""
    rng = np.random.default_rng(seed)
    A = np.array([[[1.0, 0.2], [0.0, 0.7]], [[0.8, 0.0], [0.4, 1.3]], [[1.4, 0.5], [0.0, 0.9]]])
    y = rng.choice(3, n, p=[0.2, 0.5, 0.3])
    return np.einsum("nij,nj->ni", A[y], rng.normal(size=(n, 2))) + 0.7 * MEANS[y]


def known(code):
    """Weights, means and precisions that are not those of `samples()`."""
    other = GaussianMixture(3, covariance_type=code, means_init=MEANS, tol=1e-3).fit(samples(1) * 1.1)
    return {"weights_init": other.weights_, "means_init": MEANS, "precisions_init": other.precisions_}


def fitted(code, held, X=None, sample_weight=None, **how):
    how = {**dict(tol=1e-12, max_iter=20_000, reg_covar=0), **known(code), **how}
    model = GaussianMixture(3, covariance_type=code, held=held, **how)
    return model.fit(samples() if X is None else X, sample_weight=sample_weight)


def masks(held):
    """Which components are held, by name."""
    held = held if isinstance(held, dict) else dict.fromkeys([held] if isinstance(held, str) else held, range(3))
    return {name: np.isin(range(3), list(held.get(name, []))) for name in INITIAL}


SOME = {"weights": [1], "means": [0, 2]}
EXACT = [
    *((code, SOME) for code in CODES),
    *((code, "covariances") for code in CODES),
    *((code, ("weights", "means")) for code in ("EEE", "VEV", "VII")),
    *((code, {"covariances": [0]}) for code in OWN),
    *((code, {"weights": [0], "means": [0, 1], "covariances": [1, 2]}) for code in OWN),
]
every = pytest.mark.parametrize("code, held", EXACT)


class Free:
    """The log-likelihood of three components in two dimensions as a function of what is not held.

    Covariances are volume * turn diag(shape, 1 / shape) turn', and only one of what the code has an E for.
    """

    def __init__(self, model, code, held, X):
        self.X, self.code, self.held, self.given = X, code, masks(held), model
        S = matrices(model)
        values, axes = np.linalg.eigh(S)
        if code[2] == "I":
            values, axes = np.diagonal(S, axis1=1, axis2=2), np.broadcast_to(np.eye(2), S.shape)
        own = {"volume": np.log(values).mean(axis=1), "shape": (np.log(values) @ [1, -1]) / 2,
               "turn": np.arctan2(axes[:, 1, 0], axes[:, 0, 0])}
        if code[2] == "E":  # the same axes, which eigenvalues of another order exchange
            turned = [Q.T @ C @ Q for Q, C in zip([axes[0]] * 3, S, strict=True)]
            own["shape"] = np.log(np.diagonal(turned, axis1=1, axis2=2)) @ [0.5, -0.5]
            own["turn"] = np.repeat(own["turn"][0], 3)
        self.parts = {"weights": np.log(model.weights_), "means": model.means_, **own}
        self.free = {"weights": ~self.held["weights"], "means": ~self.held["means"]}
        for (name, letter) in zip(own, code, strict=True):
            covariances_free = ~self.held["covariances"]
            one = np.arange(3) == 0
            self.free[name] = {"I": one & False, "E": one & covariances_free.all(), "V": covariances_free}[letter]

    @property
    def start(self):
        return np.concatenate([self.parts[name][free].ravel() for name, free in self.free.items()])

    def __call__(self, x):
        parts = {}
        for name, free in self.free.items():
            parts[name] = self.parts[name].copy()
            size = parts[name][free].size
            mine, x = np.split(x, [size])
            parts[name][free] = mine.reshape(parts[name][free].shape)
            letter = dict(zip(("volume", "shape", "turn"), self.code, strict=True)).get(name)
            if letter == "E" and free.any():
                parts[name][:] = mine
        logs, free = parts["weights"], self.free["weights"]
        if free.any():
            logs[free] += np.log1p(-np.exp(logs[~free]).sum()) - logsumexp(logs[free])
        c, s = np.cos(parts["turn"]), np.sin(parts["turn"])
        z = self.X[:, None] - parts["means"]
        u, v = z[..., 0] * c + z[..., 1] * s, z[..., 1] * c - z[..., 0] * s
        q = (u**2 * np.exp(-parts["shape"]) + v**2 * np.exp(parts["shape"])) * np.exp(-parts["volume"])
        return -logsumexp(logs - q / 2 - parts["volume"] - np.log(2 * np.pi), axis=1).mean()


def matrices(model):
    """The covariances (k, d, d)."""
    return structure(model.covariance_type).full(model.covariances_, *model.means_.shape)


@pytest.mark.parametrize("covariance_type, precisions", [
    ("spherical", np.full(5, 1 / 0.9025)), ("tied", [[1 / 0.9025]]), ("EVE", np.full((5, 1, 1), 1 / 0.9025)),
])
def test_galaxies(load, covariance_type, precisions):
    """The example of SAS's PROC FMM: -2 log L 412.2, AIC 430.2, BIC 451.9; five normals with variance 0.9025."""
    X = load("galaxies").copy()
    X[77] = 26.960  # as SAS has it
    model = GaussianMixture(5, covariance_type=covariance_type, held="covariances", precisions_init=precisions,
                            tol=1e-12, random_state=0).fit(X)
    assert -2 * 82 * model.score(X) == pytest.approx(412.2089, abs=1e-4)
    assert model.aic(X) == pytest.approx(430.2, abs=0.05)
    assert model.bic(X) == pytest.approx(451.9, abs=0.05)
    assert_allclose(np.sort(model.means_[:, 0]), [9.7101, 19.7187, 23.0295, 26.3266, 33.0443], atol=1e-4)
    assert_allclose(model.covariances_, 0.9025, rtol=1e-15)


@every
def test_the_bits_that_were_given(code, held):
    """And it is these that EM has kept: what it says of the likelihood is so."""
    for dtype in (np.float64, np.float32):
        X = samples().astype(dtype)
        model = fitted(code, held, X, tol=1e-6)
        assert model.score(X) == pytest.approx(model.lower_bound_, rel=1e-13 if dtype == np.float64 else 1e-6)
        for name, mask in masks(held).items():
            where = ... if mask.all() else np.flatnonzero(mask) if mask.any() else []
            found, given = getattr(model, FITTED[name]), getattr(model, INITIAL[name])
            assert_array_equal(found[where], given.astype(dtype)[where])


@every
def test_the_likelihood_never_falls(code, held):
    for acceleration in ("squarem", None):
        bounds = np.array(fitted(code, held, acceleration=acceleration, tol=1e-9).lower_bounds_)
        assert (np.diff(bounds) >= -1e-13).all()
        assert bounds[-1] > bounds[0]


@every
def test_an_optimiser_finds_no_better(code, held):
    """From the maximum, along everything that is free; and that from which it begins is the fitted mixture."""
    X, model = samples(), fitted(code, held)
    cost = Free(model, code, held, X)
    assert cost(cost.start) == pytest.approx(-model.score(X), rel=1e-10)
    assert minimize(cost, cost.start, method="BFGS", options={"gtol": 1e-8}).fun >= -model.score(X) - 1e-9
    logits_too_many = not masks(held)["weights"].all()
    assert model._n_parameters() == len(cost.start) - logits_too_many


@pytest.mark.parametrize("code", CODES)
def test_all_held_is_a_mixture_that_is_known(code):
    X, given = samples(), known(code)
    model = fitted(code, ("weights", "means", "covariances"))
    asked = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_, code)
    assert model.n_iter_ <= 2
    assert model._n_parameters() == 0
    assert model.score(X) == pytest.approx(asked.score(X), rel=1e-14)
    assert_array_equal(model.means_, given["means_init"])


@pytest.mark.parametrize("code, held", EXACT[::4])
def test_weights_are_repetitions(code, held):
    X, counts = samples(), np.arange(150) % 3
    weighted = fitted(code, held, X, counts)
    repeated = fitted(code, held, np.repeat(X, counts, axis=0))
    for name in ("weights_", "means_", "covariances_", "lower_bound_"):  # rounding parts the paths
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=5e-6, atol=1e-8)


@pytest.mark.parametrize("code", OWN)
def test_the_order_of_components_changes_nothing_but_order(code):
    order, held = [2, 0, 1], {"weights": [0], "means": [0, 1], "covariances": [1, 2]}
    one = fitted(code, held)
    given = {name: array[order] for name, array in known(code).items()}
    other = fitted(code, {name: [order.index(j) for j in which] for name, which in held.items()}, **given)
    for name in ("weights_", "means_", "covariances_"):
        assert_allclose(getattr(other, name), getattr(one, name)[order], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("held, first", [("weights", {"weights_init": [0.7, 0.2, 0.1]}),
                                         ("covariances", {"precisions_init": [1.0, 0.2, 0.04]})])
def test_a_start_has_the_order_of_what_is_given(held, first):
    """Components of a start come in any order: the maximum is the same for each order of the given values."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(mean, sd, (n, 2)) for mean, sd, n in ((0, 1, 280), (15, 5**0.5, 80), (30, 5, 40))])
    found = set()
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        given = {name: np.array(values)[order] for name, values in first.items()}
        model = GaussianMixture(3, covariance_type="spherical", held=held, random_state=0, tol=1e-10, **given).fit(X)
        assert_allclose(model.means_[np.argsort(order)].mean(axis=1), [0, 15, 30], atol=2.5)
        found.add(round(model.score(X), 8))
    assert len(found) == 1


@pytest.mark.parametrize("init", ["short_em", "kmeans", "k-means++", "random", "random_from_data", "labels",
                                  "function"])
def test_every_start(init):
    X = samples()
    labels = np.argmin(((X[:, None] - MEANS) ** 2).sum(axis=2), axis=1)
    first = {"labels": labels, "function": lambda X, k, random_state: labels}.get(init, init)
    held = {"weights": [1], "covariances": [0, 2]}
    given = {**known("full"), "means_init": None}
    model = GaussianMixture(3, held=held, init_params=first, random_state=0, **given).fit(X)
    assert model.weights_[1] == given["weights_init"][1]
    assert_array_equal(model.precisions_[[0, 2]], given["precisions_init"][[0, 2]])


def test_labels_name_components(load):
    """Where a user says which sample begins where, what is held belongs to the component of that number."""
    X = load("faithful")
    labels = (X[:, 1] < 68).astype(int)  # the second is the smaller one
    for weights in ([0.6, 0.4], [0.4, 0.6]):
        model = GaussianMixture(2, held="weights", weights_init=weights, init_params=labels).fit(X)
        assert_array_equal(model.weights_, weights)
        assert model.means_[0, 1] > model.means_[1, 1]


@pytest.mark.parametrize("held", [{"means": [0]}, {"means": [True, False, False]}, {"means": np.array([0])}])
def test_components_by_index_or_by_booleans(held):
    assert_array_equal(fitted("full", held).means_, fitted("full", {"means": [0]}).means_)


def test_nothing_held_is_an_ordinary_fit():
    X = samples()
    plain = GaussianMixture(3, random_state=0).fit(X)
    for held in ((), {}, {"means": []}):
        assert_array_equal(GaussianMixture(3, random_state=0, held=held).fit(X).means_, plain.means_)


@pytest.mark.parametrize("code, held, n_parameters", [
    ("full", None, 17), ("full", "weights", 15), ("full", {"weights": [0]}, 16), ("full", {"weights": [0, 1]}, 15),
    ("full", "means", 11), ("full", {"means": [1]}, 15), ("full", "covariances", 8), ("full", {"covariances": [1]}, 14),
    ("tied", "covariances", 8), ("VEV", "covariances", 8), ("diag", {"covariances": [0, 2]}, 10),
    ("spherical", ("means", "covariances"), 2), ("EVE", "means", 7),
])
def test_what_is_held_is_not_counted(code, held, n_parameters):
    X = samples()
    model = fitted(code, held, tol=1e-3)
    assert round((model.aic(X) + 2 * len(X) * model.score(X)) / 2) == n_parameters
    assert f"  {n_parameters} " in model.summary(X)


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("code", CODES)
def test_a_mean_at_an_offset(code, d):
    """Held means leave the scatter about themselves, wherever the data lie: the same fit, moved."""
    rng = np.random.default_rng(d)
    X = np.concatenate([rng.normal(size=(40, d)), rng.normal(3, 1.5, (60, d))])
    means = np.array([np.full(d, -0.25), np.full(d, 2.5)])
    how = dict(covariance_type=code, held="means", tol=1e-10, max_iter=5000)
    near = GaussianMixture(2, means_init=means, **how).fit(X)
    far = GaussianMixture(2, means_init=means + 2.0**20, **how).fit(X + 2.0**20)
    assert_array_equal(far.means_, means + 2.0**20)
    assert_allclose(far.covariances_, near.covariances_, rtol=1e-5)
    single = GaussianMixture(1, covariance_type=code, held="means", means_init=means[:1], reg_covar=0).fit(X)
    scatter = (X - means[0]).T @ (X - means[0]) / len(X)
    assert np.trace(matrices(single)[0]) == pytest.approx(np.trace(scatter), rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("code", ["full", "tied", "diag", "spherical"])
def test_sums_about_held_means(code, dtype):
    """Those of a pass about other means, moved, are those of a pass about these."""
    X, which = samples().astype(dtype), Which.of({"means": [0, 2]}, 3)
    problem = Problem.of(Held, X, None, structure(code), 0.0, 1, which=which)
    resp = np.random.default_rng(0).dirichlet(np.ones(3), len(X))
    old = problem.given(resp)
    held = np.array([[0.5, -0.25], [9, 9], [-1, 2]])
    means = np.where(which.means[:, None], held, old.about)
    moved = problem.family._about_held(old, held)
    there = problem.samples.accumulate(resp, means, problem.family.moments)
    assert_array_equal(moved.about, means)
    assert_array_equal(moved.first[which.means], 0)
    assert_allclose(moved.second, there.second, rtol=1e-12 if dtype == np.float64 else 1e-5)


def test_thinner_than_the_floor():
    """`reg_covar` is for what is fitted: a width that is known may be less."""
    X = samples()
    precisions = np.array([1e12, 1.0, 1.0])
    model, other = (GaussianMixture(3, covariance_type="spherical", held={"covariances": [0]}, reg_covar=1e-3,
                                    means_init=[X[0], *MEANS[1:]], precisions_init=precisions, tol=1e-10,
                                    acceleration=each).fit(X)
                    for each in ("squarem", None))
    assert model.precisions_[0] == 1e12
    assert model.n_iter_ < other.n_iter_  # at the floor there are no leaps
    assert str(model.fit_report_) == "nothing out of the ordinary"
    problem = Problem.of(Held, X, None, structure("spherical"), 1e-3, 1, which=Which.of({"covariances": [0]}, 3))
    first = Parameters(problem.structure, np.full(3, 1 / 3), MEANS, 1 / precisions, precisions**0.5)
    assert problem.family.admits(first)
    assert not problem.family.admits(Parameters(problem.structure, first.weights, MEANS, first.covariances[::-1],
                                         first.factors[::-1]))


@pytest.mark.parametrize("code", ["full", "tied", "VEE", "EVE", "VEV", "VEI", "EII"])
def test_a_held_mean_without_samples(code):
    """Nothing moves it: its weight goes, or stays if that is held too; the others are as without it."""
    X = samples()
    means = np.vstack([[1e3, 1e3], MEANS[1:]])
    how = dict(covariance_type=code, tol=1e-10, max_iter=5000)
    model = GaussianMixture(3, means_init=means, held={"means": [0]}, **how).fit(X)
    assert_array_equal(model.means_[0], means[0])
    assert model.fit_report_ == ("components left without weight at their held means: 0",)
    assert model.score(X) == pytest.approx(GaussianMixture(2, means_init=MEANS[1:], **how).fit(X).score(X))
    model.set_params(held={"means": [0], "weights": [0]}, weights_init=[0.125, 0.375, 0.5]).fit(X)
    assert model.weights_[0] == 0.125
    assert_array_equal(model.means_[0], means[0])


def test_components_that_coincide():
    """Those with held means stay, others are moved away from them."""
    X = samples()
    means = np.zeros((2, 2))
    both = GaussianMixture(2, covariance_type="tied", means_init=means, held="means").fit(X)
    assert_array_equal(both.means_, means)
    assert both.fit_report_ == ()
    assert both.weights_.min() > 0.1  # though of two equal means the first is the nearest one of all samples
    one = GaussianMixture(2, covariance_type="tied", means_init=means, held={"means": [1]}).fit(X)
    assert_array_equal(one.means_[1], means[1])
    assert one.score(X) == pytest.approx(one.lower_bound_, rel=1e-13)
    assert one.score(X) > both.score(X) + 0.1


def test_seeding_anew_moves_what_is_free():
    """A component far from all samples comes back, and neither held weights nor held means change by that."""
    X = samples()
    means = np.vstack([MEANS[:2], [1e4, 1e4]])
    with pytest.warns(ConvergenceWarning, match="seeded anew"):
        model = GaussianMixture(3, means_init=means, weights_init=[0.25, 0.25, 0.5], precisions_init=[np.eye(2)] * 3,
                                held={"means": [0], "weights": [0, 2]}).fit(X)
    assert_array_equal(model.means_[0], means[0])
    assert_array_equal(model.weights_[[0, 2]], [0.25, 0.5])
    assert model.score(X) == pytest.approx(model.lower_bound_, rel=1e-13)
    assert abs(model.means_[2]).max() < 10


def test_it_is_a_parameter_like_others(tmp_path):
    X, held = samples(), {"means": [0], "covariances": (1, 2)}
    model = clone(GaussianMixture(3, held=held, **known("full"))).fit(X)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.bic(X) == model.bic(X)
    assert loaded.fit(X).bic(X) == model.bic(X)
    assert "held={'means': [0]" in repr(model)


def test_a_damaged_file(tmp_path):
    model = fitted("full", "means", tol=1e-3)
    model.held = {"means": [7]}
    with pytest.raises(ValueError, match=r"'held'.*\[7\]"):
        model.save(tmp_path / "model")


def test_warm_start():
    """The fit goes on; what is held now has the values that are given now."""
    X = samples()
    whole = fitted("full", SOME)
    model = fitted("full", SOME, tol=1e-3).set_params(tol=1e-12, warm_start=True).fit(X)
    assert model.score(X) == pytest.approx(whole.score(X), rel=1e-12)
    assert model.n_iter_ < whole.n_iter_
    model.set_params(means_init=MEANS + 0.1, weights_init=[0.3, 0.45, 0.25], held={"means": [1], "weights": [2]}).fit(X)
    assert_array_equal(model.means_[1], MEANS[1] + 0.1)
    assert model.weights_[2] == 0.25
    assert model.weights_.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("code", SHARED)
def test_what_is_not_exact_is_refused(code):
    with pytest.raises(ValueError, match=f"held: the covariances of components 1 .*the letter E in {code} .*hold all"):
        fitted(code, {"covariances": [1]})


def test_one_column_is_one_structure():
    """With one feature all structures of one letter for volume allow the same."""
    X = samples()[:, :1]
    how = dict(means_init=MEANS[:, :1], held={"covariances": [0]}, tol=1e-10)
    one = GaussianMixture(3, covariance_type="VEV", precisions_init=[[[1.5]]] * 3, **how).fit(X)
    other = GaussianMixture(3, covariance_type="spherical", precisions_init=[1.5] * 3, **how).fit(X)
    assert one.score(X) == other.score(X)
    assert one._n_parameters() == other._n_parameters() == 7
    with pytest.raises(ValueError, match="hold all"):
        GaussianMixture(3, covariance_type="EVI", precisions_init=[[1.5]] * 3, **how).fit(X)


@pytest.mark.parametrize("parameters, fragments", [
    ({"held": "mean"}, ["held", "'mean'", "'means'"]),
    ({"held": 3}, ["held", "3", "'means'"]),
    ({"held": ["means", 1]}, ["held", "1", "'means'"]),
    ({"held": {"means": [3]}}, ["held", "'means'", "[3]", "0 to 2"]),
    ({"held": {"means": [-1]}}, ["held", "[-1]"]),
    ({"held": {"means": [0.5]}}, ["held", "[0.5]"]),
    ({"held": {"means": [True, False]}}, ["held", "[True, False]", "3 booleans"]),
    ({"held": {"means": "first"}}, ["held", "'first'", "indices"]),
    ({"held": "means", "means_init": None}, ["held", "means_init", "give it"]),
    ({"held": "weights", "weights_init": None}, ["held", "weights_init", "give it"]),
    ({"held": "covariances", "precisions_init": None}, ["held", "precisions_init", "give it"]),
    ({"held": "weights", "weights_init": None, "equal_weights": True}, ["held", "equal_weights"]),
    ({"held": {"weights": [0]}, "weights_init": [0.0, 0.5, 0.5]}, ["held", "weights_init", "[0.0]", "> 0"]),
    ({"held": {"weights": [0, 1]}, "weights_init": [0.5, 0.5, 0.0]}, ["held", "[0.5, 0.5]", "leave something"]),
    ({"held": "means", "search": "swap"}, ["search", "'swap'", "held"]),
    ({"held": {"means": [[0]]}}, ["held", "[[0]]"]),
    ({"held": {"means": [[0], [1, 2]]}}, ["held", "[[0], [1, 2]]"]),
    ({"held": {"means": 0}}, ["held", "list of indices", "0"]),
])
def test_bad_input(parameters, fragments):
    model = GaussianMixture(3, **{**known("full"), **parameters})
    with pytest.raises(ValueError) as caught:
        model.fit(samples())
    assert not hasattr(model, "means_")
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_who_cannot_use_it_says_so():
    X, given = samples(), known("full")
    with pytest.raises(TypeError, match=r"held='means'.*by itself"):
        select(X, [3], "full", held="means", **given)
    with pytest.raises(TypeError, match="held fits one number"):
        likelihood_ratio_test(X, 2, held="means", **given)
    with pytest.raises(ValueError, match=r"held='means'.*Ask for method='bootstrap'"):
        standard_errors(fitted("full", "means"), X)
