"""What doors are given as objects, and the structs that loops see of these."""

cdef struct Table:          # rows, and what is known of them
    bint single             # whether numbers are float
    Py_ssize_t n, d
    Py_ssize_t last         # the last row that X has; n may be less where order picks some
    const void* X           # (last + 1, d)
    const void* weights     # (n,) or NULL for ones
    const void* frame       # (2, d)
    const Py_ssize_t* order  # (n,): rows of X, and of weights, in the order in which tiles take them, or NULL
    const double* whole     # statistics of all samples as one component, moments about the origin, or NULL

cdef struct Mixture:        # the log-joint densities of k components
    int density
    Py_ssize_t k, n_factors  # factors: k, or one for all
    const double* means     # (k, d)
    const double* factors   # (n_factors, size of one)
    const double* constants  # (k,), then degrees of freedom (k,) where tails are heavy; or NULL for zeros
    double background       # log-density of what is none of them, everywhere; -INFINITY where all is

cdef struct Model:          # what parameters may be
    Py_ssize_t k, d         # components and features
    int moments, ties       # what is known of each covariance, and what the covariances have in common
    const double* floor     # the least variances (d,), one number by norms
    double part             # the least variances relative to the diagonal of their own matrix
    bint equal_weights
    double background       # log-density of what is no component, everywhere; -INFINITY where all is

cdef inline const void* vector(object array, bint single) except NULL:
    """Where a vector of floats, or of doubles, begins."""
    cdef const float[::1] floats
    cdef const double[::1] doubles
    if single:
        floats = array
        return &floats[0]
    doubles = array
    return &doubles[0]


cdef inline const void* matrix(object array, bint single) except NULL:
    """The same of an array of two dimensions,"""
    cdef const float[:, ::1] floats
    cdef const double[:, ::1] doubles
    if single:
        floats = array
        return &floats[0, 0]
    doubles = array
    return &doubles[0, 0]


cdef inline void* writable_matrix(object array, bint single) except NULL:
    """and of one that may be written to."""
    cdef float[:, ::1] floats
    cdef double[:, ::1] doubles
    if single:
        floats = array
        return &floats[0, 0]
    doubles = array
    return &doubles[0, 0]


cdef class Rows:
    cdef readonly object X, frame, weights, whole
    cdef Table table

cdef class Batches:
    cdef readonly object X, weights, place, begin, noise, prior
    cdef readonly Py_ssize_t slots, d, batches, k
    cdef bint crossed
    cdef const double* x
    cdef const double* weight
    cdef const double* noises
    cdef const double* priors
    cdef const Py_ssize_t* places
    cdef const Py_ssize_t* begins

cdef class Density:
    cdef readonly object kind, means, factors, constants, weights, covariances, tails, background
    cdef Mixture mixture

cdef class ClosedForm:
    cdef readonly object moments, ties, floor
    cdef readonly double part, background
    cdef readonly bint equal_weights
    cdef Model model

cdef class Ascent:
    cdef readonly object blocks, statistics, about, state, scale
    cdef readonly bint curved
    cdef readonly double mass, tol, resolution, walk
    cdef double* block      # (2, size)
    cdef double* sums
    cdef double* means      # (k, d)
    cdef double* memory     # (state_size,)
    cdef const double* unit  # (d,)
    cdef Py_ssize_t k, d, sums_size
