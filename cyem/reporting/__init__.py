"""A report on a selection or a fitted mixture: one page that needs neither Python nor a network to be read."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from .. import files
from ..models.estimator import observed
from ..models.mixture import Mixture
from ..notices import NamelessWarning, muted
from ..rows import data, door
from ..screening.examine import examine
from ..selection.select import Selection
from ..show.markup import together
from . import pictures, sections

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Progress


def report(
    fitted: Selection[GaussianMixture] | Selection[StudentMixture] | GaussianMixture | StudentMixture,
    X: ArrayLike,
    path: str | os.PathLike[str],
    *,
    sample_weight: ArrayLike | None = None,
    title: str = "Mixture report",
    command: str | None = None,
    figures: bool = True,
    progress: Progress = None,
) -> Path:
    """Write a report: one HTML page that holds everything it shows.

    It tells in plain words what was fitted and how sure one can be, with figures, the table of all models that were
    compared (which sorts at a click), what to be careful about, and how to make it again. It needs no network, follows
    the light or dark setting of the reader, and can be printed.

    Parameters
    ----------
    fitted : Selection, GaussianMixture or StudentMixture
        What `select` returned, or a fitted mixture.
    X : array-like of shape (n, d)
        The samples it was fitted to. Values may be missing.
    path : str or path
        The file to write, customarily ".html".
    sample_weight : array-like of shape (n,), optional
        The weights it was fitted with.
    title : str, optional
        What stands on top.
    command : str, optional
        A command line that makes the report again; by default the report shows the Python code.
    figures : bool, optional
        Whether to draw.
    progress : bool, None or callable, optional
        Whether to show how far the figures are, which take the time; None: where somebody looks. A callable is called
        as ``progress(done, total, seconds)`` after each figure.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    TypeError
        If `fitted` is something else.
    NotFittedError, ValueError
        If the mixture is not fitted, or X does not fit to it.
    OSError
        If the file cannot be written: told before the work as far as that can be known. A file that is there stays as
        it was until the page is complete.

    See Also
    --------
    select : What it is mostly about.
    GaussianMixture.summary : A fitted mixture as text.
    cyem.plotting.MixtureDisplay : The picture of the mixture alone.

    Notes
    -----
    The words for a difference of BIC are those of Kass & Raftery, "Bayes factors", 1995, section 3.2. Figures need
    matplotlib; without it they are left out, with a warning.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> import cyem
    >>> X = np.random.default_rng(0).normal(size=(100, 1))
    >>> selection = cyem.select(X, n_components=[1, 2], covariance_types="full", random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     page = cyem.report(selection, X, Path(folder, "report.html"), title="Noise").read_text()
    >>> "<h1>Noise</h1>" in page
    True
    """
    selection = fitted if isinstance(fitted, Selection) else None
    model = fitted.best_ if selection else fitted
    if not isinstance(model, Mixture):
        raise TypeError(f"fitted is a {type(fitted).__name__}, and must be a fitted GaussianMixture or StudentMixture, "
                        "or a Selection of these.")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is a {type(path).__name__}, and must be the name of a file; it comes after X.")
    path = Path(path)
    files.target(path)
    X = door.scanned(X)
    findings = selection.findings if selection else examine(X, sample_weight, model.n_components, model.covariance_type)
    with muted(NamelessWarning):  # the page shows the names of the model
        X, _ = observed(model, X)
        weights = data.weights(sample_weight, len(X))
        facts = sections.Facts(model, X, weights, findings)
        drawn = pictures.drawn(selection, model, X, weights, progress) if figures else {}
    parts = [
        sections.head(title, facts),
        sections.answer(facts, selection),
        sections.cautions(facts, selection),
        sections.groups(facts, drawn),
        sections.certainty(facts, drawn),
        sections.models(selection, drawn) if selection else "",
        sections.words(),
        sections.again(facts, selection, path, command),
    ]
    script = _resource("sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = Template(_resource("page.html")).substitute(
        title=together(title), body=together(*parts), script=script, script_hash=f"'sha256-{digest}'"
    )
    content = page.encode("utf-8", "backslashreplace")  # file names, which a title may have, can be other than UTF-8
    files.write(path, lambda file: file.write(content))
    return path


def _resource(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
