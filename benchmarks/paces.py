"""Two versions side by side: what takes how much longer, from one process each that take turns, call by call.

``python paces.py BEFORE AFTER [ROUNDS [NAME...]]``, where BEFORE and AFTER are folders in which cyem is built in place.
What disturbs the machine for longer than a call disturbs both; the median of the ratios of neighbouring calls is told,
and that of the shortest calls. `ci/compare COMMIT` builds two commits and runs this.
"""

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np

ITERATION = {  # (n, d, k), structure, dtype
    "full, (100,000 x 11), k=6": ((100_000, 11, 6), "full", "f8"),
    "full, (200,000 x 2), k=8": ((200_000, 2, 8), "full", "f8"),
    "full, (10,000 x 64), k=16": ((10_000, 64, 16), "full", "f8"),
    "full, (100,000 x 11), k=6, float32": ((100_000, 11, 6), "full", "f4"),
    "diag, (200,000 x 2), k=8": ((200_000, 2, 8), "diag", "f8"),
    "diag, (20,000 x 64), k=16": ((20_000, 64, 16), "diag", "f8"),
    "tied, (100,000 x 16), k=16": ((100_000, 16, 16), "tied", "f8"),
    "spherical, (100,000 x 16), k=16": ((100_000, 16, 16), "spherical", "f8"),
    "full, (100,000 x 3), k=64": ((100_000, 3, 64), "full", "f8"),
}
OTHERS = ["tiny fit", "small fit", "predict of one row", "predict_proba of one row", "fit", "select", "warm start",
          "sample of one", "summary", "import"]


def clusters(n, d, k, dtype="f8"):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) + rng.normal(0, 3, (k, d))[rng.integers(k, size=n)]).astype(dtype)


def prepared(name):
    """A function without arguments, some milliseconds long."""
    import cyem
    from cyem import GaussianMixture

    if name in ITERATION:
        (n, d, k), structure, dtype = ITERATION[name]
        X = clusters(n, d, k, dtype)
        common = dict(n_components=k, covariance_type=structure, tol=0, acceleration=None)
        first = GaussianMixture(init_params="random_from_data", max_iter=1, random_state=0, **common).fit(X)
        start = dict(weights_init=first.weights_, means_init=first.means_, precisions_init=first.precisions_)
        model = GaussianMixture(max_iter=10, **start, **common)
        return lambda: model.fit(X)
    X = clusters(150, 4, 3)
    model = GaussianMixture(3, random_state=0).fit(X)
    match name:
        case "tiny fit":
            return lambda: [GaussianMixture(3, random_state=0).fit(X) for _ in range(10)]
        case "small fit":
            small = clusters(2000, 6, 5)
            return lambda: GaussianMixture(5, random_state=0).fit(small)
        case "predict of one row":
            return lambda: [model.predict(X[:1]) for _ in range(1000)]
        case "predict_proba of one row":
            return lambda: [model.predict_proba(X[:1]) for _ in range(1000)]
        case "fit":
            large = clusters(50_000, 10, 20)
            return lambda: GaussianMixture(20, random_state=0).fit(large)
        case "select":
            return lambda: cyem.select(X, range(1, 5), "all", random_state=0, progress=False)
        case "warm start":
            model.set_params(warm_start=True)
            return lambda: [model.fit(X) for _ in range(10)]
        case "sample of one":
            return lambda: [model.sample(1, random_state=0) for _ in range(100)]
        case "summary":
            return lambda: [str(model.summary(X)) for _ in range(20)]
        case "import":
            # as its users import it: compiled once
            env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            return lambda: subprocess.run([sys.executable, "-c", "import cyem"], check=True, env=env)


def serve():
    """Prepares what it is told, and says how long each call takes that it is asked for."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        if line.strip():
            call = prepared(line.strip())
            call()
        else:
            begin = time.perf_counter()
            call()
            print(time.perf_counter() - begin, flush=True)


def main(before, after, rounds=30, *names):
    servers = [
        subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, env={**os.environ, "PYTHONPATH": str(Path(folder).resolve())})
        for folder in (before, after)
    ]

    def told(server, line=""):
        server.stdin.write(f"{line}\n")
        server.stdin.flush()
        return None if line else float(server.stdout.readline())

    print(f"| {'':34} | before (ms) | after (ms) | ratio of shortest | median ratio |")
    print("|---|---:|---:|---:|---:|")
    for name in names or [*ITERATION, *OTHERS]:
        for server in servers:
            told(server, name)
        pairs = []
        for turn in range(int(rounds)):
            order = (0, 1) if turn % 2 else (1, 0)
            took = {i: told(servers[i]) for i in order}
            pairs.append((took[0], took[1]))
        first, second = (min(times) for times in zip(*pairs, strict=True))
        print(f"| {name:34} | {1e3 * first:11.3f} | {1e3 * second:10.3f} | {second / first:17.3f} | "
              f"{median(b / a for a, b in pairs):12.3f} |", flush=True)
    for server in servers:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main(*sys.argv[1:])
