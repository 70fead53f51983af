"""Weighted sums of one tile about one component's old mean, added to float64 statistics.

resp is the component's row of responsibilities (times weights). Sums within a tile run in the dtype of the data, sums
across tiles in float64. Where few samples of a tile have any, these are gathered, and the rest costs nothing.
"""

from libc.math cimport sqrt, sqrtf

from .lanes cimport ROWS, SPARSE, TILE, real

cdef enum Moments:  # the kinds of second moment, in the order of sweep.MOMENTS
    NONE, SCATTER, POOLED, SQUARES, NORMS

cdef enum:
    HEAD = 2  # log-likelihood, log of the largest responsibilities: what statistics begin with


cdef inline double mass(const real* resp, real* root) noexcept nogil:
    """sum_s r_s, and root <- sqrt(r)"""
    cdef Py_ssize_t s
    cdef real total = 0
    for s in range(TILE):
        total += resp[s]
        root[s] = sqrt(resp[s]) if real is double else sqrtf(resp[s])
    return total


cdef inline Py_ssize_t gather(const real* root, int* owned) noexcept nogil:
    """owned <- the places of the samples with any responsibility; returns how many, TILE where too many to gather."""
    cdef Py_ssize_t s, n = 0
    cdef real count = 0
    for s in range(TILE):
        count += 1 if root[s] > 0 else 0
    if count > SPARSE:
        return TILE
    for s in range(TILE):
        owned[n] = <int>s
        n += root[s] > 0
    return n


cdef inline Py_ssize_t weigh(const real* tile, const real* mean, const real* root, const int* owned, Py_ssize_t n,
                             int d, real* z, double* first) noexcept nogil:
    """z <- sqrt(r) (x - mean), of which one array serves both sides of a product; first += sum_s r_s (x_s - mean)

    Returns the length of the rows of z: n, rounded up to whole registers and filled with zeros.
    """
    cdef Py_ssize_t i, s, length = (n + 15) // 16 * 16
    cdef real m, total
    for i in range(d):
        m = mean[i]
        total = 0
        if n == TILE:
            for s in range(TILE):
                z[i * TILE + s] = (tile[i * TILE + s] - m) * root[s]
                total += z[i * TILE + s] * root[s]
        else:
            for s in range(n):
                z[i * TILE + s] = (tile[i * TILE + owned[s]] - m) * root[owned[s]]
                total += z[i * TILE + s] * root[owned[s]]
            for s in range(n, length):
                z[i * TILE + s] = 0
        first[i] += total
    return length


cdef inline void outer_tile(const real* y, const real* z, Py_ssize_t n, double* out,
                            Py_ssize_t stride) noexcept nogil:
    """out[a, b] += sum_s y[a, s] z[b, s] for ROWS x ROWS features; sixteen scalar sums that become sixteen registers"""
    cdef Py_ssize_t s
    cdef real q00 = 0, q01 = 0, q02 = 0, q03 = 0, q10 = 0, q11 = 0, q12 = 0, q13 = 0
    cdef real q20 = 0, q21 = 0, q22 = 0, q23 = 0, q30 = 0, q31 = 0, q32 = 0, q33 = 0
    cdef real y0, y1, y2, y3, z0, z1, z2, z3
    for s in range(n):
        y0 = y[s]
        y1 = y[TILE + s]
        y2 = y[2 * TILE + s]
        y3 = y[3 * TILE + s]
        z0 = z[s]
        z1 = z[TILE + s]
        z2 = z[2 * TILE + s]
        z3 = z[3 * TILE + s]
        q00 += y0 * z0
        q01 += y0 * z1
        q02 += y0 * z2
        q03 += y0 * z3
        q10 += y1 * z0
        q11 += y1 * z1
        q12 += y1 * z2
        q13 += y1 * z3
        q20 += y2 * z0
        q21 += y2 * z1
        q22 += y2 * z2
        q23 += y2 * z3
        q30 += y3 * z0
        q31 += y3 * z1
        q32 += y3 * z2
        q33 += y3 * z3
    out[0] += q00
    out[1] += q01
    out[2] += q02
    out[3] += q03
    out += stride
    out[0] += q10
    out[1] += q11
    out[2] += q12
    out[3] += q13
    out += stride
    out[0] += q20
    out[1] += q21
    out[2] += q22
    out[3] += q23
    out += stride
    out[0] += q30
    out[1] += q31
    out[2] += q32
    out[3] += q33


cdef inline int padded(int d) noexcept nogil:
    """The number of features, rounded up to whole ROWS."""
    return (d + ROWS - 1) // ROWS * ROWS


cdef inline void scatter(const real* z, Py_ssize_t n, int d, double* second) noexcept nogil:
    """second[a, b] += sum_s z_a z_b for the lower tiles of a padded square matrix; padding features are zero"""
    cdef Py_ssize_t a, b, stride = padded(d)
    for a in range(stride // ROWS):
        for b in range(a + 1):
            outer_tile(z + a * ROWS * TILE, z + b * ROWS * TILE, n, second + (a * stride + b) * ROWS, stride)


cdef inline void squares(const real* z, Py_ssize_t n, int d, double* second) noexcept nogil:
    """second[a] += sum_s z_a^2"""
    cdef Py_ssize_t i, s
    cdef real total
    for i in range(d):
        total = 0
        for s in range(n):
            total += z[i * TILE + s] * z[i * TILE + s]
        second[i] += total


cdef inline void norms(const real* z, Py_ssize_t n, int d, double* second) noexcept nogil:
    """second[0] += sum_s |z|^2"""
    cdef Py_ssize_t i, s
    cdef real total
    for i in range(d):
        total = 0
        for s in range(n):
            total += z[i * TILE + s] * z[i * TILE + s]
        second[0] += total
