"""Models from files."""

from . import persistence
from .gaussian import GaussianMixture
from .student import StudentMixture

CLASSES = {cls.__name__: cls for cls in [GaussianMixture, StudentMixture]}


def load(path):
    """Read a model from a file that `GaussianMixture.save` wrote.

    Parameters
    ----------
    path : str or path
        File name.

    Returns
    -------
    GaussianMixture
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
    return persistence.read(path, CLASSES)
