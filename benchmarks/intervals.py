"""How often do 95 % intervals of means cover the truth, where values are missing?

    python benchmarks/intervals.py [SETS [SEED]]

Sets are those of `missing.py`: 2 or 3 components in 3 to 6 features, of which 10, 30 or 50 % of the values go,
completely at random or at random given the first feature. Printed are, for each share of gaps, how many intervals cover
of two kinds: those that `standard_errors` gives of the means of components, and those of the mean of each feature in
the population by Rubin's rules, from 20 imputations with parameters that differ by the bootstrap; beside these, from 20
with the parameters as they were fitted, and from complete rows only.
"""

import sys
import warnings

import numpy as np
from missing import drawn
from scipy.stats import t as student

from cyem import GaussianMixture, standard_errors

DRAWS = 20
KINDS = ("means of components, by information", "means of features, 20 imputations, bootstrap",
         "the same with the parameters as fitted", "the same, complete rows only")


def rubin(means, variances):
    """The 95 % interval of a mean by m estimates (m, d) and their variances (Rubin 1987, section 3.3)."""
    m = len(means)
    within, between = variances.mean(axis=0), (1 + 1 / m) * means.var(axis=0, ddof=1)
    freedom = (m - 1) * (1 + within / np.maximum(between, 1e-300)) ** 2
    half = student.ppf(0.975, freedom) * np.sqrt(within + between)
    return means.mean(axis=0) - half, means.mean(axis=0) + half


def of_features(filled):
    """Means and their variances of each of several filled-in copies."""
    return filled.mean(axis=1), filled.var(axis=1, ddof=1) / filled.shape[1]


def covered(interval, truth):
    return ((interval[0] <= truth) & (truth <= interval[1])).ravel()


def one(rng, share, at_random, seed):
    """Which intervals cover, of each of KINDS."""
    X, _, means, covariances = drawn(rng, share, at_random)
    k, truth = len(means), means.mean(axis=0)  # components have equal weights
    model = GaussianMixture(k, n_init=3, tol=1e-8, random_state=seed).fit(X)
    gaps = model.means_ - means[:, None]
    nearest = np.einsum("kjd,kde,kje->kj", gaps, np.linalg.inv(covariances), gaps).argmin(axis=1)
    low, high = standard_errors(model, X).intervals().means
    yield covered((low[nearest], high[nearest]), means)
    for parameters in ("bootstrap", "fitted"):
        yield covered(rubin(*of_features(model.impute(X, DRAWS, seed, parameters=parameters))), truth)
    whole = X[~np.isnan(X).any(axis=1)]
    mean, half = whole.mean(axis=0), 1.96 * whole.std(axis=0, ddof=1) / np.sqrt(max(len(whole), 1))
    yield covered((mean - half, mean + half), truth)


def main(sets=200, seed=0):
    rng, warned = np.random.default_rng(seed), 0
    found = {(share, kind): [] for share in (0.1, 0.3, 0.5) for kind in KINDS}
    for i in range(sets):
        share = (0.1, 0.3, 0.5)[i % 3]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for kind, hits in zip(KINDS, one(rng, share, i % 2 == 1, i), strict=True):
                    found[share, kind].append(hits)
            except ValueError as error:
                print(f"set {i}: {error}")
        warned += bool(caught)
    print(f"{sets} sets, {warned} of them with a warning")
    for kind in KINDS:
        parts = [np.concatenate(found[share, kind]) for share in (0.1, 0.3, 0.5)]
        each = ", ".join(f"{part.mean():.1%} of {len(part)}" for part in parts)
        print(f"{kind}: {np.concatenate(parts).mean():.1%} cover (10, 30, 50 % missing: {each})", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
