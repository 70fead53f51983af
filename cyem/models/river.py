"""Mixtures as River's online learners see them: one row at a time, as a dict. River itself is not needed."""

from copy import deepcopy

import numpy as np

from ..notices import NotFittedError
from .mixture import Mixture


class OneByOne:
    """A mixture that learns one row at a time, with the methods that River asks of a clusterer and an anomaly detector.

    Parameters
    ----------
    model : GaussianMixture or StudentMixture
        Is copied; its `forget` says how long rows count.

    Attributes
    ----------
    model : GaussianMixture or StudentMixture
        The mixture so far.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture
    >>> from cyem.models.river import OneByOne
    >>> rng = np.random.default_rng(0)
    >>> learner = OneByOne(GaussianMixture(2, random_state=0))
    >>> for _ in range(200):
    ...     learner.learn_one({"heat": rng.normal(), "load": rng.normal() + 9 * rng.integers(2)})
    >>> learner.predict_one({"heat": 0.0, "load": 0.0}) == learner.predict_one({"heat": 0.0, "load": 9.0})
    False
    >>> learner.score_one({"heat": 0.0, "load": 0.0}) < learner.score_one({"heat": 0.0, "load": 5.0})
    True
    """

    def __init__(self, model):
        if not isinstance(model, Mixture):
            raise TypeError(f"model is a {type(model).__name__}, and must be a GaussianMixture or a StudentMixture.")
        self.model = deepcopy(model)
        self.names = None

    def learn_one(self, x, w=1.0):
        """Learn from one row.

        Parameters
        ----------
        x : dict
            Values by name; those of other names than the first row had are an error, missing ones are missing values.
        w : float, default=1.0
            How often the row counts.

        Raises
        ------
        TypeError, ValueError
            For values that are no numbers, and names that are new.
        """
        names = tuple(x) if self.names is None else self.names
        self.model.partial_fit(row(x, names), sample_weight=[w])
        self.names = names

    def predict_one(self, x):
        """The most probable component of a row; 0 as long as there are fewer rows than components."""
        found = self._ask("predict", x)
        return 0 if found is None else int(found[0])

    def predict_proba_one(self, x):
        """Probabilities of the components by number."""
        found = self._ask("predict_proba", x)
        return {} if found is None else dict(enumerate(found[0].tolist()))

    def score_one(self, x):
        """How odd a row is: minus its log-density, as River's detectors have it the larger the odder; at first 0."""
        found = self._ask("score_samples", x)
        return 0.0 if found is None else -float(found[0])

    def _ask(self, method, x):
        """What a method says of one row; None as long as there is no mixture."""
        try:
            self.model._check_fitted()
        except NotFittedError:
            return None
        return getattr(self.model, method)(row(x, self.names))


def row(x, names):
    """A dict of values as a matrix of one row."""
    if unknown := x.keys() - set(names):
        raise ValueError(f"x has {sorted(unknown, key=repr)!r}, which the rows before had not: these had {names!r}.")
    return np.array([[x.get(name, np.nan) for name in names]], np.float64)
