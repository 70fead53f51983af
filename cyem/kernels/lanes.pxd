"""Sizes and elementary functions shared by the kernels: LANES samples side by side, written so that compilers see it.

Loop indices are Py_ssize_t: Python compiles extensions with -fwrapv, under which compilers make no lanes of narrower
ones (half the speed, measured).

`exp_lanes` is accurate to 3 ulp on [-708, 0] (float: [-87, 0]), `log_lanes` to 3 ulp on [1, 1e300].
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t

cdef extern from "lanes.h":
    enum: LANES
    enum: WIDE
    enum: ROWS
    enum: ABREAST
    enum: BLOCK
    enum: TILE
    enum: WORDS
    enum: SPARSE
    enum: SPARSER
    enum: CYEM_OPENMP
    ctypedef double cyem_vector  # ABREAST of them: sums and products are those of each
    cyem_vector cyem_larger(cyem_vector a, cyem_vector b) noexcept nogil
    double cyem_largest(cyem_vector x) noexcept nogil
    double cyem_total(cyem_vector x) noexcept nogil
    cyem_vector cyem_exp(cyem_vector x) noexcept nogil
    int cyem_thread() noexcept nogil
    int cyem_lowest(unsigned long long word) noexcept nogil
    void cyem_one_by_one() noexcept nogil
    void cyem_prefetch(const void* address) noexcept nogil
    double cyem_round(double x) noexcept nogil
    float cyem_roundf(float x) noexcept nogil

ctypedef fused real:
    float
    double

cdef union Bits64:  # unsigned: shifts and differences of these are defined whatever the numbers are
    double x[WIDE]
    uint64_t i[WIDE]

cdef union Bits32:
    float x[WIDE]
    uint32_t i[WIDE]


cdef union Bit64:
    double x
    uint64_t i

cdef union Bit32:
    float x
    uint32_t i


cdef inline double lowest_exponent(real unused) noexcept nogil:
    """The least number whose exp is a normal number."""
    return -708.0 if real is double else -87.0


cdef inline void exp_lanes(real* x, real cut) noexcept nogil:
    """x <- exp(x) for non-positive numbers, exactly zero below cut, which is at least lowest_exponent."""
    # exp(x) = 2^n exp(f) exp(-u), n = round(x / log 2), f = x - n a, u = n b, log 2 = a + b where n a is exact. The
    # second part is a factor, for f - u would be regrouped into x - n (a + b) by compilers that may reassociate.
    # exp(f) by the polynomials of least relative error on |f| <= log(2) / 2: 4e-18, for floats 3e-9. The sum of n and
    # 1.5 2^52 (floats: 2^23) has n at the end of its bits, which a shift moves to the exponent's place. Below cut all
    # of this may be anything, also not a number.
    cdef Py_ssize_t l, lanes = LANES if real is double else WIDE
    cdef real t, n, f, p
    cdef Bits64 b
    cdef Bits32 c
    if real is double:
        for l in range(lanes):
            t = x[l]
            n = cyem_round(t * 1.4426950408889634)
            b.x[l] = n + 6755399441056767.0  # 1.5 2^52 + 1023
            f = t - n * 0.6931471805598903
            p = 2.5000018833187373177e-8
            p = p * f + 2.7630306250293600047e-7
            p = p * f + 2.7557586803895324478e-6
            p = p * f + 2.4801492949633869166e-5
            p = p * f + 1.9841269505773775103e-4
            p = p * f + 1.3888888943759965395e-3
            p = p * f + 8.3333333334949772613e-3
            p = p * f + 4.1666666666529728218e-2
            p = p * f + 1.6666666666666411508e-1
            p = p * f + 5.0000000000000106688e-1
            p = p * f + 1.0
            p = p * f + 1.0
            b.i[l] = b.i[l] << 52
            p = (p - p * (n * 5.497923018708371e-14)) * b.x[l]
            x[l] = p if x[l] >= cut else 0.0
    else:
        for l in range(lanes):
            t = x[l]
            n = cyem_roundf(t * <float>1.44269504)
            c.x[l] = n + <float>12583039.0  # 1.5 2^23 + 127
            f = t - n * <float>0.693145751953125
            p = <float>1.38145401768e-3
            p = p * f + <float>8.36874510894e-3
            p = p * f + <float>4.16683907835e-2
            p = p * f + <float>1.6666520399e-1
            p = p * f + <float>4.99999934321e-1
            p = p * f + <float>1.0
            p = p * f + <float>1.0
            c.i[l] = c.i[l] << 23
            p = (p - p * (n * <float>1.428606820309417e-6)) * c.x[l]
            x[l] = p if x[l] >= cut else <float>0.0


cdef inline double log_of(double f, double n) noexcept nogil:
    """log(2^n (1 + f)), 1 + f in [sqrt(1/2), sqrt(2)): f - f^2/2 + s (f^2/2 + R(s^2)), s = f / (2 + f)."""
    cdef double s = f / (2.0 + f), z = s * s, w = z * z, h = 0.5 * f * f
    s = s * (h + w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
             + z * (0.6666666666666735130 + w * (0.2857142874366239149 + w * (0.1818357216161805012
                    + w * 0.1479819860511658591))))
    return n * 0.6931471805599453094 + (f - (h - s))


cdef inline void log_lanes(double* x, Py_ssize_t lanes) noexcept nogil:
    """x <- log(x) for normal numbers >= 1."""
    cdef Py_ssize_t l
    cdef Bits64 b
    cdef uint64_t e
    for l in range(lanes):
        b.x[l] = x[l]
    for l in range(lanes):
        e = (b.i[l] - 0x3FE6A09E667F3BCDULL) >> 52
        b.i[l] = b.i[l] - (e << 52)
        x[l] = log_of(b.x[l] - 1.0, <double><int32_t>e)


cdef inline void log1p_lanes(double* x, Py_ssize_t lanes) noexcept nogil:
    """x <- log(1 + x) for numbers >= 0, also where 1 + x has lost most of x."""
    cdef Py_ssize_t l
    cdef Bits64 b
    cdef uint64_t e
    for l in range(lanes):
        b.x[l] = 1.0 + x[l]
    for l in range(lanes):
        e = (b.i[l] - 0x3FE6A09E667F3BCDULL) >> 52
        b.i[l] = b.i[l] - (e << 52)
        x[l] = log_of(b.x[l] - 1.0 if e else x[l], <double><int32_t>e)


cdef inline real log1p_and_inverse(real x, real* inverse) noexcept nogil:
    """log(1 + x) and 1 / (1 + x) for x >= 0 of modest size, in the precision of x: for loops over many.

    Both, as the logarithm takes a division: that of one by the product of 1 + x and of its own divisor makes both.
    """
    # as log_lanes, with e as a number from the end of the bits of 2^52 + e (floats: 2^23); the polynomial for floats is
    # that of FreeBSD's logf. Where e is zero x itself is f, by a mask: of a condition compilers make two logarithms
    cdef real y = 1 + x, f, g, n, s, z, w, h
    cdef Bit64 b, m, a
    cdef Bit32 c, o, q
    cdef uint64_t e, all64
    cdef uint32_t i, all32
    if real is double:
        b.x = y
        e = (b.i - 0x3FE6A09E667F3BCDULL) >> 52
        b.i = b.i - (e << 52)
        all64 = 0 - ((e - 1) >> 63)
        a.x = x
        b.x -= 1.0
        b.i = (b.i & ~all64) | (a.i & all64)
        f = b.x
        m.i = e | 0x4330000000000000ULL
        n = m.x - 4503599627370496.0
    else:
        c.x = y
        i = (c.i - 0x3F3504F3U) >> 23
        c.i = c.i - (i << 23)
        all32 = 0 - ((i - 1) >> 31)
        q.x = x
        c.x -= <float>1.0
        c.i = (c.i & ~all32) | (q.i & all32)
        f = c.x
        o.i = i | 0x4B000000U
        n = o.x - <float>8388608.0
    g = 2 + f
    w = 1 / (y * g)
    inverse[0] = w * g
    s = f * (w * y)
    z = s * s
    w = z * z
    h = <real>0.5 * f * f
    if real is double:
        s = s * (h + w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
                 + z * (0.6666666666666735130 + w * (0.2857142874366239149 + w * (0.1818357216161805012
                        + w * 0.1479819860511658591))))
        return n * 0.6931471805599453094 + (f - (h - s))
    s = s * (h + w * (<float>0.40000972152 + w * <float>0.24279078841)
             + z * (<float>0.66666662693 + w * <float>0.28498786688))
    return n * <float>0.69314718056 + (f - (h - s))
