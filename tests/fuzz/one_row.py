"""Random mixtures and samples of the functions that score one row: answers are those of NumPy, and nothing but the
sample, the packed mixture and the answer is touched.

    python tests/fuzz/one_row.py --seconds 60 --seed 0

The functions are called by their addresses, as from C. Each array ends at a page whose touch ends the process, then
begins behind one, then has exactly its size, which sanitizers watch.
"""

import ctypes
import faulthandler
from functools import partial

import driver
import numpy as np
from guarded_fits import Guards

from cyem import kernels
from cyem.kernels import arguments, reference

FEATURES = (*range(1, 18), 33)
COMPONENTS = (*range(1, 10), 16, 63, 64, 65, 130)  # those that fill registers, and the stack, and some more
NOT_FINITE = -1
P = ctypes.c_void_p
SIGNATURES = {"log_density": (ctypes.c_double, P, P), "responsibilities": (ctypes.c_int, P, P, P),
              "predict": (ctypes.c_int, P, P)}

row = kernels.module("row", kernels.ISA)
guards = Guards()


def called(name, suffix=""):
    """A function, from its address."""
    return ctypes.CFUNCTYPE(*SIGNATURES[name])(row.functions()[name + suffix])


FUNCTIONS = {dtype: [called(name, suffix) for name in SIGNATURES]
             for dtype, suffix in ((np.float64, ""), (np.float32, "_float"))}
density_of = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, P, P)(row.functions()["density"])


def exactly(array):
    """A copy with nothing beside it that belongs to it; at a whole cache line, as what is packed has to be."""
    copy = np.empty(array.nbytes + 64, np.uint8)
    begin = -copy.ctypes.data % 64
    copy = copy[begin : begin + array.nbytes] if array.dtype == np.uint8 else np.empty(array.nbytes, np.uint8)
    copy = copy.view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def guarded(at_the_end, array):
    """A copy beside a page that nobody may touch."""
    return guards.copy(array, guards.memory(array.nbytes), at_the_end=at_the_end)


def attempt(rng):
    """Score some samples, one at a time."""
    density = mixture(rng)
    X = samples(rng, density)
    k = len(density.means)
    expected = twin(X, density)
    for place in partial(guarded, True), partial(guarded, False), exactly:
        packed = place(np.empty(row.size(density), np.uint8))
        row.pack(density, density.means[0].copy(), packed)
        at = packed.ctypes.data
        log_density, responsibilities, predict = FUNCTIONS[X.dtype.type]
        found = np.full(len(X), np.nan), np.full((len(X), k), np.nan), np.empty(len(X), int)
        for i, x in enumerate(X):
            x, resp = place(x), place(np.zeros(k))
            found[0][i] = log_density(at, x.ctypes.data)
            if responsibilities(at, x.ctypes.data, resp.ctypes.data) != NOT_FINITE:
                found[1][i] = resp
            found[2][i] = predict(at, x.ctypes.data)
            if X.dtype == np.float64:
                np.testing.assert_allclose(density_of(len(x), x.ctypes.data, at), np.exp(found[0][i]), rtol=1e-12)
        # as many roundings as numbers that are added
        for got, want in zip(found[:2], expected[:2], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-11 * X.shape[1], atol=1e-11)
        assert all(label == NOT_FINITE if np.isnan(resp).any() else resp[label] >= resp.max() - 1e-9
                   for label, resp in zip(found[2], expected[1], strict=True))
        doors = place(np.zeros(len(X))), place(np.zeros((len(X), k))), place(np.zeros(len(X), np.intp))
        for door, out, got in zip((row.log_densities, row.posteriors, row.labels), doors, found, strict=True):
            door(at, place(X), out)
            np.testing.assert_array_equal(out, got)
    return density.kind


def mixture(rng):
    """A random density, of which only the triangles are numbers that are read."""
    kind = rng.choice(reference.DENSITIES)
    shape, heavy = kind.split()[0], kind.endswith(" t")
    d, k = int(rng.choice(FEATURES)), int(rng.choice(COMPONENTS))
    many = 1 if shape == "whitened" or rng.random() < 0.3 else k
    if shape in ("triangular", "whitened"):
        factors = np.triu(rng.normal(size=(many, d, d)) / (2 * np.sqrt(d)), 1) + np.eye(d) * rng.uniform(0.7, 1.5, d)
        factors[:, *np.tril_indices(d, -1)] = np.nan
    else:
        factors = rng.uniform(0.7, 1.5, (many, 1, d if shape == "diagonal" else 1))
    constants = rng.normal(size=k) - d
    if heavy:
        constants = np.concatenate([constants, rng.choice([0.5, 3, 1e7, np.inf], size=k)])
    return arguments.Density(kind, rng.normal(size=(k, d)) * 3 / np.sqrt(d), factors, constants)


def samples(rng, density):
    """A few, of which one may be no sample."""
    d = density.means.shape[1]
    X = rng.normal(size=(4, d)) * rng.choice([1, 30])
    if rng.random() < 0.3:
        X[rng.integers(4), rng.integers(d)] = rng.choice([np.nan, np.inf, -np.inf])
    return X.astype(rng.choice([np.float32, np.float64]))


def twin(X, density):
    """Log-densities (n,) and responsibilities (n, k) in NumPy, NaN of what is no sample."""
    d = X.shape[1]
    seen = reference.Rows(np.nan_to_num(X.astype(float), posinf=0, neginf=0), np.array([np.zeros(d), np.ones(d)]))
    alike = reference.Density(density.kind, density.means, density.factors, density.constants)
    logs, resp = reference.soft(reference.log_joint(seen, alike))
    bad = ~np.isfinite(X).all(axis=1)
    logs[bad], resp[bad] = np.nan, np.nan
    return logs, resp


if __name__ == "__main__":
    faulthandler.enable()
    driver.LATE = 300  # sanitizers are slow
    driver.run(__doc__, attempt)
