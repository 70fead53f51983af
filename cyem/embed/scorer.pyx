"""The table of functions of cyem.h, and the mixtures that they score with.

No loop is here: the functions are those of `kernels/row.pyx`, of the instruction set that runs.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint32_t, uintptr_t

import numpy as np

from .. import kernels
from ..kernels.arguments import Density

cdef extern from "cyem.h":
    enum: CYEM_ABI
    enum: CYEM_NOT_FINITE
    ctypedef struct cyem_scorer:
        pass
    ctypedef struct cyem_api:
        uint32_t abi
        uint32_t size
        Py_ssize_t (*features)(const cyem_scorer* scorer) noexcept nogil
        Py_ssize_t (*components)(const cyem_scorer* scorer) noexcept nogil
        double (*log_density)(const cyem_scorer* scorer, const double* x) noexcept nogil
        int (*responsibilities)(const cyem_scorer* scorer, const double* x, double* out) noexcept nogil
        int (*predict)(const cyem_scorer* scorer, const double* x) noexcept nogil
        double (*log_density_float)(const cyem_scorer* scorer, const float* x) noexcept nogil
        int (*responsibilities_float)(const cyem_scorer* scorer, const float* x, double* out) noexcept nogil
        int (*predict_float)(const cyem_scorer* scorer, const float* x) noexcept nogil
        double (*density)(int features, double* x, void* scorer) noexcept nogil

NOT_FINITE = CYEM_NOT_FINITE
ABI = CYEM_ABI

_row = kernels.module("row", kernels.ISA)  # loaded with this module, which who only fits does not need

addresses = _row.functions()

cdef cyem_api api
api.abi = CYEM_ABI
api.size = sizeof(cyem_api)
(<uintptr_t*>&api.features)[0] = addresses["features"]
(<uintptr_t*>&api.components)[0] = addresses["components"]
(<uintptr_t*>&api.log_density)[0] = addresses["log_density"]
(<uintptr_t*>&api.responsibilities)[0] = addresses["responsibilities"]
(<uintptr_t*>&api.predict)[0] = addresses["predict"]
(<uintptr_t*>&api.log_density_float)[0] = addresses["log_density_float"]
(<uintptr_t*>&api.responsibilities_float)[0] = addresses["responsibilities_float"]
(<uintptr_t*>&api.predict_float)[0] = addresses["predict_float"]
(<uintptr_t*>&api.density)[0] = addresses["density"]

_C_API = PyCapsule_New(&api, "cyem._C_API", NULL)


cdef class Scorer:
    """A fitted mixture, packed for scoring: never changed, and used by any number of threads at a time.

    `GaussianMixture.compiled` and `StudentMixture.compiled` make it. Its methods take arrays, in one thread and without
    the GIL; rows one by one are what it is for. For many rows at once the mixture itself is faster, which takes lanes
    of samples and all cores. From other languages the functions at `addresses`, declared in cyem.h, take `address`.

    Attributes
    ----------
    n_components, n_features_in : int
    address : int
        Where the packed mixture begins; valid as long as this object is.
    capsule : PyCapsule
        The same, named "cyem.scorer".

    Examples
    --------
    >>> from cyem import GaussianMixture
    >>> scorer = GaussianMixture.from_parameters([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical").compiled()
    >>> scorer.predict([[-2.0], [3.0]])
    array([0, 1])
    >>> scorer
    <Scorer of 2 components, 1 feature>
    """

    def __cinit__(self, density, reference):
        cdef const unsigned char[::1] packed
        density = Density(density.kind, density.means.copy(), density.factors.copy(), density.constants.copy())
        size = _row.size(density)
        raw = np.empty(size + 64, np.uint8)
        begin = -raw.ctypes.data % 64
        memory = raw[begin : begin + size]
        _row.pack(density, reference, memory)
        memory.flags.writeable = False
        packed = memory
        self.kind, self.memory, self.handle = (density, reference), memory, &packed[0]
        self.n_components, self.n_features_in = density.means.shape

    def __reduce__(self):
        return type(self), self.kind

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        k, d = self.n_components, self.n_features_in
        return f"<Scorer of {k} component{'s' * (k != 1)}, {d} feature{'s' * (d != 1)}>"

    @property
    def address(self):
        return <uintptr_t>self.handle

    @property
    def capsule(self):
        return PyCapsule_New(<void*>self.handle, "cyem.scorer", NULL)

    def score_samples(self, X):
        """Log-density of each row.

        Parameters
        ----------
        X : array-like of shape (n, d) or (d,)
            Float32 as it is; anything else is taken as float64. Rows that hold NaN or infinity have NaN.

        Returns
        -------
        ndarray of shape (n,), or float

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical")
        >>> round(model.compiled().score_samples([1.0]), 3)
        -1.485
        """
        X, one = self._rows(X)
        out = self.log_densities(X)
        return float(out[0]) if one else out

    def predict_proba(self, X):
        """The probability of each component given each row.

        Parameters
        ----------
        X : array-like of shape (n, d) or (d,)

        Returns
        -------
        ndarray of shape (n, k) or (k,)
            NaN for rows that hold NaN or infinity.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical")
        >>> model.compiled().predict_proba([[0.0], [1.0]]).round(2).tolist()
        [[0.5, 0.5], [0.12, 0.88]]
        """
        X, one = self._rows(X)
        out = self.responsibilities(X)
        return out[0] if one else out

    def predict(self, X):
        """The most probable component of each row.

        Parameters
        ----------
        X : array-like of shape (n, d) or (d,)

        Returns
        -------
        ndarray of int of shape (n,), or int
            -1 for rows that hold NaN or infinity.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical")
        >>> model.compiled().predict([1.0]), model.compiled().predict([[-2.0], [2.0]]).tolist()
        (1, [0, 1])
        """
        X, one = self._rows(X)
        out = self.labels(X)
        return int(out[0]) if one else out

    # The same of rows that are known to be float32 or float64, contiguous, and of so many features; with the names that
    # what evaluates tiles of samples has for them, and its argument, which has no meaning here.

    def log_densities(self, X, n_threads=None):
        out = np.empty(len(X))
        _row.log_densities(<uintptr_t>self.handle, X, out)
        return out

    def responsibilities(self, X, n_threads=None):
        out = np.empty((len(X), self.n_components))
        _row.posteriors(<uintptr_t>self.handle, X, out)
        return out

    def labels(self, X, n_threads=None):
        out = np.empty(len(X), np.intp)
        _row.labels(<uintptr_t>self.handle, X, out)
        return out

    def _rows(self, X):
        """X as rows, and whether it was one."""
        X = np.asarray(X)
        X = np.ascontiguousarray(X, np.float32 if X.dtype == np.float32 else np.float64)
        one = X.ndim == 1
        rows = X[None] if one else X
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in:
            raise ValueError(f"X must have shape (n, {self.n_features_in}) or ({self.n_features_in},), got {X.shape}: "
                             "give the features of fit.")
        return rows, one


cdef double log_density(const void* scorer, const double* x) noexcept nogil:
    return api.log_density(<const cyem_scorer*>scorer, x)


cdef int responsibilities(const void* scorer, const double* x, double* out) noexcept nogil:
    return api.responsibilities(<const cyem_scorer*>scorer, x, out)


cdef int predict(const void* scorer, const double* x) noexcept nogil:
    return api.predict(<const cyem_scorer*>scorer, x)


cdef double log_density_float(const void* scorer, const float* x) noexcept nogil:
    return api.log_density_float(<const cyem_scorer*>scorer, x)


cdef int responsibilities_float(const void* scorer, const float* x, double* out) noexcept nogil:
    return api.responsibilities_float(<const cyem_scorer*>scorer, x, out)


cdef int predict_float(const void* scorer, const float* x) noexcept nogil:
    return api.predict_float(<const cyem_scorer*>scorer, x)
