"""The M-step: the most likely parameters, given the statistics of a pass."""

from .arguments cimport Model
from .block cimport Block, parts, set_constants
from .covariance cimport HELD, ORDINARY, UNUSUAL
from .kinds cimport Kind, count, kind_of, numbers, square
from .moments cimport HEAD
from .team cimport item_t, share_out
from .ties cimport AXES, AXES_ISOCHORIC, FREE, axes_of, tie

cdef extern from *:
    """
    #define EMPTY_SHARE 1e-12
    #define LARGE 1e6
    """
    double EMPTY_SHARE  # of all weight, below which a component owns nothing to estimate it from
    double LARGE        # operations on matrices from which on they are worth several threads


cdef inline void pooled_covariance(const double* second, const double* first, const double* masses, double total,
                                   Py_ssize_t k, Py_ssize_t d, double* S) noexcept nogil:
    """S <- 1/n sum r (x - old)(x - old)' - (new - old)(new - old)' of all components together."""
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


cdef inline bint all_exceed(const Model* model, double* block, double* scratch) noexcept nogil:
    """Whether all components of a block of parameters are above the floor; scratch (d, d)."""
    cdef Kind kind = kind_of(model.moments)
    cdef Block b = parts(block, model.k, model.d, model.moments)
    cdef Py_ssize_t j, size = numbers(&kind, model.d)
    for j in range(count(&kind, model.k)):
        if not kind.one.exceeds(b.covariances + j * size, b.factors + j * size, model.d, model.floor, model.part,
                                scratch):
            return False
    return True


cdef struct Estimation:     # of the covariances of all components
    const Model* model
    Kind kind
    Block* block
    const double* masses
    const double* first
    const double* second


cdef inline void estimate_one(const Estimation* e, Py_ssize_t j, int thread) noexcept nogil:
    """The sample covariance of component j."""
    cdef Py_ssize_t d = e.model.d, size = numbers(&e.kind, d)
    e.kind.one.sample(e.second + j * size, e.first + j * d, e.masses[j], d, e.block.scratch + j * d,
                      e.block.covariances + j * size)


cdef inline void factorise_one(const Estimation* e, Py_ssize_t j, int thread) noexcept nogil:
    """The factor of covariance j."""
    cdef Py_ssize_t d = e.model.d, size = numbers(&e.kind, d)
    cdef Block* b = e.block
    b.outcomes[j] = e.kind.one.factor(b.covariances + j * size, d, e.model.floor, e.model.part, e.model.ties == FREE,
                                      b.scratch + j * d, b.means + j * d, b.factors + j * size)


cdef inline int maximise(const Model* model, const double* statistics, const double* about, const double* current,
                         double* block, int n_threads) noexcept nogil:
    """block <- the most likely parameters, given statistics about means (k, d); how that went.

    UNUSUAL, and the block of no use, where a component owns nothing, or variances that are tied do not exceed the
    least. current: a block of parameters at which a search begins, or NULL; it may be the same.
    """
    cdef Py_ssize_t k = model.k, d = model.d
    cdef int moments = model.moments, ties = model.ties
    cdef Kind kind = kind_of(moments)
    cdef Block b = parts(block, k, d, moments)
    cdef bint known = current is not NULL and (ties == AXES or ties == AXES_ISOCHORIC)
    cdef const double* masses = statistics + HEAD
    cdef const double* first = masses + k
    cdef const double* second = first + k * d
    cdef double total = 0
    cdef int outcome = ORDINARY
    cdef Estimation e
    cdef Py_ssize_t j, i, several = count(&kind, k)
    n_threads = n_threads if several > 1 and square(&kind) and <double>several * d * d * d > LARGE else 1
    e.model, e.kind, e.block, e.masses, e.first, e.second = model, kind, &b, masses, first, second
    if known:
        axes_of(parts(<double*>current, k, d, moments).covariances, k, d, b.factors)
    for j in range(k):
        total += masses[j]
    for j in range(k):
        if not masses[j] > EMPTY_SHARE * total:
            return UNUSUAL

    if kind.shared:
        pooled_covariance(second, first, masses, total, k, d, b.covariances)
    else:
        share_out(<item_t>estimate_one, &e, k, d * d, n_threads)
    if ties != FREE and not tie(&b, masses, total, k, d, moments, ties, known):
        return UNUSUAL
    share_out(<item_t>factorise_one, &e, several, <double>d * d * d, n_threads)

    for j in range(k):
        b.outcomes[j] = b.outcomes[min(j, several - 1)]
        if b.outcomes[j] == UNUSUAL:
            return UNUSUAL
        if b.outcomes[j] == HELD:
            outcome = HELD
        b.weights[j] = 1.0 / k if model.equal_weights else masses[j] / total
        for i in range(d):
            b.means[j * d + i] = about[j * d + i] + first[j * d + i] / masses[j]
    set_constants(&b, k, d, moments)
    return outcome
