"""What every covariance structure offers, and the algebra they share.

Arrays have the shapes that scikit-learn gives them. A factor is U, upper triangular or its diagonal, with
Sigma^-1 = U U'; k components, d features.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from ...kernels import linalg
from .variances import VARIANCES

AT = 1 + 1e-6  # times the floor is still at it
LETTERS = "IEV"  # identity, equal, variable: each is a case of the next


class Estimate(NamedTuple):
    """What an M-step finds of covariances."""

    covariances: np.ndarray
    held: np.ndarray  # (k,): the components that would be thinner than the floor
    factors: np.ndarray | None = None  # of the covariances, where the rounding of these may be as large as the floor


class Structure(ABC):
    """How the covariances of the components are tied to each other: formulas, no samples.

    code, name: the letters for volume, shape and orientation (Banfield & Raftery 1993), and what users call it.
    density, moments: the kernels that measure distances and sum second moments. square: whether covariances are
    matrices. one_unit: whether all features must be
    measured in one unit, because other units for some of them would lead out of the structure. round: whether no
    component is longer than wide.
    """

    density: str
    moments: str
    requirement: str  # of matrices that a user gives
    square = False
    one_unit = False
    curved = False  # whether there are matrices between two of the structure (of coordinates) that are not
    round = False
    cautious = False  # whether EM starts from other covariances than an M-step gives: `start`

    def __init__(self, code, name=None):
        self.code = code
        self.name = name or code
        self.variances = VARIANCES[code[:2]]

    @abstractmethod
    def symmetric(self, A):
        """Whether matrices are symmetric, up to rounding."""

    def __repr__(self):
        return f"<covariance structure {self.name} ({self.code})>"

    def includes(self, other):
        """Whether every mixture of the other structure is also one of this: letter by letter."""
        return all(LETTERS.index(mine) >= LETTERS.index(its) for mine, its in zip(self.code, other.code, strict=True))

    @abstractmethod
    def shape(self, k, d):
        """Shape of the covariances, and of factors and precisions."""

    def n_parameters(self, k, d):
        """Number of free parameters in the covariances."""
        volume, shape, orientation = ({"I": 0, "E": 1, "V": k}[letter] for letter in self.code)
        return volume + shape * (d - 1) + orientation * (d * (d - 1) // 2)

    def least_samples(self, k, d):
        """How many different samples k components need; with fewer, a volume can vanish and no likelihood is bounded.

        A component with a shape of its own needs what spans a volume, one with a volume of its own two samples; what
        all share takes as many as it has dimensions beyond one for each mean; or those of one component, where a shape
        that all share lies along axes of their own.
        """
        own = self.own_samples(d)
        if self.code[1:] == "EV":
            return (k - 1) * own + d + 1
        return max(k * own, k + (d if self.code[2] != "I" else 1))

    def own_samples(self, d):
        """How many different samples one component needs for what it does not share with others."""
        volume, shape, orientation = self.code
        return d + 1 if shape == "V" and orientation != "I" else 2 if "V" in (volume, shape) else 1

    def estimate(self, second, masses, shift, floor, eps, current=None):
        """The most likely covariances that are at least diag(floor) in every direction.

        second: second moments about the old means; masses (k,) > 0; shift (k, d): new less old means; floor (d,) > 0;
        eps: rounding of the moments; current: what has the covariances and factors so far, at which a search begins, or
        None. Returns an Estimate, no less likely than the current covariances.
        """
        S, now = self.sample(second, masses, shift), None if current is None else current.covariances
        return self.no_worse(self.maximum(S, masses, floor, eps, now), S, masses, floor, current)

    @abstractmethod
    def sample(self, second, masses, shift):
        """The sample covariances, as far as the structure looks at them."""

    @abstractmethod
    def maximum(self, S, masses, floor, eps, current):
        """The Estimate for sample covariances S; current: covariances so far, or None; the rest as in `estimate`."""

    def no_worse(self, found, S, masses, floor, current):
        """What was found, or the current covariances if they are more likely and the floor allows them.

        At the floor they may be: it moves with the axes, and with variances of which it is the rounding.
        """
        if current is None or not found.held.any():
            return found
        now, new = current.factors, self.factors(found.covariances) if found.factors is None else found.factors
        worse = self.cost(now, S, masses, len(floor)) < self.cost(new, S, masses, len(floor))
        if worse and not self.below(current.covariances, now, floor / AT).any():
            return Estimate(current.covariances, found.held, now)
        return found

    def cost(self, U, S, masses, d):
        """-2 times the expected log-likelihood of factors U, but for a constant."""
        return masses @ (self.distances(S, U, d) - 2 * self.log_det(U, len(masses), d))

    @abstractmethod
    def distances(self, S, U, d):
        """Mean squared Mahalanobis distances of each component (k,), or of all, for sample covariances S."""

    def start(self, second, masses, shift, floor, eps):
        """Covariances that EM may start from, where the moments come from a guess; otherwise as `estimate`."""
        return self.estimate(second, masses, shift, floor, eps)

    def closed_form(self, floor, eps):
        """How the compiled M-step does what `estimate` does, where no component is at the floor; None if it does not.

        floor, eps: as `estimate` takes them.
        """
        return None

    def touching(self, covariances, factors, floor, eps):
        """Which covariances are at the floor in some direction, wherever they come from: (k,), or (1,) of all.

        floor, eps: as `estimate` takes them.
        """
        # what rounding leaves of a matrix is seen no better than to that rounding
        return self.below(covariances, factors, AT * floor, 2 * part(len(floor), eps))

    @abstractmethod
    def below(self, covariances, factors, floor, part=0.0):
        """Which of them do not exceed diag(floor), and that part of their own diagonal, in every direction."""

    @abstractmethod
    def inflation(self, covariances, U):
        """How many times larger than without correlations rounding errors of a squared distance get, in the mean."""

    def common(self, covariances, k):
        """k components with the covariance of a single one."""
        return np.repeat(covariances, k, axis=0)

    def exchange(self, covariances, others, where):
        """Covariances, of which the components `where` (k,) are as `others` as the structure lets them be."""
        if self.code[0] == "E":
            return covariances
        if "E" in self.code:  # the volumes only; smaller ones could be below the floor
            others = (covariances.T * np.maximum(largest(others) / largest(covariances), 1)).T
        return np.where(where, others.T, covariances.T).T

    @abstractmethod
    def factors(self, covariances):
        """Factors of covariances; None unless all are positive definite."""

    @abstractmethod
    def precision_factors(self, precisions):
        """Factors of inverse covariances; None unless all are positive definite."""

    @abstractmethod
    def triangular(self, U):
        """Factors of the same precisions, upper triangular with positive diagonals; None where there are none."""

    @abstractmethod
    def covariances(self, U):
        """Covariances from factors."""

    @abstractmethod
    def precisions(self, U):
        """Inverse covariances from factors."""

    @abstractmethod
    def unfold(self, U):
        """Factors as a vector of free numbers: logarithms of the diagonals, and the rest relative to these."""

    @abstractmethod
    def fold(self, vector, k, d, current=None):
        """The factors whose vector this is; a search for them begins at the current covariances."""

    @abstractmethod
    def log_det(self, U, k, d):
        """log det Sigma^(-1/2) of each component (k,)."""

    @abstractmethod
    def pack(self, U):
        """Factors as the density kernel reads them: (k or 1, d or 1, d or 1)."""

    def each(self, covariances, k):
        """The covariances of the components one by one: (k, d, d), or without correlations (k, d), or round (k,)."""
        return covariances

    def taken(self, covariances, components):
        """The covariances, or factors, of some components, also of one several times."""
        return covariances[components]

    @abstractmethod
    def diagonals(self, covariances, k, d):
        """The diagonals of the covariances, or of factors (k, d)."""

    @abstractmethod
    def full(self, covariances, k, d):
        """The same covariances as k square matrices."""

    @abstractmethod
    def coloured(self, z, U, j):
        """Standard normal samples z (n, d) as deviations from the mean of component j."""

    @abstractmethod
    def condensed(self, matrices):
        """k square matrices of this structure in the shape of its covariances: undoes `full`."""

    def like(self, matrices, other, k, d):
        """Covariances, or factors, of another structure for the same model in the shape of this one."""
        return matrices if other is self else self.condensed(other.full(matrices, k, d))

    @abstractmethod
    def scaled(self, covariances, units):
        """Covariances when the unit of feature i shrinks by the factor units[i]; of factors it is the inverse."""

    @abstractmethod
    def scaled_factors(self, U, units):
        """Factors when the unit of feature i shrinks by the factor units[i]."""


class SquareMatrices(Structure):
    """What structures with whole matrices have in common; they may be stacked."""

    requirement = "symmetric, positive-definite"
    square = True

    def diagonals(self, covariances, k, d):
        return np.broadcast_to(np.diagonal(covariances, axis1=-2, axis2=-1), (k, d))

    def coloured(self, z, U, j):
        return np.linalg.solve(self.taken(U, j).T, z.T).T

    def symmetric(self, A):
        return np.allclose(A, A.swapaxes(-1, -2), rtol=1e-7, atol=1e-9 * np.abs(A).max())

    def precision_factors(self, precisions):
        try:  # the Cholesky factor of the matrix turned by 180 degrees, turned back
            return np.ascontiguousarray(np.linalg.cholesky(precisions[..., ::-1, ::-1])[..., ::-1, ::-1])
        except np.linalg.LinAlgError:
            return None

    def triangular(self, U):
        *_, d = U.shape
        if linalg.upper_triangular(U.reshape(-1, d, d)):
            return U
        # with (J U)' = Q R, where J turns upside down, J R' J is upper triangular and has the same precisions
        R = np.linalg.qr(U[..., ::-1, :].swapaxes(-1, -2), mode="r")
        U = R.swapaxes(-1, -2)[..., ::-1, ::-1]
        U = np.ascontiguousarray(U * np.sign(np.diagonal(U, axis1=-2, axis2=-1))[..., None, :])
        return U if linalg.upper_triangular(U.reshape(-1, d, d)) else None

    def covariances(self, U):
        L = np.linalg.inv(U)  # Sigma = U'^-1 U^-1
        A = L.swapaxes(-1, -2) @ L
        return (A + A.swapaxes(-1, -2)) / 2

    def precisions(self, U):
        return U @ U.swapaxes(-1, -2)

    def unfold(self, U):
        diagonal = np.diagonal(U, axis1=-2, axis2=-1)
        rest = (U / diagonal[..., None, :])[(..., *np.triu_indices(U.shape[-1], 1))]
        return np.concatenate([np.log(diagonal).ravel(), rest.ravel()])

    def fold(self, vector, k, d, current=None):
        shape = self.shape(k, d)
        U = np.zeros(shape)
        diagonal, rest = np.split(vector, [U.size // d])
        U[(..., *np.triu_indices(d, 1))] = rest.reshape(*shape[:-2], -1)
        U[(..., *np.diag_indices(d))] = 1
        return U * np.exp(diagonal).reshape(*shape[:-2], 1, d)

    def below(self, covariances, factors, floor, part=0.0):
        d = len(floor)
        A, U = np.ascontiguousarray(covariances).reshape(-1, d, d), np.ascontiguousarray(factors).reshape(-1, d, d)
        found = np.empty(len(A), np.intc)
        linalg.below(A, U, floor, np.empty((d, d)), found, part=part)
        return found != 0

    def inflation(self, covariances, U):
        variances = np.diagonal(covariances, axis1=-2, axis2=-1)
        return ((U * U).sum(axis=-1) * variances).mean(axis=-1).max()

    def scaled(self, covariances, units):
        return covariances * units * units[:, None]

    def scaled_factors(self, U, units):
        return U / units[:, None]


class Matrices(SquareMatrices):
    """What structures with a matrix for each component have in common."""

    density, moments = "triangular", "scatter"

    def shape(self, k, d):
        return (k, d, d)

    def sample(self, second, masses, shift):
        return sample_covariances(second, masses, shift)

    def distances(self, S, U, d):
        return ((S @ U) * U).sum(axis=(1, 2))

    def factors(self, covariances):
        return precision_factors(covariances)

    def log_det(self, U, k, d):
        return np.log(np.diagonal(U, axis1=1, axis2=2)).sum(axis=1)

    def pack(self, U):
        return U

    def full(self, covariances, k, d):
        return covariances

    def condensed(self, matrices):
        return matrices


class Oriented(Matrices):
    """What structures with axes apart from the variances along them have in common: Sigma_k = Q_k diag(v_k) Q_k'."""

    @abstractmethod
    def axes(self, S, masses, floor, current):
        """Axes (d, d) or (k, d, d), variances along them (k, d) and who is at the floor, from sample covariances S."""

    @abstractmethod
    def axes_of(self, covariances):
        """The axes (d, d) or (k, d, d) of covariances of the structure."""

    def maximum(self, S, masses, floor, eps, current):
        return along(*self.axes(S, masses, resolved(floor, S, eps), current))

    def touching(self, covariances, factors, floor, eps):
        d = len(floor)
        found = super().touching(covariances, factors, d * floor, d * eps)
        if found.any():  # nowhere are variances along the axes held that are larger than that
            Q = self.axes_of(covariances)
            v = np.diagonal(Q.swapaxes(-1, -2) @ covariances @ Q, axis1=1, axis2=2)
            least, hidden = (least_along(Q, resolved(*each, eps))
                             for each in ((floor, covariances), (0, 2 * covariances)))
            held = (abs(v - least) <= (AT - 1) * least) | (v <= hidden)
            found = held.any(axis=1) | super().touching(covariances, factors, floor, eps)
        return found

    def fold(self, vector, k, d, current=None):
        """The structure is curved, and a vector may lead out of it: to what is nearest in it."""
        U = super().fold(vector, k, d)
        S = self.covariances(U)
        if not np.isfinite(S).all():
            return U
        return self.factors(self.maximum(S, np.ones(k), np.full(d, np.finfo(float).tiny), 0.0, current).covariances)


def along(Q, v, held):
    """Covariances with variances v (k, d) along axes Q, none so small that rounding hides it."""
    least = 4 * np.finfo(float).eps * v.shape[1] * v.max(axis=1, keepdims=True)  # beside the largest in one matrix
    held = held | (v < least).any(axis=1)
    return spectral(np.maximum(v, least), np.broadcast_to(Q, (*v.shape, v.shape[1])), held)


def spectral(values, vectors, held, root=None):
    """An Estimate from eigenvalues (k, d) and eigenvectors (k, d, d), as columns, in units root (k, d)."""
    root = np.ones(values.shape) if root is None else root
    rows = np.ascontiguousarray(vectors.swapaxes(1, 2) * root[:, None, :])
    A, U, done = np.empty(rows.shape), rows.copy(), np.empty(len(rows), np.intc)
    linalg.compose(values, rows, A)
    if not held.any():
        return Estimate(A, held)
    linalg.factors_of(values, root, U, done)
    if not done.all():
        raise np.linalg.LinAlgError("factors of a matrix that is not finite")
    return Estimate(A, held, U)


class Variances(Structure):
    """What structures without correlations have in common: a factor is the inverse of a standard deviation."""

    requirement = "positive"

    def coloured(self, z, U, j):
        return z / U[j]

    def symmetric(self, A):
        return True

    def precision_factors(self, precisions):
        return np.sqrt(precisions) if (precisions > 0).all() else None

    def factors(self, covariances):
        return 1 / np.sqrt(covariances) if (covariances > 0).all() else None

    def triangular(self, U):
        return U if U.min() > 0 else np.abs(U) if U.all() else None

    def below(self, covariances, factors, floor, part=0.0):
        return (covariances <= floor).any(axis=1)

    def inflation(self, covariances, U):
        return 1.0

    def covariances(self, U):
        return (1 / U) ** 2

    def precisions(self, U):
        return U**2

    def unfold(self, U):
        return np.log(U).ravel()

    def fold(self, vector, k, d, current=None):
        return np.exp(vector).reshape(self.shape(k, d))


def largest(covariances):
    """The largest variance of each component (k,)."""
    return abs(covariances).reshape(len(covariances), -1).max(axis=1)


def precision_factors(A):
    """Upper triangular U with A^-1 = U U' of a stack (k, d, d); None unless all are positive definite."""
    A = np.ascontiguousarray(A)
    U = np.empty_like(A)
    definite = np.empty(len(A), np.int32)
    linalg.precision_factors(A, U, np.empty(A.shape[1:]), definite)
    return U if definite.all() else None


def eigh(A):
    """Eigenvalues (d,), ascending, and eigenvectors (d, d), as columns, of a symmetric matrix; or of a stack of them.

    As from numpy.linalg, whose threads would go on spinning for a while.
    """
    *_, d = A.shape
    stack = np.ascontiguousarray(A, np.float64).reshape(-1, d, d)
    values, rows, done = np.empty(stack.shape[:2]), np.empty(stack.shape), np.empty(len(stack), np.int32)
    linalg.eigh(stack, values, rows, np.empty((d + 1, d)), done)
    if not done.all():
        raise np.linalg.LinAlgError("eigenvalues of a matrix that is not finite")
    return values.reshape(A.shape[:-1]), rows.swapaxes(1, 2).reshape(A.shape)


def composed(values, vectors):
    """The symmetric matrices (k, d, d) of given eigenvalues (k, d) and eigenvectors (k, d, d), as columns."""
    A = np.empty(vectors.shape)
    linalg.compose(values, np.ascontiguousarray(vectors.swapaxes(1, 2)), A)
    return A


def exceeds(A, floor):
    """Which of k covariances A, (k, d, d), (k, d) or (k,), exceed diag(floor) in every direction; floor (k, d)."""
    if A.ndim < 3:
        return (A.T > floor.T).all(axis=0)
    above = np.empty(len(A), np.int32)
    linalg.exceeds(np.ascontiguousarray(A), floor, np.empty(A.shape[1:]), above)
    return above != 0


def sample_covariances(second, masses, shift):
    """Sigma_k = 1/n_k sum r (x - old)(x - old)' - (new - old)(new - old)', (k, d, d)."""
    k, d = shift.shape
    return second.reshape(k, d, d) / masses[:, None, None] - shift[:, :, None] * shift[:, None, :]


def combined(A, weights):
    """The weighted sum of a stack of matrices A (k, d, d)."""
    return (weights @ A.reshape(len(A), -1)).reshape(A.shape[1:])


def part(d, eps):
    """What rounding of relative size eps leaves of d variances: correlations of 1 less it cannot be told from 1.

    Errors of sums are independent, and the norm of a matrix of these grows with the root of d; without the factor 4 it
    would be near those that occur.
    """
    return 4 * eps * math.sqrt(d)


def resolved(floor, A, eps):
    """The floor (k, d), raised to what rounding of relative size eps leaves of sample covariances A (k, d, d)."""
    return np.maximum(floor, part(A.shape[1], eps) * np.diagonal(A, axis1=1, axis2=2))


def least_along(Q, floor):
    """Variances (k, d) along axes Q which make sure of at least diag(floor) (k, d) in every direction.

    With M the floor as seen from the axes, diag(m) - M is positive semidefinite where m_j = sum_i |M_ji| r_j / r_i, for
    any r > 0 (Gershgorin); r_j^2 = M_jj makes m exact for axes along features, and at most d times M_jj for others.
    """
    M = (Q.swapaxes(-1, -2) * floor[:, None, :]) @ Q
    r = np.sqrt(np.diagonal(M, axis1=1, axis2=2))
    return r * (abs(M) / r[:, None, :]).sum(axis=2)


def raise_to_floor(A, floor, eps):
    """The most likely covariances at least diag(floor), given sample covariances A (k, d, d), as an Estimate.

    In units in which the floor is the identity, the maximum of -log det S - tr(S^-1 A) over S >= I has the eigenvectors
    of A, and its eigenvalues where they exceed one.
    """
    floor = resolved(floor, A, eps)
    held = ~exceeds(A, floor)
    if not held.any():
        return Estimate(A, held)
    root = np.sqrt(floor[held])
    values, vectors = eigh(A[held] / (root[:, :, None] * root[:, None, :]))
    raised = spectral(np.maximum(values, 1), vectors, np.ones(len(root), bool), root)
    A, U = A.copy(), np.empty(A.shape)
    U[~held] = precision_factors(A[~held])
    A[held], U[held] = raised.covariances, raised.factors
    return Estimate(A, held, U)
