"""How often 95 % intervals cover the truth of two full clusters that overlap: 2.2 and 2.9 standard deviations apart."""

import numpy as np
import pytest
from problems import SMALL

import cyem

SETS = 3 if SMALL else 300
SAMPLES = 450
TRUTH = cyem.GaussianMixture.from_parameters(
    [0.4, 0.6], [[0.0, 0.0], [2.0, 1.5]], [[[1.0, 0.3], [0.3, 1.0]], [[1.5, -0.4], [-0.4, 0.8]]]
)


METHODS = ["observed", "scores", "sandwich", pytest.param("bootstrap", marks=pytest.mark.long)]


@pytest.mark.parametrize("method", METHODS)
def test_coverage(race, benchmark, method):
    """Fits begin at the labels: it is about the maximum near the truth."""
    rng = np.random.default_rng(0)
    true = TRUTH.weights_, TRUTH.means_, TRUTH.covariances_
    covered = []

    def ours():
        for _ in range(SETS):
            X, labels = TRUTH.sample(SAMPLES, random_state=rng)
            model = cyem.GaussianMixture(2, init_params=labels, tol=1e-8).fit(X)
            intervals = cyem.standard_errors(model, X, method, random_state=rng).intervals()[:3]
            covered.append(np.concatenate([((low <= part) & (part <= high)).ravel()
                                           for part, (low, high) in zip(true, intervals, strict=True)]))

    race(f"{method}, {SETS} sets of {SAMPLES}", ours, rounds=1, group="Coverage of 95 % intervals")
    shares = np.mean(covered, axis=0)
    benchmark.extra_info |= {"covered": [float(shares.min()), float(shares.max())]}
