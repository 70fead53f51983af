"""Greedy k-means++ on samples whose features are rows: Y (d, n), so that samples are the lanes.

Arthur & Vassilvitskii 2007, with the greedy choice among several candidates of their section 5.
"""

from .lanes cimport real

cdef enum:
    CHUNK = 512  # samples whose distances stay in cache


cdef double halve(const real* Y, Py_ssize_t n, int d, Py_ssize_t centre, const double* weights, const double* nearest,
                  double* out) noexcept nogil:
    """out <- min(nearest, squared distance to row `centre`); returns the weighted sum."""
    cdef double q[CHUNK]
    cdef double potential = 0
    cdef Py_ssize_t start, s, m
    cdef int i
    cdef real c, t
    for start from 0 <= start < n by CHUNK:
        m = n - start if n - start < CHUNK else CHUNK
        for s in range(m):
            q[s] = 0
        for i in range(d):
            c = Y[i * n + centre]
            for s in range(m):
                t = Y[i * n + start + s] - c
                q[s] += t * t
        for s in range(m):
            out[start + s] = q[s] if q[s] < nearest[start + s] else nearest[start + s]
            potential += weights[start + s] * out[start + s]
    return potential


cdef Py_ssize_t draw(const double* weights, const double* nearest, Py_ssize_t n, double target,
                     Py_ssize_t otherwise) noexcept nogil:
    """The sample at which the running sum of weight times distance passes target, never one of weight zero.

    `otherwise` where the sum is zero: all samples have been chosen, or coincide with one that has.
    """
    cdef Py_ssize_t s, last = otherwise
    cdef double t
    for s in range(n):
        t = weights[s] * nearest[s]
        if t > 0:
            last = s
            target -= t
            if target < 0:
                break
    return last


cdef void measured(const real* X, Py_ssize_t n, int d, const real* frame, const real* metric, real* Y) noexcept nogil:
    """Y (d, n) <- samples X (n, d) in a frame, times an upper triangle metric (d, d)."""
    cdef Py_ssize_t s
    cdef int i, j
    cdef real u
    for j in range(d):
        for s in range(n):
            Y[j * n + s] = 0
        for i in range(j + 1):
            u = metric[i * d + j]
            if u != 0:
                for s in range(n):
                    Y[j * n + s] += (X[s * d + i] - frame[i]) * frame[d + i] * u


cdef void spread_out(const real* Y, Py_ssize_t n, int d, const double* weights, const double* uniform,
                     Py_ssize_t candidates, Py_ssize_t* chosen, Py_ssize_t k, double* scratch) noexcept nogil:
    """Choose k samples far from each other."""
    cdef Py_ssize_t j, l, s, pick
    cdef double* nearest = scratch
    cdef double* trial = scratch + n
    cdef double* best = scratch + 2 * n
    cdef double total = 0, potential, lowest
    for s in range(n):
        nearest[s] = 1
        total += weights[s]
    chosen[0] = draw(weights, nearest, n, uniform[0] * total, 0)
    for s in range(n):
        nearest[s] = 1e300
    total = halve[real](Y, n, d, chosen[0], weights, nearest, nearest)
    for j in range(1, k):
        lowest = -1
        for l in range(candidates):
            pick = draw(weights, nearest, n, uniform[j * candidates + l] * total, chosen[0])
            potential = halve[real](Y, n, d, pick, weights, nearest, trial)
            if lowest < 0 or potential < lowest:
                lowest = potential
                chosen[j] = pick
                trial, best = best, trial
        total = lowest
        nearest, best = best, nearest


def kmeans_plus_plus(const real[:, ::1] X, const double[::1] weights, const real[:, ::1] frame,
                     const real[:, :, ::1] metrics, const double[:, :, ::1] uniform, Py_ssize_t[:, ::1] chosen,
                     real[:, ::1] Y, double[:, ::1] scratch):
    """Several times k samples far from each other, as measured by the metrics in turn.

    X (n, d), weights (n,), frame (2, d), metrics (m, d, d) upper triangles, uniform (runs, k, candidates) random
    numbers in [0, 1): IN. chosen (runs, k): OUT, indices of samples. Y (d, n) and scratch (3, n) are temporary memory.
    """
    cdef Py_ssize_t n = X.shape[0], m, r
    cdef int d = <int>X.shape[1]
    with nogil:
        for m in range(min(metrics.shape[0], chosen.shape[0])):
            measured[real](&X[0, 0], n, d, &frame[0, 0], &metrics[m, 0, 0], &Y[0, 0])
            for r from m <= r < chosen.shape[0] by metrics.shape[0]:
                spread_out[real](&Y[0, 0], n, d, &weights[0], &uniform[r, 0, 0], uniform.shape[2], &chosen[r, 0],
                                 chosen.shape[1], &scratch[0, 0])
