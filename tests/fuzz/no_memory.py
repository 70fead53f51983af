"""Fits, searches and files where memory ends: a MemoryError or an answer, never the end of the process.

    python tests/fuzz/no_memory.py    # exit status 1 where a process ended otherwise, with the limit

Each limit of the address space is tried in a process of its own, from nothing beyond the imports to plenty; then single
requests of Python's allocator fail, one after the other, where this Python can do that.
"""

import subprocess
import sys
import time

TASKS = {
    "fit": "X = rng.normal(size=(20000, 10)); run = lambda: GaussianMixture(20, max_iter=3, random_state=0).fit(X)",
    "wide": "X = rng.normal(size=(50, 3000))\n"
            "run = lambda: GaussianMixture(2, covariance_type='diag', random_state=0).fit(X).predict_proba(X)",
    "select": "X = rng.normal(size=(500, 3)); run = lambda: cyem.select(X, [1, 2], random_state=0, n_jobs=2)",
    "save": "import os, tempfile; path = os.path.join(tempfile.mkdtemp(), 'model')\n"
            "model = GaussianMixture.from_parameters(np.full(50, 0.02), rng.normal(size=(50, 200)), np.ones(50),\n"
            "                                        'spherical')\n"
            "run = lambda: (model.save(path), cyem.load(path))",
}
LIMIT = """
import resource, warnings
import numpy as np, cyem
from cyem import GaussianMixture
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
{task}
np.ones((200, 200)) @ np.ones((200, 200))  # OpenBLAS ends the process where it has no room for its own buffers
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + {beyond},) * 2)
try:
    run()
    print("done")
except MemoryError:
    print("MemoryError")
except OSError as error:
    print("OSError", error)
except SystemError as error:  # CPython's own parser, which some imports call, forgets to say that memory is short
    assert "function compile> returned NULL" in str(error), error
    print("SystemError", error)
"""
SINGLE = """
import warnings, _testcapi
import numpy as np
from cyem import GaussianMixture
warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(200, 2))
model = GaussianMixture(2, max_iter=5, random_state=0)
kept = model.fit(X).means_.copy()
failed = 0
for n in range({start}, {stop}):
    try:
        _testcapi.set_nomemory(n, n + 1)
        try:
            model.fit(X)
        finally:
            _testcapi.remove_mem_hooks()
    except (MemoryError, ValueError, TypeError, AttributeError, ImportError, RuntimeError, SystemError):
        failed += 1
    assert len(model.predict(X)) == 200
print(failed)
"""


def run(program):
    """Exit status, and the last line that a process of its own writes."""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=300)
    return done.returncode, (done.stdout.splitlines() or [""])[-1], done.stderr[-2000:]


def main():
    start, cases, outcomes = time.monotonic(), 0, {}
    for name, task in TASKS.items():
        for megabytes in (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024):
            status, line, error = run(LIMIT.format(task=task, beyond=megabytes << 20))
            cases += 1
            word = line.split(" ")[0]
            outcomes[word] = outcomes.get(word, 0) + 1
            if status or word not in ("done", "MemoryError", "OSError", "SystemError"):
                print(f"{name} with {megabytes} MB: exit status {status}: {line}\n{error}")
                return 1
    try:
        import _testcapi  # noqa: F401
    except ImportError:
        print("without single requests: this Python has no _testcapi")
    else:
        for first in range(0, 200, 50):
            status, line, error = run(SINGLE.format(start=first, stop=first + 50))
            cases += 50
            if status:
                print(f"request {first} to {first + 49}: exit status {status}\n{error}")
                return 1
            outcomes["single"] = outcomes.get("single", 0) + int(line)
    listed = ", ".join(f"{number} {word}" for word, number in sorted(outcomes.items()))
    print(f"{cases} cases in {time.monotonic() - start:.0f} s: {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
