"""MixtureClassifier: discriminant analysis, as mixtures of which it is known which component a row may be from."""

from __future__ import annotations

import numbers
from itertools import product
from reprlib import repr
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..em import start
from ..families import covariance
from ..families.covariance import structure
from ..models.around import AroundMixture
from ..models.conditional import made
from ..models.estimator import observed
from ..models.gaussian import GaussianMixture
from ..models.history import Report, one_of_many
from ..models.persistence import OBJECTS
from ..notices import ConvergenceWarning, muted, warn
from ..rows import data, door
from ..rows.classes import UNKNOWN, classes_of, encoded, is_label, one_each
from .select import select

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray

    from ..rows.types import Floats, Integers, RandomState

ROUNDING = 1e-6  # by which a sum of priors may differ from one
STEPS = 10  # of EM for the mixture of a class, between two looks at what class rows are of


class CrossValidation(NamedTuple):
    """How well rows are classified by fits without them."""

    error: float  # share of rows in another class than predicted
    brier: float  # half the mean squared distance of probabilities from what is true
    error_standard_error: float  # by how errors of folds differ
    brier_standard_error: float
    predicted: NDArray[Any]  # class of each labelled row, in their order
    probabilities: Floats  # (labelled rows, classes)


class MixtureClassifier(AroundMixture):
    """Discriminant analysis by Gaussian mixtures: the class of a row is the one whose mixture it is likely from.

    With one component for each class and the structures 'tied', 'full', 'diag' and 'spherical' this is linear and
    quadratic discriminant analysis and naive Bayes; with the other structures eigenvalue decomposition discriminant
    analysis (EDDA: Bensmail & Celeux 1996); with several components mixture discriminant analysis (MDA: Hastie &
    Tibshirani 1996), by structures of their own MclustDA (Fraley & Raftery 2002). Rows whose class is not known help to
    find the mixtures.

    Parameters
    ----------
    n_components : int, iterable of int or dict, default=1
        Components of each class; of several numbers the one of least BIC. A dict has them by class.
    covariance_type : str or iterable of str, default='full'
        As in `GaussianMixture`; of several structures the one of least BIC; "all" are the 14 codes.
    shared : bool, default=True
        True: the components of all classes are those of one mixture, whose structure ties them. False: each class has a
        mixture of its own, with its own number of components and structure; of several these are chosen by `select`.
    priors : array-like of shape (n_classes,), default=None
        Probabilities of the classes, in the order of `classes_`, that predictions go by; None: their shares.
    unlabelled : int, str or None, default=None
        What stands for a class that is not known, besides NaN and None, such as the -1 of scikit-learn's
        semi-supervised estimators. None: nothing else, so that -1 is a class like others.
    tol, reg_covar, max_iter, n_init, random_state, n_threads
        As in `GaussianMixture`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        In ascending order.
    priors_ : ndarray of shape (n_classes,)
    mixture_ : GaussianMixture
        The components of all classes together, as rows have it whose class is not known.
    component_classes_ : ndarray of shape (k,)
        The class of each component, as its place in `classes_`.
    chosen_ : list of tuple
        Number of components and structure of each class.
    log_likelihood_ : float
        That of X by `mixture_`, without the labels, which is what mclust reports.
    n_parameters_ : int
        Free ones; priors that are given are none.
    bic_ : float
        p log n - 2 log L of these: the smaller, the better.
    n_iter_ : int
        Iterations; of classes with mixtures of their own the most.
    fit_report_ : tuple of str
        Events that are out of the ordinary, one line each.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,)
        Only if X had names.

    See Also
    --------
    GaussianMixture : Its parameter `labels` of `fit` is for a few known rows among many.
    MixtureRegressor : Targets that are numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import MixtureClassifier
    >>> X = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0], [1.5], [12.5]])
    >>> y = np.array([0, 0, 0, 1, 1, 1, -1, -1])  # of the last two the class is not known
    >>> model = MixtureClassifier(unlabelled=-1).fit(X, y)
    >>> model.predict([[0.0], [14.0]]).tolist()
    [0, 1]
    """

    classes_: NDArray[Any]
    priors_: Floats
    component_classes_: Integers
    chosen_: list[tuple[int, str]]
    log_likelihood_: float
    n_parameters_: int
    bic_: float
    _saved = True
    _outcome = *AroundMixture._outcome, "n_parameters_", "log_likelihood_", "bic_"
    _kinds = ("classes_", OBJECTS), ("chosen_", lambda pairs: [*map(tuple, pairs)])

    def __init__(
        self,
        n_components: int | Iterable[int] | dict[Any, Any] = 1,
        *,
        covariance_type: str | Iterable[str] = "full",
        shared: bool = True,
        priors: ArrayLike | None = None,
        unlabelled: int | str | None = None,
        tol: float = 1e-6,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        n_init: int = 1,
        random_state: RandomState = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.shared = shared
        self.priors = priors
        self.unlabelled = unlabelled
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.n_threads = n_threads

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, TargetTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags = TargetTags(required=True)
        return tags

    # --- fit -----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixtures of the classes.

        Ctrl-C ends it, and leaves the estimator as it was.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.
        y : array-like of shape (n,)
            Classes: integers, text, or what else can be sorted. NaN, None and `unlabelled` where they are not known.
        sample_weight : array-like of shape (n,) or number, default=None
            How often each row counts.

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
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.classes_.tolist(), model.mixture_.means_.round(1).tolist()
        (['a', 'b'], [[2.0], [12.0]])
        """
        if not isinstance(self.shared, bool | np.bool_):
            raise ValueError(f"shared must be a bool, got {self.shared!r}.")
        frame = X = door.scanned(X)
        names = data.feature_names(X)
        X, _ = data.observed(X)
        labels, known = classes_of(y, len(X), self.unlabelled)
        X, w, kept = data.counted(X, sample_weight, frame)
        if kept is not None:
            labels, known = labels[kept[1]], known[kept[1]]
        classes, codes = encoded(labels, known)
        priors = self._priors(classes)
        rows = _Rows(X, w, codes, classes.tolist(), start.generator(self.random_state), self._settings())
        fitted = (self._tied if self.shared else self._apart)(rows, self._candidates(classes))
        shares = np.bincount(fitted.owners, fitted.mixture.weights_, len(classes))
        mixture = fitted.mixture
        if priors is not None:
            mixture = reweighted(mixture, mixture.weights_ * (priors / shares)[fitted.owners])
        mixture.random_state = self.random_state
        n = float(len(X) if w is None else w.sum())
        log_likelihood = mixture.score(X, sample_weight=w) * n
        n_parameters = fitted.n_parameters - (0 if priors is None else len(classes) - 1)
        if fitted.trouble:
            warn("; ".join(dict.fromkeys(fitted.trouble)), ConvergenceWarning)  # each once
        self._remember(X.shape[1], names)
        self.classes_, self.mixture_, self.component_classes_ = classes, mixture, fitted.owners
        self.priors_, self.chosen_ = shares if priors is None else priors, fitted.chosen
        self.log_likelihood_, self.n_parameters_ = log_likelihood, n_parameters
        self.bic_, self.n_iter_ = n_parameters * np.log(n) - 2 * log_likelihood, fitted.n_iter
        self.fit_report_ = Report(fitted.report)
        return self

    def _settings(self):
        """The parameters that every fit has."""
        return {name: getattr(self, name) for name in ("tol", "reg_covar", "max_iter", "n_init", "n_threads")}

    def _priors(self, classes):
        if self.priors is None:
            return None
        priors = np.asarray(self.priors)
        if priors.dtype.kind not in "biuf" or priors.shape != classes.shape:
            raise ValueError(f"priors must be {len(classes)} probabilities, one for each of the classes "
                             f"{classes.tolist()}, got {self.priors!r}.")
        priors = priors.astype(np.float64)
        if not ((priors >= 0).all() and abs(priors.sum() - 1) <= ROUNDING):
            raise ValueError(f"priors must not be negative and sum to 1, got {self.priors!r}.")
        return priors / priors.sum()

    def _candidates(self, classes):
        """Numbers of components of each class, and structures, to choose from."""
        given = self.n_components
        if isinstance(given, dict):
            if missing := [label for label in classes.tolist() if label not in given]:
                raise ValueError(f"n_components has nothing for the classes {missing}: give a number for each of "
                                 f"{classes.tolist()}.")
            numbers_ = [self._numbers(given[label]) for label in classes.tolist()]
        else:
            numbers_ = [self._numbers(given)] * len(classes)
        names = self.covariance_type
        names = [shape.code for shape in covariance.STRUCTURES] if isinstance(names, str) and names == "all" else (
            [names] if isinstance(names, str) else list(names))
        for name in names:
            structure(name)
        if not names:
            raise ValueError("covariance_type is empty: name at least one structure.")
        return numbers_, names

    def _numbers(self, given):
        counts = [given] if isinstance(given, numbers.Number) else list(given) if np.iterable(given) else None
        if not counts or any(isinstance(k, bool) or not isinstance(k, numbers.Integral) or k < 1 for k in counts):
            raise ValueError("n_components must be a number of components >= 1, several of them, or a dict of these by "
                             f"class, got {self.n_components!r}.")
        return [int(k) for k in counts]

    def _tied(self, rows, candidates):
        """The best mixture of which the structure ties the components of all classes."""
        counts, names = candidates
        fits = []
        if any(each != counts[0] for each in counts):
            grid = [tuple(each[0] for each in counts)]
            if any(len(each) > 1 for each in counts):
                raise ValueError("n_components has several numbers of components that differ by class, which is for "
                                 "shared=False: give one number for each class, or the same ones.")
        else:
            grid = [(k,) * rows.count for k in counts[0]]
        for ks, name in product(grid, names):
            if all(k <= (rows.codes == c).sum() for c, k in enumerate(ks)):
                fits.append(rows.tied(ks, name))
        if not fits:
            raise ValueError(f"n_components={self.n_components!r} is more than a class has rows: ask for fewer.")
        return min(fits, key=lambda fit: (bool(fit.trouble), fit.bic))

    def _apart(self, rows, candidates):
        """The best mixture of each class by itself."""
        counts, names = candidates
        models, trouble = [], []
        for c, ks in enumerate(counts):
            with muted(ConvergenceWarning) as kept:
                models.append(rows.own(c, ks, names))
            trouble += kept
        if (rows.codes == UNKNOWN).any():
            return rows.together(models, trouble)
        return rows.joined(models, rows.shares(), trouble)

    def _check_whole(self):
        super()._check_whole()
        classes, priors, owners = (vars(self).get(name) for name in ("classes_", "priors_", "component_classes_"))
        if not (isinstance(classes, np.ndarray) and classes.ndim == 1 and len(classes) > 1
                and all(map(is_label, classes.tolist())) and len(set(classes.tolist())) == len(classes)):
            raise ValueError(f"The attribute 'classes_' is {repr(classes)}, expected an array of at least two classes, "
                             "numbers or text, each once: set it back, or fit.")
        if not (isinstance(priors, np.ndarray) and priors.dtype == np.float64 and priors.shape == classes.shape
                and (priors >= 0).all() and abs(priors.sum() - 1) <= ROUNDING):
            raise ValueError(f"The attribute 'priors_' is {repr(priors)}, expected {len(classes)} probabilities, one "
                             "for each class: set it back, or fit.")
        k = self.mixture_.n_components
        if not (isinstance(owners, np.ndarray) and owners.dtype.kind == "i" and owners.shape == (k,)
                and (np.diff(owners) >= 0).all() and np.array_equal(np.unique(owners), np.arange(len(classes)))):
            raise ValueError(f"The attribute 'component_classes_' is {repr(owners)}, expected the class of each of {k} "
                             "components, in ascending order and none without: set it back, or fit.")
        if not isinstance(vars(self).get("chosen_"), list):
            raise TypeError("The attribute 'chosen_' is no list: set it back, or fit.")

    # --- using ---------------------------------------------------------------------------------------------------

    def predict_proba(self, X: ArrayLike) -> Floats:
        """The probability of each class, given each row.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.

        Returns
        -------
        ndarray of shape (n, n_classes)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.predict_proba([[0.0], [7.0]]).round(3).tolist()
        [[1.0, 0.0], [0.5, 0.5]]
        """
        X, _ = observed(self, X)
        resp = self.mixture_.predict_proba(X.astype(np.float64, copy=False))
        first = np.searchsorted(self.component_classes_, np.arange(len(self.classes_)))
        return resp if len(first) == resp.shape[1] else np.add.reduceat(resp, first, axis=1)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Values may be missing.

        Returns
        -------
        ndarray of shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.predict([[0.0], [14.0]]).tolist()
        ['a', 'b']
        """
        found = self.predict_proba(X)
        return self.classes_[found.argmax(axis=1)]

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """The logarithms of the probabilities of the classes, also of those that `predict_proba` rounds to zero.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n, n_classes)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.predict_log_proba([[7.0], [99.0]]).round(2).tolist()
        [[-0.69, -0.69], [-1380.0, 0.0]]
        """
        joint = self._joint(X)
        top = joint.max(axis=1, keepdims=True)
        return joint - (top + np.log(np.exp(joint - top).sum(axis=1, keepdims=True)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Log-odds: of two classes those of the second against the first, else log-densities with priors.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.decision_function([[2.0], [12.0]]).round(1).tolist()
        [-75.0, 75.0]
        """
        joint = self._joint(X)
        return joint[:, 1] - joint[:, 0] if joint.shape[1] == 2 else joint

    def _joint(self, X):
        """Log-densities of rows and classes together (n, n_classes)."""
        X, _ = observed(self, X)
        X = X.astype(np.float64, copy=False)
        joint = np.full((len(X), len(self.classes_)), -np.inf)
        for c, prior in enumerate(self.priors_):
            if prior > 0:
                own = self.component_classes_ == c
                of_class = reweighted(self.mixture_, self.mixture_.weights_[own], own)
                joint[:, c] = np.log(prior) + of_class.score_samples(X)
        return joint

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The share of rows whose class is predicted.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> model.score([[0.0], [6.0], [8.0], [14.0]], ["a", "b", "b", "b"])
        0.75
        """
        found = self.predict(X)
        return float(np.average(one_each(y, len(found)) == found, weights=data.weights(sample_weight, len(found))))

    def brier_score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Half the mean squared distance between probabilities and what is true (Brier 1950); of 0 to 1, 0 is best.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X, y = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]]), list("aaabbb")
        >>> model = MixtureClassifier().fit(X, y)
        >>> round(model.brier_score([[0.0], [7.0]], ["a", "a"]), 3)
        0.125
        """
        found = self.predict_proba(X)
        y = one_each(y, len(found))
        return float(np.average(brier(found, y, self.classes_), weights=data.weights(sample_weight, len(found))))

    def cross_validated(
        self,
        X: ArrayLike,
        y: ArrayLike,
        folds: int = 10,
        *,
        sample_weight: ArrayLike | None = None,
        random_state: RandomState = None,
    ) -> CrossValidation:
        """Error and Brier score of rows left out, by fits as of a new estimator with these parameters.

        Parts have the classes as the whole has them. What is chosen by BIC is chosen anew without each part; rows
        without a class are in each fit, and in no part.

        Parameters
        ----------
        X : array-like of shape (n, d)
        y : array-like of shape (n,)
        folds : int, default=10
            Parts to leave out, from 2 to the number of rows of a class.
        sample_weight : array-like of shape (n,), default=None
        random_state : int, RandomState, Generator or None, default=None
            Which row is in which part.

        Returns
        -------
        CrossValidation
            error, brier, their standard errors, and what was predicted of each labelled row.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import MixtureClassifier
        >>> X = np.concatenate([np.arange(10.0), np.arange(10.0) + 100])[:, None]
        >>> MixtureClassifier().cross_validated(X, np.repeat(["a", "b"], 10), 5, random_state=0).error
        0.0
        """
        X, _ = data.observed(door.scanned(X))
        labels, known = classes_of(y, len(X), self.unlabelled)
        classes, codes = encoded(labels, known)
        w = data.weights(sample_weight, len(X))
        w = np.ones(len(X)) if w is None else w
        least = int(np.bincount(codes[codes >= 0]).min())
        if isinstance(folds, bool) or not isinstance(folds, numbers.Integral) or not 2 <= folds <= max(least, 2):
            raise ValueError(f"folds must be an integer from 2 to {max(least, 2)}, the rows of the smallest class, got "
                             f"{folds!r}.")
        if least < 2:
            raise ValueError("A class has one row only, and cannot be left out and learnt from: cross-validation needs "
                             "two.")
        rng, part = start.generator(random_state), np.full(len(X), UNKNOWN)
        first = 0
        for c in range(len(classes)):  # each goes on where the one before has ended, so that parts are of one size
            own = rng.permutation(np.flatnonzero(codes == c))
            part[own] = (first + np.arange(len(own))) % folds
            first += len(own)
        probabilities, errors, briers, sizes = np.empty((len(X), len(classes))), [], [], []
        for fold in range(folds):
            out = part == fold
            model = type(self)(**self.get_params()).fit(X[~out], labels[~out], sample_weight=w[~out])
            found = probabilities[out] = model.predict_proba(X[out])
            if not w[out].any():
                continue
            errors.append(np.average(classes[found.argmax(axis=1)] != labels[out], weights=w[out]))
            briers.append(np.average(brier(found, labels[out], classes), weights=w[out]))
            sizes.append(w[out].sum())
        kept = probabilities[known]
        of_folds = [np.array(each) for each in (errors, briers)]
        error, score = (float(np.average(each, weights=sizes)) for each in of_folds)
        spread = [float(np.std(each, ddof=1) / np.sqrt(len(each))) for each in of_folds]
        return CrossValidation(error, score, *spread, classes[kept.argmax(axis=1)], kept)


class _Fitted(NamedTuple):
    """The mixture of all classes."""

    mixture: GaussianMixture
    owners: np.ndarray  # (k,): the class of each component
    chosen: list  # of each class
    n_parameters: int
    n_iter: int
    report: list
    trouble: list  # what users are to be warned of
    bic: float = np.nan


class _Rows:
    """Rows with the classes of some of them, and fits to these."""

    def __init__(self, X, w, codes, classes, rng, settings):
        self.X, self.w, self.codes, self.classes, self.rng, self.settings = X, w, codes, classes, rng, settings
        self.count = len(classes)

    def of(self, c):
        """Rows of a class, and their weights."""
        own = self.codes == c
        return self.X[own], None if self.w is None else self.w[own]

    def shares(self):
        """Of the classes, among rows whose class is known."""
        known = self.codes >= 0
        counts = np.bincount(self.codes[known], None if self.w is None else self.w[known], self.count)
        return counts / counts.sum()

    def own(self, c, ks, names):
        """The best mixture of one class."""
        X, w = self.of(c)
        if len(ks) == len(names) == 1:
            model = GaussianMixture(ks[0], covariance_type=names[0], random_state=self.rng, **self.settings)
            return one_of_many(model, X, w)
        ks = [k for k in ks if k <= len(X)] or ks[:1]
        how = self.settings | dict(n_init=1 + self.settings["n_init"])
        found = select(X, ks, names, sample_weight=w, random_state=self.rng, progress=False, **how)
        if found.interrupted:
            raise KeyboardInterrupt
        return found.best_

    def tied(self, ks, name):
        """One mixture, of which each class has components of its own."""
        owners = np.repeat(np.arange(self.count), ks)
        possible = (self.codes[:, None] == owners) | (self.codes[:, None] < 0)
        how = dict(covariance_type=name, random_state=self.rng, **self.settings)
        with muted(ConvergenceWarning) as kept:
            if max(ks) > 1:
                how["init_params"] = self._apart_first(ks, name, owners)
            mixture = GaussianMixture(len(owners), **how)
            one_of_many(mixture, self.X, self.w, labels=possible.astype(float))
        chosen = [(k, name) for k in ks]
        return _Fitted(mixture, owners, chosen, mixture._n_parameters(), mixture.n_iter_, list(mixture.fit_report_),
                       list(kept), mixture.bic(self.X, self.w))

    def _apart_first(self, ks, name, owners):
        """Responsibilities (n, k) by mixtures of the classes apart."""
        models = [self.own(c, [k], [name]) for c, k in enumerate(ks)]
        resp = self.joined(models, self.shares(), []).mixture.predict_proba(self.X).astype(np.float64)
        for c, model in enumerate(models):
            own = self.codes == c
            resp[own] = 0
            resp[np.ix_(own, owners == c)] = model.predict_proba(self.X[own])
        return resp

    def joined(self, models, shares, trouble, n_iter=None):
        """Mixtures of the classes as one; trouble: what is to be said of it."""
        owners = np.repeat(np.arange(len(models)), [len(model.means_) for model in models])
        shapes = [structure(model.covariance_type) for model in models]
        name = "full" if any(shape.square for shape in shapes) else "diag"
        each = [structure(name).condensed(shape.full(model.covariances_, *model.means_.shape))
                for shape, model in zip(shapes, models, strict=True)]
        weights = np.concatenate([share * model.weights_ for share, model in zip(shares, models, strict=True)])
        means = np.concatenate([model.means_ for model in models])
        mixture = made(models[0], weights, means, np.concatenate(each), name)
        chosen = [(len(model.means_), model.covariance_type) for model in models]
        n_parameters = sum(model._n_parameters() for model in models) + len(models) - 1
        n_iter = max(model.n_iter_ for model in models) if n_iter is None else n_iter
        report = [f"class {label!r}: {event}" for label, model in zip(self.classes, models, strict=True)
                  for event in model.fit_report_]
        return _Fitted(mixture, owners, chosen, n_parameters, n_iter, report, trouble)

    def together(self, models, trouble):
        """Mixtures of classes, also of rows whose class is not known: these count for each by its probability.

        EM over the classes, in which the M-step of each is some steps of EM of its mixture, so that the likelihood
        never falls.
        """
        unknown, w = self.codes < 0, np.ones(len(self.X)) if self.w is None else self.w
        shares, before = self.shares(), -np.inf
        counts = (self.codes[:, None] == np.arange(self.count)).astype(float)
        for model in models:
            model.set_params(warm_start=True, max_iter=STEPS)
        steps = 0
        for _ in range(self.settings["max_iter"]):
            steps += 1
            with np.errstate(divide="ignore"):
                joint = np.log(shares) + np.column_stack([model.score_samples(self.X) for model in models])
            top = joint.max(axis=1)
            total = top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
            likelihood = np.where(unknown, total, joint[np.arange(len(joint)), self.codes])
            value = np.average(likelihood, weights=w)
            if value - before < self.settings["tol"]:
                break
            before = value
            counts[unknown] = np.exp(joint - total[:, None])[unknown]
            mass = counts * w[:, None]
            shares = mass.sum(axis=0) / mass.sum()
            with muted(ConvergenceWarning):
                for c, model in enumerate(models):
                    one_of_many(model, self.X, mass[:, c])
        else:
            trouble = [*trouble, f"The classes of rows without one did not settle in max_iter={steps} steps"]
        return self.joined(models, shares, trouble, steps)


def reweighted(mixture, weights, own=slice(None)):
    """Components of a mixture, all or some, with weights in proportion to these (one for each of them)."""
    shape = structure(mixture.covariance_type)
    return made(mixture, weights, mixture.means_[own], shape.taken(mixture.covariances_, own), mixture.covariance_type)


def brier(probabilities, y, classes):
    """Half the squared distance of probabilities from what is true, of each row (n,)."""
    return ((probabilities - (np.asarray(y)[:, None] == classes)) ** 2).sum(axis=1) / 2
