"""What a user calls, whatever the family: the fit, fitted attributes and verbs; the work is done one floor down."""

from __future__ import annotations

import itertools
import numbers
import time
from typing import TYPE_CHECKING, overload

import numpy as np

from .. import threads
from ..em import driver, moves, start, support
from ..em.problem import Problem
from ..families import state
from ..families.covariance import STRUCTURES, simplest, structure
from ..families.gaussian import Gaussian, Parameters
from ..notices import ConvergenceWarning, not_fitted, warn
from ..rows import data, door
from ..rows.arrays import known
from ..rows.samples import Evaluator
from ..rows.views import NOTHING_ELSE, Glance
from .estimator import Estimator, observed
from .history import INTERRUPTED, SEARCHED, Memo, Report

if TYPE_CHECKING:
    from typing import Any, Literal, Self

    from numpy.typing import ArrayLike

    from ..embed import Scorer
    from ..rows.types import Booleans, Feature, Features, FileName, Floats, Integers, RandomState, Reals, Rows
    from .conditional import Conditional

MEMORABLE = 1 << 16  # numbers in factors up to which the form in which they are evaluated is kept


class Mixture(Estimator):
    """What the estimators of all families have in common: the fit, and what is asked of a fitted mixture.

    A subclass has parameters of its own, `_saved = True`, a docstring, and says what its family is called, what it is
    made by, and how fitted parameters become attributes.
    """

    # for families between whose maxima there are moves (`_moves`)
    search: Literal["swap"] | None = None
    n_moves: int = 1
    time_budget: float | None = None

    weights_: Reals
    means_: Reals
    precisions_: Reals
    precisions_cholesky_: Reals
    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: list[float]
    fit_report_: Report
    n_samples_seen_: float
    n_steps_: int

    _gaps = True
    _moves = False
    _structures = tuple(shape.code for shape in STRUCTURES)  # what "all" stands for where it is chosen among them
    _noisy = False  # whether the next fit takes it that samples may be of no component
    _remedy = "a larger reg_covar"  # beside fewer components, where a component is not to be trusted
    _words = "mixture"  # what summaries call it
    _heavy = False  # whether tails are heavier than normal ones
    _matrices = "covariances_"  # the attribute that says how wide components are, and what summaries call that
    _spread = "standard deviation"
    _stream = None  # what partial_fit goes on from

    def _family(self):
        """The family, and what it is to be told besides structure, floor and weights."""
        return Gaussian, {}

    def _parameters(self, frame, *normal):
        """Parameters as the family has them in a frame, from a structure, weights, means, covariances and factors."""
        return Parameters(*normal)

    def _more(self):
        """All parameters that normal components do not have, in one array; None where there are none."""
        return state.tails(self)

    def _coloured(self, z, y, rng):
        """Standard normal samples z (n, d) of components y (n,), as the family varies them."""
        return z

    def fit(
        self,
        X: Rows,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        labels: ArrayLike | None = None,
        noise: ArrayLike | None = None,
        checkpoint: FileName | None = None,
        checkpoint_every: float = 60.0,
    ) -> Self:
        """Fit by maximum likelihood, of what was observed.

        Ctrl-C ends it with a warning and the best so far; before there is any, the estimator stays as it was.

        Parameters
        ----------
        X : array-like of shape (n, d), or what `cyem.scan` takes
            At least as many samples of positive weight as components. Files, streams and Dask collections stay where
            they are, and are read again for each pass. Values may be missing: NaN, None, what a frame
            has for it.
        y : ignored
        sample_weight : array-like of shape (n,) or number, default=None
            How often each sample counts: 2 is the sample twice, 0 is the sample gone.
        labels : array-like of shape (n,) or (n, k), default=None
            What is known of the components: the number of that of each sample, -1 where it is not known; or how
            possible each component is, by factors of the weights, 0 for what is impossible. Components are then
            numbered as the labels have them.
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement: variances of each value, or a covariance matrix for each sample. The mixture is that
            of the values without these errors (extreme deconvolution: Bovy, Hogg & Roweis 2011).
        checkpoint : str or path, default=None
            A file that says now and then where the fit is, and is deleted at its end. If it is there, the fit goes on
            from where it was, to the same bits as if it had not been ended: call it with the same arguments. What is
            not in it is done again: the start of a run of `n_init`, and moves of `search`. A file of another fit
            (data, parameters, versions, instruction set) is refused, which for rows that are not in memory takes a
            pass over them to see; those of a Dask collection have to be in the same partitions.
        checkpoint_every : float, default=60.0
            Seconds between two times that it is written, at least.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad input, which leaves the estimator as it was; for a checkpoint that is damaged, or of another fit.
        OSError
            For one that cannot be read or written.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, None]
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> np.sort(model.means_, axis=0).round(1).tolist()
        [[4.5], [104.5]]

        The last row is known to be of component 0, and nothing of the others:

        >>> labels = [-1] * 19 + [0]
        >>> GaussianMixture(2, random_state=0).fit(X, labels=labels).means_.round(1).tolist()
        [[104.5], [4.5]]
        """
        shape = self._check_parameters()
        frame = X = door.scanned(X)
        names = data.feature_names(X)
        X, complete = door.taken(X) if labels is None and noise is None else data.observed(X)
        known = self._known_of(X, labels, noise, frame)
        X, weights, kept = data.counted(X, sample_weight, frame)
        if known is not NOTHING_ELSE:
            known = known if kept is None else known.take(kept[1])
            data.every_component_possible(known.components)
        if not complete:
            data.columns_without_values(X, names)
        if checkpoint is not None:
            checkpoint = self._checkpoint(checkpoint, checkpoint_every, X, weights, known)
        self._fit(shape, names, X, weights, kept, known, None if checkpoint is None else checkpoint.keeper)
        if checkpoint is not None and INTERRUPTED not in self.fit_report_:
            checkpoint.done()
        return self

    def _checkpoint(self, path, every, X, weights, known):
        """What says now and then where the fit is, and goes on from where an earlier one was."""
        from .checkpoints import Checkpoint, identity

        if self.time_budget is not None:
            self._refuse("time_budget", "None with a checkpoint: what a search finds in a time is another thing each "
                         "time", self.time_budget)
        return Checkpoint(path, every, identity(self, X, weights, known))

    def _fit(self, shape, names, X, weights, kept=None, known=NOTHING_ELSE, keep=None, runs=None):
        """Fit to rows as `data.counted` has them, from `n_init` starts or so many runs: the problem, what was found."""
        n, d = X.shape
        k = self.n_components
        if n < k:
            raise ValueError(f"Expected n_samples >= n_components but got n_components = {k}, n_samples = {n} (of "
                             "positive weight): ask for fewer components.")
        threads.check(self.n_threads)
        rng = start.generator(self.random_state)
        mixture = self._problem(X, weights, shape, self.n_threads, known, rng)
        if keep is None or keep.begun is None:
            best, starts = None, enumerate(self._starts(mixture, X, kept, rng, runs=runs))
        else:
            run, first, best = keep.schedule(mixture, k, rng, self.n_init + 1)
            later = enumerate(self._starts(mixture, X, kept, rng, run + 1), run + 1)
            starts = () if run == self.n_init else itertools.chain([(run, first)], later)
        best = self._best(mixture, starts, rng, best, keep)
        self._remember(d, names)
        self._accept(mixture, best, rng)
        return mixture, best

    def partial_fit(self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a batch of rows of a stream, which are not kept: stepwise EM (Cappe & Moulines 2009).

        The first rows are gathered, and fitted as by `fit` as soon as they are as many as components, and again each
        time that they have doubled, until they are enough for a start: n of them, the most of 2000, 50 k (d + 1), and
        50 for each parameter but no more than 100,000. The start is the best of `n_init` fits to these, and of four
        at least: a stream stays near the maximum that it begins at. From then on memory does not grow: each batch is
        one E-step, its sums go into a running average, and the parameters come from that. A batch of weight w counts
        w / (w + m) in the average, where m = n (W / n)^0.6 / 2 with the weight W of all rows before. What is reported
        is averaged over the stream once more, later batches counting for more. With `forget` what a row counts is
        halved each time that as many rows have come, and nothing is averaged once more.

        After `fit`, `from_parameters` or `cyem.load` it goes on from the mixture there is, which counts as
        `n_samples_seen_` rows (n without that); `fit` forgets the stream. A saved model leaves out the running average,
        and a pickle has it. Order matters: rows that come sorted are to be shuffled.

        Parameters
        ----------
        X : array-like of shape (n, d), or what `cyem.scan` takes, but for Dask collections
            Values may be missing. From the second batch on with the same features, by number and name, and of the same
            dtype. A file, an iterator over chunks or another source is read once, in batches of 1,536 rows.
        y : ignored
        sample_weight : array-like of shape (n,) or number, default=None

        Returns
        -------
        self
            `lower_bound_` is the running average of what batches scored before they were learned, `n_steps_` the number
            of steps since the start, `n_samples_seen_` the weight of all rows, and `converged_` False.

        Raises
        ------
        TypeError, ValueError
            For bad input, which leaves the estimator as it was; for parameters that say something of all rows: labels
            in `init_params`, a `prior`.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> model = GaussianMixture(2, random_state=0)
        >>> for _ in range(20):
        ...     model = model.partial_fit(rng.normal(size=(500, 1)) + 10 * rng.integers(2, size=(500, 1)))
        >>> sorted(model.means_.round(0).ravel().tolist())
        [0.0, 10.0]
        >>> model.n_samples_seen_
        10000.0
        """
        from .streams import partial_fit

        partial_fit(self, X, sample_weight)
        return self

    def set_partial_fit_request(self, *, sample_weight: bool | str | None = "$UNCHANGED$") -> Self:
        """Say whether a scikit-learn meta-estimator passes ``sample_weight`` on to ``partial_fit``.

        Parameters
        ----------
        sample_weight : bool, None or str
            As `set_fit_request` takes it.

        Returns
        -------
        self

        Examples
        --------
        >>> import sklearn
        >>> from cyem import GaussianMixture
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     model = GaussianMixture(2).set_partial_fit_request(sample_weight=True)
        >>> model.get_metadata_routing().partial_fit.requests
        {'sample_weight': True}
        """
        return self._request("partial_fit", sample_weight)

    def _check_fitted(self):
        gathered = self._stream
        if gathered is not None and not self.__sklearn_is_fitted__():
            raise not_fitted(f"This {type(self).__name__} is not fitted yet: partial_fit has gathered "
                             f"{len(gathered.X)} rows, fewer than n_components={self.n_components}.")
        super()._check_fitted()

    def _problem(self, X, weights, shape, n_threads, *known):
        """What is to be fitted: the family and rows, as `Problem.of` takes them."""
        family, how = self._family()
        return Problem.of(family, X, weights, shape, self.reg_covar, n_threads, self.equal_weights, *known, **how)

    def _known_of(self, X, labels=None, noise=None, frame=None):
        """What is known of rows besides X, which come from a frame."""
        if labels is None and noise is None:
            return NOTHING_ELSE
        if labels is not None and self.search is not None:
            self._refuse("search", "None where labels are given: components that these name do not merge or split",
                         self.search)
        return known(X, self.n_components, labels, noise, self._noisy, frame)

    def fit_predict(self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None) -> Integers:
        """Fit, and the most probable component of each sample.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : ignored
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        ndarray of shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, None]
        >>> labels = GaussianMixture(2, random_state=0).fit_predict(X)
        >>> np.bincount(labels)
        array([10, 10])
        """
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def _best(self, mixture, starts, rng, best=None, keep=None):
        """The best of the runs from given parameters, and of a search from there; after Ctrl-C the best so far.

        starts: pairs of the number of a run and its first parameters. best: of the runs before.
        """
        climb = self._climb(mixture)
        try:
            for run, first in starts:
                if keep is not None:
                    keep.enter(run, mixture, best, rng)
                fit = climb(mixture, first, tol=self.tol, max_iter=self.max_iter,
                            accelerate=self.acceleration is not None, report=self._reporter(run, mixture), keep=keep)
                best = support.better(mixture, best, fit)
            if self.search is not None:
                if keep is not None:
                    keep.enter(self.n_init, mixture, best, rng)
                best = self._search(mixture, best, rng, keep)
        except KeyboardInterrupt as stop:
            if isinstance(stop, driver.Interrupted) and stop.model is mixture:
                best = support.better(mixture, best, stop.fit)
            if best is None:
                raise
            best = best._replace(events=(*best.events, INTERRUPTED))
        return best

    def _climb(self, mixture):
        """How EM goes on from a start: one that was chosen for what the data support is not left for less."""
        given = (self.weights_init, self.means_init, self.precisions_init)
        ours = (isinstance(self.init_params, str) and self.init_params == "short_em" and not mixture.samples.told
                and all(each is None for each in given) and not (self.warm_start and self.__sklearn_is_fitted__()))
        return support.fit if ours and mixture.family.normal is mixture.family else driver.fit

    def _starts(self, mixture, X, kept, rng, done=0, runs=None):
        """The parameters to begin from: one, or one for each of the runs, n_init unless told, that are not done."""
        if self.warm_start and self.__sklearn_is_fitted__():
            if not done:
                yield self._inside(mixture, *self._last(X.shape[1]), more=self._more())
            return
        weights, means, factors = self._given(X.shape[1])
        all_given = weights is not None and means is not None and factors is not None
        # with nothing random in it another run would be the same
        random = means is None and (isinstance(self.init_params, str) or callable(self.init_params))
        for _ in range(done, (runs or self.n_init) if random else 1):
            if all_given:
                yield self._inside(mixture, weights, means, factors=factors)
                continue
            first = self._start(mixture, X, kept, rng, means)
            if weights is not None or means is not None or factors is not None:
                frame, shape = mixture.frame, mixture.structure
                if means is None and isinstance(self.init_params, str) and not mixture.samples.told:
                    inside = None if factors is None else shape.scaled_factors(factors, 1 / frame.units)
                    first = mixture.family.ordered(first, weights, inside)
                first = self._inside(
                    mixture,
                    first.weights if weights is None else weights,
                    frame.leave(first.means) if means is None else means,
                    factors=shape.scaled_factors(first.factors, frame.units) if factors is None else factors,
                )
            yield first

    def _start(self, mixture, X, kept, rng, means):
        k = self.n_components
        if means is not None:
            return mixture.assign_to(mixture.frame.enter(means)).parameters
        if isinstance(self.init_params, str) and mixture.samples.told:
            return mixture.family.adopt(start.from_labels(mixture, k, rng))
        if isinstance(self.init_params, str):
            return start.begin(mixture, self.init_params, k, rng)
        chosen = self.init_params
        if callable(chosen):
            mixture, kept = mixture.at_hand, None
            X = mixture.samples.X
            chosen = chosen(X, k, random_state=rng)
        if not (mixture.samples.complete or mixture.at_hand is mixture):
            self._refuse("init_params", "a name or a callable where values are missing in rows that are not in memory",
                         chosen)
        resp = start.responsibilities(chosen, len(X) if kept is None else kept[0], k)
        return mixture.assign(resp if kept is None else resp[kept[1]]).parameters

    @staticmethod
    def _inside(mixture, weights, means, factors, more=None):
        """Parameters of the outside, in the frame of the data."""
        shape, frame = mixture.structure, mixture.frame
        factors = shape.scaled_factors(factors, 1 / frame.units)
        covariances = shape.covariances(factors)
        weights = np.full(len(means), 1 / len(means)) if mixture.family.equal_weights else np.asarray(weights, float)
        inside = Parameters(shape, weights, frame.enter(means), covariances, factors)
        return mixture.family.adopt(inside, more)

    def _search(self, mixture, fit, rng, keep=None):
        """A better maximum, by moves from the one that was found; at worst the same."""
        deadline = np.inf if self.time_budget is None else time.monotonic() + self.time_budget
        part = start.trial(mixture.drawn(fit.parameters), self.n_components, rng).simple
        found = moves.improve(part, moves.briefly(part, part.sweep(fit.parameters)),
                              support.Support(part, self.n_components), moves=self.n_moves, failures=self.n_moves,
                              promise=0.0, climb=moves.patiently, deadline=deadline)
        best = fit
        if found.accepted:
            better = support.fit(mixture, found.end, tol=self.tol,
                                 max_iter=self.max_iter, accelerate=self.acceleration is not None, keep=keep)
            best = support.better(mixture, fit, better)
        event = (f"{SEARCHED}{found.accepted} of {found.tried} moves accepted, mean log-likelihood "
                 f"{best.value - fit.value:.2g} higher")
        if self.verbose:
            print(event)
        return best._replace(events=(*best.events, event))

    def _adopt(self, parameters, frame, dtype):
        """Set the attributes that say what the mixture is; what is to be said of these, one line each."""
        shape = structure(self.covariance_type)
        self._kind, self._memo = shape.code, Memo()
        covariances, factors = (shape.like(matrices, parameters.structure, *parameters.means.shape)
                                for matrices in (parameters.covariances, parameters.factors))
        with np.errstate(over="ignore", under="ignore"):
            setattr(self, self._matrices, shape.scaled(covariances, frame.units))
            self.precisions_cholesky_ = shape.scaled_factors(factors, frame.units)
            self.precisions_ = shape.precisions(self.precisions_cholesky_)
            self.means_ = frame.leave(parameters.means)
            if dtype != np.float64:
                for name in ("means_", self._matrices, "precisions_cholesky_", "precisions_"):
                    setattr(self, name, getattr(self, name).astype(dtype))
        self.weights_ = parameters.weights.astype(dtype)
        if data.finite(getattr(self, self._matrices)) and data.finite(self.precisions_):
            return []
        return ["variances or their inverses are beyond the range of their dtype; predictions do not use them"]

    def _accept(self, mixture, fit, rng):
        """Set the fitted attributes, all at once, and say what the user should know."""
        parameters = fit.parameters
        events = [*fit.events, *mixture.family.remarks(parameters), *support.remarks(mixture, parameters)]
        events += self._adopt(parameters, mixture.frame, mixture.samples.dtype)
        self._sampler, self._stream = rng, None
        vars(self).pop("n_steps_", None)
        self.n_samples_seen_ = float(mixture.samples.total)
        self.converged_ = fit.converged
        self.n_iter_ = len(fit.bounds)
        log_volume = mixture.samples.log_volume
        self.lower_bound_ = fit.value - log_volume
        self.lower_bounds_ = [value - log_volume for value in fit.bounds]
        self.fit_report_ = Report(events)
        if fit.troubled:
            warn(f"{'; '.join(fit.events)}. See fit_report_; fewer components or {self._remedy} may help.",
                 ConvergenceWarning)
        left = any(support.LEFT in event for event in fit.events)
        if INTERRUPTED in fit.events:
            warn(f"{INTERRUPTED} (iteration {self.n_iter_})", ConvergenceWarning)
        elif not (fit.converged or left) and self.max_iter > 0:
            warn("Best performing initialization did not converge. Try different init parameters, or increase "
                 f"max_iter, tol, or check for degenerate data. (max_iter={self.max_iter}, tol={self.tol})",
                 ConvergenceWarning)

    def _reporter(self, run, mixture):
        """What tells of the progress of one run, or None."""
        printer = self._printer(run) if self.verbose else None
        listeners = [listener for listener in (printer, self.callback) if listener is not None]
        if not listeners:
            return None

        def report(iteration, value):
            for listener in listeners:
                listener(run, iteration, value - mixture.samples.log_volume)

        return report

    def _printer(self, run):
        """What prints the progress of one run."""
        print(f"Initialization {run}")
        last = [-np.inf, time.perf_counter()]

        def report(run, iteration, value):
            if iteration % self.verbose_interval:
                return
            line = f"  Iteration {iteration}"
            if self.verbose > 1:
                now = time.perf_counter()
                line += f"\t mean log-likelihood {value:.8f}"
                line += f"\t gain {value - last[0]:.2e}\t time {now - last[1]:.3f}s"
                last[:] = value, now
            print(line)

        return report

    # --- parameters ----------------------------------------------------------------------------------------------

    def _check_parameters(self):
        """Check everything that does not depend on the data; the covariance structure."""
        integers = {"n_components": 1, "max_iter": 0, "n_init": 1, "n_moves": 1, "verbose": 0, "verbose_interval": 1}
        for name, least in integers.items():
            value = getattr(self, name)
            boolean = isinstance(value, (bool, np.bool_)) and name != "verbose"
            if boolean or not isinstance(value, (int, numbers.Integral)) or value < least:
                self._refuse(name, f"an int in the range [{least}, inf)", value)
        for name in ("tol", "reg_covar"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (float, numbers.Real)) or not 0 <= value < np.inf:
                self._refuse(name, "a float in the range [0.0, inf)", value)
        for name in ("warm_start", "equal_weights"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                self._refuse(name, "a bool", getattr(self, name))
        if self.equal_weights and self.weights_init is not None:
            self._refuse("weights_init", "None where equal_weights=True fixes the weights", self.weights_init)
        if not (self.callback is None or callable(self.callback)):
            self._refuse("callback", "a function of (run, iteration, mean_log_likelihood), or None", self.callback)
        if self.acceleration not in ("squarem", None):
            self._refuse("acceleration", "'squarem' or None", self.acceleration)
        if self.search not in ("swap", None):
            self._refuse("search", "'swap' or None", self.search)
        budget = self.time_budget
        if budget is not None and (isinstance(budget, bool) or not isinstance(budget, numbers.Real) or not budget > 0):
            self._refuse("time_budget", "a number of seconds > 0, or None", budget)
        if budget is not None and self.search is None:
            raise ValueError(f"time_budget={budget!r} is for search='swap', which is off: set this too, or bound a fit "
                             "by max_iter.")
        init = self.init_params
        if isinstance(init, str) and init not in start.STARTS:
            self._refuse("init_params", f"one of {', '.join(map(repr, start.STARTS))}, an array or a callable", init)
        if init is None:
            self._refuse("init_params", "a name, an array or a callable", init)
        return structure(self.covariance_type)

    def _refuse(self, name, wanted, value):
        raise ValueError(f"The {name!r} parameter of {type(self).__name__} must be {wanted}. Got {value!r} instead.")

    def _check_start(self, given, d):
        """First weights and means as arrays, or None."""
        k = self.n_components
        weights, means = given
        if weights is not None:
            weights = checked(weights, "weights", (k,))
            if (weights < 0).any() or (weights > 1).any():
                raise ValueError("The parameter 'weights' should be in the range [0, 1], but got "
                                 f"max value {weights.max():.5f}, min value {weights.min():.5f}")
            if abs(weights.sum() - 1) > state.ROUNDING:
                raise ValueError("The parameter 'weights' should be normalized, but got sum(weights) = "
                                 f"{weights.sum():.5f}")
        if means is not None:
            means = checked(means, "means", (k, d))
        return weights, means

    def _given(self, d):
        """First weights, means and factors, for a fit with d features; None for each that is not given."""
        weights, means = self._check_start((self.weights_init, self.means_init), d)
        if self.precisions_init is None:
            return weights, means, None
        shape, k = structure(self.covariance_type), self.n_components
        same = simplest(shape, d)
        name = f"{shape.name} precision"
        precisions = checked(self.precisions_init, name, shape.shape(k, d))
        factors = root(shape, precisions, name, shape.precision_factors)
        return weights, means, same.like(factors, shape, k, d)

    def _last(self, d):
        """Weights, means and factors of the last fit, for one with d features, if that was of the same kind."""
        shape, fitted_as = structure(self.covariance_type), state.last_structure(self)
        if shape is not fitted_as:
            raise ValueError(
                f"warm_start=True goes on from the last fit, which had the structure {fitted_as.code}; now "
                f"covariance_type={self.covariance_type!r}: fit with warm_start=False first."
            )
        weights, means, factors = state.parameters(self)
        if means.shape != (self.n_components, d):
            raise ValueError(
                f"warm_start=True goes on from the last fit, which had n_components={len(means)} and {means.shape[1]} "
                f"features; now n_components={self.n_components} and X has {d} features: fit with warm_start=False "
                "first."
            )
        return weights, means, simplest(shape, d).like(factors, shape, *means.shape)

    def _n_parameters(self):
        """Number of free parameters."""
        k, d = np.shape(self.means_)
        own = structure(self.covariance_type).n_parameters(k, d)
        return (0 if self.equal_weights else k - 1) + k * d + own + self._n_free(k)

    def _n_free(self, k):
        """The number of free parameters besides weights, means and covariances."""
        return 0

    @classmethod
    def _known(cls, weights, means, matrices, **parameters):
        """A mixture of given parameters, as a fit would leave it: what `from_parameters` begins with."""
        means = np.asarray(means)
        shape = structure(parameters["covariance_type"])
        if means.ndim != 2 or 0 in means.shape:
            raise ValueError("The parameter 'means' should have the shape (n_components, n_features), but got "
                             f"{means.shape}")
        model = cls(len(means), **parameters)
        weights, means = model._check_start((weights, means), means.shape[1])
        name = f"{shape.name} {cls._matrices.rstrip('_')}"
        matrices = checked(matrices, name, shape.shape(*means.shape))
        factors = root(shape, matrices, name, shape.factors)
        model._remember(means.shape[1], None)
        model.weights_, model.means_ = weights, means
        setattr(model, cls._matrices, matrices)
        model.precisions_cholesky_, model.precisions_ = factors, shape.precisions(factors)
        model.converged_, model.n_iter_, model.lower_bound_, model.lower_bounds_ = True, 0, -np.inf, []
        model.fit_report_, model._memo = Report(), Memo()
        return model

    # --- using ---------------------------------------------------------------------------------------------------

    def _evaluator(self, dtype):
        """The mixture as the kernels evaluate it; made anew where parameters have been set or changed by hand."""
        try:
            memo, weights, means, U = self._memo, self.weights_, self.means_, self.precisions_cholesky_
            made_of = None if U.size > MEMORABLE else (
                dtype, self.covariance_type, weights.dtype, means.dtype, U.dtype, weights.shape, means.shape, U.shape,
                weights.tobytes(), means.tobytes(), U.tobytes(), (more := self._more()) is not None and more.tobytes())
        except AttributeError:  # not there, or no array
            made_of = None
        if made_of is None:
            evaluator = self._new_evaluator(dtype)
            evaluator.one = False  # as it is not kept: to make another would cost more than it saves
            return evaluator
        kept_of, evaluator = memo.kept
        if kept_of != made_of:
            evaluator = self._new_evaluator(dtype)
            memo.kept = made_of, evaluator  # at once: other threads may predict too
        return evaluator

    def _new_evaluator(self, dtype):
        weights, means, U = state.parameters(self)
        frame, info = state.frame(self, weights, means, U, dtype), np.finfo(dtype)
        asked, (k, d) = structure(self.covariance_type), means.shape
        own = simplest(asked, d)
        inside = self._parameters(frame, own, weights, frame.enter(means), None,
                                  own.scaled_factors(own.like(U, asked, k, d), 1 / frame.units))
        halves = bool((abs(frame.reference) > info.max * info.eps / 4).any())  # below, the farthest sample swallows it
        return Evaluator(frame, inside.density, frame.coordinates(dtype), halves)

    def _ready(self, X, noise=None, alone=False):
        """X checked, and what evaluates it; alone: row by row, so that it may be something quicker for a single one."""
        if type(X) is not np.ndarray and isinstance(X := door.scanned(X), door.Streamed):
            return X, self._blockwise(X, noise)
        frame = X
        X, complete = observed(self, X)
        evaluator = self._suits(X)
        if complete and noise is None:
            return X, evaluator if not alone or len(X) > 1 else evaluator.one or self._alone(evaluator)
        return X, self._glance(evaluator.frame, None if noise is None else data.noise(noise, X, frame))

    def _alone(self, evaluator):
        """What evaluates one row in less time than it takes to set out for many, where there is that."""
        if evaluator.one is None:
            evaluator.one = evaluator.density.background is None and self.compiled()
        return evaluator.one or evaluator

    def _blockwise(self, X, noise):
        """What evaluates rows that are read block by block."""
        if noise is not None:
            raise TypeError("noise is for rows in arrays, and X is read block by block: give an array.")
        self._check_fitted()
        used = vars(self).get("columns_used_")
        if used is not None and X.width == len(used):
            names = data.feature_names(X)
            only = f"columns {np.flatnonzero(used).tolist()} only" if names is None else \
                f"scan(..., columns={names[used].tolist()})"
            raise ValueError("X has the columns that select set aside, and rows that are read block by block keep all "
                             f"that they have: give {only}.")
        self._check_names(data.feature_names(X))
        if X.width != getattr(self, "n_features_in_", X.width):
            raise self._other_width(X.width)
        return X.blockwise(self._seen_by)

    def _seen_by(self, block):
        """What evaluates some of such rows, in memory."""
        evaluator = self._suits(block)
        return evaluator if data.finite(block) else self._glance(evaluator.frame, None)

    def _samples(self, X):
        X = super()._samples(X)
        self._suits(X)
        return X

    def _suits(self, X):
        """What evaluates complete samples; ValueError where they have not the features of the mixture."""
        evaluator = self._evaluator(X.dtype)
        if X.shape[1] != evaluator.coordinates.shape[1]:  # attributes may have been set by hand
            raise ValueError(f"X has {X.shape[1]} features, but means_ has {evaluator.coordinates.shape[1]}: give the "
                             "features of fit.")
        return evaluator

    def _glance(self, frame, noise):
        """What evaluates rows of which a part is missing, or not known exactly."""
        return Glance(frame, self._inside_frame(frame, *state.parameters(self)).density, noise)

    def _inside_frame(self, frame, weights, means, U):
        """Parameters with covariances, in a frame."""
        shape, (k, d) = structure(self.covariance_type), means.shape
        own = simplest(shape, d)
        U = own.scaled_factors(own.like(U, shape, k, d), 1 / frame.units)
        return self._parameters(frame, own, weights, frame.enter(means), own.covariances(U), U)

    def _sums(self, X, sample_weight, noise=None):
        """Samples, and the statistics of one pass over them, without moments."""
        X, evaluator = self._ready(X, noise)
        n_threads = threads.resolve(self.n_threads)
        if isinstance(X, door.Streamed):
            scores = evaluator.scores(X.weighted(sample_weight), n_threads)
            return scores, scores
        samples = evaluator.rows(X, data.weights(sample_weight, len(X)), n_threads)
        return samples, samples.sweep(evaluator.density, "none")

    def predict(self, X: Rows, *, noise: ArrayLike | None = None) -> Integers:
        """The most probable component of each sample; -1 where the background is more probable than each.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        ndarray of int of shape (n,)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.predict([[1.0], [8.0]])
        array([0, 1])
        """
        X, evaluator = self._ready(X, noise, alone=True)
        return evaluator.labels(X, self.n_threads)

    def predict_proba(self, X: Rows, *, noise: ArrayLike | None = None) -> Reals:
        """The responsibilities: the probability of each component given each sample.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        ndarray of shape (n, k), or (n, k + 1)
            In the dtype of X. Of a mixture with a background the last column is its probability.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.predict_proba([[1.0], [4.5]]).round(3).tolist()
        [[1.0, 0.0], [0.5, 0.5]]
        """
        X, evaluator = self._ready(X, noise, alone=True)
        resp = evaluator.responsibilities(X, self.n_threads)
        return with_outside(resp) if "background_weight_" in vars(self) else resp

    def uncertainty(self, X: Rows) -> Reals:
        """How likely each sample belongs to another component than `predict` says: 1 less its largest responsibility.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
            From 0 to 1 - 1 / k, in the dtype of X.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.uncertainty([[1.0], [4.4]]).round(2).tolist()
        [0.0, 0.29]
        """
        return 1 - self.predict_proba(X).max(axis=1)

    @overload
    def impute(
        self,
        X: Rows,
        draws: int | None = None,
        random_state: RandomState = None,
        *,
        parameters: Literal["fitted", "bootstrap"] = "fitted",
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        noise: ArrayLike | None = None,
        return_cov: Literal[False] = False,
    ) -> Reals: ...
    @overload
    def impute(self, X: Rows, *, return_cov: Literal[True]) -> tuple[Reals, Floats]: ...
    def impute(self, X, draws=None, random_state=None, *, parameters="fitted", sample_weight=None, labels=None,
               noise=None, return_cov=False):
        """X with what is missing filled in.

        Parameters
        ----------
        X : array-like of shape (n, d)
            NaN where nothing was observed.
        draws : int, default=None
            None: expected values, given what was observed of the row, which are the best guesses of single values. A
            number: so many copies, each with values drawn from what they may be, as analyses need them that ask for
            more than means (multiple imputation: Rubin 1987).
        random_state : int, RandomState, Generator or None, default=None
            Of the draws.
        parameters : {'fitted', 'bootstrap'}, default='fitted'
            Of the mixture that values are drawn from. 'fitted': as they are, as if these were known. 'bootstrap': for
            each copy those of a fit, from the parameters on, to rows of X drawn with replacement, so that the copies
            differ also by what X leaves open of the parameters (proper imputation: Little & Rubin 2019, section 10.2).
            X is what the mixture was fitted to.
        sample_weight : array-like of shape (n,), default=None
            As in the fit, for 'bootstrap'.
        labels, noise : array-like, default=None
            What is known of the components, and errors of measurement, as `fit` takes them. What is filled in has no
            such errors.
        return_cov : bool, default=False
            Whether covariances of what is missing are asked for too, beside expected values.

        Returns
        -------
        X : ndarray of shape (n, d), or (draws, n, d)
        covariances : ndarray of shape (n, d, d)
            Only if `return_cov`: given what was observed of the row; 0 for what was observed.

        Raises
        ------
        TypeError, ValueError
            For bad X, and for arguments that do not go together.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]])
        >>> model.impute([[2.0, float("nan")]])
        array([[2., 1.]])
        """
        from .imputation import impute

        return impute(self, door.scanned(X), draws, random_state, parameters, sample_weight, labels, noise, return_cov)

    def score_samples(self, X: Rows, *, noise: ArrayLike | None = None) -> Reals:
        """Log-density of each sample.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        ndarray of shape (n,)
            In the dtype of X.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.score_samples([[0.0], [4.5]]).round(2).tolist()
        [-1.61, -11.04]
        """
        X, evaluator = self._ready(X, noise, alone=True)
        scores = evaluator.log_densities(X, self.n_threads)
        return scores.astype(X.dtype, copy=False)

    def score(
        self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None, *, noise: ArrayLike | None = None
    ) -> float:
        """Mean log-density per unit of weight.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : ignored
        sample_weight : array-like of shape (n,), default=None
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        float

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> round(model.score([[0.0], [4.5]]), 2)  # the mean of what score_samples gives
        -6.33
        """
        samples, s = self._sums(X, sample_weight, noise)
        return float(s.log_likelihood / s.total - samples.log_volume)

    def bic(self, X: Rows, sample_weight: ArrayLike | None = None, *, noise: ArrayLike | None = None) -> float:
        """Bayesian information criterion (Schwarz 1978), p log n - 2 log L: the smaller, the better.

        Parameters
        ----------
        X : array-like of shape (n, d)
        sample_weight : array-like of shape (n,), default=None
            Their sum takes the place of n.
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, None]
        >>> one, two = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
        >>> two.bic(X) < one.bic(X)
        True
        """
        return float(self._criteria(X, sample_weight, noise)["bic"])

    def aic(self, X: Rows, sample_weight: ArrayLike | None = None, *, noise: ArrayLike | None = None) -> float:
        """Akaike's information criterion (1974), 2 p - 2 log L: the smaller, the better.

        Parameters
        ----------
        X : array-like of shape (n, d)
        sample_weight : array-like of shape (n,), default=None
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, None]
        >>> one, two = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
        >>> two.aic(X) < one.aic(X)
        True
        """
        return float(self._criteria(X, sample_weight, noise)["aic"])

    def icl(self, X: Rows, sample_weight: ArrayLike | None = None, *, noise: ArrayLike | None = None) -> float:
        """Integrated completed likelihood criterion: BIC - 2 sum_n log max_k r_nk, the smaller, the better.

        It prefers clusters that are apart (Biernacki, Celeux & Govaert 2000, with the partition that mclust takes).

        Parameters
        ----------
        X : array-like of shape (n, d)
        sample_weight : array-like of shape (n,), default=None
        noise : array-like of shape (n, d) or (n, d, d), default=None
            Errors of measurement, as `fit` takes them.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, None]
        >>> one, two = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
        >>> two.icl(X) < one.icl(X)
        True
        """
        return float(self._criteria(X, sample_weight, noise)["icl"])

    def _criteria(self, X, sample_weight=None, noise=None):
        """n_samples (by weight), log_likelihood (total), n_parameters, bic, aic and icl, by one pass."""
        samples, s = self._sums(X, sample_weight, noise)
        n = samples.total
        unit = n / s.total
        log_likelihood = s.log_likelihood * unit - n * samples.log_volume
        p = self._n_parameters()
        bic = p * np.log(n) - 2 * log_likelihood
        return dict(n_samples=n, log_likelihood=log_likelihood, n_parameters=p, bic=bic, aic=2 * p - 2 * log_likelihood,
                    icl=bic - 2 * s.log_classification * unit)

    def compiled(self) -> Scorer:
        """The mixture as it is now, packed for scoring one row after the other: from Python, C, Cython or Numba.

        Returns
        -------
        cyem.embed.Scorer
            Immutable; what is set or fitted later does not change it. Rows with gaps are for the mixture itself.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> scorer = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical").compiled()
        >>> round(scorer.score_samples([0.0]), 6)
        -0.918939
        """
        from ..embed import Scorer

        density, reference = self._as_it_is()
        return Scorer(density, reference)

    def export_c(self, path: FileName, name: str = "mixture", dtype: Literal["float64", "float32"] = "float64") -> None:
        """Write the mixture as one file in C99 that needs neither cyem nor Python.

        It defines ``double NAME_log_density(const double *x)``, ``void NAME_responsibilities(const double *x, double
        *out)`` and ``int NAME_predict(const double *x)``, which call nothing but exp and log. Where the features have
        names, a comment says which of them is which element of x.

        Parameters
        ----------
        path : str or path-like
        name : str, default='mixture'
            What the names of the functions begin with.
        dtype : {'float64', 'float32'}, default='float64'
            Of all numbers; float for the second.

        Raises
        ------
        TypeError, ValueError
            For a name that is none in C, another dtype, or a mixture of numbers that it has no room for.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical")
        >>> with TemporaryDirectory() as folder:
        ...     model.export_c(Path(folder, "model.c"), "heights")
        ...     "double heights_log_density(const double *x);" in Path(folder, "model.c").read_text()
        True
        """
        from .. import files
        from ..embed.export import source

        names, used = (vars(self).get(attribute) for attribute in ("feature_names_in_", "columns_used_"))
        if names is None and used is not None:
            names = [f"column {j}, counted from 0" for j in np.flatnonzero(used)]
        text = source(*self._as_it_is(), name, dtype, names)
        files.write(path, lambda file: file.write(text.encode()))

    def to_onnx(self) -> Any:
        """The mixture as a model of ONNX, for other runtimes; needs the package onnx (``pip install 'cyem[onnx]'``).

        Its input is X (n, d), its outputs are log_density (n,), probabilities (n, k) and label (n,), all in double
        precision; rows have to be complete.

        Returns
        -------
        onnx.ModelProto
            ``onnx.save(model.to_onnx(), "model.onnx")`` writes it.

        Raises
        ------
        ImportError
            Without onnx.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> graph = model.to_onnx()  # doctest: +SKIP
        >>> [output.name for output in graph.graph.output]  # doctest: +SKIP
        ['log_density', 'probabilities', 'label']
        """
        from ..embed.onnx import graph

        return graph(self._as_it_is()[0])

    def _as_it_is(self):
        """The density outside any frame, and the mean of all components."""
        self._check_fitted()
        if state.background(self) is not None:
            raise ValueError("A mixture with a background is neither compiled nor exported: of its components a "
                             "GaussianMixture.from_parameters(weights_ / weights_.sum(), means_, covariances_) is.")
        weights, means, U = state.parameters(self)
        asked, (k, d) = structure(self.covariance_type), means.shape
        own = simplest(asked, d)
        inside = self._parameters(None, own, weights, means, None, own.like(U, asked, k, d))
        return inside.density, weights @ means

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> tuple[Floats, Integers]:
        """Draw samples.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState, Generator or None, default=None
            None: go on with the random numbers of the last fit, so that every call draws other samples.

        Returns
        -------
        X : ndarray of shape (n_samples, d)
        y : ndarray of shape (n_samples,)
            The component that each was drawn from; -1 for the background, which is drawn from the box it is in.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> X, y = model.sample(500, random_state=0)
        >>> X.shape, y.shape
        ((500, 1), (500,))
        >>> [X[y == j].mean().round(1).item() for j in (0, 1)]
        [-0.1, 8.9]
        """
        self._check_fitted()
        weights, means, factors = state.parameters(self)
        background = state.background(self)
        if isinstance(n_samples, bool) or not isinstance(n_samples, numbers.Integral) or n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples!r}. The sampling requires at least one "
                             "sample.")
        if n_samples > np.iinfo(np.intp).max // (8 * means.shape[1]):
            raise ValueError(f"Invalid value for 'n_samples': {n_samples!r}. No memory can hold so many samples.")
        if random_state is None:
            if not hasattr(self, "_sampler"):
                self._sampler = start.generator(self.random_state)
            rng = self._sampler
        else:
            rng = start.generator(random_state)
        evaluator = self._evaluator(np.dtype(np.float64))
        frame = evaluator.frame
        shape = structure(self.covariance_type)
        k, d = means.shape
        shares = weights if background is None else np.append(weights, background.weight)
        y = rng.choice(len(shares), size=n_samples, p=shares / shares.sum())
        X = self._coloured(rng.standard_normal((n_samples, d)), y, rng)
        factors = shape.scaled_factors(factors, 1 / frame.units)
        for j in range(k):
            X[y == j] = shape.coloured(X[y == j], factors, j) + frame.enter(means[j])
        if background is not None:
            low, high = (frame.enter(corner) for corner in (background.box.low, background.box.high))
            X[y == k] = low + (high - low) * rng.random((np.count_nonzero(y == k), d))
            y = np.where(y == k, -1, y)
        with np.errstate(over="ignore"):
            X = (X * (frame.units / 2) + frame.reference / 2) * 2 if evaluator.halves else frame.leave(X)
        if not data.finite(X):
            raise ValueError("Samples of this mixture are beyond the range of float64: fit it to X in a larger unit, "
                             "such as X / 16, and multiply what is drawn.")
        return X, y

    # --- some features, and some given others ----------------------------------------------------------------------

    def marginal(self, features: Features) -> Self:
        """The mixture of some of the features, whatever the others are.

        Parameters
        ----------
        features : int, str or sequence of these
            By index, or by name where `feature_names_in_` has them; in the order that is asked for.

        Returns
        -------
        GaussianMixture or StudentMixture
            As by `from_parameters`. Its structure is that of this mixture where some features of it have that too, else
            'diag' (of 'EVI') or 'full'.

        Raises
        ------
        TypeError, ValueError
            For features that do not exist, or are named twice.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> model.marginal(1).means_, model.marginal(1).covariances_
        (array([[5.]]), array([[[2.]]]))
        """
        from .conditional import marginal

        return marginal(self, features)

    def condition(self, known: dict[Any, float]) -> Self:
        """The mixture of the other features, given values of some.

        Components whose density there is larger get more weight; means and covariances are those given the values, of t
        distributions with more degrees of freedom than without.

        Parameters
        ----------
        known : dict
            Features, by index or name, and their values. For many rows: `predict_conditional`.

        Returns
        -------
        GaussianMixture or StudentMixture
            Of the features that are not known, in their order; its structure as in `marginal`.

        Raises
        ------
        TypeError, ValueError
            For features that do not exist, values that are not finite, or nothing left to ask for.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> given = model.condition({0: 2.0})
        >>> given.means_, given.covariances_
        (array([[6.]]), array([[[1.75]]]))
        """
        from .conditional import condition

        return condition(self, known)

    def predict_conditional(
        self, X_known: ArrayLike, features: Features | None = None, *, known: Features | None = None
    ) -> Conditional:
        """What some features are expected to be, given others, row by row.

        Parameters
        ----------
        X_known : array-like of shape (n, p)
            Values of the features that are known. Some may be missing (NaN).
        features : int, str or sequence of these, default=None
            What is asked for, by index or name; None: all that are not known.
        known : int, str or sequence of these, default=None
            The features that X_known has, in the order of its columns. None: by the names of its columns, if these and
            the mixture have names, else all that are not asked for, in their order.

        Returns
        -------
        Conditional
            A mixture for each row: `weights` (n, k), `means` (n, k, m), `covariances` (g, k, m, m), and of these
            together ``mean()``, ``variance()``, ``std()``, ``covariance()``, ``log_density(Y)``, ``cdf(y, feature)``,
            ``quantile(q, feature)``.

        Raises
        ------
        TypeError, ValueError
            For bad X_known, and features that do not exist, or are both known and asked for.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.mean().tolist(), rows.variance().tolist()
        ([[6.0], [4.0]], [[1.75], [1.75]])
        """
        from .conditional import predict_conditional

        return predict_conditional(self, X_known, features, known)

    @overload
    def cdf(self, x: float, feature: Feature | None = None) -> float: ...
    @overload
    def cdf(self, x: ArrayLike, feature: Feature | None = None) -> Floats: ...
    def cdf(self, x, feature=None):
        """The probability that one feature is at most x.

        Parameters
        ----------
        x : float or array-like of any shape
        feature : int or str, default=None
            By index or name; not needed where there is only one.

        Returns
        -------
        float or ndarray of the shape of x

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> GaussianMixture.from_parameters([1.0], [[3.0]], [[1.0]], "diag").cdf(3.0)
        0.5
        """
        from .conditional import cdf

        return cdf(self, x, feature)

    @overload
    def quantile(self, q: float, feature: Feature | None = None) -> float: ...
    @overload
    def quantile(self, q: ArrayLike, feature: Feature | None = None) -> Floats: ...
    def quantile(self, q, feature=None):
        """The value that one feature is at most with probability q.

        Parameters
        ----------
        q : float or array-like of shape (count,)
            In (0, 1).
        feature : int or str, default=None
            By index or name; not needed where there is only one.

        Returns
        -------
        float or ndarray of shape (count,)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[3.0]], [[1.0]], "diag")
        >>> model.quantile([0.025, 0.5]).round(3).tolist()
        [1.04, 3.0]
        """
        from .conditional import quantile

        return quantile(self, q, feature)

    def outlyingness(self, X: Rows) -> Floats:
        """How odd samples are: the probability that one of the mixture's own has a density as low as theirs.

        Small is odd. Of samples of the components it is uniform between 0 and 1; of a mixture with a background the
        components are asked, not the background.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing: then it is about what was observed.

        Returns
        -------
        ndarray of float64 of shape (n,)

        See Also
        --------
        outliers : The samples for which it is below a level.
        cyem.examine : Odd rows without a model.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.outlyingness([[0.0], [1.96], [4.5]]).round(4).tolist()
        [1.0, 0.05, 0.0]
        """
        from .outliers import outlyingness

        return outlyingness(self, X)

    def outliers(self, X: Rows, level: float = 0.01) -> Booleans:
        """Which samples are odder than all but a share of the mixture's own.

        Where there are outliers among the samples of the fit, these widen components, and hide: give
        `GaussianMixture` a ``background``, or take a `StudentMixture`.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        level : float, default=0.01
            In (0, 1): the share of samples of the components for which it would be said wrongly.

        Returns
        -------
        ndarray of bool of shape (n,)

        Raises
        ------
        ValueError
            For a level that is none.

        See Also
        --------
        outlyingness : The probability that is compared with the level.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> model.outliers([[0.0], [1.96], [4.5]])
        array([False, False,  True])
        """
        if isinstance(level, bool) or not isinstance(level, numbers.Real) or not 0 < level < 1:
            raise ValueError(f"level={level!r} must be a number between 0 and 1, such as 0.01.")
        return self.outlyingness(X) <= level

    def modes(self) -> Floats:
        """The peaks of the density: points that are more probable than all around them.

        There may be fewer than components, where these overlap, and more. Looked for from the means and from the peaks
        on the ridge lines between components, by climbs whose ends must be curved downwards in all directions; of two
        components these are all (Ray & Lindsay 2005), of more all that are known to be.

        Returns
        -------
        ndarray of shape (m, d)
            The highest first. Peaks that are less than a hundredth of a standard deviation apart are one.

        References
        ----------
        Ray & Lindsay, "The topography of multivariate normal mixtures", Annals of Statistics 33 (2005); Carreira-
        Perpinan, "Mode-finding for mixtures of Gaussian distributions", IEEE Transactions on Pattern Analysis and
        Machine Intelligence 22 (2000).

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> near = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [1.5]], [1.0, 1.0], "spherical")
        >>> far = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [8.0]], [1.0, 1.0], "spherical")
        >>> near.modes().round(3).tolist(), sorted(far.modes().round(3).tolist())
        ([[0.75]], [[0.0], [8.0]])
        """
        from ..families import modes
        from ..families.student import surplus

        weights, _, U = state.parameters(self)
        (k, d), shape = self.means_.shape, structure(self.covariance_type)
        frame, means, _ = state.in_own_frame(self)
        U = shape.full(shape.scaled_factors(U, 1 / frame.units), k, d)
        nu = np.full(k, np.inf) if (tails := state.tails(self)) is None else tails
        with np.errstate(divide="ignore"):
            heights = np.log(weights) + np.log(np.diagonal(U, axis1=1, axis2=2)).sum(axis=1)
        heights += [surplus(each, d) for each in nu.tolist()]
        return frame.leave(modes.peaks(modes.Hills(means, U @ U.swapaxes(1, 2), heights, nu)))

    def summary(self, X: Rows | None = None, sample_weight: ArrayLike | None = None) -> str:
        """The fitted mixture as a statistician prints it.

        Parameters
        ----------
        X : array-like of shape (n, d), default=None
            For what needs samples: their number, log-likelihood, BIC, AIC and ICL.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        str
            What was fitted and how that ended; degrees of freedom (df, the free parameters) and criteria; weight, means
            and standard deviations of each component; what was out of the ordinary.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
        >>> print(model.summary([[-2.0], [0.0], [3.0]]))
        Gaussian mixture, 2 components, covariance spherical (VII): spheres, each with its own volume
        parameters as given, not fitted
        <BLANKLINE>
        samples  features  df  log-likelihood    BIC    AIC    ICL
              3         1   5           -6.26  18.02  22.53  19.95
        <BLANKLINE>
        component                 0       1
        weight               0.2500  0.7500
        mean
          feature 0         -1.0000  1.0000
        standard deviation
          feature 0          1.0000  2.0000
        """
        from ..show.summary import summary

        self._check_fitted()
        return summary(self, None if X is None else self._criteria(X, sample_weight))

    def _repr_html_(self):
        """The same as a small page, for notebooks."""
        from ..show import fragments

        return str(fragments.model_summary(self) if self.__sklearn_is_fitted__() else fragments.not_fitted(self))

    def _check_whole(self):
        from .persistence import check_whole

        check_whole(self)

    def save(self, path: FileName) -> None:
        """Write the mixture to a file, from which `cyem.load` makes it again.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; one that was there is then as it was.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from cyem import GaussianMixture, load
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], "spherical")
        >>> with TemporaryDirectory() as folder:
        ...     model.save(Path(folder, "model.npz"))
        ...     load(Path(folder, "model.npz")).means_.tolist()
        [[0.0], [9.0]]
        """
        from .streams import Gathered

        super().save(path)
        if isinstance(self._stream, Gathered):
            warn("partial_fit has gathered rows for a start, and these are not saved: the loaded model goes on from "
                 "its parameters")


def memberships(model, X, noise=None):
    """Responsibilities of the components (n, k) in float64; a background has what rows leave of one."""
    return model.predict_proba(X, noise=noise)[:, : len(model.weights_)].astype(np.float64)


def with_outside(resp):
    """Responsibilities (n, k), and in one more column what they leave to the background."""
    return np.column_stack([resp, np.maximum(1 - resp.sum(axis=1), 0)])


def checked(values, name, shape):
    """Parameters that a user gives, as finite float64 of the right shape."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"The parameter {name!r} should hold numbers, got dtype {values.dtype}.")
    if values.shape != shape:
        raise ValueError(f"The parameter {name!r} should have the shape of {shape}, but got {values.shape}")
    values = values.astype(np.float64, order="C")
    if not np.isfinite(values).all():
        raise ValueError(f"The parameter {name!r} should be finite, but contains NaN or infinity.")
    return values


def root(shape, matrices, name, of):
    """The factors of covariances or precisions that a user gives; ValueError where these are none."""
    factors = of(matrices) if shape.symmetric(matrices) else None
    if factors is None:
        raise ValueError(f"'{name}' should be {shape.requirement}: at least one component is not.")
    return factors


def in_its_place(model):
    """What may have been meant where something else than a model was given."""
    return "samples come after it." if isinstance(model, np.ndarray | list) or hasattr(type(model), "columns") else (
        "of a Selection give its best_.")


def read(model, X):
    """X, checked to have the features of fit: in memory, or as what is read block by block."""
    return model._ready(X)[0]


def fitted(model, name="model"):
    """The model, if it is a fitted mixture."""
    if not isinstance(model, Mixture):
        raise TypeError(f"{name} is a {type(model).__name__}, and must be a fitted GaussianMixture or StudentMixture; "
                        f"{in_its_place(model)}")
    model._check_fitted()
    return model
