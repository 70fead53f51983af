"""A fitted mixture for code in Cython: `cimport cyem.embed`, or names from there.

    from cyem.embed cimport Scorer, log_density
    cdef const void* mixture = scorer.handle        # valid as long as the Scorer is
    with nogil:
        value = log_density(mixture, &x[0])

The functions are those of the table in cyem.h, which says of each what it takes and returns; they need no GIL, from any
thread. Nothing here is changed or removed: Cython checks the signatures when a module that uses them is imported.
"""

cdef class Scorer:
    cdef const void* handle
    cdef readonly object memory, kind
    cdef readonly Py_ssize_t n_components, n_features_in

cdef double log_density(const void* scorer, const double* x) noexcept nogil
cdef int responsibilities(const void* scorer, const double* x, double* out) noexcept nogil
cdef int predict(const void* scorer, const double* x) noexcept nogil
cdef double log_density_float(const void* scorer, const float* x) noexcept nogil
cdef int responsibilities_float(const void* scorer, const float* x, double* out) noexcept nogil
cdef int predict_float(const void* scorer, const float* x) noexcept nogil
