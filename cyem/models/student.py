"""StudentMixture: mixtures of multivariate t distributions, whose tails are as heavy as the data say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..families import state
from ..families.covariance import structure
from ..families.student import Student, StudentParameters, n_free
from .mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, Self

    from numpy.typing import ArrayLike

    from ..rows.types import Floats, RandomState, Reals

STRUCTURES = ("full", "tied", "diag", "spherical")


class StudentMixture(Mixture):
    """Mixture of multivariate t distributions, fitted by expectation-maximization.

    Like `GaussianMixture`, but samples far from a component move it less: the fewer its degrees of freedom, the heavier
    its tails. Degrees of freedom are found with everything else.

    Parameters
    ----------
    n_components : int, default=1
        Number of components k.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'
        Scale matrices of the components: one each, one for all, axis-parallel, or round.
    degrees_of_freedom : {'own', 'shared'}, float or array-like of shape (k,), default='own'
        Found for each component, found for all together, or given: numbers > 0, infinity for normal tails.
    tol : float, default=1e-6
        As in `GaussianMixture`.
    reg_covar : float, default=1e-6
        The least variance that a scale matrix has in any direction, relative to the variance of each feature.
    max_iter : int, default=1000
    equal_weights : bool, default=False
        Whether every component has the weight 1 / k.
    n_init : int, default=1
        Runs from different starts, of which the best is kept.
    init_params : str, array-like or callable, default='short_em'
        As in `GaussianMixture`; starts are looked for with normal tails.
    weights_init, means_init : array-like, default=None
        First weights (k,) and means (k, d).
    precisions_init : array-like, default=None
        First inverse scale matrices, in the shape of `precisions_`.
    acceleration : {'squarem', None}, default='squarem'
    forget : float, default=None
    random_state : int, RandomState, Generator or None, default=None
    warm_start : bool, default=False
        Begin from the last fit.
    verbose, verbose_interval : int
    callback : callable, default=None
    n_threads : int or None, default=None
        All as in `GaussianMixture`.

    Attributes
    ----------
    weights_ : ndarray of shape (k,)
    means_ : ndarray of shape (k, d)
        The centres; means only where there are any, with more than one degree of freedom.
    degrees_of_freedom_ : ndarray of shape (k,)
    scales_ : ndarray
        The scale matrices Sigma, in the shape that `covariances_` of a `GaussianMixture` has.
    covariances_ : ndarray
        nu / (nu - 2) Sigma, infinite for up to two degrees of freedom, where there is no covariance. In the shape of
        `scales_`, but (k, d, d) if 'tied'.
    precisions_, precisions_cholesky_ : ndarray
        Inverses of the scale matrices, and U, upper triangular or a diagonal, with precisions = U U'.
    converged_, n_iter_, lower_bound_, lower_bounds_, fit_report_, n_features_in_, feature_names_in_
        As in `GaussianMixture`.

    See Also
    --------
    GaussianMixture : Normal components.
    select : With ``family="student"``, which number of components.
    examine : Names rows that stand alone, and columns with heavy tails.

    Notes
    -----
    The E-step gives each sample n and component k a responsibility r_nk and a weight u_nk = (nu_k + d) / (nu_k + q_nk),
    q_nk the squared Mahalanobis distance; the M-step sets centres and scale matrices to the means and covariances under
    r_nk u_nk (Peel & McLachlan 2000, with the expanded parameters of Liu, Rubin & Wu 1998), degrees of freedom by their
    likelihood equation (Liu & Rubin 1995) or, where tails are light, by a step of Fisher's scoring that is kept if the
    likelihood does not fall. The likelihood may rise for ever towards normal tails, hardly, and the search ends at 1e7
    degrees of freedom; `fit_report_` says so. With ``noise`` a row is taken to be t distributed around
    the centre, with the scale matrix Sigma plus the covariance of its errors: these share its hidden weight, as the sum
    of a t variable and normal errors has no density in closed form.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_t(3, size=(500, 2))
    >>> X[:250] += 20
    >>> model = StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X)
    >>> sorted(round(float(mean)) for mean in model.means_[:, 0])
    [0, 20]
    >>> bool(1.5 < model.degrees_of_freedom_[0] < 6)
    True
    """

    degrees_of_freedom_: Floats
    scales_: Reals
    _saved = True  # a subclass may have what `load` knows nothing of
    _words = "Mixture of t distributions"
    _heavy = True
    _structures = STRUCTURES
    _matrices = "scales_"
    _spread = "scale"

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        degrees_of_freedom: ArrayLike = "own",
        tol: float = 1e-6,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        equal_weights: bool = False,
        n_init: int = 1,
        init_params: ArrayLike | Callable[..., ArrayLike] = "short_em",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        acceleration: Literal["squarem"] | None = "squarem",
        forget: float | None = None,
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        callback: Callable[[int, int, float], object] | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.degrees_of_freedom = degrees_of_freedom
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.equal_weights = equal_weights
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.acceleration = acceleration
        self.forget = forget
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.callback = callback
        self.n_threads = n_threads

    def _family(self):
        return Student, {"freedom": self._asked()}

    def _asked(self):
        """The degrees of freedom that are asked for: 'own', 'shared', or an array (k,)."""
        asked, k = self.degrees_of_freedom, self.n_components
        if isinstance(asked, str) and asked in ("own", "shared"):
            return asked
        try:
            array = np.asarray(asked)
        except ValueError:  # lists of different lengths
            array = np.asarray(None)
        if isinstance(asked, str | bool) or array.dtype.kind not in "iuf" or array.shape not in ((), (k,)) \
                or not (array > 1e-300).all():
            self._refuse("degrees_of_freedom", f"'own', 'shared', a number > 0 or {k} of them", asked)
        return float(array) if array.ndim == 0 else array.astype(float)

    def _check_parameters(self):
        shape = super()._check_parameters()
        if shape not in map(structure, STRUCTURES):
            self._refuse("covariance_type", f"one of {', '.join(map(repr, STRUCTURES))}", self.covariance_type)
        self._asked()
        return shape

    def _parameters(self, frame, *normal):
        return StudentParameters(*normal, state.tails(self))

    def _coloured(self, z, y, rng):
        nu = state.tails(self)[y]
        finite = np.isfinite(nu)
        u = np.ones(len(nu))
        u[finite] = rng.gamma(nu[finite] / 2) / (nu[finite] / 2)
        return z / np.sqrt(np.maximum(u, np.finfo(float).tiny))[:, None]

    def _n_free(self, k):
        return n_free(self._asked(), k)

    def _adopt(self, parameters, frame, dtype):
        self.degrees_of_freedom_ = np.array(parameters.freedom, float)
        return super()._adopt(parameters, frame, dtype)

    @property
    def covariances_(self) -> Reals:
        self._check_fitted()
        nu, scales = state.tails(self), np.asarray(self.scales_)
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = np.where(nu > 2, np.where(np.isinf(nu), 1.0, nu / (nu - 2)), np.inf)
        each = np.broadcast_to(scales, (len(nu), *scales.shape)) if scales.ndim == 2 and \
            structure(self.covariance_type).code == "EEE" else scales
        with np.errstate(invalid="ignore"):
            spread = factors.reshape(-1, *[1] * (each.ndim - 1)) * each
        return np.where(np.isnan(spread), np.inf, spread).astype(scales.dtype)  # nothing times no end

    @classmethod
    def from_parameters(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        scales: ArrayLike,
        degrees_of_freedom: ArrayLike,
        covariance_type: str = "full",
    ) -> Self:
        """A mixture that is known: ready to predict, score and sample.

        Parameters
        ----------
        weights : array-like of shape (k,)
            Non-negative, of sum 1.
        means : array-like of shape (k, d)
        scales : array-like
            In the shape of `scales_` for this structure.
        degrees_of_freedom : float or array-like of shape (k,)
        covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'

        Returns
        -------
        StudentMixture

        Raises
        ------
        ValueError
            For shapes that do not fit together, weights that are none, matrices that are not positive definite.

        Examples
        --------
        >>> model = StudentMixture.from_parameters([1.0], [[0.0]], [1.0], 1.0, "spherical")
        >>> model.score_samples([[0.0]]).round(6).tolist()  # Cauchy's density, 1 / pi
        [-1.14473]
        """
        model = cls._known(weights, means, scales, covariance_type=covariance_type,
                           degrees_of_freedom=degrees_of_freedom)
        model._check_parameters()
        asked, k = model._asked(), model.n_components
        if isinstance(asked, str):
            model._refuse("degrees_of_freedom", f"a number > 0 or {k} of them", asked)
        model.degrees_of_freedom_ = np.full(k, asked)
        return model

    def _similar(self, weights, means, matrices, tails, covariance_type):
        """A mixture of the same family."""
        return StudentMixture.from_parameters(weights, means, matrices, tails, covariance_type)
