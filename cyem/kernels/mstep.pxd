"""The M-step of the structures that have one in closed form, and the small matrices in it, row by row: rows are lanes.

Statistics are what a pass gives. Parameters are one float64 block: weights (k), means (k, d), constants (k),
covariances and factors; the last two are (k, d, d) by scatter, (d, d) by pooled, (k, d) by squares and (k,) by norms.
"""

from libc.math cimport atan2, cos, exp, fabs, fmod, log, sin, sqrt
from libc.string cimport memcpy

from .moments cimport HEAD, NORMS, POOLED, SCATTER, SQUARES

cdef extern from *:
    """
    #define HALF_LOG_TAU 0.91893853320467274178
    #define EMPTY_SHARE 1e-12
    #define GOLDEN 0.6180339887498949
    enum { FREE, EQUAL, PROPORTIONAL, ISOCHORIC, ONE_SHAPE, PROPORTIONAL_SHAPES, AXES, AXES_ISOCHORIC };
    enum { TURNS = 30, STEPS = 100 };
    """
    # how the covariances of the components are tied: not; all equal; but for volumes; equal volumes only; all but the
    # orientations equal; all but the orientations and the volumes; the axes only; the axes and the volumes
    int FREE, EQUAL, PROPORTIONAL, ISOCHORIC, ONE_SHAPE, PROPORTIONAL_SHAPES, AXES, AXES_ISOCHORIC
    int TURNS, STEPS  # the most sweeps of Jacobi's method, and steps of a search
    double HALF_LOG_TAU  # log(2 pi) / 2
    double GOLDEN
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


cdef inline Py_ssize_t block_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of a block."""
    return 2 * k + k * d + 2 * matrices_size(k, d, moments)


cdef inline Py_ssize_t coordinates_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of the vector of coordinates."""
    cdef Py_ssize_t numbers = matrices_size(k, d, moments)
    return k + k * d + (numbers // d * (d + 1) // 2 if moments == SCATTER or moments == POOLED else numbers)


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


cdef inline bint variances(double* s, Py_ssize_t k, Py_ssize_t d, const double* floor, double* u) noexcept nogil:
    """Factors u of variances s (k, d); false where one does not exceed floor."""
    cdef Py_ssize_t j, i
    for j in range(k):
        for i in range(d):
            if not floor[i] < s[j * d + i] < 1e308:  # nor NaN
                return False
            u[j * d + i] = 1 / sqrt(s[j * d + i])
    return True


# --- ties between components: S (k, size) become the most likely ones of their kind, all weighted by masses --------

cdef inline void average(const double* S, const double* masses, const double* volumes, Py_ssize_t k, Py_ssize_t size,
                         double* mean) noexcept nogil:
    """mean (size,) <- sum_k masses_k / volumes_k S_k; volumes may be NULL for ones."""
    cdef Py_ssize_t j, i
    cdef double share
    for i in range(size):
        mean[i] = 0
    for j in range(k):
        share = masses[j] if volumes is NULL else masses[j] / volumes[j]
        for i in range(size):
            mean[i] += share * S[j * size + i]


cdef inline void proportional(double* s, const double* masses, double total, Py_ssize_t k, Py_ssize_t d,
                              double* volumes, double* shape) noexcept nogil:
    """s_kj <- volume_k shape_j, each the best given the other in turn (Celeux & Govaert 1995).

    volumes (k,) and shape (d,) are scratch.
    """
    cdef Py_ssize_t _, j, i
    cdef double t, change
    for j in range(k):
        t = 0
        for i in range(d):
            t += s[j * d + i]
        volumes[j] = t / d
    for _ in range(STEPS):
        average(s, masses, volumes, k, d, shape)
        change = 0
        for j in range(k):
            t = 0
            for i in range(d):
                t += s[j * d + i] / shape[i]
            t *= total / d
            change = max(change, fabs(t - volumes[j]) / t)
            volumes[j] = t
        if not change > 1e-9:
            break
    average(s, masses, volumes, k, d, shape)
    for j in range(k):
        for i in range(d):
            s[j * d + i] = volumes[j] * shape[i] / total


cdef inline bint proportional_matrices(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d,
                                       double* volumes, double* C) noexcept nogil:
    """The same of matrices, volume_k C; false where C is not positive definite."""
    cdef Py_ssize_t _, j, i, a, c
    cdef double t, change
    for j in range(k):
        t = 0
        for i in range(d):
            t += S[(j * d + i) * d + i]
        volumes[j] = t / d
    for _ in range(STEPS):
        average(S, masses, volumes, k, d * d, C)
        if not precision_factor(C, d, C):
            return False
        for i in range(d):  # the inverse U U' takes the place of U, from the left
            for a in range(i, d):
                t = 0
                for c in range(a, d):
                    t += C[i * d + c] * C[a * d + c]
                C[i * d + a] = t
        for i in range(d):
            for a in range(i):
                C[i * d + a] = C[a * d + i]
        change = 0
        for j in range(k):
            t = 0
            for i in range(d * d):
                t += S[j * d * d + i] * C[i]
            t *= total / d
            change = max(change, fabs(t - volumes[j]) / t)
            volumes[j] = t
        if not change > 1e-9:
            break
    average(S, masses, volumes, k, d * d, C)
    for j in range(k):
        for i in range(d * d):
            S[j * d * d + i] = volumes[j] * C[i] / total
    return True


cdef inline bint isochoric(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, bint square,
                           double* volumes, double* L) noexcept nogil:
    """S_k of one volume: each scaled to the mean of their volumes; false where one has none. square: S (k, d, d)."""
    cdef Py_ssize_t j, i, size = d * d if square else d
    cdef double volume = 0
    for j in range(k):
        volumes[j] = 0
        if square and not cholesky(S + j * size, NULL, 0, d, L):
            return False
        for i in range(d):
            volumes[j] += 2 * log(L[i * d + i]) if square else log(S[j * size + i])
        volumes[j] = exp(volumes[j] / d)
        volume += masses[j] * volumes[j]
    if not 0 < volume < 1e308:
        return False
    for j in range(k):
        for i in range(size):
            S[j * size + i] *= volume / total / volumes[j]
    return True


cdef inline void jacobi(double* A, Py_ssize_t d, double* Q, double* values) noexcept nogil:
    """Jacobi's method, which needs no scratch: A = Q diag(values) Q', values ascending; A is lost."""
    cdef Py_ssize_t _, p, q, i, least
    cdef double off, whole, t, c, s, x, y
    for i in range(d * d):
        Q[i] = 0
    for i in range(d):
        Q[i * d + i] = 1
    for _ in range(TURNS):
        off = whole = 0
        for p in range(d):
            whole += A[p * d + p] * A[p * d + p]
            for q in range(p):
                off += A[p * d + q] * A[p * d + q]
        if not off > 1e-32 * whole:
            break
        for p in range(d):
            for q in range(p + 1, d):
                if A[p * d + q] == 0:
                    continue
                t = (A[q * d + q] - A[p * d + p]) / (2 * A[p * d + q])
                t = (1 if t >= 0 else -1) / (fabs(t) + sqrt(t * t + 1))
                c = 1 / sqrt(t * t + 1)
                s = t * c
                for i in range(d):
                    x, y = A[p * d + i], A[q * d + i]
                    A[p * d + i], A[q * d + i] = c * x - s * y, s * x + c * y
                for i in range(d):
                    x, y = A[i * d + p], A[i * d + q]
                    A[i * d + p], A[i * d + q] = c * x - s * y, s * x + c * y
                    x, y = Q[i * d + p], Q[i * d + q]
                    Q[i * d + p], Q[i * d + q] = c * x - s * y, s * x + c * y
    for p in range(d):
        least = p
        for q in range(p + 1, d):
            if A[q * d + q] < A[least * d + least]:
                least = q
        values[p] = A[least * d + least]
        A[least * d + least] = A[p * d + p]
        for i in range(d):
            Q[i * d + p], Q[i * d + least] = Q[i * d + least], Q[i * d + p]


cdef inline void one_shape(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, bint volumes,
                           Block* scratch) noexcept nogil:
    """Axes of their own, and along these, in order, variances that are equal, or proportional where volumes differ."""
    cdef Py_ssize_t _, j, i, a, c
    cdef double* values = scratch.means
    cdef double* Q = scratch.factors
    cdef double t
    for j in range(k):
        jacobi(S + j * d * d, d, Q + j * d * d, values + j * d)
    if volumes:
        proportional(values, masses, total, k, d, scratch.weights, S)
    else:
        average(values, masses, NULL, k, d, S)
        for j in range(k):
            for i in range(d):
                values[j * d + i] = S[i] / total
    for _ in range(k):
        for i in range(d):
            for a in range(i + 1):
                t = 0
                for c in range(d):
                    t += Q[i * d + c] * values[c] * Q[a * d + c]
                S[i * d + a] = S[a * d + i] = t
        values += d
        Q += d * d
        S += d * d


cdef inline void axes_of(const double* S, Py_ssize_t k, Py_ssize_t d, double* M) noexcept nogil:
    """M <- a sum of matrices that have their axes in common, so weighted that no variances in it tie by accident."""
    cdef Py_ssize_t j, i
    cdef double t, share
    for i in range(d * d):
        M[i] = 0
    for j in range(k):
        t = 0
        for i in range(d):
            t += S[i * d + i]
        share = (1 + fmod(GOLDEN * j, 1)) / t
        for i in range(d * d):
            M[i] += share * S[i]
        S += d * d


cdef inline double along(double* v, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, bint equal_volumes,
                         double* volumes) noexcept nogil:
    """The best variances along given axes, and what they cost; v (k, d): IN, the sample variances there."""
    cdef Py_ssize_t j, i
    cdef double cost = 0
    if equal_volumes:
        isochoric(v, masses, total, k, d, False, volumes, NULL)
    for j in range(k):
        for i in range(d):
            cost += masses[j] / total * log(v[j * d + i])
    return cost


cdef inline void diagonals(const double* S, const double* Q, Py_ssize_t k, Py_ssize_t d, double* v) noexcept nogil:
    """v (k, d) <- the variances of S along the columns of Q."""
    cdef Py_ssize_t j, i, a, c
    cdef double t
    for j in range(k):
        for i in range(d):
            v[j * d + i] = 0
            for a in range(d):
                t = 0
                for c in range(d):
                    t += S[(j * d + a) * d + c] * Q[c * d + i]
                v[j * d + i] += t * Q[a * d + i]


cdef inline void rotate(double* A, Py_ssize_t rows, Py_ssize_t d, Py_ssize_t p, Py_ssize_t q, double c,
                        double s) noexcept nogil:
    """Column p of A (rows, d) turns towards column q."""
    cdef Py_ssize_t i
    cdef double x, y
    for i in range(rows):
        x, y = A[i * d + p], A[i * d + q]
        A[i * d + p], A[i * d + q] = c * x + s * y, c * y - s * x


cdef inline void turn(double* B, const double* masses, Py_ssize_t k, Py_ssize_t d, const double* v,
                      double* Q) noexcept nogil:
    """Each pair of axes turns by the best angle t while the variances v stay: cost changes by a sin^2 t + b sin 2t."""
    cdef Py_ssize_t p, q, j, i
    cdef double a, b, c, s, x, y
    cdef double* A
    for p in range(d):
        for q in range(p + 1, d):
            a = b = 0
            for j in range(k):
                A = B + j * d * d
                x = masses[j] / v[j * d + p] - masses[j] / v[j * d + q]
                a += x * (A[q * d + q] - A[p * d + p])
                b += x * A[p * d + q]
            x = atan2(-b, a / 2) / 2
            c, s = cos(x), sin(x)
            rotate(Q, d, d, p, q, c, s)
            for j in range(k):
                A = B + j * d * d
                rotate(A, d, d, p, q, c, s)
                for i in range(d):
                    x, y = A[p * d + i], A[q * d + i]
                    A[p * d + i], A[q * d + i] = c * x + s * y, c * y - s * x


cdef inline void common_axes(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d,
                             bint equal_volumes, bint known, Block* scratch) noexcept nogil:
    """The same axes for all, and variances of their own along these, or of one volume.

    Flury (1984), Browne & McNicholas (2014): the axes are turned, pair by pair, until that gains nothing. known: they
    begin at those of the first matrix of scratch, else at those of the mean or of the component that are best.
    """
    cdef double* M = scratch.factors
    cdef double* Q = scratch.factors + d * d
    cdef double* v = scratch.means
    cdef double cost, before, least = 0
    cdef Py_ssize_t j, i, a, c, step, best = -1
    cdef double t
    if known:
        jacobi(M, d, Q, v)
    else:
        for j in range(-1, k + 1):  # the last time for the best of them again
            i = j if j < k else best
            if i < 0:
                average(S, masses, NULL, k, d * d, M)
            else:
                memcpy(M, S + i * d * d, d * d * sizeof(double))
            jacobi(M, d, Q, v)
            diagonals(S, Q, k, d, v)
            cost = along(v, masses, total, k, d, equal_volumes, scratch.weights)
            if j < k and (j < 0 or cost < least):
                least, best = cost, j
    for j in range(k):  # B = Q' S Q in place of S
        for i in range(d):
            for a in range(d):
                M[i * d + a] = 0
                for c in range(d):
                    M[i * d + a] += S[(j * d + i) * d + c] * Q[c * d + a]
        for i in range(d):
            for a in range(d):
                t = 0
                for c in range(d):
                    t += Q[c * d + i] * M[c * d + a]
                S[(j * d + i) * d + a] = t
    before = 0
    for step in range(STEPS):
        for j in range(k):
            for i in range(d):
                v[j * d + i] = S[(j * d + i) * d + i]
        cost = along(v, masses, total, k, d, equal_volumes, scratch.weights)
        if step > 0 and not before - cost > 1e-10:
            break
        before = cost
        turn(S, masses, k, d, v, Q)
    for j in range(k):
        for i in range(d):
            v[j * d + i] = S[(j * d + i) * d + i]
    along(v, masses, total, k, d, equal_volumes, scratch.weights)
    for j in range(k):
        for i in range(d):
            for a in range(i + 1):
                t = 0
                for c in range(d):
                    t += Q[i * d + c] * v[j * d + c] * Q[a * d + c]
                S[(j * d + i) * d + a] = S[(j * d + a) * d + i] = t


cdef inline bint tie(Block* b, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, bint square,
                     int ties, bint known) noexcept nogil:
    """The sample covariances of a block become those of its structure; false where there are none. The rest of the
    block is scratch. known: it begins with a matrix that has the axes to begin with."""
    cdef Py_ssize_t j, i, size = d * d if square else d
    cdef double* S = b.covariances
    if ties == EQUAL:
        average(S, masses, NULL, k, size, b.factors)
        for j in range(k):
            for i in range(size):
                S[j * size + i] = b.factors[i] / total
    elif ties == ISOCHORIC:
        return isochoric(S, masses, total, k, d, square, b.weights, b.factors)
    elif ties == PROPORTIONAL and square:
        return proportional_matrices(S, masses, total, k, d, b.weights, b.factors)
    elif ties == PROPORTIONAL:
        proportional(S, masses, total, k, d, b.weights, b.factors)
    elif ties == AXES or ties == AXES_ISOCHORIC:
        if k > 1:
            common_axes(S, masses, total, k, d, ties == AXES_ISOCHORIC, known, b)
    elif ties != FREE:
        one_shape(S, masses, total, k, d, ties == PROPORTIONAL_SHAPES, b)
    return True


cdef inline bint maximise(const double* statistics, const double* about, Py_ssize_t k, Py_ssize_t d, int moments,
                          int ties, const double* floor, double part, double* block) noexcept nogil:
    """block <- the most likely parameters, given statistics about means (k, d), which may be those of the block.

    ties: between the covariances of the components. floor: the least variances (d,), one number by norms. False where
    something is out of the ordinary: a component that owns nothing, or variances that do not exceed floor, or the share
    `part` of the diagonal of their own matrix. The block then holds nothing of use. A search begins at the parameters
    in the block, unless its first weight is zero.
    """
    cdef Block b = parts(block, k, d, moments)
    cdef const double* masses = statistics + HEAD
    cdef const double* first = masses + k
    cdef double total = 0
    cdef bint ordinary, known = b.weights[0] > 0 and k > 1 and (ties == AXES or ties == AXES_ISOCHORIC)
    cdef Py_ssize_t j, i
    if known:
        axes_of(b.covariances, k, d, b.factors)
    for j in range(k):
        total += masses[j]
    for j in range(k):
        if not masses[j] > EMPTY_SHARE * total:
            return False
    sample_covariances(first + k * d, first, masses, k, d, moments, b.covariances)
    if moments == POOLED:
        ordinary = matrices(b.covariances, 1, d, floor, part, b.factors)
    elif moments == SCATTER:
        ordinary = (tie(&b, masses, total, k, d, True, ties, known)
                    and matrices(b.covariances, k, d, floor, part, b.factors))
    else:
        i = d if moments == SQUARES else 1
        ordinary = (tie(&b, masses, total, k, i, False, ties, False)
                    and variances(b.covariances, k, i, floor, b.factors))
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
