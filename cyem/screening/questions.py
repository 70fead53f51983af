"""What is asked of data, one function a question: each yields what it finds, in words that a colleague would use."""

import math

import numpy as np

from ..families import covariance
from ..models import asked
from ..show.text import plural, series
from . import odd_rows
from .columns import starts_over
from .findings import Finding, called, columns_listed, equation, listed, number, row_called, rows_listed

TIMES = 5  # as many pairs of equal rows as chance makes
MOST_TERMS = 6  # of an equation in words
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0  # means of weights that count no rows


def weights_that_count_nothing(weights, n):
    """Could the weights (n,), or None, count n rows?"""
    if weights is None:
        return
    total, whole = float(weights.sum()), bool((weights == np.rint(weights)).all())
    if total < LEAST_WEIGHT * n or (total > MOST_WEIGHT * n and not whole):
        yield Finding("weights", (), (), {"total": total, "rows": n},
                      f"the weights sum to {number(total)}, and there are {plural('row', n)}",
                      "BIC takes their sum for the number of rows; multiply them so that they sum to it")


def few_rows(n, d, n_components, covariance_types):
    """Are there more rows than parameters?"""
    counts = sorted(asked.counts(1 if n_components is None else n_components, n))
    first = {}
    for name in asked.structures(covariance_types):
        own = covariance.structure(name)
        sizes = ((k, k - 1 + k * d + own.n_parameters(k, d)) for k in counts)
        if too_many := next((size for size in sizes if size[1] >= n), None):
            first[name] = too_many
    if first:
        said = listed(f"{p:,} parameters of {plural('component', k)} ({name})" for name, (k, p) in first.items())
        parameters = {name: {"components": k, "parameters": p} for name, (k, p) in first.items()}
        yield Finding("few rows", (), (), {"rows": n, "parameters": parameters},
                      f"{plural('row', n)} are no more than the {said}",
                      "too few to tell; ask for fewer components, simpler structures or fewer columns")


def few_observed(look, n_components):
    """Were enough values of each column observed, for a mean and a variance of each component?"""
    counts = sorted(asked.counts(1 if n_components is None else n_components, look.n))
    places, sizes = [], []
    for j in range(look.d):
        observed = look.n - look.gaps[j]
        if look.gaps[j] and (k := next((k for k in counts if 2 * k >= observed), None)):
            places.append(j)
            sizes.append((observed, k))
    if places:
        said = listed(f"{called(look.names[j])} was observed in {plural('row', observed)}, no more than the "
                      f"{2 * k:,} means and variances of {plural('component', k)}"
                      for j, (observed, k) in zip(places, sizes, strict=True))
        numbers = {"observed": [observed for observed, _ in sizes], "components": [k for _, k in sizes]}
        yield Finding("few values observed", look.named(places), (), numbers, said,
                      "too few to tell; leave it out, or ask for fewer components")


def missing(look):
    """Are there gaps?"""
    places = [j for j in range(look.d) if look.gaps[j]]
    if not places:
        return
    gaps = [look.gaps[j] for j in places]
    where = listed(f"{look.gaps[j]:,} in {called(look.names[j])}" for j in places)
    complete = plural("row", len(look.complete))
    yield Finding("missing", look.named(places), (), {"missing": gaps, "complete_rows": len(look.complete)},
                  f"{plural('value', sum(gaps))} missing ({where}), {complete} complete",
                  "fits use what was observed; see whether it is missing by chance")


def constant(look):
    """Do columns hold the same value in all rows, or nearly all?"""
    if places := [j for j, column in enumerate(look.columns) if column.constant and column.n > 1]:
        names, values = look.named(places), [float(look.columns[j].values[0]) for j in places]
        yield Finding("constant", names, (), {"values": values},
                      f"the same value in every row of {columns_listed(names)}", "it tells nothing; leave it out")
    if places := [j for j, column in enumerate(look.columns) if column.nearly]:
        names, tops = look.named(places), [look.columns[j].top for j in places]
        where = listed((f"{called(name)} ({number(value)} in {share:.1%} of the rows)" for name, (value, share) in
                        zip(names, tops, strict=True)), most=4)
        yield Finding("nearly constant", names, (),
                      {"values": [float(value) for value, _ in tops], "shares": [float(share) for _, share in tops]},
                      f"nearly always the same value in {where}",
                      "it tells next to nothing, and invites a component without width; leave it out")


def counters(look):
    """Do columns number the rows?"""
    for j, column in enumerate(look.columns):
        if column.counter:
            first, last = float(column.values[0]), float(column.values[-1])
            left_out = round((last - first) / column.step) + 1 - column.n
            said = f"{called(look.names[j])} numbers the rows, from {number(first)} to {number(last)}"
            if abs(column.step - 1) > 1e-9:
                said += f" in steps of {number(column.step)}"
            if left_out:
                said += f" with {left_out:,} left out"
            numbers = {"first": first, "last": last, "step": column.step, "left_out": left_out}
            yield Finding("counter", look.named([j]), (), numbers, said, "that is no measurement; leave it out")
        elif times := starts_over(look.X[:, j]):
            first, last = float(column.values[0]), float(column.values[-1])
            said = (f"{called(look.names[j])} numbers the rows of {times:,} parts of the table, from {number(first)} "
                    f"to {number(last)}")
            yield Finding("counter", look.named([j]), (), {"first": first, "last": last, "step": 1.0, "parts": times},
                          said, "that is no measurement; leave it out")


def determined(look):
    """Do columns determine others?"""
    for places, relation in look.relations:
        names, rows = look.named(places), look.called_rows(relation.broken)
        order = sorted(range(len(places)), key=places.__getitem__)  # whichever column is told by the others
        numbers = {"coefficients": tuple(relation.coefficients[i] for i in order), "constant": relation.constant,
                   "left": relation.left}
        if relation.kind == "monotone":
            grows = relation.coefficients[1] < 0
            numbers = {"sign": 1 if grows else -1}
            said = f"{called(names[0])} {'grows' if grows else 'falls'} with {called(names[1])} in every row"
        elif relation.coefficients == (1.0, -1.0) and not relation.constant:
            said = f"{called(names[0])} is {called(names[1])} again"
        elif len(names) > MOST_TERMS and len(set(relation.coefficients)) > 1:
            said = f"{called(names[0])} is a weighted sum of {columns_listed(names[1:])}"
        else:
            said = equation(names, relation.coefficients, relation.constant)
        if rows:
            said += f", but for {rows_listed(rows)}"
        yield Finding("relation", look.named(sorted(places)), rows, numbers, said,
                      f"leave one of them out, such as {called(look.names[max(places)])}")


def few_values(look):
    """Are columns scores, categories, or coarsely rounded?"""
    places = [j for j, column in enumerate(look.columns) if column.few]
    if not places:
        return
    names, values = look.named(places), [look.columns[j].distinct.tolist() for j in places]
    if len(places) == 1:
        said = f"{called(names[0])} holds {len(values[0])} different values only, {listed(map(number, values[0]))}"
    else:
        said = "few different values in " + listed(
            f"{called(name)} ({len(own)})" for name, own in zip(names, values, strict=True))
    numbers = {"values": values, "counts": [look.columns[j].counts.tolist() for j in places]}
    yield Finding("few values", names, (), numbers, said,
                  "a mixture takes each for a group; leave out a score or a category, and compare groups by it later")


def repeated_values(look):
    """Do many rows hold a value that the values around it do not explain?"""
    if not look.held:
        return
    said = [f"{called(look.names[j])} is {listed(f'{number(value)} in {count:,}' for value, count in held)}"
            for j, held in look.held.items()]
    more = f", and so in {plural('other column', len(said) - 4)}" if len(said) > 4 else ""
    text = f"{series(said[:4])} of {plural('row', look.n)}{more}"
    numbers = {"values": [[value for value, _ in held] for held in look.held.values()],
               "counts": [[count for _, count in held] for held in look.held.values()]}
    yield Finding("repeated value", look.named(look.held), (), numbers,
                  f"{text}, far more than values near it",
                  "if it stands for something else (nothing there, a limit, a gap), set these rows aside")


def odd(look):
    """Do rows stand alone?"""
    if not look.alone:
        return
    order = sorted(look.alone)
    said = []
    for row in order:
        by = [f"{called(look.names[j])} {number(float(look.X[row, j]))}" for j in look.alone[row]]
        said.append(f"row {row_called(look.rows[row])} ({listed(by, most=2) if by else 'by its values together'})")
    columns = [look.named(look.alone[row]) for row in order]
    names = look.named(sorted({j for own in look.alone.values() for j in own}))
    yield Finding("odd rows", names, look.called_rows(order), {"columns": columns},
                  f"{listed(said, most=4)} {'stands' if len(said) == 1 else 'stand'} far from all others",
                  "look for errors; correct them or set them aside, or use family='student'")


def duplicates(look):
    """Do rows repeat others, where rounding does not explain it?"""
    if look.d < 2:
        return
    places, pairs = odd_rows.copies(look.hashes[look.complete])
    chance = look.pairs_by_chance() if pairs else 0.0
    if pairs > TIMES * chance + 3 * math.sqrt(chance):
        rows = look.called_rows(look.complete[places])
        repeat = "row repeats another" if len(rows) == 1 else "rows repeat others"
        yield Finding("duplicates", (), rows, {"pairs": pairs, "pairs_by_chance": chance},
                      f"{len(rows):,} {repeat} in all columns ({rows_listed(rows)})",
                      "if something was entered twice, keep one of them")


def shapes(look):
    """Would one cloud take several components, as it is skewed or heavy-tailed?"""
    for scale in ("logarithm", "square root", "shifted logarithm", "t"):
        places = [j for j, form in look.shape_of.items() if form.scale == scale]
        if not places:
            continue
        names, forms = look.named(places), [look.shape_of[j] for j in places]
        numbers = {key: [getattr(form, key) for form in forms] for key in forms[0]._fields if key != "scale"}
        if scale == "t":
            freedom = listed(f"{form.degrees_of_freedom:.2g}" for form in forms)
            yield Finding("heavy tails", names, (), numbers,
                          f"tails heavier than normal in {columns_listed(names)} ({freedom} degrees of freedom)",
                          "a few components would describe one cloud; use family='student'")
            continue
        takes = "take fewer components"
        if len(places) == 1:
            takes = f"takes {plural('component', forms[0].components)} instead of {forms[0].components_before}"
        yield Finding("skew", names, (), {"scale": scale, **numbers},
                      f"skewed: {columns_listed(names)}, which {takes} as {_scale(scale, forms)}",
                      "transform it, or several components will describe one cloud")


def _scale(scale, forms):
    """What columns are turned into."""
    if scale != "shifted logarithm":
        return f"{scale}s"
    if len(forms) > 1:
        return "logarithms less an origin"
    origin, falls = forms[0].origin, forms[0].skewness_before < 0
    if falls:
        return f"logarithms of {origin:.3g} - x"
    return f"logarithms of x {'-' if origin >= 0 else '+'} {abs(origin):.3g}"


QUESTIONS = (missing, constant, counters, determined, few_values, repeated_values, odd, duplicates, shapes)
