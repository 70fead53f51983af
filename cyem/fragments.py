"""Pieces of HTML about fitted mixtures, for notebooks and reports; readable on light and dark backgrounds."""

import math

from . import state, summary
from .criteria import CRITERIA, title
from .estimator import NotFittedError
from .markup import element, row, table, together
from .selection import MARKS, marks
from .text import plural, precision

PLAIN = "border-collapse: separate; border-spacing: .8em .1em; text-align: right; font-variant-numeric: tabular-nums"
SHORT = 12  # components and features shown in a notebook
ROWS = 15  # rows of a selection shown in a notebook


def model_summary(model):
    """A mixture for a notebook."""
    try:
        model._check_fitted()
    except NotFittedError:
        return element("div", element("code", repr(model)), " (not fitted)")
    _, means, _ = state.parameters(model, "covariances_")
    state.outcome(model)
    names, values = summary.figures(model)
    facts = "; ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    k, d = means.shape
    rest = f"The first {SHORT} of {plural('component', k)} and {plural('feature', d)}."
    return element(
        "div",
        element("strong", "Gaussian mixture, ", summary.heading(model)),
        element("div", f"{summary.ending(model)}; {facts}"),
        components(model, SHORT, style=PLAIN),
        element("div", rest) if max(k, d) > SHORT else "",
        *(element("div", event) for event in model.fit_report_),
    )


def selection_summary(selection):
    """A selection for a notebook: the best rows of its table."""
    best = selection.best_row
    shown = [fit for fit, _ in ranked(selection)][:ROWS]
    more = f"{len(shown)} of {len(selection.rows)} rows, the best first." if len(shown) < len(selection.rows) else ""
    return element(
        "div",
        element("strong", f"Best by {title(selection.criterion)}: {best.title}"),
        models(selection, shown, style=PLAIN),
        element("div", more) if more else "",
    )


def components(model, most=None, **attributes):
    """Weight, and mean and standard deviation of every feature, a column per component."""
    names = summary.feature_names(model)[:most]
    weights, means, _ = state.parameters(model, "covariances_")
    shares = [element("td", f"{weight:.1%}") for weight in weights[:most]]
    lines = [row([element("th", "weight", scope="row"), *shares])]
    for name, own, sds in zip(names, means.T.tolist(), summary.deviations(model).T.tolist(), strict=False):
        cells = [element("td", mean, element("small", " ± ", sd)) for mean, sd in _with_deviations(own, sds)]
        lines.append(row([element("th", name, scope="row"), *cells[:most]]))
    head = ["", *(element("th", f"component {j}", scope="col") for j in range(len(shares)))]
    return table(head, lines, **attributes)


def models(selection, shown, **attributes):
    """Rows of the table of a selection; each number carries its full value, by which a page can sort."""
    columns = _criteria(selection, shown)
    head = ["", "components", "structure", "log-likelihood", "parameters", *columns, "starts", "iterations", "seconds"]
    lines = []
    for fit in shown:
        is_best = fit is selection.best_row
        cells = [together("★" if is_best else "", marked(fit)), number(fit.n_components, form="d"), fit.covariance_type]
        if fit.reason:
            reason = f"not fitted: {fit.reason}"
            cells.append(element("td", reason, colspan=len(head) - 3, class_="reason", data_value=""))
        else:
            cells += [number(fit.log_likelihood), number(fit.n_parameters, form="d")]
            cells += [number(*answers[fit], f",{form(answers[fit].value)}") for answers, form in columns.values()]
            cells += [number(fit.n_starts_at_optimum, form="d"), number(fit.n_iter, form="d"), number(fit.seconds)]
        lines.append(row(cells, class_="best" if is_best else None))
    return table(head, lines, **attributes)


def _criteria(selection, shown):
    """Of each criterion that is defined for some row, under its title: its answers by row, and `precision` of them."""
    columns = {}
    for criterion in dict.fromkeys([*CRITERIA, selection.criterion]):
        answers = dict(zip(selection.rows, selection.answers(criterion), strict=True))
        if any(_is_number(answers[fit].value) for fit in shown):
            columns[title(criterion)] = answers, precision([answer.value for answer in answers.values()])
    return columns


def number(value, reason="", form=",.2f"):
    """A cell with a number, and the number in full beside it; or the word that there is none, and the reason."""
    if not _is_number(value):
        return element("td", element("abbr", "undefined", title=reason), data_value="")
    return element("td", format(value, form), data_value=repr(float(value)))


def marked(fit):
    """The marks that a row of a selection deserves, each with its meaning."""
    return together(*(element("abbr", mark, title=MARKS[mark]) for mark in marks(fit)))


def ranked(selection):
    """The fitted rows, with the values of the criterion: the chosen one first, then the others from the best on."""
    best = selection.best_row
    fitted = [(fit, value) for fit, value in zip(selection.rows, selection.values(), strict=True) if _is_number(value)]
    return sorted(fitted, key=lambda pair: (pair[0] is not best, pair[0].spurious, pair[1]))


def _with_deviations(means, sds):
    """Pairs of text with as many decimals as give the least standard deviation two digits."""
    least = min((sd for sd in sds if 0 < sd < math.inf), default=1.0)
    digits = max(0, 1 - math.floor(math.log10(least)))
    form = f",.{digits}f" if digits < 9 and max(map(abs, [*means, *sds])) < 1e9 else ".3e"
    return [(f"{mean:{form}}", f"{sd:{form}}") for mean, sd in zip(means, sds, strict=True)]


def _is_number(value):
    return value is not None and not math.isnan(value)

