"""How often does `cyem.examine` find something in clean data, and how often what was put there?

``python benchmarks/findings.py [SETS]`` prints two tables: of clean mixtures (by default 400), in how many it says
something, by kind; and of as many for each kind of fault, how often the right columns or rows are named.
"""

import sys
from collections import Counter

import numpy as np

import cyem


def clean(seed):
    """A mixture of one to five normal clusters: X (n, d).

    Overlapping or well apart, of up to very different sizes and spreads, but of ten rows at least; in any units, with
    an offset or without; some rounded to an eighth of the least standard deviation of a column or finer.
    """
    rng = np.random.default_rng(seed)
    k, d, n = int(rng.integers(1, 6)), int(rng.integers(1, 9)), int(rng.choice([80, 150, 300, 600, 1500]))
    sizes = np.bincount(rng.choice(k, n - 10 * k, p=rng.dirichlet(np.full(k, 2.0))), minlength=k) + 10
    centres = rng.normal(0, rng.choice([1.0, 2.0, 4.0, 8.0]), (k, d)) + rng.choice([0.0, 10.0, 100.0])
    spread = rng.choice([0.0, 0.3, 0.6])
    parts = []
    for size, centre in zip(sizes, centres, strict=True):
        axes = np.linalg.qr(rng.normal(size=(d, d)))[0] * np.exp(rng.normal(0, spread, d))
        parts.append(centre + rng.normal(size=(size, d)) @ axes.T)
    if rng.random() < 0.5:
        step = min(part.std(axis=0).min() for part in parts) / rng.choice([8, 20, 50])
        parts = [np.rint(part / step) * step for part in parts]
    X = np.concatenate(parts) * np.exp(rng.normal(0, 3, d) if rng.random() < 0.5 else 0.0)
    return X[rng.permutation(n)]


def column(X, rng):
    return X[:, rng.integers(X.shape[1])]


def copy(X, rng):
    return np.column_stack([X, column(X, rng)]), "relation"


def other_unit(X, rng):
    """Rounded to a hundredth of its standard deviation, as it would be printed."""
    added = 1.8 * column(X, rng) + 32
    step = added.std() / 100
    return np.column_stack([X, np.rint(added / step) * step]), "relation"


def total(X, rng):
    return np.column_stack([X, rng.normal(size=len(X)), 100 - X @ np.arange(1.0, X.shape[1] + 1)]), "relation"


def constant(X, rng):
    return np.column_stack([X, np.full(len(X), 3.3)]), "constant"


def counter(X, rng):
    return np.column_stack([X, rng.permutation(len(X)) + 1.0]), "counter"


def score(X, rng):
    return np.column_stack([X, rng.integers(1, 6, len(X))]), "few values"


def zeros(X, rng):
    added = np.where(rng.random(len(X)) < 0.2, 0.0, rng.normal(10, 2, len(X)))
    return np.column_stack([X, added]), "repeated value"


def capped(X, rng):
    return np.column_stack([X, np.minimum(rng.normal(40, 8, len(X)), 48).round(1)]), "repeated value"


def lognormal(X, rng):
    return np.column_stack([X, np.exp(rng.normal(size=len(X)))]), "skew"


def heavy(X, rng):
    return np.column_stack([X, rng.standard_t(2, len(X))]), "heavy tails"


def typing_errors(X, rng):
    """Two rows of which one value has a digit too many."""
    X = X - X.min(axis=0) + 2 * np.ptp(X, axis=0)
    rows = rng.choice(len(X), 2, replace=False)
    X[rows, rng.integers(X.shape[1], size=2)] *= 10
    return X, "odd rows", rows


def repeated_rows(X, rng):
    X = np.column_stack([X, rng.normal(size=len(X))])
    return np.concatenate([X, X[:3]]), "duplicates", np.arange(3) + len(X)


FAULTS = (copy, other_unit, total, constant, counter, score, zeros, capped, lognormal, heavy, typing_errors,
          repeated_rows)


def found(fault, seed):
    """Whether one fault is found, with the right column or rows; and what else is said."""
    rng = np.random.default_rng([seed, FAULTS.index(fault)])
    X, kind, *rows = fault(clean(seed), rng)
    findings = cyem.examine(X)
    own = findings.of(kind)
    if rows:
        right = [set(rows[0].tolist()) == set(finding.rows) for finding in own]
    else:
        right = [X.shape[1] - 1 in finding.columns for finding in own]
    return any(right), [other for other in findings.kinds if other != kind]


def main(sets):
    alarms = Counter()
    for seed in range(sets):
        kinds = cyem.examine(clean(seed)).kinds
        alarms.update(kinds)
        alarms["any"] += bool(kinds)
    print(f"of {sets} clean sets, said of:", dict(alarms))
    for fault in FAULTS:
        hits, others = 0, Counter()
        for seed in range(sets // 4):
            hit, more = found(fault, seed)
            hits += hit
            others.update(more)
        print(f"{fault.__name__:14} found in {hits} of {sets // 4}; said besides: {dict(others)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
