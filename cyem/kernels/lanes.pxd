"""Sizes and elementary functions shared by the kernels: LANES samples side by side, written so that compilers see it.

Loop indices are Py_ssize_t: Python compiles extensions with -fwrapv, under which compilers make no lanes of narrower
ones (half the speed, measured).

`exp_lanes` is accurate to 3 ulp on [-708, 0] (float: [-87, 0]), `log_lanes` to 3 ulp on [1, 1e300].
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

cdef extern from "lanes.h":
    enum: LANES
    enum: WIDE
    enum: ROWS
    enum: BLOCK
    enum: TILE
    enum: SPARSE
    enum: CYEM_OPENMP
    int cyem_thread() noexcept nogil

ctypedef fused real:
    float
    double

cdef union Bits64:
    double x[WIDE]
    int64_t i[WIDE]

cdef union Bits32:
    float x[WIDE]
    int32_t i[WIDE]


cdef inline double lowest_exponent(real unused) noexcept nogil:
    """The least number whose exp is a normal number."""
    return -708.0 if real is double else -87.0


cdef inline void exp_lanes(real* x, real cut) noexcept nogil:
    """x <- exp(x) for non-positive numbers, exactly zero below cut, which is at least lowest_exponent."""
    # exp(t) = 2^n exp(f) exp(-u), n = round(t / log 2), f = t - n a, u = n b, log 2 = a + b where n a is exact. The
    # second part is a factor, for f - u would be regrouped into t - n (a + b) by compilers that may reassociate.
    # Each loop has numbers of one width: compilers make lanes of those.
    cdef Py_ssize_t l, lanes = LANES if real is double else WIDE
    cdef real f, u, p
    cdef real t[WIDE]
    cdef real whole[WIDE]
    cdef int32_t n[WIDE]
    cdef Bits64 b
    cdef Bits32 c
    for l in range(lanes):
        t[l] = x[l] if x[l] > cut else cut
        whole[l] = t[l] * <real>1.4426950408889634 - <real>0.5
    for l in range(lanes):
        n[l] = <int32_t>whole[l]
    for l in range(lanes):
        whole[l] = n[l]
    if real is double:
        for l in range(lanes):
            b.i[l] = <int64_t>n[l]
        for l in range(lanes):
            b.i[l] = (b.i[l] + 1023) << 52
        for l in range(lanes):
            f = t[l] - whole[l] * 6.93147180369123816490e-01
            u = whole[l] * 1.90821492927058770002e-10
            p = 1.6059043836821613e-10
            p = p * f + 2.0876756987868099e-9
            p = p * f + 2.5052108385441720e-8
            p = p * f + 2.7557319223985893e-7
            p = p * f + 2.7557319223985888e-6
            p = p * f + 2.4801587301587302e-5
            p = p * f + 1.9841269841269841e-4
            p = p * f + 1.3888888888888889e-3
            p = p * f + 8.3333333333333332e-3
            p = p * f + 4.1666666666666664e-2
            p = p * f + 1.6666666666666666e-1
            p = p * f + 0.5
            p = p * f + 1.0
            p = p * f + 1.0
            p = (p + p * (u * (0.5 * u - 1.0))) * b.x[l]
            x[l] = p if x[l] >= cut else 0.0
    else:
        for l in range(lanes):
            c.i[l] = (n[l] + 127) << 23
        for l in range(lanes):
            f = t[l] - whole[l] * <float>0.693145751953125
            u = whole[l] * <float>1.428606820309417e-6
            p = <float>1.9875691500e-4
            p = p * f + <float>1.3981999507e-3
            p = p * f + <float>8.3334519073e-3
            p = p * f + <float>4.1665795894e-2
            p = p * f + <float>1.6666665459e-1
            p = p * f + <float>5.0000001201e-1
            p = p * f * f + f + <float>1.0
            p = (p + p * (u * (<float>0.5 * u - <float>1.0))) * c.x[l]
            x[l] = p if x[l] >= cut else <float>0.0


cdef inline void log_lanes(double* x, Py_ssize_t lanes) noexcept nogil:
    """x <- log(x) for normal numbers >= 1."""
    cdef Py_ssize_t l
    cdef double f, h, s, z, w, n
    cdef Bits64 b
    cdef int64_t e  # never negative here: the shift may be the unsigned one, which every instruction set has
    # x = 2^n m with m in [sqrt(1/2), sqrt(2)); log m = f - f^2/2 + s (f^2/2 + R(s^2)), f = m - 1, s = f / (2 + f)
    for l in range(lanes):
        b.x[l] = x[l]
    for l in range(lanes):
        e = <int64_t>(<uint64_t>(b.i[l] - 0x3FE6A09E667F3BCDLL) >> 52)
        b.i[l] = b.i[l] - (e << 52)
        n = <double><int32_t>e
        f = b.x[l] - 1.0
        s = f / (2.0 + f)
        z = s * s
        w = z * z
        h = 0.5 * f * f
        s = s * (h + w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
                 + z * (0.6666666666666735130 + w * (0.2857142874366239149 + w * (0.1818357216161805012
                        + w * 0.1479819860511658591))))
        x[l] = n * 0.6931471805599453094 + (f - (h - s))
