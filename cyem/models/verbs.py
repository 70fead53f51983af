"""The two steps of EM as functions, for those who come to see how it works, or to write another EM."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, NamedTuple

from .. import threads
from ..em.problem import Problem
from ..families.covariance import structure
from ..families.gaussian import Gaussian
from ..rows import data
from .gaussian import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ..rows.types import Reals


class MixtureParameters(NamedTuple):
    """Parameters of a Gaussian mixture, in scikit-learn's shapes."""

    weights: Reals
    means: Reals
    covariances: Reals
    covariance_type: str = "full"


def e_step(
    X: ArrayLike,
    parameters: tuple[ArrayLike, ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike, str],
) -> tuple[Reals, float]:
    r"""The E-step: how much each component is responsible for each sample.

    .. math:: r_{nk} = \frac{w_k N(x_n | \mu_k, \Sigma_k)}{\sum_j w_j N(x_n | \mu_j, \Sigma_j)}, \qquad
              \ell = \sum_n \log \sum_k w_k N(x_n | \mu_k, \Sigma_k)

    Parameters
    ----------
    X : array-like of shape (n, d)
    parameters : MixtureParameters or tuple
        weights (k,), means (k, d), covariances in scikit-learn's shape, and the covariance type ('full' if left out).

    Returns
    -------
    responsibilities : ndarray of shape (n, k)
    log_likelihood : float
        The sum over samples.

    Raises
    ------
    TypeError, ValueError
        For bad X, and for parameters that are none.

    See Also
    --------
    m_step : The other half.
    GaussianMixture : Both, until nothing is left to gain.

    References
    ----------
    Dempster, Laird & Rubin (1977); Bishop, Pattern Recognition and Machine Learning (2006), equation 9.23.

    Examples
    --------
    >>> resp, log_likelihood = e_step([[-1.0], [1.0]], ([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical"))
    >>> resp.round(3)
    array([[0.881, 0.119],
           [0.119, 0.881]])
    """
    X = data.samples(X)
    if not isinstance(parameters, tuple | list) or len(parameters) not in (3, 4):
        raise TypeError("parameters must be weights, means, covariances and, unless these are 'full', their structure, "
                        f"as m_step returns them, got {parameters!r}.")
    model = GaussianMixture.from_parameters(*parameters)
    return model.predict_proba(X), float(model.score_samples(X).sum())


def m_step(
    X: ArrayLike, responsibilities: ArrayLike, covariance_type: str = "full", *, reg_covar: float = 0.0
) -> MixtureParameters:
    r"""The M-step: the parameters that are most likely, given the responsibilities.

    .. math:: n_k = \sum_n r_{nk}, \quad w_k = n_k / {\textstyle \sum_j n_j}, \quad
              \mu_k = \frac{1}{n_k} \sum_n r_{nk} x_n, \quad
              \Sigma_k = \frac{1}{n_k} \sum_n r_{nk} (x_n - \mu_k)(x_n - \mu_k)^T

    for 'full' covariances; for 'tied' their average weighted by n_k, for 'diag' the diagonals, for 'spherical' the
    means of these.

    Parameters
    ----------
    X : array-like of shape (n, d)
    responsibilities : array-like of shape (n, k)
        Non-negative; rows need not sum to 1, so that sample weights may be multiplied in.
    covariance_type : str, default='full'
    reg_covar : float, default=0.0
        As in `GaussianMixture`.

    Returns
    -------
    MixtureParameters

    Raises
    ------
    TypeError, ValueError
        For bad X, a shape that does not fit it, negative or not finite responsibilities, or a column of zeros.

    See Also
    --------
    e_step : The other half.
    GaussianMixture : Both, until nothing is left to gain.

    References
    ----------
    Dempster, Laird & Rubin (1977); Bishop (2006), equations 9.24 to 9.26; Celeux & Govaert (1995) for the structures.

    Examples
    --------
    >>> m_step([[0.0], [2.0], [9.0]], [[1, 0], [1, 0], [0, 1]], "tied").means
    array([[1.],
           [9.]])
    """
    X = data.samples(X)
    resp = data.samples(responsibilities, name="responsibilities")
    if len(resp) != len(X):
        raise ValueError(f"responsibilities has {len(resp)} rows, X has {len(X)}: give one row for each sample.")
    if (resp < 0).any():
        raise ValueError(f"responsibilities must not be negative, got {resp.min()}.")
    if not resp.any(axis=0).all():
        empty = int(resp.any(axis=0).argmin())
        raise ValueError(f"Component {empty} of responsibilities has none at all: leave out its column.")
    shape = structure(covariance_type)
    if not isinstance(reg_covar, numbers.Real) or not 0 <= reg_covar < math.inf:
        raise ValueError(f"reg_covar must be a number >= 0, got {reg_covar!r}.")
    mixture = Problem.of(Gaussian, X, None, shape, reg_covar, threads.resolve(None))
    parameters = mixture.update(mixture.given(resp)).parameters
    frame = mixture.frame
    covariances = shape.like(parameters.covariances, mixture.structure, *parameters.means.shape)
    return MixtureParameters(
        parameters.weights,
        frame.leave(parameters.means),
        shape.scaled(covariances, frame.units),
        covariance_type,
    )
