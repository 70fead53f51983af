"""A loop that Numba compiles: it calls what ctypes describes by its address."""

import ctypes

import numba
import numpy as np
from numpy.typing import NDArray

from cyem import GaussianMixture
from cyem.embed import addresses

model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
scorer = model.compiled()
log_density = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(addresses["log_density"])


@numba.njit
def scores(mixture: int, X: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty(len(X))
    for i in range(len(X)):
        out[i] = log_density(mixture, X[i].ctypes)
    return out


print(scores(scorer.address, np.array([[0.5]]))[0])
