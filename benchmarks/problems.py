"""The problems that are timed: drawn from fixed seeds, each with a name. CYEM_BENCH_SMALL=1 makes all of them tiny."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

SMALL = os.environ.get("CYEM_BENCH_SMALL", "") not in ("", "0")
ROOT = Path(__file__).resolve().parents[1]


class Problem(NamedTuple):
    """Samples to fit k components to, and the means that they were drawn around."""

    name: str
    X: np.ndarray  # (n, d)
    k: int
    means: np.ndarray  # (k, d)
    covariance: np.ndarray = None  # (d, d) to begin with; None: that of all samples


class Start(NamedTuple):
    """The same first parameters for every library, in scikit-learn's shapes."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    precisions: np.ndarray


# One iteration, (n, d, k) by structure.
ITERATION = {
    "full": [
        (500_000, 2, 8), (100_000, 11, 6), (100_000, 16, 16), (50_000, 32, 32), (20_000, 64, 64), (20_000, 128, 16),
    ],
    "diag": [(500_000, 2, 8), (100_000, 16, 16), (20_000, 64, 64)],
    "tied": [(100_000, 16, 16), (50_000, 32, 32), (20_000, 64, 64)],
    "spherical": [(100_000, 16, 16)],
}
# The same for a long evening: the smallest d, few and many components, and shapes that others have published.
ITERATION_LONG = {
    "full": [
        (500_000, 1, 5), (500_000, 3, 8), (200_000, 10, 20), (200_000, 10, 100), (100_000, 32, 16), (230_000, 32, 32),
    ],
    "diag": [(200_000, 30, 100), (500_000, 10, 20), (20_000, 10, 5)],
    "tied": [(500_000, 2, 8), (100_000, 32, 16)],
    "spherical": [(500_000, 2, 8), (500_000, 10, 20)],
}
FIT = (200_000, 10, 20)
THREADS = [(500_000, 2, 8), (100_000, 16, 16), (50_000, 32, 32), (20_000, 64, 64)]


class Quality(NamedTuple):
    """A mixture by what makes it easy or hard.

    separation: the median over components of the distance to the nearest other mean, in units of the larger radius
    (root of the trace of the covariance): 2 is far apart, 1 touches, 0.5 overlaps.
    """

    n: int
    d: int
    k: int
    separation: float
    largest: float = 1.0  # weight of the largest component, in units of the smallest
    stretch: float = 2.0  # longest axis of a component, in units of the shortest
    freedom: float = np.inf  # degrees of freedom of its tails
    grid: bool = False  # means on a square grid


QUALITY = {
    "separated, d=2, k=3": Quality(2000, 2, 3, 2.5),
    "separated, d=5, k=8": Quality(4000, 5, 8, 2.0),
    "separated, d=10, k=15": Quality(5000, 10, 15, 2.0),
    "separated, d=20, k=30": Quality(9000, 20, 30, 1.5),
    "separated on a grid, d=2, k=25": Quality(5000, 2, 25, 2.0, grid=True),
    "overlapping, d=2, k=3": Quality(2000, 2, 3, 0.8),
    "overlapping, d=2, k=8": Quality(4000, 2, 8, 1.0),
    "overlapping, d=3, k=4": Quality(2000, 3, 4, 0.7),
    "overlapping, d=5, k=5": Quality(3000, 5, 5, 0.7),
    "overlapping, d=8, k=6": Quality(4000, 8, 6, 0.6),
    "overlapping, d=10, k=12": Quality(6000, 10, 12, 0.6),
    "overlapping, d=20, k=8": Quality(6000, 20, 8, 0.4),
    "unbalanced, d=2, k=8": Quality(4000, 2, 8, 1.5, largest=20),
    "unbalanced, d=5, k=12": Quality(6000, 5, 12, 1.0, largest=20),
    "unbalanced, d=8, k=20": Quality(10_000, 8, 20, 1.0, largest=10),
    "unbalanced, d=15, k=10": Quality(6000, 15, 10, 0.7, largest=10),
    "stretched, d=2, k=6": Quality(3000, 2, 6, 0.7, stretch=30),
    "stretched, d=4, k=10": Quality(5000, 4, 10, 0.8, stretch=20),
    "stretched, d=10, k=10": Quality(6000, 10, 10, 0.5, stretch=20),
    "stretched, d=20, k=5": Quality(5000, 20, 5, 0.4, stretch=10),
    "stretched, d=8, k=30": Quality(9000, 8, 30, 0.8, stretch=10),
    "heavy-tailed, d=2, k=5": Quality(3000, 2, 5, 1.5, freedom=4),
    "heavy-tailed, d=3, k=10": Quality(5000, 3, 10, 1.2, freedom=4),
    "heavy-tailed, d=8, k=8": Quality(5000, 8, 8, 1.0, freedom=4),
    "heavy-tailed, d=20, k=4": Quality(4000, 20, 4, 0.6, freedom=5),
    "all of it, d=6, k=15": Quality(9000, 6, 15, 0.8, largest=10, stretch=10, freedom=6),
}

# Mixtures whose number of components is to be found: by features, components, separation and sizes.
KNOWN = {
    f"d={d}, k={k}, {'apart' if separation > 1.5 else 'touching' if separation > 1 else 'overlapping'}, "
    f"{'unequal' if largest > 1 else 'equal'}": Quality(250 * k + 40 * d, d, k, separation, largest)
    for d in (2, 3, 5, 10)
    for k, separation, largest in [
        (2, 2.0, 1), (4, 2.0, 4), (3, 1.2, 1), (5, 1.2, 3), (2, 1.2, 5), (3, 0.8, 1), (2, 0.8, 3), (4, 0.8, 1),
    ]
}


def named(n, d, k):
    return f"({n:,} × {d}), k={k}"


def shrunk(n, d, k):
    """The sizes, or tiny ones that take the same paths."""
    return (min(n, 600), min(d, 6), min(k, 3)) if SMALL else (n, d, k)


def clusters(n, d, k, *, separation=3.0, dtype=np.float64, seed=0):
    """Components of equal weight and of random shapes, means normal with standard deviation separation / sqrt(2)."""
    n, d, k = shrunk(n, d, k)
    name = named(n, d, k)
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(k, d)) * separation / np.sqrt(2)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    counts = rng.multinomial(n, np.full(k, 1 / k))
    return Problem(name, draw(rng, counts, means, factors).astype(dtype), k, means)


def apart(n, d, k, *, gap=8.0, seed=0):
    """Components of weight 1 / k and of variances from 1/3 to 3, that have about as much room each for any k."""
    n, d, k = shrunk(n, d, k)
    name = named(n, d, k)
    rng = np.random.default_rng(seed)
    means = rng.uniform(size=(k, d)) * gap * k ** (1 / d)
    factors = np.linalg.qr(rng.normal(size=(k, d, d)))[0] * 3 ** (rng.random((k, 1, d)) - 0.5)
    counts = rng.multinomial(n, np.full(k, 1 / k))
    return Problem(name, draw(rng, counts, means, factors), k, means, np.eye(d))


def mixture(name, seed=0):
    """One mixture of the quality matrix."""
    return generated(name, QUALITY[name], np.random.default_rng([seed, list(QUALITY).index(name)]))


def generated(name, q, rng):
    """A mixture of a given quality."""
    n, d, k = shrunk(q.n, q.d, q.k)
    spectra = q.stretch ** (2 * rng.random((k, d)))
    spectra *= rng.uniform(0.5, 2, size=(k, 1)) / spectra.sum(axis=1, keepdims=True)  # components differ in size too
    turns = np.linalg.qr(rng.normal(size=(k, d, d)))[0]
    factors = np.sqrt(spectra)[:, :, None] * turns
    if q.grid:
        side = int(np.ceil(np.sqrt(k)))
        means = np.column_stack([*np.divmod(np.arange(k), side), *np.zeros((d - 2, k))]).astype(float)
    else:
        means = rng.normal(size=(k, d))
    radii = np.sqrt(spectra.sum(axis=1))
    gaps = np.linalg.norm(means[:, None] - means, axis=2) / np.maximum(radii[:, None], radii)
    np.fill_diagonal(gaps, np.inf)
    means *= q.separation / np.median(gaps.min(axis=1))
    shares = q.largest ** np.linspace(0, 1, k)
    counts = rng.multinomial(n, shares / shares.sum())
    return Problem(name, draw(rng, counts, means, factors, q.freedom), k, means)


def draw(rng, counts, means, factors, freedom=np.inf):
    """Samples in random order: counts[j] of them are means[j] + z factors[j], z normal or from Student's t."""
    n, d = counts.sum(), means.shape[1]
    X = rng.standard_normal((n, d))
    if freedom < np.inf:
        X /= np.sqrt(rng.chisquare(freedom, size=(n, 1)) / freedom)
    for part, mean, factor in zip(np.split(X, np.cumsum(counts)[:-1]), means, factors, strict=True):
        part[:] = part @ factor + mean
    return X[rng.permutation(n)]


def start(problem, covariance_type):
    """Equal weights, the true means, and one covariance matrix for every component."""
    k, dtype = problem.k, problem.X.dtype
    C = np.atleast_2d(np.cov(problem.X.T.astype(np.float64))) if problem.covariance is None else problem.covariance
    variances = np.diag(C)
    covariances, precisions = {
        "full": lambda: (np.repeat(C[None], k, axis=0), np.repeat(np.linalg.inv(C)[None], k, axis=0)),
        "tied": lambda: (C, np.linalg.inv(C)),
        "diag": lambda: (np.tile(variances, (k, 1)), np.tile(1 / variances, (k, 1))),
        "spherical": lambda: (np.full(k, variances.mean()), np.full(k, 1 / variances.mean())),
    }[covariance_type]()
    return Start(*(a.astype(dtype) for a in (np.full(k, 1 / k), problem.means, covariances, precisions)))


def table(name):
    """A real table: faithful or iris, or winequality-red (UCI, doi 10.24432/C56S3T) without its last column.

    The first two come with the repository, the third is looked for in `shared/data` beside it.
    """
    if name == "winequality-red":
        file = ROOT.parent / "shared/data/winequality-red.csv"
        if not file.exists():
            pytest.skip(f"needs {file.name}, which does not come with the repository")
        X = np.loadtxt(file, delimiter=";", skiprows=1)[:, :-1]
        return np.ascontiguousarray(X[::8] if SMALL else X)
    return np.loadtxt(ROOT / f"tests/data/{name}.csv", delimiter=",", skiprows=1)
