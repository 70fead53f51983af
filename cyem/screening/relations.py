"""Columns that others determine: exactly, or as well as rounded values can tell.

Rounded values keep a linear relation up to half a step of each column, times its coefficient. Whether that is all that
is left of a column, given others, does not depend on its unit.
"""

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np

LOOKED_AT = 5000  # rows among which relations are looked for; all rows then say whether they hold
LEFT = 0.15  # standard deviations of a column that may be left over where it is rounded
TINY = 1e-3  # that may be left over whatever the steps
MUCH, NOTHING = 0.1, 1e-10  # of the variance of a column
SLACK = 1.1  # times the bound of rounding; coefficients are estimates
SPREAD = 1.3  # times the standard deviation of rounding
SURE = 4  # standard errors
ROWS = 3  # for each column in a relation, at least, and
MORE = 5  # rows beside
EXCEPTIONS = 0.01  # share of the rows in which a relation may be broken, as by typing errors


class Relation(NamedTuple):
    """sum of coefficients times columns = constant. `kind`: "linear", or "monotone" where one grows with the other."""

    columns: tuple
    coefficients: tuple
    constant: float
    left: float  # largest residual, in standard deviations of the column that it is told for
    broken: tuple = ()  # rows where it does not hold
    kind: str = "linear"


def relations(X, steps, rows):
    """Minimal relations between columns.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite, and no column constant.
    steps : ndarray of shape (d,)
        The step of each column, 0 where it has none.
    rows : ndarray of int
        Those that are looked at first.

    Returns
    -------
    list of Relation
        Each column is the last one of at most one of them.
    """
    search = _Search(X, steps, rows)
    found, left = [], list(range(X.shape[1]))
    for i, j in search.pairs():
        if i in left and j in left and (relation := search.relation(j, [i])):
            found.append(relation)
            left.remove(j)
    basis = []
    for j in search.order(left):
        relation = search.relation(j, basis) if j in search.doubtful and len(basis) > 1 else None
        if relation:
            found.append(relation)
        elif j not in search.exact:
            basis.append(j)
    found += search.monotone(sorted(basis))
    return sorted(found, key=lambda relation: (len(relation.columns), sorted(relation.columns)))


class _Search:
    def __init__(self, X, steps, rows):
        self.X, self.steps = X, steps
        part = X[rows].astype(np.float64, copy=False)
        self.middle = np.median(part, axis=0)
        part = part - self.middle
        self.mean = part.mean(axis=0)
        self.part = part - self.mean
        self.sd = self.part.std(axis=0)
        self.largest = np.abs(part).max(axis=0) + np.abs(self.middle)
        self.noise = 8 * np.finfo(X.dtype).eps * self.largest  # of a value, from the computer
        z = self.part / self.sd
        self.correlation = z.T @ z / len(z)
        self.doubtful, self.exact = set(), set()

    def pairs(self):
        """Pairs of columns one of which the other may determine, in the order of the columns."""
        r2 = self.correlation**2
        return list(zip(*(places.tolist() for places in np.nonzero(np.triu(1 - r2 < LEFT**2, 1))), strict=True))

    def order(self, columns):
        """Columns as they stand while those before leave much of them, then those with the most left.

        So what was computed from other columns, which mostly stands behind them, is told by these. `doubtful` are those
        of which little is left, `exact` those of which nothing is.
        """
        C = self.correlation[np.ix_(columns, columns)].copy()
        rest, left = [], list(range(len(columns)))
        for _ in columns:
            variances = C.diagonal()[left]
            if variances.max() < NOTHING:  # nothing is left of any of them
                rest += [columns[place] for place in left]
                self.doubtful.update(columns[place] for place in left)
                self.exact.update(columns[place] for place in left)
                break
            much = np.flatnonzero(variances > MUCH)
            place = left.pop(int(much[0] if len(much) else np.argmax(variances)))
            variance = C[place, place]
            if variance < LEFT**2:
                self.doubtful.add(columns[place])
            if variance < NOTHING:
                self.exact.add(columns[place])
            rest.append(columns[place])
            if left:
                column = C[left, place]
                C[np.ix_(left, left)] -= np.outer(column, column) / variance
        return rest

    def relation(self, target, others):
        """The relation that gives a column by as few of others as do, or None."""
        support = list(others)[: max(0, (len(self.part) - MORE) // ROWS - 1)]  # more would fit whatever the rows are
        coefficients, errors, left = self._least_squares(target, support)
        if left > LEFT:
            return None
        while True:
            sure = np.abs(coefficients) > SURE * errors
            if sure.all() or not sure.any():
                break
            support = [column for column, keep in zip(support, sure, strict=True) if keep]
            coefficients, errors, left = self._least_squares(target, support)
        if not (left <= TINY or self._rounded(target, support, coefficients, errors)):
            return None
        while len(support) > 1:  # rounding makes a column seem to matter that does not
            least = int(np.argmin(np.abs(coefficients) * self.sd[support]))
            fewer = support[:least] + support[least + 1 :]
            trial, trial_errors, trial_left = self._least_squares(target, fewer)
            if not (trial_left <= 2 * left or self._rounded(target, fewer, trial, trial_errors)):
                break
            support, coefficients, errors = fewer, trial, trial_errors
        return self._told(target, support, coefficients, errors)

    def _least_squares(self, target, support):
        """Coefficients, their standard errors, and what is left of the target in its standard deviations."""
        if not support:
            return np.zeros(0), np.zeros(0), 1.0
        A, y = self.part[:, support] / self.sd[support], self.part[:, target] / self.sd[target]
        inverse = np.linalg.inv(self.correlation[np.ix_(support, support)])
        solution = inverse @ self.correlation[support, target]
        for _ in range(2):  # from products with the rounding of squares to their last digits
            rest = y - A @ solution
            solution = solution + inverse @ (A.T @ rest) / len(y)
        left = math.sqrt(((y - A @ solution) ** 2).mean())
        noise = self.noise[target] / self.sd[target] + (np.abs(solution) * self.noise[support] / self.sd[support]).sum()
        errors = max(left, noise) * np.sqrt(np.maximum(inverse.diagonal(), 0) / len(y))
        scale = self.sd[target] / self.sd[support]
        return solution * scale, errors * scale, left

    def _rounding(self, target, support, coefficients):
        """What rounding may leave of the target: at most, and as a standard deviation."""
        weights = np.abs([1.0, *coefficients])
        steps = self.steps[[target, *support]]
        noise = (weights * self.noise[[target, *support]]).sum()
        return (weights * steps).sum() / 2 + noise, math.sqrt((weights**2 * steps**2).sum() / 12) + noise

    def _rounded(self, target, support, coefficients, errors):
        """Whether what is left of the target is what rounding leaves."""
        if not len(support):
            return False
        rest = self.part[:, target] - self.part[:, support] @ coefficients
        left = rest.std()
        most, spread = self._rounding(target, support, coefficients)
        most += SURE * (errors * np.abs(self.part[:, support]).max(axis=0)).sum()
        return left <= LEFT * self.sd[target] and left <= SPREAD * spread and np.ptp(rest) / 2 <= SLACK * most

    def _told(self, target, support, coefficients, errors):
        """The relation in short numbers where these hold as well, and where in all rows it does."""
        columns = [target, *support]
        best = None
        for said in range(len(columns)):  # told for each of its columns, the shortest is best
            scale = 1.0 if said == 0 else coefficients[said - 1]
            if abs(scale) * self.sd[columns[said]] < 0.01 * self.sd[target]:
                continue
            own = np.array([1.0, *-coefficients]) / (1.0 if said == 0 else -scale)
            relative = np.array([0.0, *(errors / np.abs(coefficients))])
            relative = relative + (relative[said] if said else 0.0)
            relative[said] = 0.0
            short = np.array([_short(a, SURE * abs(a) * max(e, 1e-12)) for a, e in zip(own, relative, strict=True)])
            constant, short = self._constant(columns, own, short)
            length = sum(len(f"{abs(a):.12g}") for a in [*short, constant])
            if best is None or length < best[0]:
                best = length, said, short, constant
        _, said, short, constant = best
        order = [said, *(i for i in range(len(columns)) if i != said)]
        columns, short = [columns[i] for i in order], short[order]
        rest = np.abs(self.X[:, columns].astype(np.float64, copy=False) @ short - constant)
        most, _ = self._rounding(columns[0], columns[1:], -short[1:])
        bound = max(2 * SLACK * most, 6 * TINY * self.sd[target] * abs(short[columns.index(target)]))
        broken = np.flatnonzero(rest > bound)
        if len(broken) > EXCEPTIONS * len(rest):
            return None
        left = float(np.delete(rest, broken).max(initial=0.0) / self.sd[columns[0]])
        return Relation(tuple(columns), tuple(short.tolist()), float(constant), left, tuple(broken.tolist()))

    def _constant(self, columns, own, short):
        """The constant of a relation, and its coefficients, short ones where they leave no more than the others."""

        def rest(a):
            values = self.part[:, columns] @ a
            centre = float(((self.mean + self.middle)[columns] * a).sum())
            return values, centre

        values, centre = rest(own)
        short_values, short_centre = rest(short)
        noise = (np.abs(own) * self.noise[columns]).sum()
        if np.abs(short_values).max() > 2 * np.abs(values).max() + noise:
            short = np.array([_short(a, 1e-12 * abs(a)) for a in own])
        else:
            values, centre = short_values, short_centre
        room = max(SURE * values.std() / math.sqrt(len(values)), noise, 1e-9 * abs(centre))
        return _short(centre, room), short

    def monotone(self, columns):
        """Relations of two columns of which one only ever grows, or falls, with the other."""
        part = self.part
        if len(part) < 20:
            return []
        wide = [j for j in columns if len(np.unique(part[:, j])) > len(part) / 4]
        if len(wide) < 2:
            return []
        ranks = np.array([np.unique(part[:, j], return_inverse=True)[1] for j in wide], float)
        found, gone = [], set()
        alike = np.corrcoef(ranks)
        for a, b in combinations(range(len(wide)), 2):
            i, j = wide[a], wide[b]
            if abs(alike[a, b]) < 0.999 or j in gone or i in gone:
                continue
            sign = np.sign(alike[a, b])
            if all(_grows(self.X[:, x] if len(self.X) == len(part) else part[:, x],
                          sign * (self.X[:, y] if len(self.X) == len(part) else part[:, y]))
                   for x, y in ((i, j), (j, i))):
                found.append(Relation((j, i), (1.0, -float(sign)), 0.0, 0.0, (), "monotone"))
                gone.add(j)
        return found


def _grows(x, y):
    """Whether y never falls where x grows; equal values of x may have any."""
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    first = np.flatnonzero(np.diff(x, prepend=-np.inf) > 0)
    highest = np.maximum.reduceat(y, first)
    lowest = y[first]
    return bool((lowest[1:] >= highest[:-1]).all())


def _short(value, room):
    """The number with the fewest digits within `room` of a value."""
    if value == 0 or abs(value) <= room:
        return 0.0
    for digits in range(1, 17):
        shorter = float(f"{value:.{digits}g}")
        if abs(shorter - value) <= room:
            return shorter
    return float(value)
