"""A look at data before the model: `examine`."""

import math
import operator

import numpy as np

from ..families import covariance
from ..rows import data
from ..show.text import plural
from . import odd_rows
from .columns import NEARLY, Column
from .findings import Finding, Findings, called, columns_listed, equation, listed, number, rows_listed
from .relations import LOOKED_AT, relations
from .shapes import shape, transformed

LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0  # means of weights that count no rows
PART = 50_000  # rows that are sorted
HEAVY = 0.2  # share of the rows that hold repeated values, above which a column has no shape of its own


def examine(X, sample_weight=None, n_components=None, covariance_types="full"):
    """Look at data before a model is fitted: what of them would a mixture take for groups that are none?

    Rows and columns are asked what follows; nothing is changed. Neither the order of the rows nor the units of the
    columns matter.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Samples, with or without names of the columns. NaN is a missing value.
    sample_weight : array-like of shape (n,), optional
        Weights of a fit to come. Rows of weight 0 are not looked at; else only the sum of the weights matters.
    n_components : int or iterable of int, optional
        Numbers of components that are to be fitted; by default one.
    covariance_types : str or iterable of str, default="full"
        With which covariance structures.

    Returns
    -------
    Findings
        A sequence of `Finding`, each with kind, columns, rows, numbers, said and advice, which prints well. `of(kind)`
        gives those of a kind:

        - "weights": the sum of the weights is no number of rows, as that of shares which sum to 1.
        - "few rows": no more rows than parameters.
        - "missing": values that are not there.
        - "constant", "nearly constant": one value in all rows, or in 95 %.
        - "counter": whole numbers, or steps, that number the rows, in whatever order.
        - "relation": columns that others determine, exactly or as far as rounded values can tell, with the equation; and
          a column that only ever grows, or falls, with another one.
        - "few values": a score, a category, or coarse rounding.
        - "repeated value": a value that far more rows hold than the values around it: zeros, caps, codes such as 999.
        - "odd rows": rows that stand alone, beyond a gap, in a column or in a combination of columns; no more than four
          together, for more are a group.
        - "duplicates": rows that repeat others, where rounding does not explain them.
        - "skew": columns that take fewer components on another scale.
        - "heavy tails": columns that one t distribution describes better than several normal ones.

    Raises
    ------
    TypeError, ValueError
        If X, the weights, or what is to be fitted are wrong.

    Notes
    -----
    A relation between columns has to hold within half a step of rounding of each of them, with a spread that fits to
    that, or to a thousandth of a standard deviation. A repeated value has to be more than chance makes of its
    neighbours' numbers of rows, with a probability of 1e-7. Rows stand alone beyond a gap of three times the width that
    the last twenty rows before it take. Skewed is a column whose mixture on the other scale has fewer components and a
    BIC lower by 30 or more, heavy-tailed one for which one t distribution has a BIC lower by 10.

    How often that errs, ``python benchmarks/findings.py 4000`` measures: RATES

    Of more than 50,000 rows a part is sorted, and all say whether what is seen there holds. A million rows of twenty
    columns take about a second.

    Examples
    --------
    >>> import numpy as np
    >>> import cyem
    >>> rng = np.random.default_rng(0)
    >>> celsius = np.concatenate([rng.normal(5, 3, 100), rng.normal(20, 3, 100)]).round(1)
    >>> X = np.column_stack([celsius, rng.normal(size=200), (1.8 * celsius + 32).round()])
    >>> print(cyem.examine(X))
    200 rows of 3 columns: 1 finding
    - (column 2) = 1.8 (column 0) + 32: leave one of them out, such as column 2
    """
    names = data.feature_names(X)
    array = data.samples(X, missing=True)
    n, d = array.shape
    weights = data.weights(sample_weight, n)
    rows = np.arange(n) if weights is None else np.flatnonzero(weights)
    look = _Look(array if len(rows) == n else array[rows], rows, list(range(d)) if names is None else names.tolist())
    found = [
        *_weights(weights, len(rows)),
        *_size(len(rows), d, n_components, covariance_types),
        *look.missing(),
        *look.constant(),
        *look.counters(),
        *look.relations(),
        *look.few(),
        *look.repeated(),
        *look.odd(),
        *look.duplicates(),
        *look.shapes(),
    ]
    return Findings(found, len(rows), d)


def _weights(weights, n):
    """Whether the weights could count rows."""
    if weights is None:
        return
    total = float(weights.sum())
    whole = bool((weights == np.rint(weights)).all())
    if total < LEAST_WEIGHT * n or (total > MOST_WEIGHT * n and not whole):
        yield Finding(
            "weights", (), (), {"total": total, "rows": n},
            f"the weights sum to {number(total)}, and there are {plural('row', n)}",
            "BIC takes their sum for the number of rows; multiply them so that they sum to it")


def _size(n, d, n_components, covariance_types):
    """Whether there are fewer rows than parameters."""
    counts = [1] if n_components is None else n_components if np.iterable(n_components) else [n_components]
    counts = sorted(map(operator.index, counts))
    names = [covariance_types] if isinstance(covariance_types, str) else covariance_types
    first = {}
    for name in names:
        own = covariance.structure(name)
        for k in counts:
            parameters = k - 1 + k * d + own.n_parameters(k, d)
            if parameters >= n:
                first[name] = k, parameters
                break
    if first:
        said = listed(f"{p:,} parameters of {plural('component', k)} ({name})" for name, (k, p) in first.items())
        parameters = {name: {"components": k, "parameters": p} for name, (k, p) in first.items()}
        yield Finding("few rows", (), (), {"rows": n, "parameters": parameters},
                      f"{plural('row', n)} are no more than the {said}",
                      "too few to tell; ask for fewer components, simpler structures or fewer columns")


class _Look:
    """X with what several questions need.

    Of many rows a part is looked at where sorting all takes long. Which ones, depends on nothing but their values. What
    is found there is counted among all.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite but for NaN.
    rows : ndarray of int
        What the rows are called.
    names : list
        What the columns are called.
    """

    def __init__(self, X, rows, names):
        self.X, self.rows, self.names = X, rows, names
        self.n, self.d = X.shape
        self.hashes = odd_rows.hashes(X)
        self.part = self._some(np.arange(self.n), PART)
        self.gaps = np.isnan(X).sum(axis=0).tolist()
        self.complete = np.flatnonzero(~np.isnan(X).any(axis=1)) if any(self.gaps) else np.arange(self.n)
        self.columns = [self._column(j) for j in range(self.d)]
        self.is_constant = [column.constant for column in self.columns]
        self.is_nearly = [not column.constant and column.top[1] >= NEARLY for column in self.columns]
        self.is_few = [not nearly and column.few for column, nearly in zip(self.columns, self.is_nearly, strict=True)]
        self.is_counter = [column.counts_rows for column in self.columns]
        self.measured = [j for j in range(self.d) if not (self.is_constant[j] or self.is_nearly[j] or self.is_few[j]
                                                          or self.is_counter[j])]
        self.held = {j: held for j in self.measured if (held := self.columns[j].repeated)}
        self.determined = set()  # by others
        self.shape_of = {}
        samples = [self._free(j) for j in self.measured]
        alone = odd_rows.alone(lambda part: self._values(part, self.measured), self.n, samples) if self.measured else []
        self.alone = dict(zip(self.measured, alone, strict=True))
        for j, v in zip(self.measured, samples, strict=True):
            if len(v) >= (1 - HEAVY) * self.columns[j].n:
                low, high = self.alone[j][:2]
                self.shape_of[j] = shape(v[np.searchsorted(v, low) : np.searchsorted(v, high, "right")])

    def _column(self, j):
        """A column as the part of the rows has it; all of it, where something is to be counted or to be held for sure."""
        column = Column(self.X[self.part, j])
        if len(self.part) == self.n:
            return column
        strange = column.constant or column.top[1] >= NEARLY or column.few or column.counts_rows or column.repeated
        return Column(self.X[:, j]) if strange else column

    def _free(self, j):
        """Values of a column by size, without those that many rows hold."""
        values = self.columns[j].values
        for value, _ in self.held.get(j, ()):
            values = values[np.abs(values - value) > self.columns[j].noise]
        return values

    def _values(self, part, places):
        """Values of some rows in some columns, each on the scale that suits it; NaN where many rows hold the value."""
        values = self.X[part][:, places].astype(np.float64)
        for i, j in enumerate(places):
            for value, _ in self.held.get(j, ()):
                values[np.abs(values[:, i] - value) <= self.columns[j].noise, i] = np.nan
            if j in self.shape_of:
                values[:, i] = transformed(values[:, i], self.shape_of[j])
        return values

    def _named(self, places):
        return tuple(self.names[j] for j in places)

    def _rows(self, places):
        return tuple(self.rows[places].tolist())

    def missing(self):
        if places := [j for j in range(self.d) if self.gaps[j]]:
            gaps = [self.gaps[j] for j in places]
            said = listed(f"{self.gaps[j]:,} in {called(self.names[j])}" for j in places)
            yield Finding("missing", self._named(places), (), {"missing": gaps, "complete_rows": len(self.complete)},
                          f"{sum(gaps):,} values are missing ({said}), and {plural('row', len(self.complete))} "
                          "complete", "set rows or columns with gaps aside, or fill them; only what is there was looked at")

    def constant(self):
        if places := [j for j in range(self.d) if self.is_constant[j] and self.n > 1]:
            yield Finding("constant", self._named(places), (), {"values": [float(self.columns[j].values[0]) for j in places]},
                          f"the same value in every row of {columns_listed(self._named(places))}",
                          "tells nothing; leave it out")
        if places := [j for j in range(self.d) if self.is_nearly[j]]:
            tops = [self.columns[j].top for j in places]
            said = listed((f"{called(self.names[j])} ({number(value)} in {share:.1%} of the rows)" for j, (value, share) in
                           zip(places, tops, strict=True)), most=4)
            yield Finding("nearly constant", self._named(places), (),
                          {"values": [float(value) for value, _ in tops], "shares": [float(share) for _, share in tops]},
                          f"nearly always the same value in {said}",
                          "tells next to nothing, and invites a component without width; leave it out")

    def counters(self):
        for j in range(self.d):
            if self.is_counter[j]:
                column = self.columns[j]
                first, last = float(column.values[0]), float(column.values[-1])
                left_out = round((last - first) / column.step) + 1 - column.n
                said = f"{called(self.names[j])} numbers the rows, from {number(first)} to {number(last)}"
                if column.step != 1:
                    said += f" in steps of {number(column.step)}"
                if left_out:
                    said += f" with {left_out:,} left out"
                numbers = {"first": first, "last": last, "step": column.step, "left_out": left_out}
                yield Finding("counter", self._named([j]), (), numbers, said, "that is no measurement; leave it out")

    def relations(self):
        places = [j for j in range(self.d) if not self.is_constant[j]]
        part = self.complete
        if len(places) < 2 or len(part) < 4:
            return
        steps = np.array([0.0 if self.is_few[j] or self.is_nearly[j] else self.columns[j].step for j in places])
        X = self.X[np.ix_(part, places)] if len(places) < self.d or len(part) < self.n else self.X
        fair = np.ones(len(part), bool)
        for i, j in enumerate(places):
            if j in self.alone and len(self.alone[j].rows):
                fair &= (X[:, i] >= self.alone[j].low) & (X[:, i] <= self.alone[j].high)
        looked_at = self._some(np.flatnonzero(fair), LOOKED_AT)
        varied = np.ptp(X[looked_at], axis=0) > 0
        if not varied.all():
            X, steps, places = X[:, varied], steps[varied], [j for j, keep in zip(places, varied, strict=True) if keep]
        for found in relations(X, steps, looked_at):
            names = self._named(places[j] for j in found.columns)
            self.determined.add(max(places[j] for j in found.columns))
            last = called(self.names[max(places[j] for j in found.columns)])
            rows = self._rows(part[list(found.broken)])
            numbers = {"coefficients": found.coefficients, "constant": found.constant, "left": found.left}
            if found.kind == "monotone":
                said = f"{called(names[0])} {'grows' if found.coefficients[1] < 0 else 'falls'} with {called(names[1])} in every row"
                numbers = {"sign": -found.coefficients[1]}
            elif found.coefficients == (1.0, -1.0) and not found.constant:
                said = f"{called(names[0])} is {called(names[1])} again"
            else:
                said = equation(names, found.coefficients, found.constant)
            if rows:
                said += f", but for {rows_listed(rows)}"
            yield Finding("relation", names, rows, numbers, said, f"leave one of them out, such as {last}")

    def _some(self, places, most):
        """At most so many of the rows: which ones depends on their values only."""
        if len(places) <= most:
            return places
        return np.sort(places[np.argpartition(self.hashes[places], most)[:most]])

    def few(self):
        if places := [j for j in range(self.d) if self.is_few[j]]:
            values = [self.columns[j].distinct.tolist() for j in places]
            counts = [self.columns[j].counts.tolist() for j in places]
            if len(places) == 1:
                said = f"{called(self.names[places[0]])} holds {len(values[0])} different values only, " + (
                    listed(map(number, values[0])))
            else:
                said = "few different values in " + listed(
                    f"{called(self.names[j])} ({len(own)})" for j, own in zip(places, values, strict=True))
            yield Finding("few values", self._named(places), (), {"values": values, "counts": counts}, said,
                          "a mixture takes each for a group; leave out what is a score or a category, and compare groups "
                          "by it afterwards")

    def repeated(self):
        if self.held:
            said = [f"{called(self.names[j])} is {listed(f'{number(value)} in {count:,}' for value, count in held)}"
                    for j, held in self.held.items()]
            said = f"{listed(said, most=4)}{'' if len(said) > 5 else f' of {self.n:,} rows'}"
            yield Finding(
                "repeated value", self._named(self.held), (),
                {"values": [[value for value, _ in held] for held in self.held.values()],
                 "counts": [[count for _, count in held] for held in self.held.values()]},
                f"{said}, far more than values near it",
                "if it stands for something else (nothing there, a limit, a gap), set these rows aside")

    def odd(self):
        alone = {}  # row: columns in which it stands alone, none for an axis
        scaled = [j for j in self.measured if j in self.shape_of and self.shape_of[j].scale not in ("as it is", "t")]
        if scaled:
            samples = [transformed(self._free(j), self.shape_of[j]) for j in scaled]
            found = odd_rows.alone(lambda part: self._values(part, scaled), self.n, list(map(np.sort, samples)))
            self.alone |= dict(zip(scaled, found, strict=True))
        for j, found in self.alone.items():
            for row in found.rows.tolist():
                alone.setdefault(row, []).append(j)
        places = [j for j in self.measured if j not in self.held]
        joined = ~np.isnan(self.X).any(axis=1) if any(self.gaps) else np.ones(self.n, bool)
        joined[list(alone)] = False
        fair = self.part[joined[self.part]]
        if 1 < len(places) and len(fair) > max(odd_rows.LEAST, 2 * len(places)):
            Z = self._values(fair, places)
            middle, sd = Z.mean(axis=0), Z.std(axis=0)
            axes = odd_rows.principal_axes((Z - middle) / sd) / sd[:, None]

            def scores(part):
                found = (self._values(part, places) - middle) @ axes
                found[~joined[part]] = np.nan
                return found

            samples = np.sort((Z - middle) @ axes, axis=0)
            for found in odd_rows.alone(scores, self.n, list(samples.T), odd_rows.GAP_ON_AXIS):
                for row in found.rows.tolist():
                    alone.setdefault(row, [])
        if alone:
            order = sorted(alone)
            said = []
            for row in order:
                by = [f"{called(self.names[j])} {number(self.X[row, j])}" for j in alone[row]]
                said.append(f"row {self.rows[row]} ({listed(by, most=2) if by else 'by its values together'})")
            named = self._named(sorted({j for row in order for j in alone[row]}))
            stand = "stands" if len(order) == 1 else "stand"
            yield Finding("odd rows", named, self._rows(order), {"columns": [self._named(alone[row]) for row in order]},
                          f"{listed(said, most=4)} {stand} far from all others",
                          "look for errors; correct them or set them aside, or use family='student'")

    def duplicates(self):
        if self.d < 2:
            return
        places, pairs = odd_rows.copies(self.hashes[self.complete])
        chance = self._pairs_by_chance() if pairs else 0.0
        if pairs > 3 * chance + 3 * math.sqrt(chance):
            rows = self._rows(self.complete[places])
            yield Finding("duplicates", (), rows, {"pairs": pairs, "pairs_by_chance": chance},
                          f"{plural('row', len(rows))} {'repeats another' if len(rows) == 1 else 'repeat others'} in all "
                          f"columns ({rows_listed(rows)})",
                          "if something was entered twice, keep one of them")

    def _pairs_by_chance(self):
        """Pairs of rows that may be equal as values are rounded, or held by many rows."""
        own = [j for j in range(self.d) if not self.is_constant[j] and j not in self.determined]
        rounded = [j for j in own if self.columns[j].step]
        free = np.ones(len(self.complete), bool)  # rows without a value that no other row holds but by copying
        for j in set(own) - set(rounded):
            held = [value for value, _ in self.held.get(j, ())]
            free &= np.isin(self.X[self.complete, j], held)
        X = self.X[np.ix_(self.complete[free], rounded)]
        if not len(X):
            return 0.0
        if not rounded:
            return math.inf
        return odd_rows.pairs_by_chance(X, np.array([self.columns[j].step for j in rounded]))

    def shapes(self):
        for scale in ("logarithm", "square root", "shifted logarithm", "t"):
            places = [j for j, form in self.shape_of.items() if form.scale == scale]
            if not places:
                continue
            forms = [self.shape_of[j] for j in places]
            names = self._named(places)
            numbers = {field: [getattr(form, field) for form in forms] for field in forms[0]._fields if field != "scale"}
            if scale == "t":
                freedom = listed(f"{form.degrees_of_freedom:.2g}" for form in forms)
                yield Finding("heavy tails", names, (), numbers,
                              f"tails heavier than normal in {columns_listed(names)} ({freedom} degrees of freedom)",
                              "a few components would describe one cloud; use family='student'")
            else:
                k, before = forms[0].components, forms[0].components_before
                takes = f"takes {k} component{'s' * (k > 1)} instead of {before}" if len(places) == 1 else "take fewer components"
                yield Finding("skew", names, (), numbers | {"scale": scale},
                              f"skewed: {columns_listed(names)}, which {takes} as {_words(scale, forms)}",
                              "transform it, or several components will describe one cloud")


def _words(scale, forms):
    """What a column is turned into."""
    if scale != "shifted logarithm":
        return f"{scale}s"
    if len(forms) > 1:
        return "logarithms less an origin"
    origin, falls = forms[0].origin, forms[0].skewness_before < 0
    size = f"{origin:.3g}" if origin >= 0 or falls else f"{-origin:.3g}"
    return f"logarithms of {size} - x" if falls else f"logarithms of x {'-' if origin >= 0 else '+'} {size}"
