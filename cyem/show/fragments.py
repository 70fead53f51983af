"""Pieces of HTML about fitted mixtures, for notebooks and reports; readable on light and dark backgrounds."""

import math

from ..families import state
from . import summary
from .markup import element, row, table
from .text import plural

PLAIN = "border-collapse: separate; border-spacing: .8em .1em; text-align: right; font-variant-numeric: tabular-nums"
SHORT = 12  # components and features shown in a notebook


def not_fitted(model):
    """An estimator for a notebook, before fit."""
    return element("div", element("code", repr(model)), " (not fitted)")


def model_summary(model):
    """A mixture for a notebook."""
    _, means, _ = state.parameters(model, model._matrices)
    state.outcome(model)
    names, values = summary.figures(model)
    facts = "; ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    k, d = means.shape
    rest = f"The first {SHORT} of {plural('component', k)} and {plural('feature', d)}."
    return element(
        "div",
        element("strong", f"{model._words}, ", summary.heading(model)),
        element("div", f"{summary.ending(model)}; {facts}"),
        wide(components(model, SHORT, style=PLAIN)),
        element("div", rest) if max(k, d) > SHORT else "",
        *(element("div", event) for event in model.fit_report_),
    )


def printed(title, cells, *notes):
    """A table for a notebook, from the rows of text that print shows; the last cell of a short row runs on."""
    head, *rows = cells
    lines = [row([*cells[:-1], element("td", cells[-1], colspan=len(head) - len(cells) + 1, style="text-align: left")]
                 if len(cells) < len(head) else cells) for cells in rows]
    return element("div", element("strong", title), wide(table(head, lines, style=PLAIN)),
                   *(element("div", note) for note in notes))


def wide(shown):
    """A table that may be wider than the page: it scrolls, and not the page."""
    return element("div", shown, style="overflow-x: auto")


def components(model, most=None, **attributes):
    """Weight, and mean and standard deviation of every feature, a column per component."""
    names = summary.feature_names(model)[:most]
    weights, means, _ = state.parameters(model, model._matrices)
    shares = [element("td", f"{weight:.1%}") for weight in weights[:most]]
    lines = [row([element("th", "weight", scope="row"), *shares])]
    for name, own, sds in zip(names, means.T.tolist(), summary.deviations(model).T.tolist(), strict=False):
        cells = [element("td", mean, element("small", " ± ", sd)) for mean, sd in _with_deviations(own, sds)]
        lines.append(row([element("th", name, scope="row"), *cells[:most]]))
    head = ["", *(element("th", f"component {j}", scope="col") for j in range(len(shares)))]
    return table(head, lines, **attributes)


def _with_deviations(means, sds):
    """Pairs of text with as many decimals as give the least standard deviation two digits."""
    least = min((sd for sd in sds if 0 < sd < math.inf), default=1.0)
    digits = max(0, 1 - math.floor(math.log10(least)))
    form = f",.{digits}f" if digits < 9 and max(map(abs, [*means, *sds])) < 1e9 else ".3e"
    return [(f"{mean:{form}}", f"{sd:{form}}") for mean, sd in zip(means, sds, strict=True)]
