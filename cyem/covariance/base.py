"""What every covariance structure offers, and the algebra they share.

Arrays have the shapes that scikit-learn gives them. A factor is U, upper triangular or its diagonal, with
Sigma^-1 = U U'; k components, d features.
"""

from abc import ABC, abstractmethod

import numpy as np

from ..kernels import linalg


class Structure(ABC):
    """How the covariances of the components are tied to each other: formulas, no samples.

    name, code: what users call it, and the code of Banfield & Raftery (1993). density, moments: the kernels that
    measure distances and sum second moments. one_unit: whether all features must be measured in one unit.
    """

    name: str
    code: str
    density: str
    moments: str
    requirement: str  # of matrices that a user gives
    one_unit = False

    @abstractmethod
    def symmetric(self, A):
        """Whether matrices are symmetric, up to rounding."""

    def __repr__(self):
        return f"<covariance structure {self.name} ({self.code})>"

    @abstractmethod
    def shape(self, k, d):
        """Shape of the covariances, and of factors and precisions."""

    @abstractmethod
    def n_parameters(self, k, d):
        """Number of free parameters in the covariances."""

    @abstractmethod
    def estimate(self, second, masses, shift, floor, eps):
        """The most likely covariances that are at least diag(floor) in every direction.

        second: second moments about the old means; masses (k,) > 0; shift (k, d): new less old means; floor (d,);
        eps: rounding of the moments.
        Returns the covariances, and which components (k,) were held at the floor.
        """

    def common(self, covariances, k):
        """k components with the covariance of a single one."""
        return np.repeat(covariances, k, axis=0)

    def exchange(self, covariances, others, where):
        """Covariances, those of the components `where` (k,) taken from `others`."""
        return np.where(where.reshape(-1, *[1] * (covariances.ndim - 1)), others, covariances)

    @abstractmethod
    def factors(self, covariances):
        """Factors of covariances; None unless all are positive definite."""

    @abstractmethod
    def precision_factors(self, precisions):
        """Factors of inverse covariances; None unless all are positive definite."""

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
    def fold(self, vector, k, d):
        """The factors whose vector this is."""

    @abstractmethod
    def log_det(self, U, k, d):
        """log det Sigma^(-1/2) of each component (k,)."""

    @abstractmethod
    def pack(self, U):
        """Factors as the density kernel reads them: (k or 1, d or 1, d or 1)."""

    @abstractmethod
    def full(self, covariances, k, d):
        """The same covariances as k square matrices."""

    @abstractmethod
    def scaled(self, covariances, units):
        """Covariances when the unit of feature i shrinks by the factor units[i]; of factors it is the inverse."""

    @abstractmethod
    def scaled_factors(self, U, units):
        """Factors when the unit of feature i shrinks by the factor units[i]."""


class SquareMatrices(Structure):
    """What structures with whole matrices have in common; they may be stacked."""

    requirement = "symmetric, positive-definite"

    def symmetric(self, A):
        return np.allclose(A, A.swapaxes(-1, -2), rtol=1e-7, atol=1e-9 * np.abs(A).max())

    def precision_factors(self, precisions):
        try:  # the Cholesky factor of the matrix turned by 180 degrees, turned back
            return np.ascontiguousarray(np.linalg.cholesky(precisions[..., ::-1, ::-1])[..., ::-1, ::-1])
        except np.linalg.LinAlgError:
            return None

    def covariances(self, U):
        L = np.linalg.inv(U)  # Sigma = U'^-1 U^-1
        return symmetric(L.swapaxes(-1, -2) @ L)

    def precisions(self, U):
        return U @ U.swapaxes(-1, -2)

    def unfold(self, U):
        diagonal = np.diagonal(U, axis1=-2, axis2=-1)
        rest = (U / diagonal[..., None, :])[(..., *np.triu_indices(U.shape[-1], 1))]
        return np.concatenate([np.log(diagonal).ravel(), rest.ravel()])

    def fold(self, vector, k, d):
        shape = self.shape(k, d)
        U = np.zeros(shape)
        diagonal, rest = np.split(vector, [U.size // d])
        U[(..., *np.triu_indices(d, 1))] = rest.reshape(*shape[:-2], -1)
        U[(..., *np.diag_indices(d))] = 1
        return U * np.exp(diagonal).reshape(*shape[:-2], 1, d)

    def scaled(self, covariances, units):
        return covariances * units * units[:, None]

    def scaled_factors(self, U, units):
        return U / units[:, None]


class Variances(Structure):
    """What structures without correlations have in common: a factor is the inverse of a standard deviation."""

    requirement = "positive"

    def symmetric(self, A):
        return True

    def precision_factors(self, precisions):
        return np.sqrt(precisions) if (precisions > 0).all() else None

    def factors(self, covariances):
        return 1 / np.sqrt(covariances) if (covariances > 0).all() else None

    def covariances(self, U):
        return (1 / U) ** 2

    def precisions(self, U):
        return U**2

    def unfold(self, U):
        return np.log(U).ravel()

    def fold(self, vector, k, d):
        return np.exp(vector).reshape(self.shape(k, d))


def symmetric(A):
    """(A + A') / 2 of matrices that may be stacked."""
    return (A + A.swapaxes(-1, -2)) / 2


def precision_factors(A):
    """Upper triangular U with A^-1 = U U' of a stack (k, d, d); None unless all are positive definite."""
    A = np.ascontiguousarray(A)
    U = np.empty_like(A)
    definite = np.empty(len(A), np.int32)
    linalg.precision_factors(A, U, np.empty(A.shape[1:]), definite)
    return U if definite.all() else None


def raise_to_floor(A, floor, eps):
    """The most likely covariances at least diag(floor), given sample covariances A (k, d, d); which had to be raised.

    In units in which the floor is the identity, the maximum of -log det S - tr(S^-1 A) over S >= I has the eigenvectors
    of A, and its eigenvalues where they exceed one. Directions that rounding of relative size eps made up count as
    below the floor: correlations of more than 1 - 4 d eps cannot be told from 1.
    """
    A = np.ascontiguousarray(A)
    floor = np.maximum(floor, 4 * eps * A.shape[1] * np.diagonal(A, axis1=1, axis2=2))
    above = np.empty(len(A), np.int32)
    linalg.exceeds(A, floor, np.empty(A.shape[1:]), above)
    held = above == 0
    if held.any():
        A = A.copy()
        root = np.sqrt(floor[held])
        units = root[:, :, None] * root[:, None, :]
        values, vectors = np.linalg.eigh(A[held] / units)
        A[held] = symmetric((vectors * np.maximum(values, 1)[:, None, :]) @ vectors.swapaxes(1, 2)) * units
    return A, held
