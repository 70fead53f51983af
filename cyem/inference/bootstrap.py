"""Is it real? What happens to a mixture, and to its clusters, when the data are drawn again."""

from __future__ import annotations

import copy
import itertools
import numbers
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..em import start
from ..families import state
from ..families.covariance import structure
from ..families.paths import APART, longest, squared
from ..families.student import n_free
from ..models.asked import family as family_of
from ..models.estimator import observed
from ..models.gaussian import GaussianMixture
from ..models.history import one_of_many
from ..models.mixture import Mixture, in_its_place, memberships
from ..models.refits import redrawn, refitted, sample_size
from ..notices import ConvergenceWarning, muted
from ..rows import data, door
from ..rows.views import errors
from ..show.fragments import printed
from ..show.frames import to_frame
from ..show.markup import element
from ..show.text import aligned
from .replicates import processes, replicates, whole

if TYPE_CHECKING:
    from typing import Any, Literal

    from numpy.typing import ArrayLike, NDArray

    from ..models.student import StudentMixture
    from ..rows.types import Floats, Progress, RandomState, Rows

DISSOLVED = 0.5  # a Jaccard coefficient at or below which a cluster is gone (Hennig 2007)


class LikelihoodRatioTest(NamedTuple):
    """The answer of `likelihood_ratio_test`.

    Attributes
    ----------
    n_components : int
        The number of components k of the null hypothesis; the alternative has k + 1.
    covariance_type : str
    statistic : float
        Twice the gain in log-likelihood from k to k + 1 components.
    p_value : float
        How probable so large a statistic is if k components are the truth.
    replicates : ndarray of shape (B,)
        Statistics of the samples drawn from the null model, as many as were needed.
    stopped : bool
        Whether `stop_after` replicates reached the statistic, which ends the test.
    """

    n_components: int
    covariance_type: str
    statistic: float
    p_value: float
    replicates: Floats
    stopped: bool

    def to_frame(self) -> Any:
        """The result as a data frame of one row, of pandas or Polars.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import likelihood_ratio_test
        >>> X = np.random.default_rng(0).normal(size=(50, 1))
        >>> found = likelihood_ratio_test(X, 1, n_bootstrap=9, random_state=0)
        >>> found.to_frame()["alternative"].to_list()
        [2]
        """
        values = {**self._asdict(), "alternative": self.n_components + 1, "replicates": len(self.replicates)}
        return to_frame({name: [value] for name, value in values.items()})

    def _repr_html_(self):
        """The same as print shows, for notebooks."""
        title, _, told = str(self).partition(": ")
        return str(element("div", element("strong", title), element("div", told)))

    def __str__(self) -> str:
        k = self.n_components
        above = int((self.replicates >= self.statistic).sum())
        early = ", where the test stopped" if self.stopped else ""
        return (f"{k} against {k + 1} components, {self.covariance_type}: statistic {self.statistic:.3f}, "
                f"p = {self.p_value:.3g} ({above} of {len(self.replicates)} replicates reach it{early})")

    __repr__ = __str__


def likelihood_ratio_test(
    X: ArrayLike,
    n_components: int,
    covariance_type: str = "full",
    *,
    family: Literal["gaussian", "student"] = "gaussian",
    n_bootstrap: int = 999,
    stop_after: int | None = 10,
    n_init: int = 2,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    n_jobs: int = 1,
    random_state: RandomState = None,
    progress: Progress = None,
    **parameters: Any,
) -> LikelihoodRatioTest:
    """Test k components against k + 1 by the likelihood ratio, whose distribution a parametric bootstrap gives.

    Samples are drawn from the fitted mixture of k components, and both mixtures are fitted to each as they were to X:
    `n_init` times anew, and the larger one also with each component of the smaller one split in two. The best fit
    counts in which no component collapsed. Ctrl-C ends the test with what is known by then.

    Parameters
    ----------
    X : array-like of shape (n, d)
    n_components : int
        The number of components k of the null hypothesis.
    covariance_type : str, default='full'
        As in `GaussianMixture`.
    family : {'gaussian', 'student'}, default='gaussian'
        'student': components are t distributions, each mixture a `StudentMixture`.
    n_bootstrap : int, default=999
        The most samples drawn.
    stop_after : int or None, default=10
        Stop as soon as this many replicates reach the statistic: p is then known to be large, and is their share. None:
        never. Either way p is a valid one (Besag & Clifford 1991), (1 + replicates that reach it) / (1 + n_bootstrap)
        where the test went to the end.
    n_init : int, default=2
        Starts of each mixture: a null hypothesis that is not at its best makes p too small.
    sample_weight : array-like of shape (n,), optional
        How often each sample counts; the samples drawn are as many as their sum, rounded.
    labels : array-like of shape (n,), optional
        The component of each sample, of the first k, or -1 where it is not known. It is asked whether there is one more
        besides; of what is drawn the components are told of the same samples.
    noise : array-like of shape (n, d) or (n, d, d), optional
        Errors of measurement, as `fit` takes them. What is drawn is measured with the same errors.
    n_jobs : int, default=1
        Processes; -1: as many as there are cores. The result is the same for any number. Scripts that ask for more than
        one need the usual ``if __name__ == "__main__":``.
    random_state : int, RandomState, Generator or None, default=None
    progress : bool or callable, default=None
        True, or None on a terminal and in a notebook: show how far the work is, if it takes more than a second. A
        callable is called as ``progress(done, total, seconds)``.
    **parameters
        Anything else that the estimator of the family takes, for all fits.

    Returns
    -------
    LikelihoodRatioTest
        `statistic`, `p_value`, `replicates`; prints as a sentence.

    Raises
    ------
    TypeError, ValueError
        For bad input, such as fewer samples than k + 1.
    OSError
        If no worker process can be started, or one ends before its time.

    See Also
    --------
    select : Many numbers of components at once, by a criterion.
    stability : Whether clusters come back in resampled data.

    References
    ----------
    McLachlan (1987), Applied Statistics 36, 318-324; Besag & Clifford (1991), Biometrika 78, 301-304.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import likelihood_ratio_test
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (50, 1)), rng.normal(3, 1, (50, 1))])
    >>> likelihood_ratio_test(X, 1, "tied", n_bootstrap=19, random_state=0).p_value
    0.05
    """
    whole("n_bootstrap", n_bootstrap, 1)
    if stop_after is not None:
        whole("stop_after", stop_after, 1)
    jobs = processes(n_jobs)
    X, complete = data.observed(door.scanned(X))
    whole("n_components", n_components, 1)
    whole("n_init", n_init, 1)
    weights = data.weights(sample_weight, len(X))
    n = sample_size(X, weights)
    if given := [name for name in ("held", "prior", "weights_init", "means_init", "precisions_init")
                 if name in parameters]:
        raise TypeError(f"{given[0]} fits one number of components, and two are compared: leave it out.")
    if np.ndim(parameters.get("degrees_of_freedom", 0)):
        raise TypeError("degrees_of_freedom of each component fit one number of components, and two are compared: give "
                        "'own', 'shared' or a number.")
    if labels is not None and np.ndim(labels) != 1:
        raise ValueError(f"labels has {np.ndim(labels)} dimensions: how possible each of {n_components} components is "
                         f"says nothing of {n_components + 1}. Give the component of each sample, -1 where it is not "
                         "known.")
    if n <= n_components and weights is not None:
        raise ValueError(f"sample_weight sums to {weights.sum():g}, and as many samples are drawn: {n_components + 1} "
                         "components need more. Give weights that say how often each sample counts.")
    rng = start.generator(random_state)
    null = family_of(family)(n_components, covariance_type=covariance_type, n_init=n_init, random_state=rng,
                             **parameters)
    known = {"labels": labels, "noise": None if noise is None else data.noise(noise, X)}
    null = _best(_starts(null), X, weights, **known)
    statistic = _statistic(null, X, weights, rng, **known)
    gaps = None if complete else np.isnan(X)
    told = None if labels is None else np.asarray(labels) >= 0
    task = _NullReplicate(_modest(null, jobs), n, X.dtype, gaps, told, known["noise"], weights)

    reaching = itertools.count(1)

    def enough(value):
        return value >= statistic and next(reaching) == stop_after

    drawn = replicates(task, rng, n_bootstrap, jobs, progress, enough)
    above = sum(value >= statistic for value in drawn)
    stopped = above == stop_after
    p = above / len(drawn) if stopped else (1 + above) / (1 + len(drawn))
    return LikelihoodRatioTest(n_components, covariance_type, statistic, p, np.array(drawn), stopped)


class _NullReplicate(NamedTuple):
    """Draws samples from the null model and gives their statistic."""

    null: Mixture
    n: int
    dtype: np.dtype
    # of the samples themselves, which these take after
    gaps: np.ndarray | None  # (n, d): where there is no value
    told: np.ndarray | None  # (n,): of which the component is known
    noise: np.ndarray | None  # errors of measurement
    weights: np.ndarray | None

    def __call__(self, rng):
        X, y = self.null.sample(self.n, random_state=rng)
        rows, known = slice(None), {}
        alike = any(each is not None for each in (self.gaps, self.told, self.noise))
        if self.weights is not None and alike:
            rows = rng.choice(len(self.weights), self.n, p=self.weights / self.weights.sum())
        if self.noise is not None:
            known["noise"] = self.noise[rows]
            X += errors(known["noise"], rng)
        X = X.astype(self.dtype)
        if self.gaps is not None:
            X[self.gaps[rows]] = np.nan
        if self.told is not None:
            known["labels"] = np.where(self.told[rows], y, -1)
        truth = copy.copy(self.null).set_params(warm_start=True)
        null = _best([*_starts(_anew(self.null, random_state=rng)), truth], X, None, **known)
        return _statistic(null, X, None, rng, **known)


def _statistic(null, X, weights, rng, **known):
    """Twice the gain in log-likelihood by one component more than the fitted `null` has."""
    k = null.n_components
    larger = _anew(null, n_components=k + 1, random_state=rng, warm_start=False)
    larger = _best([*_starts(larger), *(_split(null, j) for j in range(k))], X, weights, **known)
    total = len(X) if weights is None else weights.sum()
    # a mixture that has one component twice is no worse
    return max(0.0, float(2 * total * (larger.lower_bound_ - null.lower_bound_)))


def _starts(model):
    """n_init models that begin anew, so that the best of them may be chosen by more than likelihood."""
    return [_anew(model, n_init=1) for _ in range(model.n_init)]


def _best(models, X, weights, **known):
    """The fit of greatest likelihood; one in which a component collapsed only if they all did."""
    with muted(ConvergenceWarning):
        fits = [one_of_many(model, X, weights, **known) for model in models]
    return max(fits, key=lambda fit: (not fit.fit_report_.troubles, fit.lower_bound_))


def _split(model, j):
    """The mixture with component j twice, on either side of its mean along its longest axis, to go on from there."""
    k, d = model.means_.shape
    twice = np.append(np.arange(k), j)
    shape = structure(model.covariance_type)
    frame, _, covariances = state.in_own_frame(model)
    covariance = shape.each(covariances, k)[j]
    sd = np.sqrt(shape.diagonals(covariances, k, d)[j])
    axis = longest(covariance / squared(sd, covariance), d)
    side = np.where(twice == j, APART, 0)
    side[j] = -APART
    split = copy.copy(model).set_params(n_components=k + 1, warm_start=True)
    split.weights_ = model.weights_[twice] / np.where(twice == j, 2, 1)
    split.means_ = model.means_[twice] + side[:, None] * axis * (sd * frame.units)
    split.precisions_cholesky_ = shape.taken(model.precisions_cholesky_, twice)
    if state.tails(model) is not None:
        split.degrees_of_freedom_ = model.degrees_of_freedom_[twice]
    return split


class Stability:
    """The answer of `stability`: how far clusters come back when the mixture is fitted to resampled data.

    Attributes
    ----------
    ari : ndarray of shape (B,)
        Adjusted Rand index between the clusters of the model and those of each refit.
    jaccard : ndarray of shape (B, k)
        For each component, the Jaccard coefficient of its cluster with the most similar cluster of each refit; NaN for
        a component that is no sample's most probable one.
    sizes : ndarray of shape (k,)
        Weight of the samples in each cluster of the model.
    """

    def __init__(self, ari: Floats, jaccard: Floats, sizes: NDArray[Any]) -> None:
        self.ari = ari
        self.jaccard = jaccard
        self.sizes = sizes

    @property
    def dissolved(self) -> Floats:
        """Share of the refits in which each cluster is gone (k,): its Jaccard coefficient is at most 0.5."""
        return np.where(np.isnan(self.jaccard), np.nan, self.jaccard <= DISSOLVED).mean(axis=0)

    def to_frame(self) -> Any:
        """A row for each component, as a data frame of pandas or Polars: size, Jaccard coefficient, dissolved.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture, stability
        >>> X = np.concatenate([np.arange(20.0), np.arange(100.0, 120.0)])[:, None]
        >>> found = stability(GaussianMixture(2, random_state=0).fit(X), X, n_bootstrap=9, random_state=0)
        >>> found.to_frame()["dissolved"].to_list()
        [0.0, 0.0]
        """
        k = len(self.sizes)
        return to_frame({
            "component": range(k), "size": self.sizes, "mean_jaccard": self.jaccard.mean(axis=0),
            "jaccard_5_percent": np.quantile(self.jaccard, 0.05, axis=0), "dissolved": self.dissolved,
        })

    def _repr_html_(self):
        """The same as print shows, for notebooks."""
        return str(printed("Stability of the clusters in resampled data", self._cells(), self._last))

    def _cells(self):
        table = [("component", "size", "mean Jaccard", "5 %", "dissolved")]
        for j, size in enumerate(self.sizes):
            if not size:
                table.append((str(j), "0", "undefined: no sample in it"))
                continue
            low = np.quantile(self.jaccard[:, j], 0.05)
            table.append((str(j), f"{size:g}", f"{self.jaccard[:, j].mean():.3f}", f"{low:.3f}",
                          f"{100 * self.dissolved[j]:.0f} %"))
        return table

    @property
    def _last(self):
        low, middle = np.quantile(self.ari, [0.05, 0.5])
        return f"adjusted Rand index of {len(self.ari)} refits: median {middle:.3f}, 5 % {low:.3f}"

    def __str__(self) -> str:
        return "\n".join([*aligned(self._cells()), self._last])

    __repr__ = __str__


def stability(
    model: GaussianMixture | StudentMixture | int,
    X: Rows,
    *,
    n_bootstrap: int = 100,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    n_jobs: int = 1,
    random_state: RandomState = None,
    progress: Progress = None,
    **parameters: Any,
) -> Stability:
    """Whether clusters come back when the mixture is fitted, from a new start, to samples drawn with replacement.

    Every refit classifies all of X, and its clusters are compared to those of the model. Ctrl-C ends with the refits
    made by then.

    Parameters
    ----------
    model : GaussianMixture, StudentMixture or int
        Fitted to X, or not yet, or just a number of components.
    X : array-like of shape (n, d), or what `cyem.scan` takes
    n_bootstrap : int, default=100
        The number B of refits.
    sample_weight : array-like of shape (n,), optional
        How often each sample counts; as many are drawn as their sum, rounded.
    labels, noise : array-like, optional
        What is known of the components, and errors of measurement, as `fit` takes them. Samples are drawn together with
        these.
    n_jobs : int, default=1
        Processes; -1: as many as there are cores. The result is the same for any number. Scripts that ask for more than
        one need the usual ``if __name__ == "__main__":``.
    random_state : int, RandomState, Generator or None, default=None
    progress : bool or callable, default=None
        True, or None on a terminal and in a notebook: show how far the work is, if it takes more than a second. A
        callable is called as ``progress(done, total, seconds)``.
    **parameters
        For a number of components: anything else that `GaussianMixture` takes.

    Returns
    -------
    Stability
        `ari` (B,), `jaccard` (B, k), `dissolved` (k,); prints as a table.

    Raises
    ------
    TypeError, ValueError
        For bad input.
    OSError
        If no worker process can be started, or one ends before its time.

    See Also
    --------
    merge : Components that share a cluster.
    standard_errors : How sure the parameters are.
    cyem.plotting.StabilityDisplay : A picture of the answer.

    Notes
    -----
    Hennig reads a mean Jaccard coefficient below 0.6 as a cluster not to be trusted, from 0.75 as one that is there,
    from 0.85 as a very stable one. Components that share a cluster come and go: see `merge`.

    References
    ----------
    Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis 52 (2007);
    adjusted Rand index: Hubert & Arabie, Journal of Classification 2 (1985).

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import stability
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (50, 1)), rng.normal(3, 1, (50, 1))])
    >>> bool(stability(2, X, n_bootstrap=10, random_state=0).jaccard.min() > 0.85)
    True
    """
    whole("n_bootstrap", n_bootstrap, 1)
    jobs = processes(n_jobs)
    X = door.scanned(X)
    known = {"labels": labels, "noise": noise}
    if any(each is not None for each in known.values()):
        X, _ = data.observed(X)
    samples, _ = door.taken(X)
    weights = data.weights(sample_weight, len(samples))
    rng = start.generator(random_state)
    if isinstance(model, numbers.Integral):
        model = GaussianMixture(model, random_state=rng, **parameters)
    elif not isinstance(model, Mixture):
        raise TypeError(f"model is a {type(model).__name__}, and must be a GaussianMixture, a StudentMixture or a "
                        f"number of components; {in_its_place(model)}")
    elif parameters:
        raise TypeError(f"{', '.join(parameters)}: the model has parameters of its own; give only a number of "
                        "components beside others.")
    if not model.__sklearn_is_fitted__():
        model = one_of_many(_anew(model), X, weights, **known)
    clusters, k = model.predict(X, noise=noise), model.n_components
    if hasattr(model, "columns_used_") and not isinstance(samples, door.Streamed):
        samples, _ = observed(model, X)  # without the columns that `select` has set aside
    if len(model.means_) != k:
        raise ValueError(f"The model has {len(model.means_)} components, and n_components={model.n_components} was set "
                         "after that: the refits would have as many. Fit it again, or set it back.")
    task = _StabilityReplicate(_modest(model, jobs), samples, weights, clusters, known)
    found = replicates(task, rng, n_bootstrap, jobs, progress)
    ari, jaccard = zip(*found, strict=True)
    return Stability(np.array(ari), np.array(jaccard), np.bincount(clusters % (k + 1), weights, k)[:k])


class _StabilityReplicate(NamedTuple):
    """Fits the model anew to samples drawn with replacement, and compares clusters."""

    model: Mixture
    X: np.ndarray
    weights: np.ndarray | None
    clusters: np.ndarray
    known: dict  # labels and noise, as `fit` takes them

    def __call__(self, rng):
        refit = _anew(self.model, random_state=rng, warm_start=False)
        redrawn(refit, self.X, self.weights, rng, **self.known)
        k, clusters = self.model.n_components, refit.predict(self.X, noise=self.known["noise"])
        m = k + 1  # the background, if there is any, is the last cluster
        pairs = np.bincount(self.clusters % m * m + clusters % m, self.weights, m * m).reshape(m, m)
        return adjusted_rand(pairs), jaccard(pairs)[:k]


def adjusted_rand(pairs):
    """Adjusted Rand index of two partitions, from the weight (k, l) that each two of their clusters share."""

    def within(sizes):
        return (sizes * (sizes - 1) / 2).sum()

    together, rows, columns = within(pairs), within(pairs.sum(axis=1)), within(pairs.sum(axis=0))
    expected = rows * columns / within(pairs.sum())
    most = (rows + columns) / 2
    return float((together - expected) / (most - expected)) if most != expected else 1.0


def jaccard(pairs):
    """For each cluster of the first partition, its weight in common with one of the second over that of their union.

    Of a cluster without samples there is nothing to come back: NaN.
    """
    sizes = pairs.sum(axis=1, keepdims=True)
    union = sizes + pairs.sum(axis=0) - pairs
    return np.where(sizes > 0, pairs / np.where(union > 0, union, 1), np.nan).max(axis=1)


def refits(model, X, weights, known, n_bootstrap, n_jobs, random_state, progress):
    """Weights, means, matrices and degrees of freedom, if these are found, of fits to samples drawn with replacement,
    each stacked; components matched. known: labels and noise, as `fit` takes them.
    """
    whole("n_bootstrap", n_bootstrap, 2)
    jobs = processes(n_jobs)
    model = copy.copy(model)
    vars(model).pop("feature_names_in_", None)  # X and what is drawn from it are arrays
    task = _WarmReplicate(_modest(model, jobs), X, weights, known)
    found = replicates(task, start.generator(random_state), n_bootstrap, jobs, progress)
    return tuple(np.array(part) for part in zip(*found, strict=True))


class _WarmReplicate(NamedTuple):
    """Fits the model to samples drawn with replacement, beginning from its parameters."""

    model: Mixture
    X: np.ndarray
    weights: np.ndarray | None
    known: dict

    def __call__(self, rng):
        refit = refitted(self.model, self.X, self.weights, rng, **self.known)
        own, other = (memberships(each, self.X, self.known["noise"]) for each in (self.model, refit))
        order = matched(own.T @ other)
        matrices = structure(self.model.covariance_type).taken(getattr(refit, refit._matrices), order)
        found = refit.weights_[order], refit.means_[order], matrices
        freedom = getattr(self.model, "degrees_of_freedom", None)  # which are estimates where a fit finds them
        return (*found, refit.degrees_of_freedom_[order]) if n_free(freedom, len(order)) else found


def matched(shared):
    """For each of k components the one of another mixture that is its own; pairs that share the most go first."""
    shared = shared.astype(np.float64)
    order = np.empty(len(shared), int)
    for _ in order:
        i, j = np.unravel_index(shared.argmax(), shared.shape)
        order[i] = j
        shared[i] = shared[:, j] = -np.inf
    return order


# --- what they share -------------------------------------------------------------------------------------------------


def _anew(model, **changes):
    """A model with the same parameters but for some, not fitted."""
    return type(model)(**model.get_params() | changes)


def _modest(model, jobs):
    """The model, with one thread for each process where there are several."""
    return model if jobs == 1 else copy.copy(model).set_params(n_threads=1)
