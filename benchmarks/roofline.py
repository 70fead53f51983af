"""The physical limits of this machine, measured: multiply-adds and exps per second of every core together.

peak.c is compiled for this very processor. Without a C compiler the rate of NumPy's matrix product and of its exp stand
in, which are lower on processors whose widest registers these do not use; `source` says which it was.
"""

import ctypes
import functools
import os
import subprocess
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from problems import SMALL

C_TYPES = {"float64": ("double", ctypes.c_double), "float32": ("float", ctypes.c_float)}
REPEATS = 3 if SMALL else 10
SECONDS = 1e-4 if SMALL else 1e-2  # of one measurement


class Peak(NamedTuple):
    """Operations per second of all threads that cyem uses."""

    fma: float  # floating-point operations; a multiply-add is two
    exp: float
    threads: int
    source: str


def better(a, b):
    """The higher of each rate of two measurements of the same machine."""
    return a._replace(fma=max(a.fma, b.fma), exp=max(a.exp, b.exp))


def measure(dtype, threads):
    """The best of many short runs: what the machine can do, not what it happens to do.

    Parameters
    ----------
    dtype : str
    threads : int

    Returns
    -------
    Peak
    """
    library = compiled()
    if library is None:
        return Peak(*numpy_rates(dtype, threads), threads, f"NumPy ({blas()})")
    suffix, number = C_TYPES[dtype]
    multiply_add, exp = getattr(library, f"fma_{suffix}"), getattr(library, f"exp_{suffix}")
    multiply_add.restype = ctypes.c_double
    multiply_add.argtypes = [ctypes.c_int64, number, ctypes.c_void_p]
    exp.restype = None
    exp.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]

    def fma_run(steps):
        out = np.empty(1, dtype)
        return multiply_add(steps, 0.5, out.ctypes.data)

    def exp_run(steps):
        x = np.linspace(-80, 0, 2048).astype(dtype)
        y = np.empty_like(x)
        exp(steps, len(x), x.ctypes.data, y.ctypes.data)
        return steps * len(x)

    return Peak(rate(fma_run, threads), rate(exp_run, threads), threads, "peak.c")


def rate(run, threads):
    """Operations per second of `run(steps) -> operations`, which releases the interpreter, on so many threads."""
    steps = 1
    run(steps)  # the first call is slow
    while timed(run, steps) < SECONDS:
        steps *= 2
    best = 0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(REPEATS):
            begin = time.perf_counter()
            operations = sum(pool.map(run, [steps] * threads))
            best = max(best, operations / (time.perf_counter() - begin))
    return best


def timed(function, *args):
    """Seconds of one call."""
    begin = time.perf_counter()
    function(*args)
    return time.perf_counter() - begin


@functools.cache
def compiled():
    """peak.c as a library, or None without a compiler that makes one."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        target = Path(folder, "peak.so")
        for tuning in ("-march=native", "-mcpu=native"):
            command = [*compiler, "-O3", tuning, "-ffp-contract=fast", "-shared", "-fPIC", "-o", str(target)]
            try:
                done = subprocess.run([*command, str(Path(__file__).with_name("peak.c"))], capture_output=True)
            except OSError:
                return None
            if done.returncode == 0:
                return ctypes.CDLL(str(target))
    return None


def numpy_rates(dtype, threads):
    """Operations per second of a large matrix product on NumPy's own threads, and of exp on each of so many."""
    A = np.ones((1000, 1000), dtype)
    x = np.linspace(-80, 0, 100_000).astype(dtype)
    return (2e9 / min(timed(np.matmul, A, A) for _ in range(REPEATS)),
            threads * x.size / min(timed(np.exp, x) for _ in range(REPEATS)))


def blas():
    """Which linear algebra NumPy uses here, and for which processor."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown BLAS"
    found = (f"{info['internal_api']} {info['version']} {info.get('architecture', '')}".strip()
             for info in threadpool_info() if info["user_api"] == "blas" and "numpy" in info["filepath"])
    return next(found, "unknown BLAS")


# Nominal operations of one iteration for one (sample, component), E-step and M-step; skipped work counts as done.
FLOPS = {
    "full": lambda d: 2 * d * (d + 1),
    "tied": lambda d: 4 * d,
    "diag": lambda d: 8 * d,
    "spherical": lambda d: 4 * d + 4,
}


def work(problem, covariance_type, seconds):
    """What one iteration of so many seconds does: to be compared with the limits when these are known."""
    n, d = problem.X.shape
    pairs = n * problem.k
    return {
        "dtype": str(problem.X.dtype),
        "pairs": pairs,
        "flops": pairs * FLOPS[covariance_type](d),
        "ns_per_pair": seconds / pairs * 1e9,
    }


def shares(done, peak):
    """What that makes of the machine.

    Parameters
    ----------
    done : dict
        From `work`, and its "seconds".
    peak : Peak

    Returns
    -------
    dict
        fma_share: of the multiply-add peak; bound_share: of the least time for the multiply-adds and an exp per pair.
    """
    least = done["flops"] / peak.fma
    return {
        "fma_share": least / done["seconds"],
        "bound_share": (least + done["pairs"] / peak.exp) / done["seconds"],
    }
