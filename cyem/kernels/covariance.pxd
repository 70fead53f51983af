"""One covariance and what has to do with it alone: sums, factors, coordinates, axes, volumes.

It is a matrix S (d, d), with the factor U, upper triangular, by which S^-1 = U U'; variances S (d,), with their inverse
roots U; or one variance S (1,) for all directions, likewise. Each formula is here for each of these; kinds.pxd is their
table.
"""

from libc.math cimport INFINITY, exp, log, sqrt
from libc.string cimport memcpy, memset

from .algebra cimport cholesky, covariance, precision_factor
from .eigen cimport compose, factor_of, graded_eigen, symmetric_eigen

cdef extern from *:
    """
    enum { UNUSUAL, ORDINARY, HELD };
    """
    # how an M-step went: nothing of use; as usual; with components at the floor, as their rows of Block.held say
    int UNUSUAL, ORDINARY, HELD


# --- matrices --------------------------------------------------------------------------------------------------------

cdef inline void matrix_sample(const double* second, const double* first, double mass, Py_ssize_t d, double* shift,
                               double* S) noexcept nogil:
    """S <- 1/n sum r (x - old)(x - old)' - shift shift', where shift (d,) <- new - old."""
    cdef Py_ssize_t i, a
    cdef double share = 1 / mass, step
    for i in range(d):
        shift[i] = step = first[i] * share
        for a in range(d):
            S[i * d + a] = second[i * d + a] * share - step * (first[a] * share)


cdef inline bint far_above(const double* S, const double* U, Py_ssize_t d, const double* floor,
                           double part) noexcept nogil:
    """Whether a matrix S with factor U exceeds diag(max(floor, part S_ii)) so far that little work shows it."""
    cdef Py_ssize_t i, a
    cdef double row, trace = 0  # of that by S^-1, which no ratio of the two in any direction exceeds
    for i in range(d):
        row = 0
        for a in range(i, d):
            row += U[i * d + a] * U[i * d + a]
        trace += row * max(floor[i], part * S[i * d + i])
    return trace < 0.999


cdef inline bint above(const double* S, Py_ssize_t d, const double* floor, double part, double* U) noexcept nogil:
    """The factor U of a matrix S; false unless S exceeds diag(max(floor, part S_ii)) in every direction."""
    if not precision_factor(S, d, U):
        return False
    return far_above(S, U, d, floor, part) or (cholesky(S, floor, part, d, U) and precision_factor(S, d, U))


cdef inline bint matrix_exceeds(const double* S, const double* U, Py_ssize_t d, const double* floor, double part,
                                double* scratch) noexcept nogil:
    """Whether S, with factor U, exceeds diag(max(floor, part S_ii)) in every direction; scratch (d, d)."""
    return far_above(S, U, d, floor, part) or cholesky(S, floor, part, d, scratch)


cdef inline bint raised(double* S, Py_ssize_t d, const double* floor, double part, double* root, double* values,
                        double* U) noexcept nogil:
    """S <- the most likely covariances that are nowhere less than the floor, and their factor U; false for none.

    In units root (d,) in which the floor is the identity these have the eigenvectors of S, and its eigenvalues where
    they exceed one. The factor is made of these: the rounding of S alone may be as large as the floor.
    values (d,): scratch.
    """
    cdef Py_ssize_t i, a
    for i in range(d):
        root[i] = sqrt(max(floor[i], part * S[i * d + i]))
    for i in range(d):
        for a in range(d):
            S[i * d + a] /= root[i] * root[a]
    if not symmetric_eigen(S, d, values, U):
        return False
    for i in range(d):
        values[i] = max(values[i], 1)
        for a in range(d):
            U[i * d + a] *= root[a]
    compose(values, U, d, S)
    return factor_of(values, root, d, U)


cdef inline int matrix_factor(double* S, Py_ssize_t d, const double* floor, double part, bint raises, double* root,
                              double* values, double* U) noexcept nogil:
    """U of an S that is, or is raised to be, no less than the floor; how that went. root, values (d,): scratch."""
    if above(S, d, floor, part, U):
        return ORDINARY
    return HELD if raises and raised(S, d, floor, part, root, values, U) else UNUSUAL


cdef inline double matrix_log_det(const double* U, Py_ssize_t d) noexcept nogil:
    """log det U."""
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(d):
        total += log(U[i * d + i])
    return total


cdef inline Py_ssize_t matrix_unfold(const double* U, Py_ssize_t d, const double* scale, double* x,
                                     double* rest) noexcept nogil:
    """U in units of 1 / scale as coordinates: x <- the logarithms of its diagonal, rest <- what is beside this, each
    relative to the diagonal of its column; returns how many the latter are."""
    cdef Py_ssize_t i, a, n = 0
    for i in range(d):
        x[i] = log(U[i * d + i] * scale[i])
        for a in range(i + 1, d):
            rest[n] = (U[i * d + a] * scale[i]) / (U[a * d + a] * scale[a])
            n += 1
    return n


cdef inline Py_ssize_t matrix_fold(const double* x, const double* rest, Py_ssize_t d, const double* scale, double* U,
                                   double* S) noexcept nogil:
    """U and S of which these are the coordinates."""
    cdef Py_ssize_t i, a, n = 0
    for i in range(d):
        for a in range(i):
            U[i * d + a] = 0
        U[i * d + i] = exp(x[i]) / scale[i]
        for a in range(i + 1, d):
            U[i * d + a] = rest[n] * exp(x[a]) / scale[i]
            n += 1
    covariance(U, d, S)
    return n


cdef inline void matrix_sum(double w, const double* S, Py_ssize_t d, double* second) noexcept nogil:
    """second <- second + what samples of weight w sum up to about their mean."""
    cdef Py_ssize_t i
    for i in range(d * d):
        second[i] += w * S[i]


cdef inline void matrix_stretch(double* S, double share, const double* x, Py_ssize_t d) noexcept nogil:
    """S <- S + share x x', as far as it is seen."""
    cdef Py_ssize_t i, a
    for i in range(d):
        for a in range(d):
            S[i * d + a] += share * x[i] * x[a]


cdef inline bint matrix_axis(const double* S, Py_ssize_t d, double* scratch, double* axis) noexcept nogil:
    """axis <- the principal one, as long as the standard deviation along it; false where there is none.

    scratch: `Kind.axis_numbers`.
    """
    cdef Py_ssize_t i
    cdef double* Z = scratch + d * d
    cdef double* values = Z + d * d
    memcpy(scratch, S, d * d * sizeof(double))
    if not graded_eigen(scratch, d, values, Z, values + d):
        return False
    for i in range(d):
        axis[i] = sqrt(values[d - 1]) * Z[(d - 1) * d + i]
    return True


cdef inline double matrix_volume(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    """log det S; R: scratch of the size of S."""
    cdef Py_ssize_t i
    cdef double total = 0
    if not cholesky(S, NULL, 0, d, R):
        return -INFINITY
    for i in range(d):
        total += 2 * log(R[i * d + i])
    return total


cdef inline bint matrix_root(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    """R <- the upper triangle with R' R = S; false where there is none."""
    return cholesky(S, NULL, 0, d, R)


cdef inline double matrix_distance(const double* R, Py_ssize_t d, double* gap) noexcept nogil:
    """The squared Mahalanobis distance of a gap (d,), which becomes R'^-1 gap."""
    cdef Py_ssize_t a, b
    cdef double total = 0
    for a in range(d):
        for b in range(a):
            gap[a] -= R[b * d + a] * gap[b]
        gap[a] /= R[a * d + a]
        total += gap[a] * gap[a]
    return total


# --- variances along the features ------------------------------------------------------------------------------------

cdef inline void variances_sample(const double* second, const double* first, double mass, Py_ssize_t d, double* shift,
                                  double* S) noexcept nogil:
    cdef Py_ssize_t i
    cdef double share = 1 / mass, step
    for i in range(d):
        shift[i] = step = first[i] * share
        S[i] = second[i] * share - step * step


cdef inline bint variances_exceed(const double* S, const double* U, Py_ssize_t d, const double* floor, double part,
                                  double* scratch) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        if not S[i] > floor[i]:
            return False
    return True


cdef inline int variances_factor(double* S, Py_ssize_t d, const double* floor, double part, bint raises, double* root,
                                 double* values, double* U) noexcept nogil:
    cdef Py_ssize_t i
    cdef int outcome = ORDINARY
    for i in range(d):
        if not S[i] > floor[i]:
            if not raises or S[i] != S[i]:
                return UNUSUAL
            S[i] = floor[i]
            outcome = HELD
        if not S[i] < 1e308:
            return UNUSUAL
        U[i] = 1 / sqrt(S[i])
    return outcome


cdef inline double variances_log_det(const double* U, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(d):
        total += log(U[i])
    return total


cdef inline Py_ssize_t variances_unfold(const double* U, Py_ssize_t d, const double* scale, double* x,
                                        double* rest) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        x[i] = log(U[i] * scale[i])
    return 0


cdef inline Py_ssize_t variances_fold(const double* x, const double* rest, Py_ssize_t d, const double* scale, double* U,
                                      double* S) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        U[i] = exp(x[i]) / scale[i]
        S[i] = 1 / (U[i] * U[i])
    return 0


cdef inline void variances_sum(double w, const double* S, Py_ssize_t d, double* second) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        second[i] += w * S[i]


cdef inline void variances_stretch(double* S, double share, const double* x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        S[i] += share * x[i] * x[i]


cdef inline bint variances_axis(const double* S, Py_ssize_t d, double* scratch, double* axis) noexcept nogil:
    cdef Py_ssize_t i, best = 0
    memset(axis, 0, d * sizeof(double))
    for i in range(1, d):
        best = i if S[i] > S[best] else best
    axis[best] = sqrt(S[best])
    return True


cdef inline double variances_volume(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(d):
        total += log(S[i])
    return total


cdef inline bint variances_root(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        R[i] = sqrt(S[i])
        if not R[i] > 0:
            return False
    return True


cdef inline double variances_distance(const double* R, Py_ssize_t d, double* gap) noexcept nogil:
    cdef Py_ssize_t a
    cdef double total = 0
    for a in range(d):
        gap[a] /= R[a]
        total += gap[a] * gap[a]
    return total


# --- one variance for all directions ---------------------------------------------------------------------------------

cdef inline void variance_sample(const double* second, const double* first, double mass, Py_ssize_t d, double* shift,
                                 double* S) noexcept nogil:
    cdef Py_ssize_t i
    cdef double share = 1 / mass, step, norm = 0
    for i in range(d):
        shift[i] = step = first[i] * share
        norm += step * step
    S[0] = (second[0] * share - norm) / d


cdef inline bint variance_exceeds(const double* S, const double* U, Py_ssize_t d, const double* floor, double part,
                                  double* scratch) noexcept nogil:
    return variances_exceed(S, U, 1, floor, part, scratch)


cdef inline int variance_factor(double* S, Py_ssize_t d, const double* floor, double part, bint raises, double* root,
                                double* values, double* U) noexcept nogil:
    return variances_factor(S, 1, floor, part, raises, root, values, U)


cdef inline double variance_log_det(const double* U, Py_ssize_t d) noexcept nogil:
    return d * log(U[0])


cdef inline Py_ssize_t variance_unfold(const double* U, Py_ssize_t d, const double* scale, double* x,
                                       double* rest) noexcept nogil:
    return variances_unfold(U, 1, scale, x, rest)


cdef inline Py_ssize_t variance_fold(const double* x, const double* rest, Py_ssize_t d, const double* scale, double* U,
                                     double* S) noexcept nogil:
    return variances_fold(x, rest, 1, scale, U, S)


cdef inline void variance_sum(double w, const double* S, Py_ssize_t d, double* second) noexcept nogil:
    second[0] += w * S[0] * d


cdef inline void variance_stretch(double* S, double share, const double* x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        S[0] += share * x[i] * x[i] / d


cdef inline bint variance_axis(const double* S, Py_ssize_t d, double* scratch, double* axis) noexcept nogil:
    """Any will do."""
    memset(axis, 0, d * sizeof(double))
    axis[d - 1] = sqrt(S[0])
    return True


cdef inline double variance_volume(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    return d * log(S[0])


cdef inline bint variance_root(const double* S, Py_ssize_t d, double* R) noexcept nogil:
    return variances_root(S, 1, R)


cdef inline double variance_distance(const double* R, Py_ssize_t d, double* gap) noexcept nogil:
    cdef Py_ssize_t a
    cdef double total = 0
    for a in range(d):
        gap[a] /= R[0]
        total += gap[a] * gap[a]
    return total
