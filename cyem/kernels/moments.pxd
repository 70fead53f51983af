"""Weighted sums of one tile about one component's old mean, added to float64 statistics.

resp is the component's row of responsibilities (times weights). Sums within a tile run in the dtype of the data, sums
across tiles in float64.
"""

from libc.math cimport sqrt, sqrtf

from .lanes cimport ROWS, TILE, real


cdef inline double mass(const real* resp, real* root) noexcept nogil:
    """sum_s r_s, and root <- sqrt(r)"""
    cdef Py_ssize_t s
    cdef real total = 0
    for s in range(TILE):
        total += resp[s]
        root[s] = sqrt(resp[s]) if real is double else sqrtf(resp[s])
    return total


cdef inline void weigh(const real* tile, const real* mean, const real* root, int d, real* z,
                       double* first) noexcept nogil:
    """z <- sqrt(r) (x - mean), of which one array serves both sides of a product; first += sum_s r_s (x_s - mean)"""
    cdef Py_ssize_t i, s
    cdef real m, total
    for i in range(d):
        m = mean[i]
        total = 0
        for s in range(TILE):
            z[i * TILE + s] = (tile[i * TILE + s] - m) * root[s]
            total += z[i * TILE + s] * root[s]
        first[i] += total


cdef inline void outer_tile(const real* y, const real* z, double* out, Py_ssize_t stride) noexcept nogil:
    """out[a, b] += sum_s y[a, s] z[b, s] for ROWS x ROWS features; sixteen scalar sums that become sixteen registers"""
    cdef Py_ssize_t s
    cdef real q00 = 0, q01 = 0, q02 = 0, q03 = 0, q10 = 0, q11 = 0, q12 = 0, q13 = 0
    cdef real q20 = 0, q21 = 0, q22 = 0, q23 = 0, q30 = 0, q31 = 0, q32 = 0, q33 = 0
    cdef real y0, y1, y2, y3, z0, z1, z2, z3
    for s in range(TILE):
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


cdef inline void scatter(const real* z, int d, double* second) noexcept nogil:
    """second[a, b] += sum_s z_a z_b for the lower tiles of a padded square matrix; padding features are zero"""
    cdef Py_ssize_t a, b, stride = padded(d)
    for a in range(stride // ROWS):
        for b in range(a + 1):
            outer_tile(z + a * ROWS * TILE, z + b * ROWS * TILE, second + (a * stride + b) * ROWS, stride)


cdef inline void squares(const real* z, int d, double* second) noexcept nogil:
    """second[a] += sum_s z_a^2"""
    cdef Py_ssize_t i, s
    cdef real total
    for i in range(d):
        total = 0
        for s in range(TILE):
            total += z[i * TILE + s] * z[i * TILE + s]
        second[i] += total


cdef inline void norms(const real* z, int d, double* second) noexcept nogil:
    """second[0] += sum_s |z|^2"""
    cdef Py_ssize_t i, s
    cdef real total
    for i in range(d):
        total = 0
        for s in range(TILE):
            total += z[i * TILE + s] * z[i * TILE + s]
        second[0] += total
