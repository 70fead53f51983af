"""How near does one pass over a stream come to EM over all rows, and does it follow where data drift?

    python benchmarks/streams.py [ROWS [BATCH [SEED]]]

Mixtures of the quality matrix, of a million rows in batches of 1,000. Printed are the mean log-likelihood of all rows
after `partial_fit` of each batch once, beside a default fit of all rows and one that goes on from where the stream
ended, and the time of each. Then a drift: in the middle the means move by one standard deviation of the components
in some direction, or all the time, by that much in 100,000 rows. Printed is how far the stream is behind
a fit to rows as they are now, scored on others of these.
"""

import sys
import time
import warnings

import numpy as np
from problems import QUALITY, generated

from cyem import GaussianMixture, StudentMixture

CASES = (
    ("separated, d=5, k=8", GaussianMixture, "full"),
    ("overlapping, d=2, k=3", GaussianMixture, "full"),
    ("overlapping, d=10, k=12", GaussianMixture, "full"),
    ("unbalanced, d=8, k=20", GaussianMixture, "diag"),
    ("heavy-tailed, d=8, k=8", StudentMixture, "full"),
)
HALF_LIFE = 5_000
AFTER = 50  # batches


def drawn(name, n, seed):
    """Rows of a mixture of the quality matrix, and the number of its components."""
    problem = generated(name, QUALITY[name]._replace(n=n), np.random.default_rng([seed, list(QUALITY).index(name)]))
    return problem.X, problem.k


def batches(X, size):
    return (X[i : i + size] for i in range(0, len(X), size))


def passed(model, X, size):
    for batch in batches(X, size):
        model.partial_fit(batch)
    return model


def one_pass(n, size, seed):
    print("mixture | stream, nats | s | default fit of all rows, nats | s | fit from there, nats | s | behind the best")
    for name, kind, structure in CASES:
        X, k = drawn(name, n, seed)
        begin = time.perf_counter()
        model = passed(kind(k, covariance_type=structure, random_state=seed), X, size)
        seconds, values = [time.perf_counter() - begin], [model.score(X)]
        for other in (kind(**model.get_params()), model.set_params(warm_start=True)):
            begin = time.perf_counter()
            other.fit(X)
            seconds.append(time.perf_counter() - begin)
            values.append(other.score(X))
        cells = (f"{value:.4f} | {each:.1f}" for value, each in zip(values, seconds, strict=True))
        print(f"{name}, {kind.__name__}, {structure} | {' | '.join(cells)} | {max(values) - values[0]:.4f}", flush=True)


def drift(n, size, seed):
    print("mixture | behind before the jump | 1, 10 and 50 batches after it | 50 after it without forget | slow drift")
    for name, kind, structure in CASES:
        X, k = drawn(name, n, seed)
        X, rng = X[:600_000], np.random.default_rng(seed)
        half = len(X) // 2
        model = kind(k, covariance_type=structure, random_state=seed).fit(X[:half])
        within = np.mean([np.var(X[:half][model.predict(X[:half]) == j], axis=0) for j in range(k)], axis=0)
        direction = rng.normal(size=X.shape[1])
        step = np.sqrt(within) * direction / np.linalg.norm(direction)
        later, best = X[half:], model.score(X[half:])  # moving all rows changes no likelihood

        figures = []
        for forget in (HALF_LIFE, None):
            model = passed(kind(k, covariance_type=structure, random_state=seed, forget=forget), X[:half], size)
            figures.append(best - model.score(later))
            for i, batch in enumerate(batches(later[: AFTER * size] + step, size), 1):
                model.partial_fit(batch)
                if i in (1, 10, AFTER):
                    figures.append(best - model.score(later + step))
        moving = X + np.arange(len(X))[:, None] / 100_000 * step
        model = passed(kind(k, covariance_type=structure, random_state=seed, forget=HALF_LIFE), moving, size)
        print(f"{name}, {kind.__name__}, {structure} | {figures[0]:.4f} | "
              f"{', '.join(f'{each:.4f}' for each in figures[1:4])} | {figures[7]:.4f} | "
              f"{best - model.score(later + len(X) / 100_000 * step):.4f}", flush=True)


def main(rows=1_000_000, batch=1_000, seed=0):
    warnings.simplefilter("ignore")
    one_pass(rows, batch, seed)
    drift(rows, batch, seed)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
