"""A fit of a file that is larger than the memory it may take; parameters are known from the part that it repeats.

    python tests/scale/large_file.py                        # 4 GB, at most 300 MB resident
    python tests/scale/large_file.py --gigabytes 0.5 --folder /mnt

Exit status 1 where more memory was taken, or parameters differ by more than rounding of sums.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RESIDENT = 300 << 20  # bytes
ROWS, D, K = 1 << 19, 16, 8  # a part of 64 MB
FIT = r"""
import json, re, sys, time, warnings
import numpy as np
from cyem import GaussianMixture
warnings.simplefilter("ignore")
X = sys.argv[1] if sys.argv[2] == "file" else np.load(sys.argv[1])
means = np.load(sys.argv[3])
begin = time.perf_counter()
model = GaussianMixture(len(means), means_init=means, acceleration=None, tol=0, max_iter=5, random_state=0).fit(X)
print(json.dumps([model.weights_.tolist(), model.means_.tolist(), model.covariances_.tolist(), model.lower_bound_,
                  time.perf_counter() - begin,
                  int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) << 10]))
"""


def fitted(*arguments):
    """Parameters, seconds, and the most bytes that were resident, of a fit in a process of its own."""
    done = subprocess.run([sys.executable, "-c", FIT, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    *parameters, seconds, resident = json.loads(done.stdout)
    return [np.array(each) for each in parameters], seconds, resident


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    means = rng.normal(0, 3, (K, D))
    part = means[rng.integers(K, size=ROWS)] + rng.normal(size=(ROWS, D))
    times = max(2, round(arguments.gigabytes * 1e9 / part.nbytes))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = Path(folder)
        np.save(folder / "part.npy", part)
        np.save(folder / "means.npy", means + 0.5)
        whole = np.lib.format.open_memmap(folder / "whole.npy", "w+", shape=(times * ROWS, D))
        for i in range(times):
            whole[i * ROWS : (i + 1) * ROWS] = part
        size = whole.nbytes
        del whole, part
        expected, _, _ = fitted(folder / "part.npy", "array", folder / "means.npy")
        found, seconds, resident = fitted(folder / "whole.npy", "file", folder / "means.npy")
    off = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(found, expected, strict=True))
    print(f"{size / 1e9:.2f} GB, {seconds:.1f} s, {resident / 1e6:.0f} MB resident at most, parameters to {off:.1e}")
    errors = (resident > RESIDENT) + (off > 1e-12)
    print(f"{errors} errors")
    return min(errors, 1)


if __name__ == "__main__":
    sys.exit(main())
