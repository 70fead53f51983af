"""GaussianMixture: mixtures of normal distributions."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

import numpy as np

from ..em.problem import Problem
from ..families import state
from ..families.covariance import structure
from ..families.gaussian import Gaussian
from ..families.held import Held, Which, shared
from ..families.priors import Told
from .mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal, Self

    from numpy.typing import ArrayLike

    from ..rows.types import Floats, RandomState, Reals

INITIAL = "weights_init", "means_init", "precisions_init"  # what tells the values of what is held


class GaussianMixture(Mixture):
    """Gaussian mixture model, fitted by expectation-maximization.

    Parameters
    ----------
    n_components : int, default=1
        Number of components k.
    covariance_type : str, default='full'
        Covariances of the components. 'full', 'tied', 'diag' or 'spherical': one matrix each, one for all,
        axis-parallel, or round. Or one of 14 codes of three letters, which say of volume, shape and orientation whether
        these are equal for all components (E), variable (V), or those of the unit matrix (I): 'EII', 'VII', 'EEI',
        'VEI', 'EVI', 'VVI', 'EEE', 'VEE', 'EVE', 'VVE', 'EEV', 'VEV', 'EVV', 'VVV' (Banfield & Raftery 1993; Celeux &
        Govaert 1995). The four names mean 'VVV', 'EEE', 'VVI' and 'VII'. With one feature, only the letter for volume
        says anything: fits by all names that have it in common are the same.
    tol : float, default=1e-6
        Stop when the gain of the mean log-likelihood per sample that is still to come, projected from the last steps,
        is below this. scikit-learn compares the last gain, which on overlapping clusters is far from what is to come.
    reg_covar : float, default=1e-6
        The least variance that a component may have in any direction, relative to the variance of each feature.
        Covariances above it are untouched: an ordinary fit is the maximum-likelihood one, in any unit.
    max_iter : int, default=1000
        The most iterations of one run.
    equal_weights : bool, default=False
        Give every component the weight 1 / k: k - 1 parameters less, for groups that are known to be of one size.
    n_init : int, default=1
        Number of runs from different starts; the one is kept that the data support best (`init_params`).
    init_params : str, array-like or callable, default='short_em'
        'short_em', 'kmeans', 'k-means++', 'random' or 'random_from_data', labels, responsibilities, or a function.
        Where to start, by name: the best of four short runs of EM from k-means++ seeds, improved by a few of the moves
        of `search` unless three of them agree, on a part of many samples; a partition by k-means, or by seeds, of the
        standardised samples; random responsibilities; means at random samples. Else labels (n,) or responsibilities
        (n, k), or a function of (X, n_components, random_state: numpy.random.Generator) that returns one of these.
        Where samples are few for the parameters of covariances, a partition by k-means joins the short runs (fewer than
        ten for each), or all of them begin at such (fewer than two). The best is the one of greatest likelihood, unless
        that hangs on components with few samples or on the floor of variance: then the likelihood beside a weak prior
        is compared. A fit from there that would end at such a maximum stops where the data support most; `fit_report_`
        tells, and `converged_` is False.
    weights_init : array-like of shape (k,), default=None
        First weights.
    means_init : array-like of shape (k, d), default=None
        First means; weights and covariances then begin from the partition by the nearest of them.
    precisions_init : array-like, default=None
        First inverse covariances, in the shape of `precisions_`.
    held : str, sequence of str or dict, default=None
        What is known and stays as it is given: "weights", "means", "covariances", or several of these, by
        `weights_init`, `means_init` and `precisions_init`, for all components. For some of them a dict of their
        indices, or of k booleans: {"means": [0], "covariances": [0, 2]}; the others begin at what is given. Covariances
        of some components are held where these share nothing: 'full', 'diag', 'spherical'. What is held is not counted
        among the parameters, and `reg_covar` is not for it. The values are in the attributes as they were given
        (`covariances_` as the inverses of that).
    prior : {'weak', None} or dict, default=None
        What is believed of means and covariances before the data: a conjugate prior, normal for each mean, inverse
        Wishart or gamma for covariances (Fraley & Raftery 2007, as R's mclust has it), beside which the parameters of
        greatest posterior density are found. No component can then collapse: for few samples of many features. 'weak'
        leaves all of it to the data, a dict some: {"shrinkage": 0.01, "mean": (d,), "dof": d + 2, "scale": ...}.
        `shrinkage` is the number of samples at `mean` (that of all samples) that the prior of a mean counts as, `dof`
        the degrees of freedom of that of a covariance matrix, and `scale` its scale matrix (d, d), or variances (d,),
        or one variance for all features: by default the covariances of all samples, as the structure has them, over
        k^(2/d). Weights have no prior. What EM climbs, and `lower_bound_` tells, is the likelihood and this density;
        `score`, `bic`, `aic` and `icl` are of the likelihood alone, at the parameters that were found.
    background : bool or float, default=False
        Whether samples may be of no component: beside the k components there is then one of constant density, 1 / V,
        over the box that all samples are in (Banfield & Raftery 1993), or of the volume V that is given, such as that
        of a convex hull. Outliers go there, and draw no component towards them: `predict` says -1. Outside of the box,
        too, the density of the background is taken to be that. It adds its weight to the parameters, and its volume
        unless that is given, as R's mclust counts.
    acceleration : {'squarem', None}, default='squarem'
        Leap ahead on the path of EM where that gains likelihood (Varadhan & Roland 2008), which saves more than half of
        the passes over the data where clusters overlap (``ci/bench test_quality.py -k passes``); None is textbook EM.
    search : {'swap', None}, default=None
        'swap' looks for a better maximum once the best run has converged: components merge, others split in two, and
        EM goes on from there (Ueda et al. 2000), on a part of many samples. What is found is kept if it is better on
        all samples; `fit_report_` tells how many moves were accepted. None: only the default start makes such moves.
    n_moves : int, default=50
        The most moves that a search tries; it ends sooner when nothing is left that promises to gain.
    time_budget : float, default=None
        Seconds after which a search tries no more; the fit that follows its last move comes on top. With None, or where
        the moves end sooner, results depend on `random_state` only.
    forget : float, default=None
        For `partial_fit` alone: the number of rows after which what a row counts is halved, for streams that drift;
        None: the more rows have come, the less a single one counts.
    random_state : int, RandomState, Generator or None, default=None
        Source of the random numbers of the start, and of `sample`.
    warm_start : bool, default=False
        Begin from the last fit.
    verbose : int, default=0
        1: a line now and then; 2: with the gain and the time.
    verbose_interval : int, default=10
        Iterations between two lines.
    callback : callable, default=None
        Called as ``callback(run, iteration, mean_log_likelihood)`` after each iteration; runs count from 0, iterations
        from 1. What it raises ends the fit; KeyboardInterrupt, as Ctrl-C does, with the best so far.
    n_threads : int or None, default=None
        Threads to use; None: what `config_context` says, else as many as the process may. The result is the same, to
        the bit, for any number.

    Attributes
    ----------
    weights_ : ndarray of shape (k,)
        Of sum 1, with the weight of the background if there is one.
    means_ : ndarray of shape (k, d)
    covariances_ : ndarray
        (k, d, d) if 'full', (d, d) if 'tied', (k, d) if 'diag', (k,) if 'spherical'. Of codes: (d, d) if 'EEE', (k, d)
        if axis-parallel (ending in 'EI' or 'VI'), (k,) if round (ending in 'II'), (k, d, d) otherwise.
    precisions_ : ndarray
        Inverses of the covariances, in the same shape.
    precisions_cholesky_ : ndarray
        U, upper triangular or a diagonal, with precisions = U U', in the same shape. Set by hand, any U that has this
        product will do.
    converged_ : bool
        Whether the rule of `tol` was met.
    n_iter_ : int
        Iterations of the best run.
    lower_bound_ : float
        Mean log-likelihood per unit of weight of these parameters; what `score` gives on the same data. With a prior,
        log p(parameters) / (the sum of weights) is added, where p is the density of the prior divided by its greatest
        value: at most 0, and the same in any unit.
    lower_bounds_ : list of float
        The same after each iteration of the best run.
    fit_report_ : tuple of str
        Events that are out of the ordinary, one line each.
    background_weight_ : float
        The share of the background; this and the following only with ``background``.
    background_box_ : ndarray of shape (2, d)
        The least and the largest values of the samples.
    background_log_density_ : float
        The log-density of the background: -log V.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,)
        Only if X had names.

    See Also
    --------
    StudentMixture : Components with heavy tails, in which far samples count for less.
    select : Which number of components, and which covariances.
    MixtureClassifier : Classes that are known.
    e_step, m_step : The two halves of EM as functions.

    Notes
    -----
    The E-step gives each sample n the responsibilities r_nk = w_k N(x_n; mu_k, Sigma_k) / sum_j w_j N(x_n; mu_j,
    Sigma_j), the M-step sets w_k, mu_k and Sigma_k to the weighted share, mean and covariance under them (Dempster,
    Laird & Rubin 1977; McLachlan & Peel 2000, section 3.2). A component that loses all weight is seeded anew, one that
    would be thinner than `reg_covar` allows is held there; `fit_report_` tells, and a `ConvergenceWarning`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> sorted(model.means_.round(6).tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    """

    covariances_: Reals
    background_weight_: float
    background_box_: Floats
    background_log_density_: float
    _saved = True  # a subclass may have what `load` knows nothing of
    _moves = True
    _words = "Gaussian mixture"
    _remedy = "prior='weak', or a larger reg_covar"

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-6,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        equal_weights: bool = False,
        n_init: int = 1,
        init_params: ArrayLike | Callable[..., ArrayLike] = "short_em",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        held: str | Sequence[str] | dict[str, Any] | None = None,
        prior: Literal["weak"] | dict[str, Any] | None = None,
        background: bool | float = False,
        acceleration: Literal["squarem"] | None = "squarem",
        search: Literal["swap"] | None = None,
        n_moves: int = 50,
        time_budget: float | None = None,
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
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.equal_weights = equal_weights
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.held = held
        self.prior = prior
        self.background = background
        self.acceleration = acceleration
        self.search = search
        self.n_moves = n_moves
        self.time_budget = time_budget
        self.forget = forget
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.callback = callback
        self.n_threads = n_threads

    # --- what is held --------------------------------------------------------------------------------------------

    def _which(self):
        """What the next fit holds; None where that is nothing."""
        return None if self.held is None else Which.of(self.held, self.n_components)

    def _family(self):
        if (which := self._which()) is None:
            return Gaussian, {}
        if which.weights.any() and self.equal_weights:
            self._refuse("held", "without weights where equal_weights=True fixes them", self.held)
        for name, mask, init in zip(which._fields, which, INITIAL, strict=True):
            if mask.any() and getattr(self, init) is None:
                raise ValueError(f"held={self.held!r} keeps {name} at what {init} tells, which is None: give it.")
        if self.search is not None:
            self._refuse("search", f"None where held={self.held!r}: what is held does not merge or split", self.search)
        if (mask := which.weights).any():
            kept = self._check_start((self.weights_init, None), 0)[0][mask]
            if not (kept.min() > 0 and (mask.all() or kept.sum() < 1)):
                raise ValueError(f"held={self.held!r} keeps the weights {kept.tolist()} of weights_init: each must be "
                                 "> 0, and leave something for the components whose weights are not held. Fit fewer "
                                 "components, or hold the weights of all.")
        return Held, {"which": which}

    def _check_parameters(self):
        shape = super()._check_parameters()
        if self.prior is not None:
            Told.of(self.prior)
            if self.held is not None:
                self._refuse("held", f"None where prior={self.prior!r}: fits do either", self.held)
        if not isinstance(self.background, (bool, np.bool_)):
            number = isinstance(self.background, numbers.Real) and 0 < self.background < np.inf
            if not number:
                self._refuse("background", "a bool, or the volume of the background, a number > 0", self.background)
        if self._noisy:
            for name in ("held", "prior", "search"):
                if (value := getattr(self, name)) is not None:
                    self._refuse(name, f"None where background={self.background!r}: fits do either", value)
        return shape

    @property
    def _noisy(self):
        return self.background is not False

    def _problem(self, *rows):
        """As without, beside a background or what is believed of parameters."""
        mixture = super()._problem(*rows)
        if self._noisy:
            if mixture.at_hand is not mixture:
                raise ValueError(f"background={self.background!r} is for rows in memory: give an array.")
            n, k = len(mixture.samples.X), self.n_components
            if n <= k:
                raise ValueError(f"background={self.background!r} with n_components={k} needs more than {k} samples of "
                                 f"positive weight, and X has {n}: ask for fewer components.")
            from ..families.background import Background, Box  # as below: most fits have none, and need not wait for it

            box = Box.around(mixture.samples.X, None if self.background is True else self.background)
            return Problem(Background.behind(mixture.family, box, mixture.frame), mixture.samples)
        if self.prior is None:
            return mixture
        prior = Told.of(self.prior).inside(mixture.structure, self.n_components, mixture.whole, mixture.frame)
        return mixture.beside(prior)

    def _last(self, d):
        """Weights, means and factors of the last fit, but for what is held now."""
        last = super()._last(d)
        if (which := self._which()) is None:
            return last
        (weights, *others), (held_weights, *held) = last, self._given(d)
        return (shared(weights, held_weights, which.weights),
                *(filled(own, known, mask) for own, known, mask in zip(others, held, which[1:], strict=True)))

    def _parameters(self, frame, *normal):
        normal, background = super()._parameters(frame, *normal), state.background(self)
        if background is None:
            return normal
        from ..families.background import BackgroundParameters

        return BackgroundParameters.like(normal, background.weight, background.box.inside(frame))

    def _more(self):
        if "background_weight_" not in vars(self):  # as is seen for each row by itself
            return None
        background = state.background(self)
        return np.append(background.weight, background.box.heights)

    def _accept(self, mixture, fit, rng):
        for name in state.BACKGROUND:
            vars(self).pop(name, None)
        if self._noisy:
            box = mixture.family.box
            self.background_weight_, self.background_box_ = fit.parameters.share, np.stack([box.low, box.high])
            self.background_log_density_ = box.log_density
        super()._accept(mixture, fit, rng)

    def _adopt(self, parameters, frame, dtype):
        remarks = super()._adopt(parameters, frame, dtype)
        if (which := self._which()) is not None:  # as they were given to the last bit, which frames may round
            for name, mask, init in zip(("weights_", "means_", "precisions_"), which, INITIAL, strict=True):
                setattr(self, name, filled(getattr(self, name), np.asarray(getattr(self, init)), mask))
        return remarks

    def _n_parameters(self):
        p = super()._n_parameters()
        if state.background(self) is not None:
            p += 2 if self.background is True else 1
        if self.held is None or (which := Which.of(self.held, len(self.means_))) is None:
            return p
        return p - which.n_parameters(structure(self.covariance_type), np.shape(self.means_)[1])

    # --- without a fit -------------------------------------------------------------------------------------------

    @classmethod
    def from_parameters(
        cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike, covariance_type: str = "full"
    ) -> Self:
        """A mixture that is known: ready to predict, score and sample.

        Parameters
        ----------
        weights : array-like of shape (k,)
            Non-negative, of sum 1.
        means : array-like of shape (k, d)
        covariances : array-like
            In the shape of `covariances_` for this structure.
        covariance_type : str, default='full'

        Returns
        -------
        GaussianMixture

        Raises
        ------
        ValueError
            For shapes that do not fit together, weights that are none, covariances that are not positive definite.

        Examples
        --------
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical")
        >>> model.predict([[-2.0], [3.0]])
        array([0, 1])
        """
        return cls._known(weights, means, covariances, covariance_type=covariance_type)

    def _similar(self, weights, means, matrices, tails, covariance_type):
        """A mixture of the same family."""
        return GaussianMixture.from_parameters(weights, means, matrices, covariance_type)


def filled(own, given, mask):
    """Parameters of components, of which those in the mask (k,) are as given."""
    if mask.all():  # also of one matrix for all
        return given.astype(own.dtype)
    if mask.any():
        own = own.copy()
        own[mask] = given[mask]
    return own
