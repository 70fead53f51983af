"""The functions of cyem.h by their addresses."""

import ctypes

import numpy as np

from cyem import GaussianMixture
from cyem.embed import addresses

model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
scorer = model.compiled()

log_density = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(addresses["log_density"])
mixture, row = scorer.address, np.array([0.5])  # both objects have to live as long as their addresses are used
print(log_density(mixture, row.ctypes.data))
