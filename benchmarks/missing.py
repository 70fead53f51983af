"""How well are parameters and missing values found, beside imputation before a fit?

    python benchmarks/missing.py [SETS [SEED]]

Sets are drawn from mixtures of 2 or 3 components in 3 to 6 features; 10, 30 or 50 % of the values go, completely at
random, or at random given the first feature, which is observed always. Compared are our fit to what was observed, a fit
after mean imputation, and a fit after scikit-learn's IterativeImputer. Printed is the share of sets in which ours is
nearer to the truth: means and covariances by the largest error in standard deviations, components matched; imputed
values by their root mean square error.
"""

import itertools
import sys
import warnings

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer

from cyem import GaussianMixture


def drawn(rng, share, at_random):
    """A set with gaps, the same complete, and the truth."""
    k, d, n = int(rng.integers(2, 4)), int(rng.integers(3, 7)), int(rng.integers(300, 1000))
    means = rng.normal(size=(k, d))
    means *= 4 / max(1e-9, min(np.linalg.norm(means[i] - means[j]) for i, j in itertools.combinations(range(k), 2)))
    A = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    covariances = A @ A.swapaxes(1, 2)
    y = rng.integers(k, size=n)
    X = means[y] + np.einsum("nij,nj->ni", A[y], rng.normal(size=(n, d)))
    p = np.full((n, d), share)
    if at_random:  # more where the first feature is large, which itself is always observed
        p = 2 * share * (X[:, :1].argsort(axis=0).argsort(axis=0) / n) * np.ones(d)
    p[:, 0] = 0 if at_random else p[:, 0]
    gaps = np.where(rng.random((n, d)) < p, np.nan, X)
    return gaps, X, means, covariances


def error(model, means, covariances):
    """The largest error of means and covariances, in standard deviations, of the best match of components."""
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)).mean(axis=0)
    found = [np.abs(model.means_[list(order)] - means).max() / sd.min()
             + np.abs((model.covariances_[list(order)] - covariances) / sd / sd[:, None]).mean()
             for order in itertools.permutations(range(len(means)))]
    return min(found)


def main(sets=200, seed=0):
    rng = np.random.default_rng(seed)
    nearer = {name: [0, 0] for name in ("mean imputation", "iterative imputation")}
    warnings.simplefilter("ignore")
    for i in range(sets):
        gaps, X, means, covariances = drawn(rng, [0.1, 0.3, 0.5][i % 3], i % 2 == 1)
        gone = np.isnan(gaps)
        k = len(means)
        model = GaussianMixture(k, n_init=3, random_state=i).fit(gaps)
        own = error(model, means, covariances), np.sqrt(((model.impute(gaps) - X)[gone] ** 2).mean())
        for name, imputer in (("mean imputation", SimpleImputer()),
                              ("iterative imputation", IterativeImputer(random_state=0))):
            filled = imputer.fit_transform(gaps)
            other = GaussianMixture(k, n_init=3, random_state=i).fit(filled)
            theirs = error(other, means, covariances), np.sqrt(((filled - X)[gone] ** 2).mean())
            for j in range(2):
                nearer[name][j] += own[j] < theirs[j]
    for name, (parameters, values) in nearer.items():
        print(f"nearer than by {name}: parameters in {parameters / sets:.1%} of {sets} sets, values in "
              f"{values / sets:.1%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
