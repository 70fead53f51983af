"""Models from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models import persistence
from ..models.asked import FAMILIES
from ..models.regressor import MixtureRegressor

if TYPE_CHECKING:
    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import FileName
    from .discriminant import MixtureClassifier

CLASSES = {cls.__name__: cls for cls in [*FAMILIES.values(), MixtureRegressor]}


def load(path: FileName) -> GaussianMixture | StudentMixture | MixtureRegressor | MixtureClassifier:
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
    return persistence.read(path, _known)


def _known(name):
    """The class of a name, or None where files have none of it."""
    if name == "MixtureClassifier":  # which knows all about selection: most files are of mixtures, and need not wait
        from .discriminant import MixtureClassifier

        return MixtureClassifier
    return CLASSES.get(name)
