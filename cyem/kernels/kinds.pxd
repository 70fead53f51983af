"""The kinds of covariance: what sums and parameters take, and what is done with them. To add one, write its rows in the
two tables below, the formulas and loops that they name, and its names in arguments.pyx.

Second moments are summed for one kind, and distances are measured by factors of one kind. In a fit it is the same.
"""

from .covariance cimport (
    matrix_axis, matrix_distance, matrix_exceeds, matrix_factor, matrix_fold, matrix_log_det, matrix_root,
    matrix_sample, matrix_stretch, matrix_sum, matrix_unfold, matrix_volume, variance_axis, variance_distance,
    variance_exceeds, variance_factor, variance_fold, variance_log_det, variance_root, variance_sample,
    variance_stretch, variance_sum, variance_unfold, variance_volume, variances_axis, variances_distance,
    variances_exceed, variances_factor, variances_fold, variances_log_det, variances_root, variances_sample,
    variances_stretch, variances_sum, variances_unfold, variances_volume,
)
from .density cimport density_t, diagonal, spherical, triangular_for, whitened
from .lanes cimport real
from .moments cimport (
    dense_t, first_dense, first_gathered, gathered_t, norms_dense, norms_gathered, scatter_for, scatter_gathered,
    squares_dense, squares_gathered,
)

cdef enum Moments:          # the kinds, as their second moments are called, in the order of arguments.MOMENTS
    NONE, SCATTER, POOLED, SQUARES, NORMS
cdef enum Densities:        # as their distances are, in the order of arguments.DENSITIES; then those with heavy tails
    TRIANGULAR, WHITENED, DIAGONAL, SPHERICAL, STUDENT

cdef struct Formulas:       # for one covariance, as covariance.pxd has them
    void (*sample)(const double* second, const double* first, double mass, Py_ssize_t d, double* shift,
                   double* S) noexcept nogil
    int (*factor)(double* S, Py_ssize_t d, const double* floor, double part, bint raises, double* root, double* values,
                  double* U) noexcept nogil
    bint (*exceeds)(const double* S, const double* U, Py_ssize_t d, const double* floor, double part,
                    double* scratch) noexcept nogil
    double (*log_det)(const double* U, Py_ssize_t d) noexcept nogil
    Py_ssize_t (*unfold)(const double* U, Py_ssize_t d, const double* scale, double* x, double* rest) noexcept nogil
    Py_ssize_t (*fold)(const double* x, const double* rest, Py_ssize_t d, const double* scale, double* U,
                       double* S) noexcept nogil
    void (*sum)(double w, const double* S, Py_ssize_t d, double* second) noexcept nogil
    void (*stretch)(double* S, double share, const double* x, Py_ssize_t d) noexcept nogil
    bint (*axis)(const double* S, Py_ssize_t d, double* scratch, double* axis) noexcept nogil
    double (*volume)(const double* S, Py_ssize_t d, double* R) noexcept nogil
    bint (*root)(const double* S, Py_ssize_t d, double* R) noexcept nogil
    double (*distance)(const double* R, Py_ssize_t d, double* gap) noexcept nogil

cdef struct Kind:
    bint each, shared       # whether every component has a covariance of its own, or all have one
    int power               # numbers of one covariance: d to this power
    Formulas one

cdef struct Loops:          # over samples, for one dtype and some number of features
    density_t density       # log-joint densities
    dense_t dense           # second moments of all samples of a tile,
    gathered_t gathered     # and of few


# --- the tables ------------------------------------------------------------------------------------------------------

cdef inline Kind kind_of(int moments) noexcept nogil:
    if moments == SCATTER:
        return Kind(True, False, 2, matrix())
    if moments == POOLED:
        return Kind(False, True, 2, matrix())
    if moments == SQUARES:
        return Kind(True, False, 1, variances())
    if moments == NORMS:
        return Kind(True, False, 0, variance())
    return Kind(False, False, 0, variance())


cdef inline Loops loops_of(int moments, Py_ssize_t d, real unused) noexcept nogil:
    if moments == SCATTER:
        return Loops(triangular_for[real](d, 0), scatter_for[real](d, 0), <gathered_t>scatter_gathered[real])
    if moments == POOLED:
        return Loops(<density_t>whitened[real], scatter_for[real](d, 0), <gathered_t>scatter_gathered[real])
    if moments == SQUARES:
        return Loops(<density_t>diagonal[real], <dense_t>squares_dense[real], <gathered_t>squares_gathered[real])
    if moments == NORMS:
        return Loops(<density_t>spherical[real], <dense_t>norms_dense[real], <gathered_t>norms_gathered[real])
    return Loops(NULL, <dense_t>first_dense[real], <gathered_t>first_gathered[real])


cdef inline Formulas matrix() noexcept nogil:
    return Formulas(matrix_sample, matrix_factor, matrix_exceeds, matrix_log_det, matrix_unfold, matrix_fold,
                    matrix_sum, matrix_stretch, matrix_axis, matrix_volume, matrix_root, matrix_distance)


cdef inline Formulas variances() noexcept nogil:
    return Formulas(variances_sample, variances_factor, variances_exceed, variances_log_det, variances_unfold,
                    variances_fold, variances_sum, variances_stretch, variances_axis, variances_volume, variances_root,
                    variances_distance)


cdef inline Formulas variance() noexcept nogil:
    return Formulas(variance_sample, variance_factor, variance_exceeds, variance_log_det, variance_unfold,
                    variance_fold, variance_sum, variance_stretch, variance_axis, variance_volume, variance_root,
                    variance_distance)


# --- what follows from them ------------------------------------------------------------------------------------------

cdef inline int moments_of(int density) noexcept nogil:
    """The kind of which the factors are that a density reads."""
    return (density - STUDENT if density >= STUDENT else density) + 1


cdef inline int density_of(int moments) noexcept nogil:
    """The normal density of a kind."""
    return moments - 1


cdef inline bint square(const Kind* kind) noexcept nogil:
    """Whether covariances are matrices."""
    return kind.power == 2


cdef inline Py_ssize_t count(const Kind* kind, Py_ssize_t k) noexcept nogil:
    """How many covariances k components have."""
    return k if kind.each else kind.shared


cdef inline Py_ssize_t numbers(const Kind* kind, Py_ssize_t d) noexcept nogil:
    """How many numbers one of them is."""
    return (d if kind.power else 1) * (d if square(kind) else 1)


cdef inline Py_ssize_t diagonal_numbers(const Kind* kind, Py_ssize_t d) noexcept nogil:
    """How many of these are variances of features,"""
    return d if kind.power else 1


cdef inline Py_ssize_t free_numbers(const Kind* kind, Py_ssize_t d) noexcept nogil:
    """how many are free,"""
    return d * (d + 1) // 2 if square(kind) else diagonal_numbers(kind, d)


cdef inline Py_ssize_t axis_numbers(const Kind* kind, Py_ssize_t d) noexcept nogil:
    """and how many more the search for its principal axis needs."""
    return 2 * d * d + 2 * d if square(kind) else 0
