"""Does a fit that is killed at random moments, and started again, end in the same bits, and what do checkpoints cost?

    python benchmarks/kills.py [TIMES [SEED [ROWS [NAME]]]]

Of each fit below, or of those with this in their name: a process is killed (SIGKILL) at a random moment of the time
that the fit takes, and started again with the same arguments until one comes to its end; twenty times, each from the
beginning. Then the time of a fit with checkpoints that are never due, and with one each second, beside that of one
without, by turns.
"""

import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from cyem import GaussianMixture, StudentMixture, scan
from cyem.rows import scan as scans

CASES = {
    "default": GaussianMixture(8, random_state=0),
    "n_init=3": GaussianMixture(8, n_init=3, random_state=0),
    "diag": GaussianMixture(12, covariance_type="diag", random_state=0),
    "tied": GaussianMixture(12, covariance_type="tied", random_state=0),
    "VVE": GaussianMixture(6, covariance_type="VVE", random_state=0),
    "20 components, n_init=2": GaussianMixture(20, covariance_type="diag", n_init=2, random_state=0),
    "search": GaussianMixture(8, search="swap", n_moves=5, init_params="random_from_data", random_state=0),
    "t": StudentMixture(4, random_state=0),
    "read again": GaussianMixture(8, random_state=0),
    "read again, n_init=2": GaussianMixture(8, n_init=2, init_params="random_from_data", random_state=0),
}
scans.BLOCK, scans.PART = 1, 1 << 18  # these in blocks of 1,536 rows, of which starts look at 6,554
FORK = multiprocessing.get_context("fork")  # a process that has imported, and has not fitted anything


def fitted(model, X, checkpoint, every, out, took):
    """What a child does: the fit, its parameters to a file, and its time."""
    warnings.simplefilter("ignore")
    X = scan(X, memory=0) if isinstance(X, Path) else X
    begin = time.perf_counter()
    model.fit(X, checkpoint=checkpoint, checkpoint_every=every)
    took.value = time.perf_counter() - begin
    np.savez(out, *(getattr(model, name) for name in ("weights_", "means_", "precisions_", "lower_bounds_")))


def started(*arguments):
    took = FORK.Value("d", 0.0)
    child = FORK.Process(target=fitted, args=(*arguments, took))
    child.start()
    return child, took


def ended(*arguments):
    child, took = started(*arguments)
    child.join()
    return took.value


def same(one, other):
    one, other = np.load(one), np.load(other)
    return all(np.array_equal(one[name], other[name]) for name in other.files)


def main(times=20, seed=0, n=10_000, only=""):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) + 1.2 * rng.normal(size=(8, 5))[rng.integers(8, size=n)]
    print("fit | seconds alone | same bits | kills | of these with a checkpoint | of its bytes")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, alone, out, file = (Path(folder, f"{name}.np{kind}") for name, kind in
                                        (("fit", "z"), ("alone", "z"), ("out", "z"), ("rows", "y")))
        np.save(file, X)
        for name, model in CASES.items():
            if only not in name:
                continue
            rows = file if name.startswith("read again") else X
            seconds = ended(model, rows, None, 60, alone)
            right = kills = written = size = 0
            for _ in range(times):
                while True:
                    child, _ = started(model, rows, checkpoint, seconds / 50, out)
                    child.join(rng.uniform(0, 1.5 * seconds))
                    if not child.is_alive():
                        break
                    child.kill()
                    child.join()
                    kills += 1
                    if checkpoint.exists():
                        written, size = written + 1, max(size, os.path.getsize(checkpoint))
                right += same(out, alone) and not checkpoint.exists()
                out.unlink()
            print(f"{name} | {seconds:.1f} | {right} of {times} | {kills} | {written} | {size:,}", flush=True)
        ratios = []
        for _ in range(7):
            before, never, each = (ended(CASES["n_init=3"], X, path, every, out)
                                   for path, every in ((None, 60), (checkpoint, 1e9), (checkpoint, 1.0)))
            ratios.append((never / before, each / before))
        print("times as long as without (median of 7): never due {:.3f}, each second {:.3f}".format(
            *np.median(ratios, axis=0)))


if __name__ == "__main__":
    begin = time.time()
    main(*map(int, sys.argv[1:4]), *sys.argv[4:])
    print(f"{time.time() - begin:.0f} s")
