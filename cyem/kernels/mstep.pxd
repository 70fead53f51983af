"""The M-step of the structures that have one in closed form, and the small matrices in it, row by row: rows are lanes.

Statistics are what a pass gives. Parameters are one float64 block: weights (k), means (k, d), constants (k),
covariances and factors; the last two are (k, d, d) by scatter, (d, d) by pooled, (k, d) by squares and (k,) by norms.
"""

from libc.math cimport exp, log, sqrt

from .moments cimport HEAD, NORMS, POOLED, SCATTER, SQUARES

cdef extern from *:
    """
    #define HALF_LOG_TAU 0.91893853320467274178
    #define EMPTY_SHARE 1e-12
    """
    double HALF_LOG_TAU  # log(2 pi) / 2
    double EMPTY_SHARE   # of all weight, below which a component owns nothing to estimate it from

cdef struct Block:
    double* weights
    double* means
    double* constants
    double* covariances
    double* factors


cdef inline Py_ssize_t matrices_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of all covariances, and of all factors."""
    return k * d * d if moments == SCATTER else d * d if moments == POOLED else k * d if moments == SQUARES else k


cdef inline Block parts(double* block, Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    cdef Block b
    b.weights = block
    b.means = b.weights + k
    b.constants = b.means + k * d
    b.covariances = b.constants + k
    b.factors = b.covariances + matrices_size(k, d, moments)
    return b


cdef inline bint cholesky(const double* A, const double* less, double part, Py_ssize_t d, double* L) noexcept nogil:
    """Lower triangle L with L L' = A - diag(max(less, part A_ii)); false where that is not positive definite.

    L may be A, less may be NULL for nothing.
    """
    cdef Py_ssize_t i, j, a
    cdef double t
    for i in range(d):
        for j in range(i + 1):
            t = A[i * d + j]
            if i == j and less is not NULL:
                t = t - (less[i] if less[i] > part * t else part * t)
            for a in range(j):
                t -= L[i * d + a] * L[j * d + a]
            if i > j:
                L[i * d + j] = t / L[j * d + j]
            elif t > 0 and t < 1e308:  # false for NaN
                L[i * d + i] = sqrt(t)
            else:
                return False
    return True


cdef inline void invert(double* L, Py_ssize_t d) noexcept nogil:
    """L <- L^-1, lower triangular, upper part zero."""
    cdef Py_ssize_t i, j, a
    cdef double t
    for i in range(d):
        for a in range(i + 1, d):
            L[i * d + a] = 0
        for j in range(i):
            t = L[i * d + j]
            L[i * d + j] = 0
            for a in range(j + 1):
                L[i * d + a] -= t * L[j * d + a]
        t = 1 / L[i * d + i]
        L[i * d + i] = 1
        for a in range(i + 1):
            L[i * d + a] *= t


cdef inline void transpose(double* A, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(d):
        for j in range(i):
            A[i * d + j], A[j * d + i] = A[j * d + i], A[i * d + j]


cdef inline bint precision_factor(const double* A, Py_ssize_t d, double* U) noexcept nogil:
    """U upper triangular with A^-1 = U U'; false where A is not positive definite."""
    if not cholesky(A, NULL, 0, d, U):
        return False
    invert(U, d)
    transpose(U, d)
    return True


cdef inline void covariance(const double* U, Py_ssize_t d, double* A) noexcept nogil:
    """A <- (U U')^-1 for an upper triangular U."""
    cdef Py_ssize_t i, j, a
    cdef double t
    for i in range(d):
        for j in range(i + 1):
            A[i * d + j] = U[j * d + i]
    invert(A, d)  # M; the products M M' go into the unused upper triangle, from the last row on
    for i in range(d - 1, -1, -1):
        for j in range(i + 1):
            t = 0
            for a in range(j + 1):
                t += A[i * d + a] * A[j * d + a]
            A[j * d + i] = t
    for i in range(d):
        for j in range(i):
            A[i * d + j] = A[j * d + i]


cdef inline void set_constants(Block* b, Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Log-joint density at each mean: log w_k + log det Sigma_k^(-1/2) - d/2 log(2 pi)."""
    cdef Py_ssize_t j, i
    cdef double shared = 0, own
    if moments == POOLED:
        for i in range(d):
            shared += log(b.factors[i * d + i])
    for j in range(k):
        own = shared
        if moments == SCATTER:
            for i in range(d):
                own += log(b.factors[(j * d + i) * d + i])
        elif moments == SQUARES:
            for i in range(d):
                own += log(b.factors[j * d + i])
        elif moments == NORMS:
            own = d * log(b.factors[j])
        b.constants[j] = log(b.weights[j]) + own - d * HALF_LOG_TAU


cdef inline void sample_covariances(const double* second, const double* first, const double* masses, Py_ssize_t k,
                                    Py_ssize_t d, int moments, double* S) noexcept nogil:
    """S <- 1/n sum r (x - old)(x - old)' - (new - old)(new - old)', from moments about the old means."""
    cdef Py_ssize_t j, i, a
    cdef double share, step, total = 0
    if moments == POOLED:
        for j in range(k):
            total += masses[j]
        for i in range(d * d):
            S[i] = second[i] / total
    for j in range(k):
        share = 1 / masses[j]
        if moments == SCATTER:
            for i in range(d):
                step = first[i] * share
                for a in range(d):
                    S[i * d + a] = second[i * d + a] * share - step * (first[a] * share)
            S += d * d
            second += d * d
        elif moments == POOLED:
            for i in range(d):
                step = first[i] * share
                for a in range(d):
                    S[i * d + a] -= step * (first[a] / total)
        elif moments == SQUARES:
            for i in range(d):
                step = first[i] * share
                S[i] = second[i] * share - step * step
            S += d
            second += d
        else:
            step = 0
            for i in range(d):
                step += (first[i] * share) * (first[i] * share)
            S[0] = (second[0] * share - step) / d
            S += 1
            second += 1
        first += d


cdef inline bint matrices(const double* S, Py_ssize_t k, Py_ssize_t d, const double* floor, double part,
                          double* U) noexcept nogil:
    """Factors U of k matrices S (k, d, d); false where one does not exceed diag(floor), or `part` of its diagonal."""
    cdef Py_ssize_t _j
    for _j in range(k):
        if not (cholesky(S, floor, part, d, U) and precision_factor(S, d, U)):
            return False
        S += d * d
        U += d * d
    return True


cdef inline bint variances(double* s, Py_ssize_t k, Py_ssize_t d, const double* masses, bint equal,
                           const double* floor, double* u) noexcept nogil:
    """Factors u of variances s (k, d), which become one for all k if equal; false where one does not exceed floor."""
    cdef Py_ssize_t j, i
    cdef double t, total = 0
    for j in range(k):
        total += masses[j]
    for i in range(d):
        t = 0
        for j in range(k):
            t += masses[j] * s[j * d + i]
        for j in range(k):
            if equal:
                s[j * d + i] = t / total
            if not floor[i] < s[j * d + i] < 1e308:  # nor NaN
                return False
            u[j * d + i] = 1 / sqrt(s[j * d + i])
    return True


cdef inline bint maximise(const double* statistics, const double* about, Py_ssize_t k, Py_ssize_t d, int moments,
                          bint equal, const double* floor, double part, double* block) noexcept nogil:
    """block <- the most likely parameters, given statistics about means (k, d), which may be those of the block.

    equal: one variance for all components. floor: the least variances (d,), one number by norms. False where something
    is out of the ordinary: a component that owns nothing, or variances that do not exceed floor, or the share `part` of
    the diagonal of their own matrix. The block then holds nothing of use.
    """
    cdef Block b = parts(block, k, d, moments)
    cdef const double* masses = statistics + HEAD
    cdef const double* first = masses + k
    cdef double total = 0
    cdef bint ordinary
    cdef Py_ssize_t j, i
    for j in range(k):
        total += masses[j]
    for j in range(k):
        if not masses[j] > EMPTY_SHARE * total:
            return False
    sample_covariances(first + k * d, first, masses, k, d, moments, b.covariances)
    if moments == SCATTER or moments == POOLED:
        ordinary = matrices(b.covariances, 1 if moments == POOLED else k, d, floor, part, b.factors)
    else:
        ordinary = variances(b.covariances, k, d if moments == SQUARES else 1, masses, equal, floor, b.factors)
    if not ordinary:
        return False
    for j in range(k):
        b.weights[j] = masses[j] / total
        for i in range(d):
            b.means[j * d + i] = about[j * d + i] + first[j * d + i] / masses[j]
    set_constants(&b, k, d, moments)
    return True


# --- parameters as one vector ----------------------------------------------------------------------------------------

cdef inline void unfold(const double* block, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                        double* x) noexcept nogil:
    """x <- logarithms of weights, means / scale, and factors in the same units: of diagonals the logarithms, the rest
    relative to the diagonal of its column."""
    cdef Block b = parts(<double*>block, k, d, moments)
    cdef const double* U = b.factors
    cdef double* rest
    cdef Py_ssize_t _m, j, i, a
    for j in range(k):
        x[j] = log(b.weights[j])
    x += k
    for j in range(k):
        for i in range(d):
            x[j * d + i] = b.means[j * d + i] / scale[i]
    x += k * d
    if moments == NORMS:
        for j in range(k):
            x[j] = log(U[j] * scale[0])
    elif moments == SQUARES:
        for j in range(k):
            for i in range(d):
                x[j * d + i] = log(U[j * d + i] * scale[i])
    else:
        k = 1 if moments == POOLED else k
        rest = x + k * d
        for _m in range(k):
            for i in range(d):
                x[i] = log(U[i * d + i] * scale[i])
                for a in range(i + 1, d):
                    rest[0] = (U[i * d + a] * scale[i]) / (U[a * d + a] * scale[a])
                    rest += 1
            x += d
            U += d * d


cdef inline void fold(const double* x, Py_ssize_t k, Py_ssize_t d, int moments, const double* scale,
                      double* block) noexcept nogil:
    """block <- the parameters of which x is the vector; every vector is one."""
    cdef Block b = parts(block, k, d, moments)
    cdef double* U = b.factors
    cdef double* A = b.covariances
    cdef const double* rest
    cdef double top = x[0], total = 0
    cdef Py_ssize_t _m, j, i, a, n
    for j in range(k):
        top = x[j] if x[j] > top else top
    for j in range(k):
        b.weights[j] = exp(x[j] - top)
        total += b.weights[j]
    for j in range(k):
        b.weights[j] /= total
    x += k
    for j in range(k):
        for i in range(d):
            b.means[j * d + i] = x[j * d + i] * scale[i]
    x += k * d
    if moments == SQUARES or moments == NORMS:
        n = d if moments == SQUARES else 1
        for j in range(k):
            for i in range(n):
                U[j * n + i] = exp(x[j * n + i]) / scale[i]
                A[j * n + i] = 1 / (U[j * n + i] * U[j * n + i])
    else:
        n = 1 if moments == POOLED else k
        rest = x + n * d
        for _m in range(n):
            for i in range(d):
                for a in range(i):
                    U[i * d + a] = 0
                U[i * d + i] = exp(x[i]) / scale[i]
                for a in range(i + 1, d):
                    U[i * d + a] = rest[0] * exp(x[a]) / scale[i]
                    rest += 1
            covariance(U, d, A)
            x += d
            U += d * d
            A += d * d
    set_constants(&b, k, d, moments)
