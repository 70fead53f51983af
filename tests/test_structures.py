"""The 14 covariance structures: what they allow, that their M-step is the best there is, and what they reach.

What a structure allows is written out here once more, from its three letters: Sigma_k = volume_k Q_k diag(shape_k) Q_k'
with volume, shape and orientation equal (E), variable (V) or the identity (I).
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize

import cyem
from cyem import GaussianMixture
from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.covariance.base import Estimate
from cyem.families.gaussian import Gaussian, compiled
from cyem.rows.statistics import Statistics

DATA = Path(__file__).parent / "data"
CODES = ["EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]
TIGHT = dict(reg_covar=0, tol=1e-13, max_iter=100_000)
CASES = [
    pytest.param(name, case, id=f"{name}-{case['model']}-{case['n_components']}")
    for name in ("faithful", "iris", "diabetes")
    for case in json.loads((DATA / f"{name}.json").read_text())["cases"]
]

every_structure = pytest.mark.parametrize("code", CODES)


# What the letters allow


def dense(code, covariances, k, d):
    """Covariances in the shape that a user sees, as one matrix for each component."""
    if code == "EEE":
        return np.repeat(covariances[None], k, axis=0)
    if code.endswith("II"):
        return covariances[:, None, None] * np.eye(d)
    if code.endswith("I"):
        return np.array([np.diag(row) for row in covariances])
    return covariances


def allows(code, C, rtol=1e-8):
    """Whether a structure allows matrices C (k, d, d)."""
    k, d = C.shape[:2]
    volumes = np.linalg.det(C) ** (1 / d)
    A = C / volumes[:, None, None]
    shapes = np.linalg.eigvalsh(A)

    def same(a, b):
        return np.allclose(a, b, rtol=rtol, atol=rtol * abs(A).max())

    volume = code[0] == "V" or same(volumes, volumes[0])
    shape = {"V": True, "E": same(shapes, shapes[0]), "I": same(shapes, 1)}[code[1]]
    commute = all(same(A[i] @ A[j], A[j] @ A[i]) for i in range(k) for j in range(i))  # that is, have axes in common
    orientation = {"V": True, "E": commute, "I": same(A, A * np.eye(d))}[code[2]]
    if code[1:] == "EE":  # one shape along one set of axes
        orientation = same(A, A[0])
    if code[1:] == "EI":
        shape = same(A, A[0])
    return volume and shape and orientation


def built(code, x, k, d):
    """The matrices at a point x of an unconstrained space, and how long x has to be (when it is None)."""
    volume = {"E": 1, "V": k}[code[0]]
    shape = {"I": 0, "E": 1, "V": k}[code[1]]
    orientation = {"I": 0, "E": 1, "V": k}[code[2]]
    sizes = [volume, shape * (d - 1), orientation * d * (d - 1) // 2]
    if x is None:
        return sum(sizes)
    x, y, z = np.split(np.asarray(x), np.cumsum(sizes)[:2])
    logs = np.zeros((k, d))
    if shape:
        logs[:, :-1] = y.reshape(shape, d - 1)
        logs -= logs.mean(axis=1, keepdims=True)
    logs += np.broadcast_to(x.reshape(-1, 1), (k, 1))
    Q = np.repeat(np.eye(d)[None], k, axis=0)
    if orientation:
        skew = np.zeros((orientation, d, d))
        skew[(slice(None), *np.triu_indices(d, 1))] = z.reshape(orientation, -1)
        skew -= skew.transpose(0, 2, 1)
        Q[:] = np.linalg.solve(np.eye(d) - skew, np.eye(d) + skew)  # Cayley
    return (Q * np.exp(logs)[:, None, :]) @ Q.transpose(0, 2, 1)


def random_point(code, rng, k, d, size=0.7):
    return rng.normal(scale=size, size=built(code, None, k, d))


def visible(code, C):
    """Matrices (k, d, d) in the shape that a user sees."""
    if code == "EEE":
        return C[0]
    if code.endswith("II"):
        return C[:, 0, 0]
    return np.diagonal(C, axis1=1, axis2=2) if code.endswith("I") else C


@every_structure
@pytest.mark.parametrize("k, d", [(1, 1), (1, 3), (3, 1), (2, 2), (3, 4), (5, 2)])
def test_degrees_of_freedom(code, k, d):
    """As many as there are directions in which the matrices can change."""
    rng = np.random.default_rng(0)
    x = random_point(code, rng, k, d)
    step = 1e-5
    changes = [
        (built(code, x + step * e, k, d) - built(code, x - step * e, k, d)).ravel() / (2 * step) for e in np.eye(len(x))
    ]
    rank = np.linalg.matrix_rank(changes, tol=1e-6)
    if d > 1:  # else some of the letters speak of what is not there
        assert rank == len(x)
    assert structure(code).n_parameters(k, d) == rank


def test_names():
    assert [s.code for s in STRUCTURES] == CODES
    names = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
    for s in STRUCTURES:
        assert s.name == names.get(s.code, s.code)
        assert structure(s.name) is structure(s.code) is s
        assert s.code in repr(s)
    with pytest.raises(ValueError, match=r"'spherical' \(VII\), EEI, .*, EVV, 'full' \(VVV\). Got 'VVX' instead"):
        structure("VVX")


@every_structure
def test_one_unit(code):
    """`one_unit` is about the structures that other units for some of the features lead out of, and only these."""
    rng = np.random.default_rng(1)
    C = built(code, random_point(code, rng, 3, 3), 3, 3)
    units = np.array([1, 3, 0.2])
    assert allows(code, C)
    assert allows(code, C * 9)
    assert allows(code, C * np.outer(units, units)) is not structure(code).one_unit


# The M-step


def scatters(k, d, seed, n=12):
    """Sample covariances (k, d, d) and masses (k,) of components of unequal sizes, shapes and masses."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(k, n, d)) * np.exp(rng.normal(scale=0.7, size=(k, 1, d)))
    z = z @ (np.eye(d) + rng.normal(size=(d, d)) / 2)
    return z.transpose(0, 2, 1) @ z / n, rng.uniform(1, 4, size=k)


def m_step(code, S, masses, floor=None, current=None, seed=0):
    """`estimate`, from moments about means that are some way off; matrices (k, d, d), and who is held."""
    k, d = S.shape[:2]
    s = structure(code)
    shift = np.random.default_rng(seed).normal(size=(k, d))
    moments = (S + shift[:, :, None] * shift[:, None, :]) * masses[:, None, None]
    second = dict(
        scatter=moments,
        pooled=moments.sum(axis=0),
        squares=np.diagonal(moments, axis1=1, axis2=2),
        norms=np.trace(moments, axis1=1, axis2=2),
    )[s.moments]
    floor = np.full(d, 1e-20) if floor is None else floor
    if current is not None:
        current = Estimate(visible(code, current), None, s.factors(visible(code, current)))
    covariances, held, _ = s.estimate(np.array(second).ravel(), masses, shift, floor, 1e-16, current)
    assert covariances.shape == s.shape(k, d)
    assert held.shape == (k,) and held.dtype == bool
    return dense(code, covariances, k, d), held


def cost(C, S, masses):
    """-2 times the expected log-likelihood per unit of mass, but for a constant."""
    each = np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, S), axis1=1, axis2=2)
    return masses @ each / masses.sum()


@every_structure
@pytest.mark.parametrize("k, d", [(1, 1), (3, 1), (2, 2), (3, 3)])
def test_the_m_step_is_the_best(code, k, d):
    """Against a numerical optimiser that knows nothing but what the letters allow."""
    S, masses = scatters(k, d, seed=k + d)
    C, held = m_step(code, S, masses)
    assert allows(code, C)
    assert not held.any()

    rng = np.random.default_rng(0)
    best = min(
        minimize(lambda x: cost(built(code, x, k, d), S, masses), random_point(code, rng, k, d), tol=1e-9).fun
        for _ in range(2)
    )
    assert_allclose(cost(C, S, masses), best, rtol=0, atol=1e-7)


@every_structure
@pytest.mark.parametrize("k, d", [(1, 1), (3, 1), (2, 2), (3, 5), (5, 6)])
@pytest.mark.parametrize("equal_weights", [False, True])
@pytest.mark.parametrize("floor", [1e-20, 1.0])
def test_the_compiled_m_step_is_that_of_the_structure(code, k, d, equal_weights, floor):
    """Of all that is compiled, from the same statistics: also at the floor, where some components are held."""
    family = Gaussian(structure(code), np.ones(d), np.full(d, floor), 1e-16, equal_weights)
    if family.closed is None:
        pytest.skip("nothing is compiled")
    S, masses = scatters(k, d, seed=k + d)
    first = np.random.default_rng(0).normal(size=(k, d)) * masses[:, None]
    moments = S * masses[:, None, None] + first[:, :, None] * first[:, None, :] / masses[:, None, None]
    second = dict(scatter=moments, pooled=moments.sum(axis=0), squares=np.diagonal(moments, axis1=1, axis2=2),
                  norms=np.trace(moments, axis1=1, axis2=2))[family.moments]
    about = np.random.default_rng(1).normal(size=(k, d))
    statistics = Statistics(np.concatenate([np.zeros(2), masses, first.ravel(), np.ravel(second)]), about)
    got = compiled(family.structure, family.closed, statistics)
    if got is None:  # out of the ordinary, and left to the structure
        assert floor == 1.0
        return
    found = family.structure.estimate(statistics.second, masses, statistics.means - about, family.floor, family.eps)
    assert_allclose(got.parameters.means, statistics.means, rtol=1e-13)
    assert_allclose(got.parameters.weights, np.full(k, 1 / k) if equal_weights else masses / masses.sum(), rtol=1e-13)
    got_dense, found_dense = (dense(code, C, k, d) for C in (got.parameters.covariances, found.covariances))
    if "E" in code and "V" in code:  # a search, which ends where nothing that counts is to be gained
        costs = [cost(C, S, masses) for C in (got_dense, found_dense)]
        assert abs(costs[0] - costs[1]) <= 1e-9 * (1 + abs(costs[1]))
    else:
        assert_allclose(got_dense, found_dense, rtol=0, atol=1e-9 * abs(found_dense).max())
    assert got.held == tuple(np.flatnonzero(found.held))


@every_structure
def test_the_m_step_goes_on_from_the_current_covariances(code):
    """Where it has to search, it is never worse than where it began, and arrives at the same place. (Common axes have
    more than one such place; which is found depends on the beginning.)
    """
    S, masses = scatters(3, 3, seed=3)
    C, _ = m_step(code, S, masses)
    rng = np.random.default_rng(1)
    for _ in range(5):
        current = built(code, random_point(code, rng, 3, 3), 3, 3)
        again = current
        for _ in range(30):  # each goes a few steps
            before, (again, _) = again, m_step(code, S, masses, current=again)
            assert cost(again, S, masses) <= cost(before, S, masses) + 1e-13
        if code not in ("EVE", "VVE"):
            assert_allclose(cost(again, S, masses), cost(C, S, masses), rtol=0, atol=1e-9)
    again, _ = m_step(code, S, masses, current=C)
    assert_allclose(again, C, rtol=0, atol=1e-5 * abs(C).max())
    assert cost(again, S, masses) <= cost(C, S, masses) + 1e-14


@pytest.mark.parametrize("code", ["EVE", "VVE"])
@pytest.mark.parametrize("seed", range(3))
def test_a_start_is_between_the_axes_of_the_average_and_the_best(code, seed):
    """One step of an algorithm that never loses, which stops short."""
    s, d = structure(code), 3
    S, masses = scatters(4, d, seed)
    given = (S * masses[:, None, None]).ravel(), masses, np.zeros((4, d)), np.full(d, 1e-20), 1e-16
    C, held, _ = s.start(*given)
    assert allows(code, C)
    assert not held.any()
    average = s.look(np.linalg.eigh(np.tensordot(masses, S, 1))[1], S, masses, np.full((4, d), 1e-20))
    best = cost(s.estimate(*given)[0], S, masses)
    assert best + 1e-3 < cost(C, S, masses) < average.cost - 1e-3


def nested(code):
    """The structures that are special cases of one."""

    def within(a, b):
        # none of whose letters is freer; axes along the features are a special case of common ones
        order = "IEV"
        return all(order.index(x) <= order.index(y) for x, y in zip(a, b, strict=True)) and a != b

    return [other for other in CODES if within(other, code)]


@every_structure
@pytest.mark.parametrize("seed", range(3))
def test_special_cases_are_never_better(code, seed):
    S, masses = scatters(4, 3, seed)
    general = cost(m_step(code, S, masses)[0], S, masses)
    for special in nested(code):
        C = m_step(special, S, masses)[0]
        assert allows(code, C, rtol=1e-7)
        assert general <= cost(C, S, masses) + 1e-11


def test_common_axes_of_a_tie():
    """Two components whose average is round: it says nothing of their axes, and those of the features are a saddle."""
    S = np.array([[[2.5, 1.5], [1.5, 2.5]], [[2.5, -1.5], [-1.5, 2.5]]])
    for code in ("EVE", "VVE"):
        assert_allclose(m_step(code, S, np.ones(2))[0], S, atol=1e-9)
        assert_allclose(m_step(code, S, np.ones(2), current=S)[0], S, atol=1e-9)


# The floor


@every_structure
@pytest.mark.parametrize("seed", range(4))
def test_floor(code, seed):
    """No variance below the floor in any direction, the structure is kept, and nothing else is given away for it."""
    k, d = 3, 3
    S, masses = scatters(k, d, seed, n=12)
    S[0] *= 1e-3  # a component far below the floor
    S[1, 0] = S[1, :, 0] = 0  # and one that is flat
    floor = np.array([0.05, 0.2, 0.1])
    C, held = m_step(code, S, masses, floor)
    assert allows(code, C)
    least = np.diag(floor) if not code.endswith("II") else np.eye(d) * floor.mean()
    assert np.linalg.eigvalsh(C - least).min() >= -1e-9
    touching = np.linalg.eigvals(np.linalg.solve(least, C)).real.min(axis=1) < 1 + 1e-6
    assert (held | ~touching).all()
    # from covariances that the floor allows, never a loss
    rng = np.random.default_rng(seed)
    for _ in range(5):
        current = built(code, random_point(code, rng, k, d), k, d)
        current *= max(1, 1.001 / np.linalg.eigvals(np.linalg.solve(least, current)).real.min())
        again, _ = m_step(code, S, masses, floor, current)
        assert allows(code, again)
        assert np.linalg.eigvalsh(again - least).min() >= -1e-9
        assert cost(again, S, masses) <= cost(current, S, masses)


@every_structure
@pytest.mark.parametrize("part", [0.3, 0.6])
def test_floor_costs_no_more_than_it_must(code, part):
    """Against a constrained optimiser, with the same floor in all directions."""
    k, d = 3, 2
    S, masses = scatters(k, d, seed=0)
    S *= np.outer([0.3, 1], [0.3, 1])
    floor = np.quantile(np.linalg.eigvalsh(S), part)
    C, held = m_step(code, S, masses, np.full(d, floor))
    assert held.any() or part < 0.5 or code == "EII"

    def room(x):
        return np.log(np.linalg.eigvalsh(built(code, x, k, d)) / floor).ravel()

    rng = np.random.default_rng(0)
    found = [
        minimize(
            lambda x: cost(built(code, x, k, d), S, masses),
            random_point(code, rng, k, d, size=0.3),
            bounds=[(-7, 7)] * built(code, None, k, d),
            constraints=dict(type="ineq", fun=room),
            method="SLSQP",
            options=dict(maxiter=500, ftol=1e-12),
        )
        for _ in range(2)
    ]
    assert_allclose(cost(C, S, masses), min(f.fun for f in found if f.success), rtol=0, atol=1e-6)


@every_structure
def test_where_nothing_is_known(code):
    """Components without weight get covariances that the structure allows, of the size of others where it may."""
    S, masses = scatters(3, 3, seed=0)
    masses[1], S[1] = 1e-12, 0
    s = structure(code)
    C, _ = m_step(code, S, masses, np.full(3, 1e-6))
    others = visible(code, np.repeat(5 * np.eye(3)[None], 3, axis=0))
    covariances = dense(code, s.exchange(visible(code, C), others, np.array([False, True, False])), 3, 3)
    assert allows(code, covariances)
    assert_allclose(covariances[[0, 2]], C[[0, 2]])
    assert np.linalg.eigvalsh(covariances[1]).max() > 0.1


# Shapes and charts


@every_structure
def test_factors(code):
    s = structure(code)
    rng = np.random.default_rng(0)
    C = built(code, random_point(code, rng, 3, 4), 3, 4)
    covariances = visible(code, C)
    assert covariances.shape == s.shape(3, 4)
    assert_allclose(s.full(covariances, 3, 4), C)
    U = s.factors(covariances)
    assert U.shape == s.shape(3, 4)
    assert_allclose(s.covariances(U), covariances, rtol=1e-10)
    assert_allclose(dense(code, s.precisions(U), 3, 4), np.linalg.inv(C), rtol=1e-9, atol=1e-12)
    assert_allclose(s.log_det(U, 3, 4), -np.linalg.slogdet(C)[1] / 2)
    units = np.array([1, 3, 0.2, 7]) if not s.one_unit else np.full(4, 3.0)
    assert_allclose(s.full(s.scaled(covariances, units), 3, 4), C * np.outer(units, units), rtol=1e-10)
    assert_allclose(s.covariances(s.scaled_factors(U, units)), s.scaled(covariances, units), rtol=1e-9)


@every_structure
def test_leaps_stay_in_the_structure(code):
    """The coordinates along which EM leaps ahead: there and back is nothing, and anywhere else is in the structure."""
    s = structure(code)
    rng = np.random.default_rng(0)
    x, y = random_point(code, rng, 3, 3), random_point(code, rng, 3, 3, size=0.1)
    here, there = (s.unfold(s.factors(visible(code, built(code, p, 3, 3)))) for p in (x, x + y))
    assert_allclose(s.covariances(s.fold(here, 3, 3)), visible(code, built(code, x, 3, 3)), rtol=0, atol=1e-7)
    ahead = s.covariances(s.fold(there + 3 * (there - here), 3, 3))
    assert allows(code, dense(code, ahead, 3, 3))


# Fits


@pytest.mark.parametrize("dataset, case", CASES)
def test_mclust(load, dataset, case):
    """From the same labels the maximum of mclust's `me()`, or a higher one where its M-step (VVE) stops short."""
    X = load(dataset)
    code, k = case["model"], case["n_components"]
    labels = np.array(case["start_labels"])
    model = GaussianMixture(k, covariance_type=code, init_params=labels, **TIGHT).fit(X)
    assert model.converged_
    # mclust's EVV with four components of diabetes has one on five rows in three dimensions
    assert all(line.startswith("hardly any samples") for line in model.fit_report_)
    assert allows(code, dense(code, model.covariances_, k, X.shape[1]), rtol=1e-6)
    assert model._n_parameters() == case["n_parameters"]

    gain = (model.score(X) * len(X) - case["loglik"]) / abs(case["loglik"])
    assert gain <= (1e-2 if code == "VVE" else 1e-6)
    assert gain >= -1e-10
    assert model.bic(X) <= -case["bic"] * (1 + 1e-9)  # mclust's BIC has the other sign
    if abs(gain) < 1e-9:
        assert_allclose(model.bic(X), -case["bic"], rtol=1e-9)
        scale = X.std(axis=0)
        assert_allclose(model.weights_, case["weights"], rtol=0, atol=2e-4)
        assert_allclose(model.means_ / scale, case["means"] / scale, rtol=0, atol=2e-4)
        units = np.outer(scale, scale)
        C = dense(code, model.covariances_, k, X.shape[1])
        assert_allclose(C / units, case["covariances"] / units, rtol=0, atol=4e-4)


@every_structure
def test_one_feature(code, load):
    """Only the letter for volumes has something to say."""
    X = load("faithful")[:, :1]
    labels = (X[:, 0] > 3).astype(int)
    found, plain = (GaussianMixture(2, covariance_type=c, init_params=labels, tol=1e-10).fit(X).score(X)
                    for c in (code, code[0] + "II"))
    assert_allclose(found, plain, rtol=1e-8)


@pytest.mark.parametrize("dataset, case", [c for c in CASES if c.values[1]["model"] == "VVE"])
def test_mclust_stops_short(load, dataset, case):
    """From mclust's own answer for VVE, EM still climbs."""
    X = load(dataset)
    model = GaussianMixture(
        case["n_components"],
        covariance_type="VVE",
        weights_init=np.array(case["weights"]) / np.sum(case["weights"]),
        means_init=case["means"],
        precisions_init=np.linalg.inv(case["covariances"]),
        **TIGHT,
    ).fit(X)
    assert model.score(X) * len(X) > case["loglik"] + 1e-2


@pytest.mark.parametrize("dataset, loglik", [
    ("faithful", {"EII": -2003.95203658, "EEI": -1516.70582662, "EEE": -1289.79674505}),
    ("iris", {"EII": -889.51613071, "EEI": -741.01753519, "EEE": -379.91463012}),
])  # fmt: skip
@every_structure
def test_one_component(load, dataset, loglik, code):
    """With a single component only its shape counts; figures of mclust."""
    X = load(dataset)
    kind = "EII" if code.endswith("II") else "EEI" if code.endswith("I") else "EEE"
    model = GaussianMixture(1, covariance_type=code, reg_covar=0).fit(X)
    assert_allclose(model.score(X) * len(X), loglik[kind], rtol=1e-11)


def clusters(n=300, d=3, k=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    mixing = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    means = rng.normal(scale=2, size=(k, d))
    return means[labels] + np.einsum("nij,nj->ni", mixing[labels], rng.normal(size=(n, d))), labels


@pytest.mark.filterwarnings("ignore::UserWarning")
@every_structure
@pytest.mark.parametrize("acceleration", ["squarem", None])
@pytest.mark.parametrize("reg_covar", [0, 0.1])
def test_the_likelihood_never_falls(code, acceleration, reg_covar):
    """Also at a floor that holds most of the components."""
    for seed in range(2):
        X, _ = clusters(seed=seed)
        settings = dict(reg_covar=reg_covar, acceleration=acceleration, tol=1e-8, max_iter=300, random_state=0)
        model = GaussianMixture(4, covariance_type=code, **settings).fit(X)
        if not any("iteration" in line for line in model.fit_report_):  # of components that were moved
            assert np.diff(model.lower_bounds_).min(initial=0) >= -1e-13
        C = dense(code, model.covariances_, 4, 3)
        assert allows(code, C, rtol=1e-6)
        units = np.sqrt(X.var(axis=0).mean()) * np.ones(3) if code.endswith("II") else X.std(axis=0)
        assert np.linalg.eigvalsh(C / np.outer(units, units)).min() >= reg_covar * (1 - 1e-9)


@every_structure
def test_units(code):
    """Other units: another unit for all features, or one for each where the structure allows, are only that."""
    X, labels = clusters()
    start = dict(covariance_type=code, init_params=labels, tol=1e-10, max_iter=5000)
    plain = GaussianMixture(3, **start).fit(X)
    units = np.full(3, 1e3) if structure(code).one_unit else np.array([1e-3, 1, 1e5])
    other = GaussianMixture(3, **start).fit(X * units + 1e3 * units)
    assert_allclose(other.lower_bound_, plain.lower_bound_ - np.log(units).sum(), rtol=1e-9)
    covariances = dense(code, other.covariances_, 3, 3) / np.outer(units, units)
    assert_allclose(covariances, dense(code, plain.covariances_, 3, 3), rtol=0, atol=1e-4)


@every_structure
def test_features_of_very_different_size(code):
    """The floor is relative to each feature, also where all of them are in one unit."""
    X, labels = clusters()
    X = X * [1e-3, 1, 1e2]
    model = GaussianMixture(3, covariance_type=code, init_params=labels).fit(X)
    assert not any("floor" in line for line in model.fit_report_)


@every_structure
def test_distances_of_starts(code):
    """Every feature contributes to the distances by which starts are chosen, unless all components are round."""
    X, _ = clusters()
    mixture = Problem.of(Gaussian, X * [1, 10, 100], None, structure(code), 1e-6, 1)
    metric = 1 / (mixture.family.deviations * mixture.frame.units)
    assert bool(metric[0] > 50 * metric[2]) is not code.endswith("II")
    assert np.all(metric == metric[0]) == code.endswith("II")


@every_structure
def test_an_empty_component_leaves_no_trace(code):
    """The covariances of the others are what they are without it."""
    X, labels = clusters()
    resp = np.eye(3)[labels]
    mixture = Problem.of(Gaussian, X, None, structure(code), 1e-6, 1)
    alone = mixture.assign(resp).parameters
    update = mixture.assign(np.insert(resp, 1, 0.0, axis=1))
    assert update.empty == (1,)
    C = dense(code, update.parameters.covariances, 4, 3)
    assert_allclose(C[[0, 2, 3]], dense(code, alone.covariances, 3, 3), rtol=1e-5, atol=1e-6)
    assert allows(code, C)


@every_structure
def test_weights(code):
    """Weight 2 is the row twice, weight 0 the row gone."""
    X, labels = clusters()
    w = np.arange(len(X)) % 3
    start = dict(covariance_type=code, tol=1e-10, max_iter=5000)
    weighted = GaussianMixture(3, init_params=labels, **start).fit(X, sample_weight=w)
    repeated = GaussianMixture(3, init_params=np.repeat(labels, w), **start).fit(np.repeat(X, w, axis=0))
    assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=1e-10)
    assert_allclose(weighted.covariances_, repeated.covariances_, rtol=0, atol=1e-5)


@every_structure
def test_float32(code):
    X, labels = clusters()
    start = dict(covariance_type=code, init_params=labels, tol=1e-6, max_iter=5000)
    single, double = (GaussianMixture(3, **start).fit(X.astype(t)) for t in (np.float32, np.float64))
    assert single.covariances_.dtype == single.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert_allclose(single.lower_bound_, double.lower_bound_, rtol=0, atol=1e-5)


@every_structure
def test_everything_a_mixture_does(code):
    X, _ = clusters()
    s = structure(code)
    model = GaussianMixture(3, covariance_type=code, random_state=0).fit(X)
    assert model.covariances_.shape == model.precisions_.shape == model.precisions_cholesky_.shape == s.shape(3, 3)
    inverse = np.linalg.inv(dense(code, model.covariances_, 3, 3))
    assert_allclose(dense(code, model.precisions_, 3, 3), inverse, rtol=1e-8, atol=1e-10)
    same = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_, code)
    assert_allclose(same.score_samples(X), model.score_samples(X), rtol=1e-9)
    assert_allclose(same.bic(X), model.bic(X), rtol=1e-12)

    Y, y = model.sample(20_000, random_state=0)
    assert Y.shape == (20_000, 3)
    for j in range(3):
        expected = dense(code, model.covariances_, 3, 3)[j]
        assert_allclose(np.cov(Y[y == j].T), expected, rtol=0, atol=0.15 * abs(expected).max())

    before = model.lower_bound_
    model.set_params(warm_start=True).fit(X)
    assert model.lower_bound_ >= before - 1e-12
    first = GaussianMixture(
        3, covariance_type=code, weights_init=model.weights_, means_init=model.means_, precisions_init=model.precisions_
    )
    assert first.fit(X).lower_bound_ >= before - 1e-12


def test_select():
    """One pass over all structures. The start may differ, so that nesting is not for this to test."""
    X, _ = clusters(n=150)
    table = cyem.select(X, range(1, 3), CODES, random_state=0)
    found = [(row.n_components, row.covariance_type) for row in table.rows]
    assert found == [(k, code) for k in (1, 2) for code in CODES]
    assert all(row.converged for row in table.rows)
    one = [row.log_likelihood for row in table.rows[:14]]
    assert all(a <= b + 1e-8 for a, b in pairwise([one[0], one[2], one[6]]))


# Beside a prior


def log_prior(code, means, covariances, prior):
    """The density by SciPy, but for a constant: normal, and inverse Wishart or inverse gamma, from the definitions."""
    mean, scale, shrinkage, dof = (prior[name] for name in ("mean", "scale", "shrinkage", "dof"))
    k = len(means)
    total = sum(stats.multivariate_normal(mean, C / shrinkage).logpdf(mu) for mu, C in zip(means, covariances,
                                                                                         strict=True))
    for C in covariances[: 1 if code in ("EII", "EEI", "EEE") else k]:
        if code.endswith("II"):
            total += stats.invgamma(dof / 2, scale=np.diag(scale).mean() / 2).logpdf(C[0, 0])
        elif code.endswith("I"):
            total += stats.invgamma(dof / 2, scale=np.diag(scale) / 2).logpdf(np.diag(C)).sum()
        else:
            total += stats.invwishart(dof, scale).logpdf(C)
    return total


@every_structure
def test_no_optimiser_finds_a_greater_posterior_density(code):
    """The objective is SciPy's densities of samples and of the prior, from the formulas of the definition."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 2
    X = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 2)) + np.array([[0, 0], [4, 1]])[labels]
    prior = dict(shrinkage=2.0, mean=np.array([1.0, 0.5]), dof=9.0, scale=np.array([[1.0, 0.3], [0.3, 2]]))
    model = GaussianMixture(2, covariance_type=code, prior=prior, init_params=labels, **TIGHT).fit(X)
    assert model.converged_
    C = dense(code, model.covariances_, 2, 2)

    def density(weights, means, C):
        each = [np.log(w) + stats.multivariate_normal(mu, S).logpdf(X) for w, mu, S in zip(weights, means, C,
                                                                                           strict=True)]
        return np.logaddexp.reduce(each).sum() + log_prior(code, means, C, prior)

    def unpacked(x):
        return [1 / (1 + np.exp(-x[0])), 1 / (1 + np.exp(x[0]))], x[1:5].reshape(2, 2), built(code, x[5:], 2, 2)

    # it begins at the weights and means that were found, and near the matrices
    near = minimize(lambda y: ((built(code, y, 2, 2) - C) ** 2).sum(), rng.normal(size=built(code, None, 2, 2)) * 0.3)
    x = np.concatenate([[np.log(model.weights_[0] / model.weights_[1])], model.means_.ravel(), near.x])
    found = minimize(lambda x: -density(*unpacked(x)), x, options=dict(gtol=1e-3, maxiter=50))
    best = density(model.weights_, model.means_, C)
    assert best - 1e-4 <= -found.fun <= best + 1e-6
