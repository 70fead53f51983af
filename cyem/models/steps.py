"""A fit in steps, for a search that makes many at once: what `Mixture.fit` asks of a model, one after the other."""

from ..em import start
from ..families.covariance import simplest, structure
from ..notices import ConvergenceWarning, muted


def begun(model, d, names, used):
    """The structure of a fit to d features, once parameters are checked; names and used columns are remembered."""
    shape = simplest(model._check_parameters(), d)
    model._remember(d, names, used)
    return shape


def refusal(model, d):
    """What is wrong with the first parameters that a user has given, for d features: an error, or None."""
    try:
        model._given(d)
    except (TypeError, ValueError) as error:
        return error
    return None


def problem(model, X, weights, code, n_threads):
    """What is to be fitted, with a structure."""
    return model._problem(X, weights, structure(code), n_threads)


def first(model, mixture, X, kept, rng):
    """The parameters that a first run begins with; mixture: the problem."""
    return next(model._starts(mixture, X, kept, rng))


def ended(model, mixture, fit):
    """Sets the fitted attributes, without a word."""
    with muted(ConvergenceWarning):
        model._accept(mixture, fit, start.generator(model.random_state))
