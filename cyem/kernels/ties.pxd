"""Ties between the covariances of components: sample covariances S (k, d, d), or variances along given axes (k, d),
become the most likely ones of their kind, all weighted by masses (k,). Axes are rows.
"""

from libc.math cimport atan2, cos, exp, fabs, fmod, log, sin
from libc.string cimport memcpy

from .algebra cimport cholesky, mirror, precision_factor
from .block cimport Block
from .eigen cimport compose, graded_eigen
from .kinds cimport Kind, diagonal_numbers, kind_of, square as is_square
from .team cimport look

cdef extern from *:
    """
    #define GOLDEN 0.6180339887498949
    enum { FREE, EQUAL, PROPORTIONAL, ISOCHORIC, ONE_SHAPE, PROPORTIONAL_SHAPES, AXES, AXES_ISOCHORIC };
    enum { STEPS = 100, FEW = 3 };
    """
    # how the covariances of the components are tied: not; all equal; but for volumes; equal volumes only; all but the
    # orientations equal; all but the orientations and the volumes; the axes only; the axes and the volumes
    int FREE, EQUAL, PROPORTIONAL, ISOCHORIC, ONE_SHAPE, PROPORTIONAL_SHAPES, AXES, AXES_ISOCHORIC
    int STEPS  # the most of a search,
    int FEW    # and of one that begins at the current axes: the next M-step goes on with it
    double GOLDEN


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


cdef inline void square_left(double* U, Py_ssize_t d) noexcept nogil:
    """U <- U U', symmetric, for an upper triangle U."""
    cdef Py_ssize_t i, a, c
    cdef double t
    for i in range(d):
        for a in range(i, d):
            t = 0
            for c in range(a, d):
                t += U[i * d + c] * U[a * d + c]
            U[i * d + a] = t
    mirror(U, d)


cdef inline bint proportional_matrices(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d,
                                       double* volumes, double* C) noexcept nogil:
    """The same of matrices, volume_k C; false where C is not positive definite."""
    cdef Py_ssize_t _, j, i
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
        square_left(C, d)
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


cdef inline bint one_shape(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, bint volumes,
                           Block* scratch) noexcept nogil:
    """Axes of their own, and along these, in order, variances that are equal, or proportional where volumes differ."""
    cdef Py_ssize_t j, i
    cdef double* values = scratch.means
    cdef double* Q = scratch.factors
    for j in range(k):
        if not graded_eigen(S + j * d * d, d, values + j * d, Q + j * d * d, scratch.scratch):
            return False
    if volumes:
        proportional(values, masses, total, k, d, scratch.weights, S)
    else:
        average(values, masses, NULL, k, d, S)
        for j in range(k):
            for i in range(d):
                values[j * d + i] = S[i] / total
    for j in range(k):
        compose(values + j * d, Q + j * d * d, d, S + j * d * d)
    return True


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


cdef inline void seen(const double* S, const double* Q, Py_ssize_t d, double* half, double* B) noexcept nogil:
    """B <- Q S Q', a matrix as seen from axes Q; half (d, d) is scratch, B may be S."""
    cdef Py_ssize_t i, a, c
    cdef double t
    for i in range(d):
        for a in range(d):
            half[i * d + a] = 0
        for c in range(d):
            for a in range(d):
                half[i * d + a] += Q[i * d + c] * S[c * d + a]
    for i in range(d):
        for a in range(i + 1):
            t = 0
            for c in range(d):
                t += half[i * d + c] * Q[a * d + c]
            B[i * d + a] = B[a * d + i] = t


cdef inline void spread(const double* S, const double* Q, Py_ssize_t k, Py_ssize_t d, double* v) noexcept nogil:
    """v (k, d) <- the variances of S along axes Q."""
    cdef Py_ssize_t j, i, a, c
    cdef double t
    for j in range(k):
        if look(<double>d * d * d):
            return
        for i in range(d):
            v[j * d + i] = 0
            for a in range(d):
                t = 0
                for c in range(d):
                    t += S[(j * d + a) * d + c] * Q[i * d + c]
                v[j * d + i] += t * Q[i * d + a]


cdef inline void diagonals(const double* B, Py_ssize_t k, Py_ssize_t d, double* v) noexcept nogil:
    """v (k, d) <- the diagonals of B."""
    cdef Py_ssize_t j, i
    for j in range(k):
        for i in range(d):
            v[j * d + i] = B[(j * d + i) * d + i]


cdef inline void rotate(double* p, double* q, Py_ssize_t d, double c, double s) noexcept nogil:
    """Row p (d,) turns towards row q."""
    cdef Py_ssize_t i
    cdef double x, y
    for i in range(d):
        x, y = p[i], q[i]
        p[i], q[i] = c * x + s * y, c * y - s * x


cdef inline void turn(double* B, const double* masses, Py_ssize_t k, Py_ssize_t d, const double* v,
                      double* Q) noexcept nogil:
    """Each pair of axes turns by the best angle t while the variances v stay: cost changes by a sin^2 t + b sin 2t."""
    cdef Py_ssize_t p, q, j, i
    cdef double a, b, c, s, x, y
    cdef double* A
    for p in range(d):
        if look(4 * (d - p) * (k + 1) * d):
            return
        for q in range(p + 1, d):
            a = b = 0
            for j in range(k):
                A = B + j * d * d
                x = masses[j] / v[j * d + p] - masses[j] / v[j * d + q]
                a += x * (A[q * d + q] - A[p * d + p])
                b += x * A[p * d + q]
            x = atan2(-b, a / 2) / 2
            c, s = cos(x), sin(x)
            rotate(Q + p * d, Q + q * d, d, c, s)
            for j in range(k):
                A = B + j * d * d
                rotate(A + p * d, A + q * d, d, c, s)
                for i in range(d):
                    x, y = A[i * d + p], A[i * d + q]
                    A[i * d + p], A[i * d + q] = c * x + s * y, c * y - s * x


cdef inline void one_of(const double* S, const double* masses, Py_ssize_t j, Py_ssize_t k, Py_ssize_t d,
                        double* M) noexcept nogil:
    """M <- matrix j of S, or the average where j < 0, but for its scale."""
    if j < 0:
        average(S, masses, NULL, k, d * d, M)
    else:
        memcpy(M, S + j * d * d, d * d * sizeof(double))


cdef inline bint common_axes(double* S, const double* masses, double total, Py_ssize_t k, Py_ssize_t d,
                             bint equal_volumes, bint known, Block* scratch) noexcept nogil:
    """The same axes for all, and variances of their own along these, or of one volume.

    Flury (1984), Browne & McNicholas (2014): the axes are turned, pair by pair, until that gains nothing. known: they
    are turned a few times, from those of the first matrix of scratch on; else those of the mean or of the component
    that are best. False where a variance along them is zero, but for rounding: there the cost has no least value.
    """
    cdef double* M = scratch.factors
    cdef double* Q = scratch.factors + d * d
    cdef double* v = scratch.means
    cdef double cost, before = 0, least = 0
    cdef int step, steps = FEW if known else STEPS
    cdef Py_ssize_t j, best = -1
    if not known:
        for j in range(-1, k):
            one_of(S, masses, j, k, d, M)
            if not graded_eigen(M, d, v, Q, scratch.scratch):
                return False
            spread(S, Q, k, d, v)
            cost = along(v, masses, total, k, d, equal_volumes, scratch.weights)
            if j < 0 or cost < least:
                least, best = cost, j
        one_of(S, masses, best, k, d, M)
    if not graded_eigen(M, d, v, Q, scratch.scratch):
        return False
    for j in range(k):
        seen(S + j * d * d, Q, d, M, S + j * d * d)
    for step in range(steps + 1):
        diagonals(S, k, d, v)
        cost = along(v, masses, total, k, d, equal_volumes, scratch.weights)
        if not cost > -1e308:  # nor a number, where rounding made it negative
            return False
        if step == steps or (step > 0 and not before - cost > 1e-10):
            break
        before = cost
        turn(S, masses, k, d, v, Q)
    for j in range(k):
        compose(v + j * d, Q, d, S + j * d * d)
    return True


cdef inline bint tie(Block* b, const double* masses, double total, Py_ssize_t k, Py_ssize_t d, int moments, int ties,
                     bint known) noexcept nogil:
    """The sample covariances of a block become those of its structure; false where there are none. The rest of the
    block is scratch. known: its factors begin with a matrix that has the axes to begin with."""
    cdef Py_ssize_t j, i, size
    cdef double* S = b.covariances
    cdef Kind kind = kind_of(moments)
    cdef bint square = is_square(&kind)
    d = diagonal_numbers(&kind, d)
    size = d * d if square else d
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
        return k == 1 or common_axes(S, masses, total, k, d, ties == AXES_ISOCHORIC, known, b)
    elif ties != FREE:
        return one_shape(S, masses, total, k, d, ties == PROPORTIONAL_SHAPES, b)
    return True
