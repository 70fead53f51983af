"""X as it is looked at: its columns by size, and what several questions want to know of them."""

import numpy as np

from ..lazy import cached_property
from . import odd_rows
from .columns import Column
from .relations import LOOKED_AT, relations
from .shapes import shape, transformed

PART = 50_000  # rows that are sorted
HEAVY = 0.2  # share of the rows that hold repeated values, above which a column has no shape of its own


class Look:
    """What is seen of X.

    Of many rows a part is looked at, where to sort all takes long. Which ones depends on nothing but their values. What
    is found there is counted among all.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite but for NaN.
    rows : ndarray
        What the rows are called.
    names : list
        What the columns are called.

    Attributes
    ----------
    complete : ndarray of int
        Rows without gaps.
    columns : list of Column
    measured : list of int
        Columns of measurements, for all that can be told of one by itself.
    held : dict
        Of these, those with values that many rows hold, and these values.
    shape_of : dict
        The `Shape` of those of which enough is left.
    """

    def __init__(self, X, rows, names):
        self.X, self.rows, self.names = X, rows, names
        self.n, self.d = X.shape
        self.hashes = odd_rows.hashes(X)
        self.gaps = np.isnan(X).sum(axis=0).tolist()
        self.is_complete = ~np.isnan(X).any(axis=1) if any(self.gaps) else np.ones(self.n, bool)
        self.complete = np.flatnonzero(self.is_complete)
        self.part = self.some(np.arange(self.n), PART)
        self.columns = [self._column(j) for j in range(self.d)]
        self.measured = [j for j, column in enumerate(self.columns) if not column.strange]
        self.held = {j: held for j in self.measured if (held := self.columns[j].repeated)}
        self.shape_of = {}
        samples = [self._free(j) for j in self.measured]
        self._alone = self._standing_alone(self.measured, samples)
        for j, values in zip(self.measured, samples, strict=True):
            if len(values) >= (1 - HEAVY) * self.columns[j].n:
                low, high = self._alone[j][:2]
                self.shape_of[j] = shape(values[np.searchsorted(values, low) : np.searchsorted(values, high, "right")])

    def named(self, places):
        """What columns are called."""
        return tuple(self.names[j] for j in places)

    def called_rows(self, places):
        """What rows are called."""
        return tuple(self.rows[list(places)].tolist())

    def some(self, places, most):
        """At most so many of the rows."""
        if len(places) <= most:
            return places
        return np.sort(places[np.argpartition(self.hashes[places], most)[:most]])

    def _column(self, j):
        """A column as the part of the rows has it; all of it where it is strange, to count and to be sure."""
        column = Column(self.X[self.part, j])
        if len(self.part) < self.n and (column.strange or column.repeated):
            return Column(self.X[:, j])
        return column

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

    def _standing_alone(self, places, samples):
        """For each of these columns, between which values rows do not stand alone, and which do: {column: Alone}."""
        if not places:
            return {}
        found = dict(zip(places, odd_rows.alone(lambda part: self._values(part, places), self.n, samples), strict=True))
        # long tails end in gaps: the largest of positive values have to stand alone by their logarithms too
        high = [j for j in places if np.isfinite(found[j].high) and np.nanmin(self.X[:, j]) > 0]
        if high:
            logs = [np.log(values) for j, values in zip(places, samples, strict=True) if j in high]
            also = odd_rows.alone(lambda part: np.log(self._values(part, high)), self.n, logs)
            for j, other in zip(high, also, strict=True):
                found[j] = found[j].above(np.exp(other.high))
        return found

    @cached_property
    def alone(self):
        """Rows that stand alone, and the columns in which they do: {row: list of int}; empty along a principal axis."""
        scaled = [j for j, form in self.shape_of.items() if form.scaled]
        samples = [np.sort(transformed(self._free(j), self.shape_of[j])) for j in scaled]
        alone = {}
        for j, found in sorted((self._alone | self._standing_alone(scaled, samples)).items()):
            for row in found.rows.tolist():
                alone.setdefault(row, []).append(j)
        joined = self.is_complete.copy()
        joined[list(alone)] = False
        places = [j for j in self.measured if j not in self.held]
        fair = self.part[joined[self.part]]
        if len(places) < 2 or len(fair) <= max(odd_rows.LEAST, 2 * len(places)):
            return alone
        Z = self._values(fair, places)
        middle, sd = Z.mean(axis=0), Z.std(axis=0)
        axes = odd_rows.principal_axes((Z - middle) / sd) / sd[:, None]

        def scores(part):
            # no product of BLAS: for each block it would wake threads of its own, which then spin
            found = np.einsum("nd,dk->nk", self._values(part, places) - middle, axes)
            found[~joined[part]] = np.nan
            return found

        samples = np.sort((Z - middle) @ axes, axis=0)
        for found in odd_rows.alone(scores, self.n, list(samples.T), odd_rows.GAP_ON_AXIS):
            for row in found.rows.tolist():
                alone.setdefault(row, [])
        return alone

    @cached_property
    def relations(self):
        """Relations between columns: pairs of the columns, as told, and a `Relation` whose rows are those of X."""
        places = [j for j, column in enumerate(self.columns) if not column.constant]
        rows = self.complete
        fair = np.ones(len(rows), bool)
        for j, found in self._alone.items():
            if len(found.rows):
                fair &= (self.X[rows, j] >= found.low) & (self.X[rows, j] <= found.high)
        looked_at = self.some(np.flatnonzero(fair), LOOKED_AT)
        if len(looked_at):
            varied = np.ptp(self.X[rows[looked_at]][:, places], axis=0) > 0
            places = [j for j, varies in zip(places, varied, strict=True) if varies]
        if len(places) < 2 or len(looked_at) < 2:
            return []
        X = self.X if len(places) == self.d and len(rows) == self.n else self.X[np.ix_(rows, places)]
        # a category has to be told exactly: half a step is all that there is of it
        own = [self.columns[j] for j in places]
        steps = [0.0 if column.few or column.nearly else column.step for column in own]
        return [(tuple(places[j] for j in found.columns), found._replace(broken=rows[list(found.broken)].tolist()))
                for found in relations(X, np.array(steps), looked_at)]

    @property
    def determined(self):
        """Columns that others determine."""
        return {max(places) for places, _ in self.relations}

    def pairs_by_chance(self):
        """Pairs of rows that may be equal as values are rounded, held by many rows, or categories."""
        own = [j for j, column in enumerate(self.columns) if not column.constant and j not in self.determined]
        rounded = [j for j in own if self.columns[j].step and j in self.measured]
        classes = [j for j in own if self.columns[j].few or self.columns[j].nearly]
        bound = np.ones(len(self.complete), bool)  # rows that share each value that is not rounded with many others
        for j in set(own) - {*rounded, *classes}:
            bound &= np.isin(self.X[self.complete, j], [value for value, _ in self.held.get(j, ())])
        if not bound.any():
            return 0.0
        if not rounded:
            return np.inf
        steps = [self.columns[j].step for j in rounded] + [0.0] * len(classes)
        return odd_rows.pairs_by_chance(self.X[np.ix_(self.complete[bound], rounded + classes)], np.array(steps))
