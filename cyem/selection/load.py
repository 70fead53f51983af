"""Models from files."""

from ..models import persistence
from ..models.gaussian import GaussianMixture
from ..models.regressor import MixtureRegressor
from ..models.student import StudentMixture

CLASSES = {cls.__name__: cls for cls in [GaussianMixture, StudentMixture, MixtureRegressor]}


def load(path):
    """Read a model from a file that its `save` wrote.

    Parameters
    ----------
    path : str or path
        File name.

    Returns
    -------
    GaussianMixture, StudentMixture, MixtureRegressor or MixtureClassifier
        Equal to the saved one, bit for bit.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no model file, is truncated or damaged, was written by a version of cyem that knows more, or does not
        hold a whole model.

    Examples
    --------
    See `GaussianMixture.save`.
    """
    return persistence.read(path, _known)


def _known(name):
    """The class of a name, or None where files have none of it."""
    if name == "MixtureClassifier":  # which knows all about selection: most files are of mixtures, and need not wait
        from .discriminant import MixtureClassifier

        return MixtureClassifier
    return CLASSES.get(name)
