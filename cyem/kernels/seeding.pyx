"""Greedy k-means++ on a sample whose features are rows: Y (d, n), so that samples are the lanes.

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


def kmeans_plus_plus(const real[:, ::1] Y, const double[::1] weights, const double[:, ::1] uniform,
                     Py_ssize_t[::1] chosen, double[:, ::1] scratch):
    """Choose k samples far from each other.

    Y (d, n), weights (n,), uniform (k, candidates) random numbers in [0, 1): IN. chosen (k,): OUT, indices of samples.
    scratch (3, n).
    """
    cdef Py_ssize_t n = Y.shape[1], j, l, s, pick
    cdef int d = <int>Y.shape[0]
    cdef double* nearest = &scratch[0, 0]
    cdef double* trial = &scratch[1, 0]
    cdef double* best = &scratch[2, 0]
    cdef double total, potential, lowest
    with nogil:
        total = 0
        for s in range(n):
            nearest[s] = 1
            total += weights[s]
        chosen[0] = draw(&weights[0], nearest, n, uniform[0, 0] * total, 0)
        for s in range(n):
            nearest[s] = 1e300
        total = halve[real](&Y[0, 0], n, d, chosen[0], &weights[0], nearest, nearest)
        for j in range(1, chosen.shape[0]):
            lowest = -1
            for l in range(uniform.shape[1]):
                pick = draw(&weights[0], nearest, n, uniform[j, l] * total, chosen[0])
                potential = halve[real](&Y[0, 0], n, d, pick, &weights[0], nearest, trial)
                if lowest < 0 or potential < lowest:
                    lowest = potential
                    chosen[j] = pick
                    trial, best = best, trial
            total = lowest
            nearest, best = best, nearest
