"""The M-step: the most likely parameters, given the statistics of a pass."""

from libc.math cimport sqrt

from .algebra cimport cholesky, precision_factor
from .arguments cimport Model
from .block cimport Block, matrices_size, parts, set_constants
from .eigen cimport compose, factor_of, symmetric_eigen
from .moments cimport HEAD, POOLED, SCATTER, SQUARES
from .team cimport item_t, share_out
from .ties cimport AXES, AXES_ISOCHORIC, FREE, axes_of, tie

cdef extern from *:
    """
    #define EMPTY_SHARE 1e-12
    #define LARGE 1e6
    enum { UNUSUAL, ORDINARY, HELD };
    """
    # how an M-step went: nothing of use; as usual; with components at the floor, as their rows of Block.held say
    int UNUSUAL, ORDINARY, HELD
    double EMPTY_SHARE  # of all weight, below which a component owns nothing to estimate it from
    double LARGE        # operations on matrices from which on they are worth several threads


cdef inline void sample_covariance(const double* second, const double* first, double mass, Py_ssize_t d, int moments,
                                   double* S) noexcept nogil:
    """S <- 1/n sum r (x - old)(x - old)' - (new - old)(new - old)', of one component."""
    cdef Py_ssize_t i, a
    cdef double share = 1 / mass, step, norm = 0
    for i in range(d):
        step = first[i] * share
        norm += step * step
        if moments == SCATTER:
            for a in range(d):
                S[i * d + a] = second[i * d + a] * share - step * (first[a] * share)
        elif moments == SQUARES:
            S[i] = second[i] * share - step * step
    if moments != SCATTER and moments != SQUARES:
        S[0] = (second[0] * share - norm) / d


cdef inline void pooled_covariance(const double* second, const double* first, const double* masses, double total,
                                   Py_ssize_t k, Py_ssize_t d, double* S) noexcept nogil:
    """The same of all components together."""
    cdef Py_ssize_t j, i, a
    cdef double step
    for i in range(d * d):
        S[i] = second[i] / total
    for j in range(k):
        for i in range(d):
            step = first[i] / masses[j]
            for a in range(d):
                S[i * d + a] -= step * (first[a] / total)
        first += d


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


cdef inline bint exceeds(const double* S, const double* U, Py_ssize_t d, int moments, const double* floor, double part,
                         double* scratch) noexcept nogil:
    """Whether a matrix S with factor U, or variances S, are everywhere more than the floor; scratch (d, d)."""
    cdef Py_ssize_t i
    if moments == SCATTER or moments == POOLED:
        return far_above(S, U, d, floor, part) or cholesky(S, floor, part, d, scratch)
    for i in range(d if moments == SQUARES else 1):
        if not S[i] > floor[i]:
            return False
    return True


cdef inline bint all_exceed(const Model* model, double* block, double* scratch) noexcept nogil:
    """Whether all components of a block of parameters are above the floor; scratch (d, d)."""
    cdef Block b = parts(block, model.k, model.d, model.moments)
    cdef Py_ssize_t j, count = 1 if model.moments == POOLED else model.k
    cdef Py_ssize_t size = matrices_size(model.k, model.d, model.moments) // count
    for j in range(count):
        if not exceeds(b.covariances + j * size, b.factors + j * size, model.d, model.moments, model.floor, model.part,
                       scratch):
            return False
    return True


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
    """The factor U of a matrix that is, or is raised to be, no less than the floor; how that went."""
    if above(S, d, floor, part, U):
        return ORDINARY
    return HELD if raises and raised(S, d, floor, part, root, values, U) else UNUSUAL


cdef inline int inverse_roots(double* s, Py_ssize_t d, const double* floor, bint raises, double* u) noexcept nogil:
    """The same of variances s (d,)."""
    cdef Py_ssize_t i
    cdef int outcome = ORDINARY
    for i in range(d):
        if not s[i] > floor[i]:
            if not raises or s[i] != s[i]:
                return UNUSUAL
            s[i] = floor[i]
            outcome = HELD
        if not s[i] < 1e308:
            return UNUSUAL
        u[i] = 1 / sqrt(s[i])
    return outcome


cdef inline void estimate(const double* second, const double* first, const double* masses, Py_ssize_t j, Py_ssize_t d,
                          int moments, Block* b) noexcept nogil:
    """The sample covariance of component j."""
    cdef Py_ssize_t size = d * d if moments == SCATTER else d if moments == SQUARES else 1
    sample_covariance(second + j * size, first + j * d, masses[j], d, moments, b.covariances + j * size)


cdef struct Estimation:     # of the covariances of all components
    const Model* model
    Block* block
    const double* masses
    const double* first
    const double* second


cdef inline void estimate_one(const Estimation* e, Py_ssize_t j, int thread) noexcept nogil:
    estimate(e.second, e.first, e.masses, j, e.model.d, e.model.moments, e.block)


cdef inline void factorise_one(const Estimation* e, Py_ssize_t j, int thread) noexcept nogil:
    factorise(e.block, j, e.model.d, e.model.moments, e.model.ties == FREE, e.model.floor, e.model.part)


cdef inline void factorise(Block* b, Py_ssize_t j, Py_ssize_t d, int moments, bint raises, const double* floor,
                           double part) noexcept nogil:
    """The factor of matrix j, or of the variances of component j."""
    cdef Py_ssize_t size = d if moments == SQUARES else 1
    if moments == SCATTER or moments == POOLED:
        size = d * d
        b.outcomes[j] = matrix_factor(b.covariances + j * size, d, floor, part, raises, b.scratch + j * d,
                                      b.means + j * d, b.factors + j * size)
    else:
        b.outcomes[j] = inverse_roots(b.covariances + j * size, size, floor, raises, b.factors + j * size)


cdef inline int maximise(const Model* model, const double* statistics, const double* about, const double* current,
                         double* block, int n_threads) noexcept nogil:
    """block <- the most likely parameters, given statistics about means (k, d); how that went.

    UNUSUAL, and the block of no use, where a component owns nothing, or variances that are tied do not exceed the
    least. current: a block of parameters at which a search begins, or NULL; it may be the same.
    """
    cdef Py_ssize_t k = model.k, d = model.d
    cdef int moments = model.moments, ties = model.ties
    cdef Block b = parts(block, k, d, moments)
    cdef bint known = current is not NULL and (ties == AXES or ties == AXES_ISOCHORIC)
    cdef const double* masses = statistics + HEAD
    cdef const double* first = masses + k
    cdef const double* second = first + k * d
    cdef double total = 0
    cdef int outcome = ORDINARY
    cdef Estimation e
    cdef Py_ssize_t j, i, count = 1 if moments == POOLED else k
    n_threads = n_threads if moments == SCATTER and <double>k * d * d * d > LARGE else 1
    e.model, e.block, e.masses, e.first, e.second = model, &b, masses, first, second
    if known:
        axes_of(parts(<double*>current, k, d, moments).covariances, k, d, b.factors)
    for j in range(k):
        total += masses[j]
    for j in range(k):
        if not masses[j] > EMPTY_SHARE * total:
            return UNUSUAL

    if moments == POOLED:
        pooled_covariance(second, first, masses, total, k, d, b.covariances)
    else:
        share_out(<item_t>estimate_one, &e, k, d * d, n_threads)
    if ties != FREE and not tie(&b, masses, total, k, d, moments, ties, known):
        return UNUSUAL
    share_out(<item_t>factorise_one, &e, count, <double>d * d * d, n_threads)

    for j in range(k):
        b.outcomes[j] = b.outcomes[min(j, count - 1)]
        if b.outcomes[j] == UNUSUAL:
            return UNUSUAL
        if b.outcomes[j] == HELD:
            outcome = HELD
        b.weights[j] = 1.0 / k if model.equal_weights else masses[j] / total
        for i in range(d):
            b.means[j * d + i] = about[j * d + i] + first[j * d + i] / masses[j]
    set_constants(&b, k, d, moments)
    return outcome
