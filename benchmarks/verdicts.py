"""How often is the verdict of a selection right? ``python benchmarks/verdicts.py [SETS] [SEED]``, 200 sets from seed 0.

Data are drawn of which it is known whether they are separate groups, of several numbers of rows (9 to 2,000) and of
columns (1 to 6). A table counts the verdicts; "separate groups" of what are none is wrong, anything else of groups that
are 4 standard deviations apart is a miss. The exit code is 1 where either is above 5 %.
"""

import sys
import warnings
from collections import Counter

import numpy as np

from cyem import select
from cyem.selection.verdict import KINDS, ONE, SEPARATE, UNKNOWN

ALLOWED = 0.05  # of the sets
EACH = 100  # rows for each of the groups, in the mean, where there are some
ROWS = (30, 60, 100, 200, 500, 1000, 2000)
APART = 4.0  # standard deviations between the means of neighbouring groups


def mixed(rng, X):
    """The same in other axes: turned, stretched by up to three, and in other units and places."""
    d = X.shape[1]
    turned = np.linalg.qr(rng.normal(size=(d, d)))[0] * rng.uniform(1, 3, d)
    return X @ turned.T * 10 ** rng.uniform(-2, 2) + rng.normal(size=d)


def separate(rng, n, d):
    """Two to four normal groups, half of the sets of one width, none with less than half of its equal share of rows.

    Each is APART from its nearest neighbour, in means of the standard deviations of both.
    """
    k = int(rng.integers(2, 5))
    n = max(n, EACH * k)
    widths = rng.uniform(0.6, 1.4, k) if rng.random() < 0.5 else np.ones(k)
    means = np.zeros((k, d))
    for j in range(1, k):
        while True:  # at that distance from one of the others, and no nearer to any
            step, near = rng.normal(size=d), rng.integers(j)
            means[j] = means[near] + APART * (widths[j] + widths[near]) / 2 * step / np.linalg.norm(step)
            gaps = np.linalg.norm(means[:j] - means[j], axis=1) / (widths[:j] + widths[j]) * 2
            if gaps.min() > APART - 1e-9:
                break
    shares = 0.5 / k + 0.5 * rng.dirichlet(np.ones(k))
    of = rng.choice(k, n, p=shares)
    return means[of] + rng.normal(size=(n, d)) * widths[of, None]


def skewed(rng, n, d):
    """Lognormal or gamma columns."""
    if rng.random() < 0.5:
        return np.exp(rng.uniform(0.4, 1.0) * rng.normal(size=(n, d)))
    return rng.gamma(rng.uniform(1, 4), size=(n, d))


def heavy(rng, n, d):
    """A t distribution of 2 to 5 degrees of freedom."""
    nu = rng.uniform(2, 5)
    return rng.normal(size=(n, d)) / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def uniform(rng, n, d):
    """A box."""
    return rng.uniform(size=(n, d))


def ring(rng, n, d):
    """A circle of some width, in two of the columns."""
    angle, radius = rng.uniform(0, 2 * np.pi, n), 1 + rng.uniform(0.05, 0.2) * rng.normal(size=n)
    others = rng.normal(size=(n, d - 2)) * 0.3
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), others])


def overlapping(rng, n, d):
    """Two normal groups 1 to 2 standard deviations apart."""
    X, second = rng.normal(size=(n, d)), rng.random(n) < rng.uniform(0.3, 0.5)
    X[second, 0] += rng.uniform(1, 2)
    return X


def nine(rng, n, d):
    """Nine rows of noise."""
    return rng.normal(size=(9, d))


TURNS = separate, skewed, heavy, separate, uniform, ring, separate, overlapping, nine, separate


def drawn(number, seed):
    """One of the sets: its kind and its rows."""
    draw = TURNS[number % len(TURNS)]
    rng = np.random.default_rng([seed, number])
    d = int(rng.integers(2 if draw is ring else 1, 7))
    n = int(rng.choice(ROWS))
    return draw.__name__, mixed(rng, draw(rng, n, d))


def main(n_sets=200, seed=0):
    """Count the verdicts, and print them as a table."""
    found = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(n_sets):
            kind, X = drawn(number, seed)
            found[kind, select(X, random_state=0).verdict.kind] += 1
    kinds = list(dict.fromkeys(draw.__name__ for draw in TURNS))
    print(f"{'':12}" + "".join(f"{kind:>17}" for kind in KINDS))
    for kind in kinds:
        print(f"{kind:12}" + "".join(f"{found[kind, verdict]:17}" for verdict in KINDS))
    wrong = sum(found[kind, SEPARATE] for kind in kinds[1:])
    others = sum(found[kind, verdict] for kind in kinds[1:] for verdict in KINDS)
    missed = found["separate", ONE] + found["separate", UNKNOWN]
    groups = missed + found["separate", SEPARATE]
    print(f"wrong: {wrong} of {others} ({wrong / others:.1%}), missed: {missed} of {groups} ({missed / groups:.1%})")
    return wrong <= ALLOWED * others and missed <= ALLOWED * groups


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
