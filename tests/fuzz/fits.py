"""Random fits of all structures, and what can be asked of them afterwards: each comes to an answer, of numbers.

    python tests/fuzz/fits.py --seconds 60 --seed 0    # exit status 1 after a case that failed, with its seed

For a sanitizer to look on: arrays have exactly their size, so that its red zones lie beside them.
"""

import warnings

import driver
import numpy as np

from cyem import GaussianMixture, StudentMixture
from cyem.em.start import STARTS
from cyem.families.covariance import STRUCTURES

SAMPLES = (1, 30), (30, 200), (200, 800)  # their number, from and to
FEATURES = (*range(1, 18), 33)
MANY = 64 * 192, 16  # samples and components from which on passes leave pairs out,
SHARE = 0.05  # which so many of the cases have


def attempt(rng):
    """Fit a random mixture to random samples, and ask all of it."""
    many = rng.random() < SHARE
    X, k = samples(rng, many)
    weights = weights_of(rng, len(X), k)
    how = settings(rng, len(X), X.shape[1], k)
    if many:  # long enough for passes to see what they can leave out
        how |= dict(init_params="random_from_data", max_iter=60, acceleration="squarem", search=None)
    model = GaussianMixture(k, **how).fit(X, sample_weight=weights)
    ask(model, X, weights)
    if rng.random() < 0.2:
        name = rng.choice(["full", "tied", "diag", "spherical"])
        robust = StudentMixture(k, covariance_type=name, max_iter=20, random_state=0).fit(X, sample_weight=weights)
        robust.predict_proba(X), robust.score(X), robust.sample(3)
    if rng.random() < 0.3:
        model.set_params(warm_start=True, search="swap", n_moves=2).fit(X, sample_weight=weights)
        ask(model, X, weights)
    if rng.random() < 0.3:
        look_at_parts(rng, model, X, weights)
    return "converged" if model.converged_ else "ended before"


def look_at_parts(rng, model, X, weights):
    """The same of rows of which a part is known: what is missing, errors of measurement, labels."""
    (n, d), k = X.shape, model.n_components
    gaps = X.copy()
    gaps[rng.random((n, d)) < rng.choice([0.05, 0.4])] = np.nan
    gaps[0] = X[0]
    noise = [None, 0.1 * X.std() ** 2 * rng.random((n, d)), np.tile(0.1 * X.std() ** 2 * np.eye(d), (n, 1, 1))]
    how = dict(noise=noise[rng.integers(3)])
    labels = np.where(rng.random(n) < 0.3, -1, np.arange(n) % k)
    if rng.random() < 0.5 and len(np.unique(labels if weights is None else labels[weights > 0])) > k:
        how |= dict(labels=labels)
    made = [lambda **more: GaussianMixture(k, covariance_type=model.covariance_type, **more),
            lambda **more: StudentMixture(k, covariance_type=rng.choice(["full", "tied", "diag", "spherical"]), **more)]
    model = made[rng.integers(2)](max_iter=int(rng.choice([1, 20])), random_state=0)
    model.fit(gaps, sample_weight=weights, **how)
    for rows in (gaps, gaps[:1]):
        for question in (model.predict, model.predict_proba, model.score_samples, model.impute):
            assert np.isfinite(question(rows)).all()
    assert np.isfinite(model.score(gaps, sample_weight=weights))


def samples(rng, many):
    """Clusters, in units far apart and sometimes degenerate; and how many components there shall be."""
    d = int(rng.choice(FEATURES))
    n = int(rng.integers(*SAMPLES[rng.integers(len(SAMPLES))]))
    k, apart = int(rng.integers(1, min(n, 8) + 1)), rng.choice([0, 2, 5])
    if many:
        (n, k), d, apart = MANY + rng.integers(1, [200, 3]), int(rng.integers(1, 4)), 30
    centres = rng.normal(scale=apart, size=(k, d))
    X = rng.normal(size=(n, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 2) + centres[rng.integers(k, size=n)]
    if rng.random() < 0.1:
        X[:, rng.integers(d)] = 1  # a constant
    if rng.random() < 0.1:
        X = X[rng.integers(n, size=n)]  # rows that are there again
    X *= 10.0 ** rng.uniform(-3, 3, d)
    return X.astype(rng.choice([np.float32, np.float64]), order="C"), int(k)


def weights_of(rng, n, k):
    """Weights of the samples, of which k at least are positive, or None."""
    weights = [None, rng.exponential(size=n) + 0.1, rng.integers(3, size=n).astype(float)][rng.integers(3)]
    return weights if weights is None or np.count_nonzero(weights) >= k else None


def settings(rng, n, d, k):
    """All other parameters of a mixture."""
    resp = rng.random((n, k))
    starts = *STARTS, *["short_em"] * 4, rng.integers(k, size=n), resp / resp.sum(axis=1, keepdims=True)
    moves = dict(search="swap", n_moves=3) if rng.random() < 0.3 else {}
    given = dict(means_init=rng.normal(size=(k, d))) if rng.random() < 0.1 else {}
    return dict(
        covariance_type=STRUCTURES[rng.integers(len(STRUCTURES))].name,
        init_params=starts[rng.integers(len(starts))],
        n_init=int(rng.integers(1, 3)),
        max_iter=int(rng.choice([0, 1, 7, 100])),
        acceleration=[None, "squarem"][rng.integers(2)],
        equal_weights=bool(rng.random() < 0.2),
        n_threads=int(rng.integers(1, 4)),
        random_state=int(rng.integers(2**31)),
        **moves,
        **given,
    )


def ask(model, X, weights):
    for rows in (X, X[:1]):
        for question in (model.predict, model.predict_proba, model.uncertainty, model.score_samples):
            assert np.isfinite(question(rows)).all()
    for question in (model.score, model.bic, model.icl):
        assert np.isfinite(question(X, sample_weight=weights))
    assert np.isfinite(model.sample(3)[0]).all()
    model.summary(X)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    driver.LATE = 300  # sanitizers are slow
    driver.run(__doc__, attempt)
