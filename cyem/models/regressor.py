"""MixtureRegressor: what is expected of targets, given features, by a mixture of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from ..rows import data, door
from .around import AroundMixture
from .conditional import Conditional
from .estimator import observed
from .gaussian import GaussianMixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, Self

    from numpy.typing import ArrayLike

    from ..rows.types import Floats, RandomState


class MixtureRegressor(AroundMixture):
    """Gaussian mixture regression: a mixture of features and targets together, conditioned on the features.

    The regression of each component is linear, and which of them counts where is a matter of the features; so their
    mixture is a smooth curve, whose scatter may depend on the features, be skewed, or have several modes.

    Parameters
    ----------
    n_components : int, default=1
        Number of components k; one is linear regression.
    covariance_type : str, default='full'
        Of features and targets together, as in `GaussianMixture`. In structures without correlations the mean of a
        component does not depend on the features.
    tol, reg_covar, max_iter, n_init, init_params, acceleration, search, n_moves, random_state, n_threads
        As in `GaussianMixture`.

    Attributes
    ----------
    mixture_ : GaussianMixture
        Of features and targets, in this order.
    n_outputs_ : int
        Number of targets.
    one_target_ : bool
        Whether y had one dimension, as predictions then have.
    n_iter_ : int
        Iterations of the fit.
    fit_report_ : tuple of str
        Events that are out of the ordinary, one line each.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,)
        Only if X had names.

    See Also
    --------
    GaussianMixture.predict_conditional : The same for any features, given any others.
    MixtureClassifier : Targets that are classes.

    Notes
    -----
    With weights w_k(x) of the components given the features, proportional to w_k N(x; a_k, A_k), the mean is sum_k
    w_k(x) (b_k + B_k A_k^-1 (x - a_k)), where a_k and b_k are the means of features and targets, A_k the covariance of
    the features and B_k that between targets and features (Ghahramani & Jordan 1994, Advances in Neural Information
    Processing Systems 6, section 4). The fit is that of the density of both, not of the smallest error.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import MixtureRegressor
    >>> x = np.linspace(-3, 3, 200)
    >>> model = MixtureRegressor(2, random_state=0).fit(x[:, None], abs(x) + 0.1 * np.cos(50 * x))
    >>> model.predict([[-2.0], [2.0]]).round(1).tolist()
    [2.0, 2.0]
    """

    n_outputs_: int
    one_target_: bool
    _saved = True
    _outcome = *AroundMixture._outcome, "n_outputs_", "one_target_"

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-6,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        n_init: int = 1,
        init_params: ArrayLike | Callable[..., ArrayLike] = "short_em",
        acceleration: Literal["squarem"] | None = "squarem",
        search: Literal["swap"] | None = None,
        n_moves: int = 50,
        random_state: RandomState = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.acceleration = acceleration
        self.search = search
        self.n_moves = n_moves
        self.random_state = random_state
        self.n_threads = n_threads

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags, TargetTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        tags.target_tags = TargetTags(required=True, multi_output=True, single_output=True)
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture of features and targets.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        y : array-like of shape (n,) or (n, m)
        sample_weight : array-like of shape (n,) or number, default=None
            How often each sample counts.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad input, which leaves the estimator as it was.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureRegressor
        >>> X = np.arange(100.0)[:, None]
        >>> y = X[:, 0] + np.tile([-1.0, 1.0], 50)
        >>> model = MixtureRegressor().fit(X, y)
        >>> model.mixture_.means_.round(2).tolist()
        [[49.5, 49.5]]
        """
        X = door.scanned(X)
        names = data.feature_names(X)
        X, _ = data.observed(X)
        y, single = targets(y, len(X))
        both = np.column_stack([X, y]).astype(np.float64)
        mixture = GaussianMixture(**self.get_params()).fit(both, sample_weight=sample_weight)
        self._remember(X.shape[1], names)
        self.mixture_, self.n_outputs_, self.one_target_ = mixture, y.shape[1], single
        self.n_iter_, self.fit_report_ = mixture.n_iter_, mixture.fit_report_
        return self

    def conditional(self, X: ArrayLike) -> Conditional:
        """What the mixture says of the targets, row by row.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing: what is said is then by those that are there.

        Returns
        -------
        Conditional
            As `GaussianMixture.predict_conditional` gives it.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureRegressor
        >>> X = np.arange(100.0)[:, None]
        >>> y = X[:, 0] + np.tile([-1.0, 1.0], 50)
        >>> model = MixtureRegressor().fit(X, y)
        >>> rows = model.conditional([[50.0], [60.0]])
        >>> rows.mean().round(1).tolist(), rows.std().round(1).tolist()
        ([[50.0], [60.0]], [[1.0], [1.0]])
        """
        X, _ = observed(self, X)
        d = X.shape[1]
        return Conditional(self.mixture_, X, d, list(range(d, d + self.n_outputs_)))

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = False) -> Floats: ...
    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[Floats, Floats]: ...
    def predict(self, X, return_std=False):
        """Expected targets.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        return_std : bool, default=False
            Whether standard deviations of the targets are asked for too: those of single values, given the parameters.

        Returns
        -------
        mean : ndarray of shape (n,) or (n, m), as y was
        std : ndarray of the same shape
            Only if `return_std`.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureRegressor
        >>> X = np.arange(100.0)[:, None]
        >>> y = X[:, 0] + np.tile([-1.0, 1.0], 50)
        >>> model = MixtureRegressor().fit(X, y)
        >>> mean, std = model.predict([[50.0], [60.0]], return_std=True)
        >>> mean.round(1).tolist(), std.round(1).tolist()
        ([50.0, 60.0], [1.0, 1.0])
        """
        rows = self.conditional(X)
        if not return_std:
            return self._shaped(rows.mean())
        return tuple(self._shaped(each) for each in rows.mean_and_std())

    def predict_quantiles(self, X: ArrayLike, q: ArrayLike) -> Floats:
        """Values below which targets are with given probability.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        q : float or array-like of shape (count,)
            Probabilities in (0, 1).

        Returns
        -------
        ndarray of shape (n,) or (n, m), as y was; with several q an axis for these is last

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureRegressor
        >>> X = np.arange(100.0)[:, None]
        >>> model = MixtureRegressor().fit(X, X[:, 0] + np.tile([-1.0, 1.0], 50))
        >>> model.predict_quantiles([[50.0]], [0.1, 0.5, 0.9]).round(1).tolist()
        [[48.7, 50.0, 51.3]]
        """
        return self._shaped(self.conditional(X).quantile(q))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The coefficient of determination R^2 of the predictions: 1 less their squared error by that of the mean.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,) or (n, m)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
            The mean over targets. Of a constant target it is 1 where that is predicted, else 0.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureRegressor
        >>> X = np.arange(100.0)[:, None]
        >>> y = X[:, 0] + np.tile([-1.0, 1.0], 50)
        >>> model = MixtureRegressor().fit(X, y)
        >>> round(model.score(X, y), 3)
        0.999
        """
        found = self.predict(X)
        n = len(found)
        y, _ = targets(y, n)
        w = data.weights(sample_weight, n)
        found = found.reshape(n, -1)
        if y.shape != found.shape:
            raise ValueError(f"y has {y.shape[1]} targets, but {type(self).__name__} was fitted with {found.shape[1]}.")
        error = np.average((y - found) ** 2, axis=0, weights=w)
        total = np.average((y - np.average(y, axis=0, weights=w)) ** 2, axis=0, weights=w)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(total > 0, 1 - error / total, error == 0).mean())

    def _shaped(self, values):
        """Values of the targets (n, m, ...) in the shape of y."""
        return values[:, 0] if self.one_target_ else values

    def _n_targets(self):
        if self.n_outputs_ < 1 or (self.one_target_ and self.n_outputs_ > 1):
            raise ValueError(f"The attribute 'n_outputs_' is {self.n_outputs_}, where 'one_target_' is "
                             f"{self.one_target_}: set it back, or fit.")
        return self.n_outputs_


def targets(y, n):
    """Targets (n, m) as finite numbers, and whether they came in one dimension."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    array = np.asarray(y)
    single = array.ndim == 1
    if single:
        array = array[:, None]
    array = data.samples(array, name="y").astype(np.float64)
    if len(array) != n:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: X has {n}, y has {len(array)}.")
    return array, single
