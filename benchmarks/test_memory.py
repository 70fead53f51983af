"""Peak memory of a fit beyond the samples themselves, in a process of its own."""

import subprocess
import sys

import pytest
from problems import SMALL, named

CHILD = """
import sys
import numpy as np
import cyem
n, d, k = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
X = rng.standard_normal((n, d))
for part in np.array_split(X, 64):
    part += 3 * rng.integers(0, k, size=(len(part), 1))
def peak():
    for line in open("/proc/self/status"):  # what getrusage tells begins with the peak of the parent process
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
cyem.GaussianMixture(k, max_iter=3, random_state=0).fit(X[:1000])  # threads and modules that come once
before = peak()
cyem.GaussianMixture(k, max_iter=8, random_state=0).fit(X)  # also passes that leave pairs out
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n", [500_000, 5_000_000])
def test_memory(race, benchmark, n):
    size = (2000, 3, 2) if SMALL else (n, 10, 20)
    megabytes = []

    def ours():
        command = [sys.executable, "-P", "-W", "ignore", "-c", CHILD, *map(str, size)]
        megabytes.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))

    race(named(*size), ours, rounds=1, group="Peak memory of a fit beyond X (time: of the whole process)")
    benchmark.extra_info["megabytes"] = max(megabytes)
