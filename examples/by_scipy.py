"""The density as an integrand that SciPy calls without Python: the logarithm of a difference quotient of the cdf."""

import ctypes
import math

from scipy import LowLevelCallable
from scipy.integrate import quad

from cyem import GaussianMixture
from cyem.embed import addresses

model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")
scorer = model.compiled()

signature = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double), ctypes.c_void_p)
density = LowLevelCallable(signature(addresses["density"]), ctypes.c_void_p(scorer.address))
print(math.log(quad(density, 0.4999, 0.5001)[0] / 0.0002))
