"""How long do others take for rows with gaps, and for errors of measurement?

    python benchmarks/peers_of_gaps.py [ROUNDS]

StepMix fits components along the axes to 20,000 x 10 with 30 % of the values missing; XDGMM of astroML (extreme
deconvolution) components with full covariances to 10,000 x 3 with a covariance of errors for each row; k = 5. All do 20
iterations of textbook EM; of StepMix they are those after the first, of cyem a whole fit.
Printed are processor times, of all threads, the best of the rounds, and the mean log-likelihoods that are reached. What
is not installed is left out.
"""

import sys
import time
import warnings

import numpy as np

from cyem import GaussianMixture

ITERATIONS = 20
K = 5


def clusters(n, d, rng):
    """Rows, and means near the true ones."""
    means = 3 * rng.normal(size=(K, d))
    return rng.normal(size=(n, d)) + means[rng.integers(K, size=n)], means + 0.3 * rng.normal(size=(K, d))


def timed(work, rounds):
    """Seconds of all threads, the best of some, and what comes out."""
    best = np.inf
    for _ in range(rounds):
        begin = time.process_time()
        found = work()
        best = min(best, time.process_time() - begin)
    return best, found


def ours(X, means, structure, noise=None):
    """Fits of so many iterations from given means, with unit variances."""
    d = X.shape[1]
    precisions = np.repeat(np.eye(d)[None], K, axis=0) if structure == "full" else np.ones((K, d))
    model = GaussianMixture(K, covariance_type=structure, max_iter=ITERATIONS, tol=0, acceleration=None,
                            weights_init=np.full(K, 1 / K), means_init=means, precisions_init=precisions)
    return model.fit(X, noise=noise)


def told(name, theirs, our, scores):
    print(f"{name}: {theirs:.3f} s, cyem {our:.4f} s, {theirs / our:.0f} times; mean log-likelihood {scores[0]:.6f}, "
          f"cyem {scores[1]:.6f}", flush=True)


def stepmix(rounds):
    from stepmix.stepmix import StepMix

    X, means = clusters(20_000, 10, np.random.default_rng(0))
    X[np.random.default_rng(1).random(X.shape) < 0.3] = np.nan
    # it does not begin from given means: the likelihoods are those at the end of long fits
    short = dict(n_components=K, measurement="gaussian_diag_nan", n_init=1, abs_tol=0, rel_tol=0, random_state=0,
                 progress_bar=0)
    one, _ = timed(lambda: StepMix(max_iter=1, **short).fit(X), rounds)
    more, _ = timed(lambda: StepMix(max_iter=1 + ITERATIONS, **short).fit(X), rounds)
    score = StepMix(**short | dict(n_init=5, max_iter=200, abs_tol=1e-9)).fit(X).score(X)
    our, _ = timed(lambda: ours(X, means, "diag"), rounds)
    end = GaussianMixture(K, covariance_type="diag", tol=1e-9, means_init=means).fit(X)
    told(f"StepMix, {ITERATIONS} iterations of 20,000 x 10, 30 % missing, diag", more - one, our,
         (score, end.lower_bound_))


def astroml(rounds):
    from astroML.density_estimation import XDGMM

    rng = np.random.default_rng(0)
    X, means = clusters(10_000, 3, rng)
    A = 0.5 * rng.normal(size=(len(X), 3, 3))
    noise = A @ A.swapaxes(1, 2)
    X += np.einsum("nij,nj->ni", A, rng.normal(size=X.shape))

    def theirs():
        model = XDGMM(K, max_iter=ITERATIONS, tol=0, random_state=0)
        model.mu, model.alpha, model.V = means.copy(), np.full(K, 1 / K), np.repeat(np.eye(3)[None], K, axis=0)
        for _ in range(ITERATIONS):
            model._EMstep(X, noise)
        return model

    their_time, found = timed(theirs, rounds)
    our_time, model = timed(lambda: ours(X, means, "full", noise), rounds)
    reached = GaussianMixture.from_parameters(found.alpha / found.alpha.sum(), found.mu, found.V)
    told(f"astroML, {ITERATIONS} iterations of 10,000 x 3 with full errors", their_time, our_time,
         (reached.score(X, noise=noise), model.score(X, noise=noise)))


def main(rounds=3):
    warnings.simplefilter("ignore")
    for race in (stepmix, astroml):
        try:
            race(rounds)
        except ImportError as error:
            print(f"{race.__name__} left out: {error}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
