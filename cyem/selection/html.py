"""The table of a selection as HTML, for notebooks and reports."""

import math

from ..screening.findings import as_list
from ..show.fragments import PLAIN, wide
from ..show.markup import element, row, table, together
from ..show.text import precision, time
from .criteria import CRITERIA, MARKS, SHOWN, marks, title

ROWS = 15  # rows shown in a notebook


def selection_summary(selection):
    """A selection for a notebook: the best rows of its table."""
    best = selection.best_row
    shown = [fit for fit, _ in ranked(selection)][:ROWS]
    more = f"{len(shown)} of {len(selection.rows)} rows, the best first." if len(shown) < len(selection.rows) else ""
    return element(
        "div",
        element("strong", f"Best by {title(selection.criterion)}: {best.title}"),
        wide(models(selection, shown, SHOWN, style=PLAIN)),
        element("div", more) if more else "",
        as_list(selection.findings),
        verdict(selection.verdict),
    )


def verdict(found):
    """A verdict: its sentence, what it rests on, and what to do."""
    return together(
        element("p", element("strong", found.headline)),
        element("ul", *(element("li", reason) for reason in found.reasons)) if found.reasons else "",
        element("p", f"Next: {found.next_step}"),
    )


def models(selection, shown, criteria=CRITERIA, **attributes):
    """Rows of the table of a selection; each number carries its full value, by which a page can sort."""
    columns = _criteria(selection, shown, criteria)
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
            cells += [number(fit.n_starts_at_optimum, form="d"), number(fit.n_iter, form="d")]
            cells.append(element("td", time(fit.seconds), data_value=repr(fit.seconds)))
        lines.append(row(cells, class_="best" if is_best else None))
    return table(head, lines, **attributes)


def _criteria(selection, shown, criteria):
    """Of each criterion that is defined for some row, under its title: its answers by row, and `precision` of them."""
    columns = {}
    for criterion in dict.fromkeys([*criteria, selection.criterion]):
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


def _is_number(value):
    return value is not None and not math.isnan(value)

