"""A fitted mixture in words and numbers, as a statistician prints it."""

import math

import numpy as np

from ..families import state
from ..families.covariance import structure
from .text import WIDTH, aligned, folded, plural, printable, series


class Summary(str):
    """Text that also the interactive prompt shows as it is."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def summary(model, measured=None):
    """What `GaussianMixture.summary` returns; measured: the criteria of samples, if there are any."""
    state.parameters(model, model._matrices)
    state.outcome(model)
    lines = [folded(f"{model._words}, {heading(model)}"), ending(model), "", *aligned(figures(model, measured))]
    lines += _components(model)
    report = tuple(model.fit_report_)
    return Summary("\n".join([*lines, *[""] * bool(report), *map(printable, report)]))


def heading(model):
    """What was fitted, in one line."""
    k, shape = len(model.weights_), structure(model.covariance_type)
    name = shape.name if shape.name == shape.code else f"{shape.name} ({shape.code})"
    return f"{plural('component', k)}, covariance {name}: {in_words(shape.code)}"


def ending(model):
    """How the fit ended, in one line."""
    if hasattr(model, "n_steps_"):
        return f"stepwise EM: {plural('step', model.n_steps_)}, {model.n_samples_seen_:,.10g} samples"
    if not model.lower_bounds_:
        return "parameters as given, not fitted"
    end = "converged" if model.converged_ else "not converged"
    return f"EM: {end} after {plural('iteration', model.n_iter_)}"


def in_words(code):
    """What the letters of a covariance structure say.

    Examples
    --------
    >>> from cyem.show.summary import in_words
    >>> in_words("EVI")
    'axis-parallel ellipsoids of one volume, each with its own shape'
    """
    body = "spheres" if code[1] == "I" else "axis-parallel ellipsoids" if code[2] == "I" else "ellipsoids"
    aspects = list(zip(code, ("volume", "shape", "orientation"), strict=True))
    same = series(aspect for letter, aspect in aspects if letter == "E")
    own = series(aspect for letter, aspect in aspects if letter == "V")
    return body + (f" of one {same}" if same else "") + (f", each with its own {own}" if own else "")


def figures(model, measured=None):
    """Names and values of what is said of the whole fit, as two rows of text."""
    cells = {"features": str(np.shape(model.means_)[1]), "df": str(model._n_parameters())}
    if measured is None:
        cells["mean log-likelihood"] = f"{model.lower_bound_:.6g}"
    else:
        cells = {"samples": f"{measured['n_samples']:.10g}", **cells,
                 "log-likelihood": f"{measured['log_likelihood']:.2f}"}
        cells |= {name.upper(): f"{measured[name]:.2f}" for name in ("bic", "aic", "icl")}
    return [tuple(cells), tuple(cells.values())]


def deviations(model):
    """Standard deviation of each feature in each component (k, d)."""
    frame, means, covariances = state.in_own_frame(model)
    return np.sqrt(structure(model.covariance_type).diagonals(covariances, *means.shape)) * frame.units


def feature_names(model):
    """What the features are called wherever they are shown; without names by numbers, from 0 as those of components."""
    names = state.feature_names(model)
    if names is None:
        return [f"feature {j}" for j in range(np.shape(model.means_)[1])]
    return [printable(name) for name in names]


def numbers(values):
    """Numbers as text with the same number of decimals, five digits for the largest."""
    top = max(map(abs, values))
    exponent = math.floor(math.log10(top)) if 0 < top < math.inf else 0
    form = f".{max(0, 4 - exponent)}f" if -4 < exponent < 8 else ".4e"
    return [f"{value:{form}}" for value in values]


def _components(model):
    """Weights, means and standard deviations as lines, a column per component."""
    weights, means, _ = state.parameters(model, model._matrices)
    k = len(weights)
    names = [f"  {name}" for name in feature_names(model)]
    rows = [("component", list(map(str, range(k)))), ("weight", [f"{weight:.4f}" for weight in weights])]
    if (background := state.background(model)) is not None:
        rows.append(("background", [f"{background.weight:.4f}", *[""] * (k - 1)]))
    if (tails := state.tails(model)) is not None:
        rows.append(("degrees of freedom", [f"{nu:.4g}" for nu in tails]))
    for title, values in (("mean", means), (model._spread, deviations(model))):
        rows += [(title, [""] * k), *zip(names, map(numbers, values.T.tolist()), strict=True)]
    label, cell = max(len(name) for name, _ in rows), max(len(text) for _, cells in rows for text in cells)
    beside = max((WIDTH - label) // (cell + 2), 1)  # components in a block
    lines = []
    for block in (slice(start, start + beside) for start in range(0, k, beside)):
        lines += ["", *aligned([[name.ljust(label), *cells[block]] for name, cells in rows])]
    return [line.rstrip() for line in lines]
