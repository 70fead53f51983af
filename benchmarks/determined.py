"""Does it change what is chosen that a column is determined by others, or told in another unit?

``python benchmarks/determined.py [SETS...]``: real data and drawn mixtures, twenty in all. To each a column is added
that the others determine: a copy, another unit, another unit as it would be printed, a sum, what is left of a whole. Or
one column is told in another unit, and it is chosen among the structures that know no unit, all but spherical. Neither
the number of components, nor the structure, nor what is together in one component may change, and `cyem.examine` has to
name the columns of each relation. Nothing may be said of twenty clean sets. The exit code is 1 where one of these
fails.
"""

import sys
import warnings

import numpy as np
from findings import clean
from labelled import Missing, labelled

import cyem

REAL = ("iris", "wine, 13 columns", "breast cancer, 10 columns", "penguins", "olive oils, 9 areas", "diabetes",
        "banknotes", "thyroid", "athletes")
TWENTY = 20
UNITLESS = ["full", "tied", "diag"]


def printed(x):
    """Rounded to a thousandth of its standard deviation."""
    step = 10.0 ** np.floor(np.log10(x.std() / 1000))
    return np.rint(x / step) * step


ADDED = {
    "copy": lambda X: X[:, 0],
    "unit": lambda X: 2.20462 * X[:, 0],
    "printed unit": lambda X: printed(1.8 * X[:, 0] + 32),
    "sum": lambda X: (X[:, :2] / X[:, :2].std(axis=0)).sum(axis=1),
    "rest": lambda X: 100 - X[:, :2] / X[:, :2].std(axis=0) @ [3, 2],
}


def sets():
    """Names and rows of twenty sets: those real ones that are here, and drawn ones."""
    for name in REAL:
        try:
            yield name, labelled(name)[0]
        except Missing as missing:
            print(f"{name}: needs {missing}")
    for seed in range(TWENTY):
        yield f"drawn {seed}", clean(seed)


def numbered(labels):
    """Labels, numbered in the order in which they first appear."""
    _, first, at = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[at]


def same(plain, X, other, Y):
    """What another selection chose that is not the same, for the same rows seen in another way."""
    if plain.best_row[:2] != other.best_row[:2]:
        return f"{other.best_row[:2]} instead of {plain.best_row[:2]}"
    moved = int((numbered(plain.best_.predict(X)) != numbered(other.best_.predict(Y))).sum())
    return f"{moved} rows with another label" if moved else ""


def faults(X):
    """What changes by each of the columns, and by another unit: how often each was tried, and what failed."""
    plain, d = cyem.select(X, random_state=0), X.shape[1]
    known = {finding.columns for finding in cyem.examine(X).of("relation")}
    for name, column in ADDED.items():
        needs = 2 if name in ("sum", "rest") else 1
        if d < needs:
            continue
        Y = np.column_stack([X, column(X)])
        named = [finding.columns for finding in cyem.examine(Y).of("relation") if finding.columns not in known]
        changed = same(plain, X, cyem.select(Y, random_state=0), Y)
        yield name, changed or ("" if any({d, *range(needs)} == set(each) for each in named) else f"named: {named}")
    Y = X.copy()
    Y[:, 0] = 1.8 * Y[:, 0] + 32
    plain, other = (cyem.select(Z, covariance_types=UNITLESS, random_state=0) for Z in (X, Y))
    yield "in another unit", same(plain, X, other, Y)


def main(*names):
    warnings.simplefilter("ignore")
    tried = failed = 0
    chosen = [(name, X) for name, X in sets() if not names or name in names][: TWENTY]
    for name, X in chosen:
        found = list(faults(X))
        wrong = [f"{how}: {what}" for how, what in found if what]
        tried, failed = tried + len(found), failed + len(wrong)
        print(f"{name}, {X.shape[0]} x {X.shape[1]}: {len(found) - len(wrong)} of {len(found)}", *wrong, sep="\n  ",
              flush=True)
    alarms = [seed for seed in range(TWENTY) if cyem.examine(clean(seed))]
    print(f"{len(chosen)} sets, unchanged and named: {tried - failed} of {tried}; "
          f"something is said of {len(alarms)} of {TWENTY} clean sets")
    return not failed and not alarms


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
