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

    See Also
    --------
    GaussianMixture.save : Writes the file.
    report : A page about the model, for people.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from cyem import GaussianMixture, load
    >>> model = GaussianMixture(2, random_state=0).fit([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0]])
    >>> with TemporaryDirectory() as folder:
    ...     model.save(Path(folder, "model.npz"))
    ...     again = load(Path(folder, "model.npz"))
    >>> (again.means_ == model.means_).all().item()
    True
    """
    return persistence.read(path, CLASSES)
