"""What structures say of covariances and of factors of their inverses, against NumPy's matrices."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem.em.problem import Problem
from cyem.families.covariance import STRUCTURES, base, common_axes, structure, variances
from cyem.families.gaussian import Gaussian

K, D = 3, 4
RNG = np.random.default_rng(0)
LABELS = np.arange(120) % K
X = np.einsum("nd,nde->ne", RNG.normal(size=(120, D)), RNG.normal(size=(K, D, D))[LABELS])
STATE = RNG.bit_generator.state
every_structure = pytest.mark.parametrize("code", [each.code for each in STRUCTURES])


@pytest.fixture(autouse=True)
def the_same_numbers():
    """Whatever test was run before."""
    RNG.bit_generator.state = STATE


def fitted(code):
    """A structure, covariances of it, their factors, and the covariances as matrices."""
    found = Problem.of(Gaussian, X, None, structure(code), 1e-6, 1).assign(np.eye(K)[LABELS]).parameters
    return found.structure, found.covariances, found.factors, found.structure.full(found.covariances, K, D)


@every_structure
def test_factors_covariances_and_precisions_are_of_the_same_matrices(code):
    s, A, U, C = fitted(code)
    assert_allclose(s.full(s.covariances(U), K, D), C, rtol=1e-9, atol=1e-12)
    assert_allclose(s.full(s.precisions(U), K, D), np.linalg.inv(C), rtol=1e-9, atol=1e-12)
    again = s.precision_factors(s.precisions(U))
    assert_allclose(s.full(s.covariances(again), K, D), C, rtol=1e-9, atol=1e-12)
    assert_allclose(s.full(s.covariances(s.factors(A)), K, D), C, rtol=1e-9, atol=1e-12)
    assert_allclose(s.log_det(U, K, D), -np.linalg.slogdet(C)[1] / 2, rtol=1e-9)
    assert_allclose(s.diagonals(A, K, D), np.diagonal(C, axis1=1, axis2=2), rtol=1e-12)
    assert_allclose(s.condensed(C), A, rtol=1e-12)
    assert_allclose(s.fold(s.unfold(U), K, D, A), U, rtol=1e-6, atol=1e-9)
    assert s.factors(-A) is None


def test_covariances_are_symmetric_to_the_last_bit():
    U = np.triu(RNG.normal(size=(K, 9, 9))) + 3 * np.eye(9)
    for code, factors in (("VVV", U), ("EEE", U[0])):
        A = structure(code).covariances(factors)
        assert_array_equal(A, A.swapaxes(-1, -2))


@every_structure
def test_mean_distances_of_a_normal_distribution_are_its_dimension(code):
    s, A, U, _ = fitted(code)
    assert_allclose(s.distances(A, U, D), D, rtol=1e-9)
    assert_allclose(s.distances(3 * A, U, D), 3 * D, rtol=1e-9)


@every_structure
def test_the_cost_is_twice_the_missing_likelihood(code):
    """Of samples with these covariances, but for the constant: sum_k n_k (d + log det C_k)."""
    s, A, U, C = fitted(code)
    masses = np.array([1.0, 2.5, 4.0])
    expected = D * masses.sum() + masses @ np.linalg.slogdet(C)[1]
    assert s.cost(U, A, masses, D) == pytest.approx(expected, rel=1e-9)


@every_structure
def test_correlations_inflate_rounding(code):
    """By the mean of what each variance is times the precision, in the component where that is most."""
    s, A, U, C = fitted(code)
    products = np.diagonal(C, axis1=1, axis2=2) * np.diagonal(np.linalg.inv(C), axis1=1, axis2=2)
    assert s.inflation(A, U) == pytest.approx(products.mean(axis=1).max(), rel=1e-9)


@pytest.mark.parametrize("code", ["VVI", "VII"])
def test_a_variance_that_is_the_floor_is_held_there(code):
    s, floor = structure(code), np.ones((1, 2 if code == "VVI" else 1))
    v, held = s.variances(np.array([[1.0, 2.0], [2.0, 3.0]])[:, : floor.shape[1]], np.ones(2), floor)
    assert_array_equal(held, [True, False])
    assert_array_equal(v, np.array([[1.0, 2.0], [2.0, 3.0]])[:, : floor.shape[1]])


@every_structure
def test_coloured_noise_has_the_covariance_of_its_component(code):
    s, _, U, C = fitted(code)
    for j in range(K):
        A = s.coloured(np.eye(D), U, j)
        assert_allclose(A.T @ A, C[j], rtol=1e-9, atol=1e-12)


@every_structure
def test_other_units(code):
    s, A, U, C = fitted(code)
    units = np.full(D, 8.0) if s.one_unit else np.array([0.5, 1.0, 8.0, 100.0])
    assert_allclose(s.full(s.scaled(A, units), K, D), C * units * units[:, None], rtol=1e-12)
    assert_allclose(s.full(s.covariances(s.scaled_factors(U, units)), K, D), C * units * units[:, None], rtol=1e-8,
                    atol=1e-12)


@every_structure
def test_factors_turned_are_turned_back(code):
    """Of factors with the same precisions the triangular ones are taken; none of a matrix that has no inverse."""
    s, _, U, _ = fitted(code)
    assert s.triangular(U) is U
    some = np.arange(U.size).reshape(U.shape) % 2 > 0
    turned = U @ np.linalg.qr(RNG.normal(size=(D, D)))[0] if s.square else np.where(some, -U, U)
    again = s.triangular(turned)
    assert_allclose(again, U, rtol=1e-9, atol=1e-12)
    broken = turned.copy()
    broken[(0,) * (broken.ndim - 1)] = 0.0
    assert s.triangular(broken) is None


@every_structure
@pytest.mark.parametrize("part", [1 - 1e-9, 1 + 1e-9])
def test_what_is_below_a_floor(code, part):
    """The least variance in any direction of one of them is the floor of all."""
    s, A, U, C = fitted(code)
    least = np.linalg.eigvalsh(C)[:, 0]
    found = s.below(A, U, np.full(D, part * least.min()))
    assert_array_equal(np.broadcast_to(found, K), least <= part * least.min())
    assert s.below(A, U, np.full(D, 2 * least.max())).all()


def test_a_variance_at_the_floor_is_below_it():
    for code, A in (("VVI", np.array([[1.0, 2.0], [3.0, 1.5]])), ("VII", np.array([1.0, 3.0]))):
        s = structure(code)
        assert_array_equal(s.below(A, s.factors(A), np.ones(2)), [True, False])


@every_structure
def test_some_components_may_have_the_covariances_of_others(code):
    """Where they share nothing, all of it; where a part is shared, the volume; where all is, nothing."""
    s, A, _, C = fitted(code)
    where = np.array([False, True, False])
    found = s.full(s.exchange(A, 9 * A, where), K, D)
    assert_allclose(found, C * np.where(where & (code[0] == "V"), 9, 1)[:, None, None], rtol=1e-12)
    if code[0] == "V" and "E" in code:  # smaller ones might be below the floor
        assert_allclose(s.full(s.exchange(A, A / 9, where), K, D), C, rtol=1e-12)


@every_structure
def test_one_that_is_not_positive_definite_is_enough(code):
    """Of several matrices: there are no factors of any."""
    s, A, U, _ = fitted(code)
    for matrices, factors in ((A, s.factors), (s.precisions(U), s.precision_factors)):
        bad = matrices.copy()
        bad[(slice(None),) * (code == "EEE") + (0,)] *= -1
        assert factors(matrices) is not None
        assert factors(bad) is None


@every_structure
def test_what_lies_between_two_is_of_the_structure_unless_it_is_curved(code):
    """Half way in the coordinates of leaps, without going back to the structure."""
    s = structure(code)
    unfolded = [s.unfold(Problem.of(Gaussian, Y, None, s, 1e-6, 1).assign(np.eye(K)[LABELS]).parameters.factors)
                for Y in (X, X[:, ::-1] ** 3)]
    fold = base.SquareMatrices.fold if s.square else base.Variances.fold
    C = s.full(s.covariances(fold(s, sum(unfolded) / 2, K, D)), K, D)
    S, masses = s.condensed(C) if s.code != "EEE" else C[0], np.ones(K)
    nearest = s.maximum(S, masses, np.full(D, 1e-12), 1e-16, None).covariances
    assert np.allclose(nearest, S, rtol=1e-5, atol=1e-7) is not s.curved


def moments_of(s, S, masses):
    """Second moments about the means of components with sample covariances S (K, D, D), as a structure sums them."""
    M = S * masses[:, None, None]
    return {"scatter": M, "pooled": M.sum(axis=0), "squares": np.diagonal(M, axis1=1, axis2=2),
            "norms": np.trace(M, axis1=1, axis2=2)}[s.moments].ravel()


@every_structure
def test_a_structure_includes_another_where_its_m_step_gives_back_all_of_its_matrices(code):
    s = structure(code)
    for other in STRUCTURES:
        _, _, _, C = fitted(other.code)
        found = s.estimate(moments_of(s, C, np.ones(K)), np.ones(K), np.zeros((K, D)), np.full(D, 1e-12), 1e-16)
        back = np.allclose(s.full(found.covariances, K, D), C, rtol=1e-5, atol=1e-7)
        assert s.includes(other) is back, other


@every_structure
def test_a_structure_is_made_of_its_letters(code):
    made = type(structure(code))(code)
    assert (made.code, made.name, made.variances) == (code, code, structure(code).variances)


@pytest.mark.parametrize(("code", "low"), [
    *((each.code, 0.0) for each in STRUCTURES),
    *((code, low) for code in ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "VVV") for low in (0.3, 0.7)),
])
def test_no_neighbour_of_an_m_step_is_better(code, low):
    """Towards any other mixture of the structure, as far as the floor allows; a part of the variances is below it."""
    s, masses = structure(code), np.array([1.0, 2.0, 4.0])
    S = spd(K, D) * [[[1.0]], [[3.0]], [[0.5]]]
    sample = s.sample(moments_of(s, S, masses), masses, np.zeros((K, D)))
    floor = np.full(D, np.quantile(np.linalg.eigvalsh(s.full(sample, K, D)), low) if low else 1e-12)

    def m_step(S, floor):
        return s.estimate(moments_of(s, S, masses), masses, np.zeros((K, D)), floor, 1e-16)

    found = m_step(S, floor)
    U = s.factors(found.covariances)
    best, x = s.cost(U, sample, masses, D), s.unfold(U)
    for T in (0.8 * S, 1.25 * S, *(spd(K, D) for _ in range(10))):
        other = s.unfold(s.factors(m_step(T, floor).covariances))
        for size in (1e-3, 0.03, 0.5):
            near = s.fold(x + size * (other - x), K, D, found.covariances)
            if not s.below(s.covariances(near), near, floor * (1 - 1e-9)).any():
                assert s.cost(near, sample, masses, D) >= best - 1e-9 * abs(best)
    assert found.held.any() or low < 0.5 or code == "EII"
    if low:  # and who is at the floor is told, with factors of what is there
        least = np.linalg.eigvalsh(s.full(found.covariances, K, D) / floor[0])[:, 0]
        assert_array_equal(found.held, least <= 1 + 1e-6)
    if found.factors is not None:
        assert_allclose(s.covariances(found.factors), found.covariances, rtol=1e-10, atol=1e-12)


@every_structure
def test_with_fewer_samples_some_volume_vanishes_whoever_has_which(code):
    """And with as many there is a way to share them out in which none does. (Shapes of one volume ask for more.)"""
    s, floor = structure(code), np.full(2, 1e-9)
    for n in range(2, 7):
        rows, bounded = RNG.normal(size=(n, 2)), np.False_
        for labels in product(range(2), repeat=n):
            r = np.eye(2)[list(labels)]
            masses = r.sum(axis=0)
            if masses.all():
                apart = rows[:, None] - (r.T @ rows / masses[:, None])
                S = np.einsum("nk,nkd,nke->kde", r, apart, apart) / masses[:, None, None]
                found = s.estimate(moments_of(s, S, masses), masses, np.zeros((2, 2)), floor, 1e-16)
                bounded |= np.linalg.eigvalsh(s.full(found.covariances, 2, 2)).min() > 1e-6
        assert bounded == (n >= s.least_samples(2, 2)) or (bounded and code[:2] == "EV")


def along_axes(code):
    """Axes (k or 1, d, d), the same for all where the structure says so, and variances of one shape and volume."""
    Q = np.linalg.qr(RNG.normal(size=(1 if code[2] == "E" else K, D, D)))[0]
    return np.broadcast_to(Q, (K, D, D)), np.repeat([[4.0, 3.0, 2.0, 1.0]], K, axis=0)


@pytest.mark.parametrize("code", ["EVE", "VVE", "EEV", "VEV", "EVV"])
@pytest.mark.parametrize("aligned", [True, False])
def test_variances_along_axes_are_at_the_floor_where_they_are_held(code, aligned):
    """Where no direction could be below: at the floor itself along features, above it along other axes."""
    s = structure(code)
    Q, v = along_axes(code)
    Q = np.broadcast_to(np.eye(D), (K, D, D)) if aligned else Q
    floor = np.array([0.5, 1.0, 2.0, 1.5]) / 100
    least = base.least_along(Q, np.broadcast_to(floor, (K, D)))
    v = v * [[1.0], [1.5], [2.0]]
    v[1, 3] = least[1, 3]
    A = base.composed(v, Q)
    found = s.touching(A, s.factors(A), floor, 1e-16)
    assert_array_equal(found, [False, True, False])
    assert (floor / least[1] <= 1 + 1e-12).all() if aligned else True
    v[1, 3] *= 1.01
    A = base.composed(v, Q)
    assert not s.touching(A, s.factors(A), floor, 1e-16).any()


@pytest.mark.parametrize("code", ["EEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"])
def test_a_flat_direction_is_as_wide_as_what_rounding_hides(code):
    """Where all components lack the same direction, and all features have one variance: that and no more, and told."""
    s, eps, masses = structure(code), 1e-3, np.array([1.0, 2.0, 4.0])
    flat = np.full((D, D), 1 / D)
    S = np.repeat((np.eye(D) - flat)[None], K, axis=0)
    floor = np.full(D, 1e-12)
    found = s.estimate(moments_of(s, S, masses), masses, np.zeros((K, D)), floor, eps)
    hidden = base.part(D, eps) * (1 - 1 / D)
    assert found.held.all()
    assert_allclose(s.full(found.covariances, K, D), S + hidden * flat, rtol=1e-6, atol=1e-9)
    for width, held in ((hidden, True), (3 * hidden, False)):
        A = s.condensed(S + width * flat)
        assert_array_equal(s.touching(A, s.factors(A), floor, eps), held)


def test_of_one_shape_the_least_volume_is_at_the_floor():
    """Where all components are thin in one direction, and no volume is bound by itself."""
    s, masses, floor = structure("VEE"), np.array([1.0, 2.0, 4.0]), np.full(D, 0.01)
    S = np.array([3.0, 1.0, 9.0])[:, None, None] * (np.eye(D) - (1 - 1e-3) * np.full((D, D), 1 / D))
    found = s.estimate(moments_of(s, S, masses), masses, np.zeros((K, D)), floor, 1e-16)
    assert_array_equal(found.held, [False, True, False])
    assert np.linalg.eigvalsh(found.covariances)[1, 0] == pytest.approx(0.01, rel=1e-9)


@every_structure
def test_an_m_step_at_the_floor_is_no_worse_than_what_was_there(code):
    """Unless that is below the floor, or nothing is at the floor."""
    s, masses, floor = structure(code), np.ones(K), np.full(D, 0.1)
    C = np.repeat(np.eye(D)[None], K, axis=0)
    S = s.sample(moments_of(s, C, masses), masses, np.zeros((K, D)))

    def of(size, held):
        A = s.condensed(size * C)
        return base.Estimate(A, np.array(held), s.factors(A))

    one, none = [True, False, False], [False] * K
    best, worse, thin = of(1, one), of(2, one), of(0.1 / (1 + 1e-6), one)
    got = s.no_worse(worse, S, masses, floor, best)
    assert_array_equal(got.covariances, best.covariances)
    assert_array_equal(got.factors, best.factors)
    assert_array_equal(got.held, one)
    assert s.no_worse(best, S, masses, floor, worse) is best
    assert s.no_worse(worse._replace(factors=None), S, masses, floor, best).factors is best.factors
    free = of(2, none)
    assert s.no_worse(free, S, masses, floor, best) is free
    assert s.no_worse(worse, S, masses, floor, None) is worse
    low = s.sample(moments_of(s, 0.1 * C, masses), masses, np.zeros((K, D)))
    assert s.no_worse(worse, low, masses, floor, thin) is worse


@every_structure
def test_the_same_matrices_in_other_shapes(code):
    """One for all components, those of some of them, and those of another structure."""
    s, A, U, C = fitted(code)
    one = A if code == "EEE" else A[:1]
    assert_allclose(s.full(s.common(one, K), K, D), np.repeat(C[:1], K, axis=0), rtol=1e-12)
    assert_allclose(s.full(s.taken(A, [2, 0, 2]), 3, D), C[[2, 0, 2]], rtol=1e-12)
    each = s.each(A, K)
    assert len(each) == K
    full = structure("VVV")
    assert s.like(A, s, K, D) is A
    assert_allclose(full.like(A, s, K, D), C, rtol=1e-12)
    assert_allclose(s.like(C, full, K, D), A, rtol=1e-12)
    packed = s.pack(U)
    assert packed.shape == {"triangular": (K, D, D), "whitened": (1, D, D), "diagonal": (K, 1, D),
                            "spherical": (K, 1, 1)}[s.density]
    assert_array_equal(packed.ravel(), U.ravel())


@pytest.mark.parametrize("code", ["EVE", "VVE"])
def test_a_search_for_axes_is_compiled_where_that_is_faster(code):
    assert structure(code).closed_form(np.ones(32), 1e-16) is not None
    assert structure(code).closed_form(np.ones(33), 1e-16) is None


@pytest.mark.parametrize("code", ["EVE", "VVE", "EEV", "VEV", "EVV"])
def test_variances_that_rounding_hides_are_at_the_floor(code):
    s, eps = structure(code), 1e-3
    Q, v = np.broadcast_to(np.eye(D), (K, D, D)), np.repeat([[4.0, 3.0, 2.0, 1.0]], K, axis=0) * [[1.0], [2.0], [3.0]]
    A = base.composed(v, Q)
    assert not s.touching(A, s.factors(A), np.full(D, 1e-9), eps).any()
    turned = base.composed(np.array([[4.0, 3.0, 2.0, 1e-3]]), np.linalg.qr(np.ones((D, D)) - 2 * np.eye(D))[0][None])
    A[1:2] = turned
    assert_array_equal(s.touching(A, s.factors(A), np.full(D, 1e-9), eps), [False, True, False])


@every_structure
def test_matrices_that_are_not_symmetric(code):
    s, A, _, _ = fitted(code)
    assert s.symmetric(A)
    if s.square:
        A = A.copy()
        A[..., 0, 1] += 1e-3 * np.abs(A).max()
        assert not s.symmetric(A)
        rounded = np.eye(D) + 1e-12 * RNG.normal(size=A.shape)
        assert s.symmetric(rounded)
        assert s.symmetric(1e6 * rounded)


# --- what they are made of ---


def spd(k, d):
    A = RNG.normal(size=(k, d, d))
    return A @ A.swapaxes(1, 2) + np.eye(d)


def test_eigenvalues_and_what_is_composed_of_them():
    A = spd(5, D)
    values, vectors = base.eigh(A)
    assert_allclose(values, np.linalg.eigvalsh(A), rtol=1e-12)
    assert_allclose(base.composed(values, vectors), A, rtol=1e-10, atol=1e-12)
    assert_allclose(base.eigh(A[0])[0], values[0], rtol=1e-14)
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        base.eigh(A * np.nan)


@pytest.mark.parametrize("kind", ["matrices", "variances", "volumes"])
def test_which_exceed_a_floor_in_every_direction(kind):
    A = {"matrices": np.array([np.diag([2.0, 2.0]), np.diag([2.0, 0.5]), np.diag([0.5, 0.5])]),
         "variances": np.array([[2.0, 2.0], [2.0, 0.5], [0.5, 0.5]]), "volumes": np.array([2.0, 1.0, 0.5])}[kind]
    floor = np.ones((3, 1)) if kind == "volumes" else np.ones((3, 2))
    assert base.exceeds(A, floor).tolist() == [True, False, False]


def test_sample_covariances_about_the_new_means():
    rows, r = RNG.normal(size=(50, D)), RNG.random((50, 2))
    old, masses = RNG.normal(size=(2, D)), r.sum(axis=0)
    second = np.einsum("nk,nkd,nke->kde", r, rows[:, None] - old, rows[:, None] - old)
    means = r.T @ rows / masses[:, None]
    expected = [np.cov(rows.T, aweights=each, bias=True) for each in r.T]
    assert_allclose(base.sample_covariances(second.ravel(), masses, means - old), expected, rtol=1e-10, atol=1e-12)
    assert_allclose(base.combined(np.array(expected), np.array([2.0, 3.0])), 2 * expected[0] + 3 * expected[1])


def test_least_variances_along_axes_make_sure_of_the_floor():
    """In every direction, at no more than d times what would do along one axis; exactly along features."""
    Q, floor = np.linalg.qr(RNG.normal(size=(3, D, D)))[0], RNG.uniform(1, 9, (3, D))
    m = base.least_along(Q, floor)
    A = np.einsum("kij,kj,klj->kil", Q, m, Q)
    assert np.linalg.eigvalsh(A - floor[:, :, None] * np.eye(D)).min() > -1e-12
    assert (m <= D * np.einsum("kij,ki,kij->kj", Q, floor, Q) + 1e-12).all()
    assert_allclose(base.least_along(np.broadcast_to(np.eye(D), (3, D, D)), floor), floor, rtol=1e-14)


def test_what_rounding_leaves():
    assert base.part(4, 1e-3) == 8e-3
    assert_allclose(base.resolved(np.array([[1e-9, 1.0]]), np.array([np.diag([100.0, 100.0])]), 1e-3),
                    [[0.4 * np.sqrt(2), 1.0]])


def test_nothing_is_thinner_than_what_one_matrix_can_hold():
    """Beside the largest variance in it: what is less is raised to that, and told."""
    least = 4 * np.finfo(float).eps * D
    v = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 1e20], [1.0, 1.0, 1.0, least / 2]])
    found = base.along(np.eye(D), v, np.zeros(3, bool))
    assert_array_equal(found.held, [False, True, True])
    assert_allclose(np.diagonal(found.covariances, axis1=1, axis2=2), np.maximum(v, least * v.max(axis=1)[:, None]))
    assert_allclose(found.factors[2] @ found.factors[2].T, np.diag([1, 1, 1, 1 / least]), rtol=1e-12)
    assert_array_equal(base.along(np.eye(D), v, np.array([True, False, False])).held, True)


def test_a_search_for_axes_corrects_jacobis_angles_by_bfgs():
    """For small angles the direction is that of the formula, with the inverse of the second derivatives for a matrix.

    H = (1 - s y' / s'y) H0 (1 - y s' / s'y) + s s' / s'y, for a last step s along which the gradient changed by y.
    """
    gradient, curvature = 1e-7 * RNG.normal(size=6), RNG.uniform(1, 3, 6)
    step = 1e-7 * RNG.normal(size=6)
    change = 2 * step + 2e-8 * RNG.normal(size=6)
    assert_allclose(common_axes.direction(gradient, curvature, None), -gradient / curvature, rtol=1e-6)
    bend = step @ change
    assert bend > 0
    T = np.eye(6) - np.outer(step, change) / bend
    H = T @ np.diag(1 / curvature) @ T.T + np.outer(step, step) / bend
    assert_allclose(common_axes.direction(gradient, curvature, (step, change)), -H @ gradient, rtol=1e-6)
    # a gradient that falls along the step tells nothing of a minimum
    assert_allclose(common_axes.direction(gradient, curvature, (step, -change)), -gradient / curvature, rtol=1e-6)


def test_angles_and_slopes_of_pairs_of_axes():
    """The gradient is the derivative of the cost by the angle of each pair; a pair alone is turned to its best."""
    S, share = spd(3, 2), np.array([0.2, 0.3, 0.5])
    v = RNG.uniform(1, 2, (3, 2))
    pairs = np.triu_indices(2, 1)

    def cost(angle):
        Q = common_axes.turned(np.eye(2), np.array([2 * np.tan(angle / 2)]), pairs)
        return variances.cost(np.diagonal(Q.T @ S @ Q, axis1=1, axis2=2), share, v)

    at = common_axes.Axes(np.eye(2), S, v, None, None)
    gradient, curvature = common_axes.slope(at, share, pairs)
    assert_allclose(gradient, (cost(1e-5) - cost(-1e-5)) / 2e-5, rtol=1e-6)
    assert_allclose(curvature, (cost(1e-3) + cost(-1e-3) - 2 * cost(0)) / 1e-6, rtol=1e-4)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 2001)
    best = angles[np.argmin([cost(angle) for angle in angles])]
    assert common_axes.direction(gradient, curvature, None)[0] == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_proportional_variances_are_no_worse_than_where_they_begin(seed):
    """Of the ways to the floor the better one is taken."""
    rng = np.random.default_rng(seed)
    s, masses, least = rng.exponential(size=(3, 4)) ** 3, rng.uniform(1, 4, 3), np.full((1, 4), 0.5)
    best, held = variances.proportional(s, masses, least)
    assert held.any()
    assert (best >= least).all()
    again, _ = variances.proportional(s, masses, least, best)
    assert variances.cost(s, masses, again) <= variances.cost(s, masses, best) + 1e-12
