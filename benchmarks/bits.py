"""What this version computes, to the last bit: a line for each of a few hundred problems, a hash of all their numbers.

`ci/compare COMMIT` runs it with two commits and shows the lines in which they differ. Only what users call is used.
"""

import hashlib
import sys
import warnings

import numpy as np

import cyem

STRUCTURES = [
    "full", "tied", "diag", "spherical",
    "EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV",
]
STARTS = ["kmeans", "k-means++", "random", "random_from_data"]
SHAPES = [(300, 1, 2), (300, 2, 3), (500, 5, 4), (2000, 9, 6), (6000, 3, 20), (400, 40, 3)]


def samples(n, d, k, dtype=np.float64):
    rng = np.random.default_rng(n + 10 * d + k)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    means, labels = 3 * rng.normal(size=(k, d)), rng.integers(k, size=n)
    return (means[labels] + np.einsum("ij,ijk->ik", rng.normal(size=(n, d)), factors[labels])).astype(dtype)


def fitted(X, weights=None, **parameters):
    model = cyem.GaussianMixture(random_state=0, **{"max_iter": 60, **parameters}).fit(X, sample_weight=weights)
    return [model.weights_, model.means_, model.covariances_, model.precisions_cholesky_, model.lower_bound_,
            model.n_iter_, model.converged_, model.predict_proba(X), model.score_samples(X)]


def table(found):
    return [[row.n_components, row.covariance_type, row.bic, row.icl] for row in found.rows]


def cases():
    """(name, function without arguments that returns numbers, arrays and texts)."""
    for n, d, k in SHAPES:
        X, single = samples(n, d, k), samples(n, d, k, np.float32)
        weights = np.random.default_rng(1).uniform(0, 2, n) * (np.arange(n) % 7 > 0)
        size = f"{n} x {d}, k = {k}"
        for structure in STRUCTURES:
            how = {"n_components": k, "covariance_type": structure}
            yield f"{size}, {structure}", lambda how=how, X=X: fitted(X, **how)
            yield f"{size}, {structure}, float32", lambda how=how, X=single: fitted(X, **how)
            yield f"{size}, {structure}, weights", lambda how=how, X=X, w=weights: fitted(X, w, **how)
        for start in STARTS:
            yield f"{size}, from {start}", lambda k=k, X=X, start=start: fitted(X, n_components=k, init_params=start)
        for name, change in {
            "plain EM": {"acceleration": None}, "ten starts": {"n_init": 10}, "equal weights": {"equal_weights": True},
            "no floor": {"reg_covar": 0}, "one thread": {"n_threads": 1},
        }.items():
            yield f"{size}, {name}", lambda k=k, X=X, change=change: fitted(X, n_components=k, **change)
    X = samples(300, 2, 3)
    model = cyem.GaussianMixture(3, random_state=0).fit(X)
    yield "select", lambda: table(cyem.select(X, range(1, 6), "all", random_state=0, progress=False))
    yield "select, d = 1", lambda: table(cyem.select(X[:, :1], range(1, 6), random_state=0, progress=False))
    yield "select, n_jobs", lambda: table(cyem.select(X, range(1, 6), n_jobs=2, random_state=0, progress=False))
    yield "stability", lambda: [cyem.stability(model, X, n_bootstrap=50, random_state=0, progress=False).ari]
    yield "likelihood_ratio_test", lambda: [
        str(cyem.likelihood_ratio_test(X, 2, n_bootstrap=50, random_state=0, progress=False))]
    yield "merge", lambda: [str(cyem.merge(model, X))]
    yield "sample", lambda: list(model.sample(100, random_state=0))
    yield "summary", lambda: [str(model.summary(X))]
    for structure in STRUCTURES:
        own = cyem.GaussianMixture(2, covariance_type=structure, random_state=0).fit(X)
        for method in ("observed", "sandwich"):
            yield f"standard errors, {structure}, {method}", lambda own=own, method=method: [
                str(cyem.standard_errors(own, X, method=method))]


def digest(values):
    whole = hashlib.sha256()
    for value in values:
        value = np.asarray(value)
        whole.update(f"{value.dtype} {value.shape} ".encode())
        whole.update(value.tobytes() if value.dtype.kind in "biuf" else str(value.tolist()).encode())
    return whole.hexdigest()[:16]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name, compute in cases():
        try:
            print(f"{digest(compute())}  {name}")
        except Exception as error:  # an error is a result too
            print(f"{type(error).__name__}  {name}: {error}", file=sys.stderr)
            print(f"{type(error).__name__}  {name}")
