"""Weighted sums of one tile about one component's old mean, added to float64 statistics.

resp is the component's row of responsibilities (times weights). Sums within a tile run in the dtype of the data, sums
across tiles in float64. There are two ways to each second moment: over the n places of a tile that hold samples, in
whole groups of lanes, which samples are; or over those few that have any responsibility, gathered as rows
(y = r (x - mean), z = x - mean) of which features are the lanes.
"""

from libc.math cimport sqrt, sqrtf
from libc.stdint cimport uint64_t

from .lanes cimport BLOCK, LANES, ROWS, TILE, WIDE, WORDS, cyem_lowest, real

ctypedef void (*dense_t)(const void* tile, const void* mean, const void* resp, Py_ssize_t n, Py_ssize_t d, void* z,
                         double* first, double* second) noexcept nogil
ctypedef void (*gathered_t)(const void* y, const void* z, Py_ssize_t n, Py_ssize_t d, double* first,
                            double* second) noexcept nogil

cdef union Flags:
    unsigned char one[TILE]
    uint64_t eight[WORDS]

cdef enum:
    HEAD = 2  # log-likelihood, log of the largest responsibilities: what statistics begin with


cdef inline Py_ssize_t mass(const real* resp, double* total) noexcept nogil:
    """total <- sum_s r_s; returns how many are not zero"""
    cdef Py_ssize_t s
    cdef real sum = 0, count = 0
    for s in range(TILE):
        sum += resp[s]
        count += 1 if resp[s] > 0 else 0
    total[0] = sum
    return <Py_ssize_t>count


cdef inline Py_ssize_t side(Py_ssize_t d) noexcept nogil:
    """Length of a row of second moments: d, but from ROWS features on whole blocks."""
    return d if d < ROWS else (d + BLOCK - 1) // BLOCK * BLOCK


# --- all samples of a tile -------------------------------------------------------------------------------------------

cdef inline void sum_rows(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t rows,
                          bint squares, double* first, double* second, Py_ssize_t step) noexcept nogil:
    """first_i += sum_s r_s (x_si - mean_i) for some features, and, if squares, second[i * step] += those of squares.

    rows (at most ROWS) and squares are constants where this is called. Scalar sums: each becomes a register of lanes.
    """
    cdef Py_ssize_t s
    cdef real r, x, y
    cdef real t0 = 0, t1 = 0, t2 = 0, t3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0
    cdef real m0 = mean[0], m1 = mean[1] if rows > 1 else 0
    cdef real m2 = mean[2] if rows > 2 else 0, m3 = mean[3] if rows > 3 else 0
    for s in range(n):
        r = resp[s]
        x = tile[s] - m0
        y = r * x
        t0 += y
        q0 += y * x if squares else 0
        if rows > 1:
            x = tile[TILE + s] - m1
            y = r * x
            t1 += y
            q1 += y * x if squares else 0
        if rows > 2:
            x = tile[2 * TILE + s] - m2
            y = r * x
            t2 += y
            q2 += y * x if squares else 0
        if rows > 3:
            x = tile[3 * TILE + s] - m3
            y = r * x
            t3 += y
            q3 += y * x if squares else 0
    first[0] += t0
    if squares:
        second[0] += q0
    if rows > 1:
        first[1] += t1
        if squares:
            second[step] += q1
    if rows > 2:
        first[2] += t2
        if squares:
            second[2 * step] += q2
    if rows > 3:
        first[3] += t3
        if squares:
            second[3 * step] += q3


cdef inline void sum_features(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                              bint squares, double* first, double* second, Py_ssize_t step) noexcept nogil:
    """The same for all features."""
    cdef Py_ssize_t i
    for i from 0 <= i <= d - ROWS by ROWS:
        sum_rows(tile + i * TILE, mean + i, resp, n, ROWS, squares, first + i, second + i * step, step)
    i = d // ROWS * ROWS
    if d - i == 3:
        sum_rows(tile + i * TILE, mean + i, resp, n, 3, squares, first + i, second + i * step, step)
    elif d - i == 2:
        sum_rows(tile + i * TILE, mean + i, resp, n, 2, squares, first + i, second + i * step, step)
    elif d - i == 1:
        sum_rows(tile + i * TILE, mean + i, resp, n, 1, squares, first + i, second + i * step, step)


cdef inline void first_dense(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                             real* z, double* first, double* second) noexcept nogil:
    """first_i += sum_s r_s (x_si - mean_i)"""
    sum_features(tile, mean, resp, n, d, False, first, NULL, 0)


cdef inline void squares_dense(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                               real* z, double* first, double* second) noexcept nogil:
    """second_i += sum_s r_s (x_si - mean_i)^2; first as above"""
    sum_features(tile, mean, resp, n, d, True, first, second, 1)


cdef inline void norms_dense(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                             real* z, double* first, double* second) noexcept nogil:
    """second_0 += sum_s r_s |x_s - mean|^2; first as above"""
    sum_features(tile, mean, resp, n, d, True, first, second, 0)


cdef inline void outer(const real* y, const real* z, Py_ssize_t rows, bint triangle, double* out,
                       Py_ssize_t stride) noexcept nogil:
    """out[a, b] += sum_s y[a, s] z[b, s] for rows x ROWS features, or for b <= a only.

    rows and triangle are constants where this is called. Scalar sums: each becomes a register of lanes.
    """
    cdef Py_ssize_t s
    cdef real q00 = 0, q01 = 0, q02 = 0, q03 = 0, q10 = 0, q11 = 0, q12 = 0, q13 = 0
    cdef real q20 = 0, q21 = 0, q22 = 0, q23 = 0, q30 = 0, q31 = 0, q32 = 0, q33 = 0
    for s in range(TILE):
        q00 += y[s] * z[s]
        if not triangle:
            q01 += y[s] * z[TILE + s]
            q02 += y[s] * z[2 * TILE + s]
            q03 += y[s] * z[3 * TILE + s]
        if rows > 1:
            q10 += y[TILE + s] * z[s]
            q11 += y[TILE + s] * z[TILE + s]
            if not triangle:
                q12 += y[TILE + s] * z[2 * TILE + s]
                q13 += y[TILE + s] * z[3 * TILE + s]
        if rows > 2:
            q20 += y[2 * TILE + s] * z[s]
            q21 += y[2 * TILE + s] * z[TILE + s]
            q22 += y[2 * TILE + s] * z[2 * TILE + s]
            if not triangle:
                q23 += y[2 * TILE + s] * z[3 * TILE + s]
        if rows > 3:
            q30 += y[3 * TILE + s] * z[s]
            q31 += y[3 * TILE + s] * z[TILE + s]
            q32 += y[3 * TILE + s] * z[2 * TILE + s]
            q33 += y[3 * TILE + s] * z[3 * TILE + s]
    out[0] += q00
    if not triangle:
        out[1] += q01
        out[2] += q02
        out[3] += q03
    if rows > 1:
        out += stride
        out[0] += q10
        out[1] += q11
        if not triangle:
            out[2] += q12
            out[3] += q13
    if rows > 2:
        out += stride
        out[0] += q20
        out[1] += q21
        out[2] += q22
        if not triangle:
            out[3] += q23
    if rows > 3:
        out += stride
        out[0] += q30
        out[1] += q31
        out[2] += q32
        out[3] += q33


cdef inline void outer_rows(const real* z, Py_ssize_t a, Py_ssize_t rows, double* out,
                            Py_ssize_t stride) noexcept nogil:
    """The features a to a + rows with all before them, and with each other."""
    cdef Py_ssize_t b
    out += a * stride
    for b from 0 <= b < a by ROWS:
        outer(z + a * TILE, z + b * TILE, rows, False, out + b, stride)
    outer(z + a * TILE, z + a * TILE, rows, True, out + a, stride)


cdef inline void scatter_dense(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                               real* z, double* first, double* second) noexcept nogil:
    """second[a, b] += sum_s r_s (x_sa - mean_a) (x_sb - mean_b), b <= a; first as above

    z <- sqrt(r) (x - mean): one array serves both sides of the product, which is faster over a whole tile.
    """
    cdef Py_ssize_t i, s, a
    cdef real m, total
    cdef real root[TILE]
    for s in range(n):
        root[s] = sqrt(resp[s]) if real is double else sqrtf(resp[s])
    for i in range(d):
        m = mean[i]
        total = 0
        for s in range(n):
            z[i * TILE + s] = (tile[i * TILE + s] - m) * root[s]
            total += z[i * TILE + s] * root[s]
        first[i] += total
        for s in range(n, TILE):
            z[i * TILE + s] = 0
    for a from 0 <= a <= d - ROWS by ROWS:
        outer_rows(z, a, ROWS, second, side(d))
    a = d // ROWS * ROWS
    if d - a == 3:
        outer_rows(z, a, 3, second, side(d))
    elif d - a == 2:
        outer_rows(z, a, 2, second, side(d))
    elif d - a == 1:
        outer_rows(z, a, 1, second, side(d))


cdef inline void scatter_small(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                               double* first, double* second) noexcept nogil:
    """The same for a constant d <= ROWS, in one go and without a square root."""
    cdef Py_ssize_t s, stride = side(d)
    cdef real x0, x1, x2, x3, y0, y1, y2, y3
    cdef real f0 = 0, f1 = 0, f2 = 0, f3 = 0, q00 = 0, q10 = 0, q11 = 0, q20 = 0, q21 = 0, q22 = 0
    cdef real q30 = 0, q31 = 0, q32 = 0, q33 = 0
    cdef real m0 = mean[0], m1 = mean[1] if d > 1 else 0, m2 = mean[2] if d > 2 else 0, m3 = mean[3] if d > 3 else 0
    for s in range(n):
        x0 = tile[s] - m0
        y0 = resp[s] * x0
        f0 += y0
        q00 += y0 * x0
        if d > 1:
            x1 = tile[TILE + s] - m1
            y1 = resp[s] * x1
            f1 += y1
            q10 += y1 * x0
            q11 += y1 * x1
        if d > 2:
            x2 = tile[2 * TILE + s] - m2
            y2 = resp[s] * x2
            f2 += y2
            q20 += y2 * x0
            q21 += y2 * x1
            q22 += y2 * x2
        if d > 3:
            x3 = tile[3 * TILE + s] - m3
            y3 = resp[s] * x3
            f3 += y3
            q30 += y3 * x0
            q31 += y3 * x1
            q32 += y3 * x2
            q33 += y3 * x3
    first[0] += f0
    second[0] += q00
    if d > 1:
        first[1] += f1
        second[stride] += q10
        second[stride + 1] += q11
    if d > 2:
        first[2] += f2
        second[2 * stride] += q20
        second[2 * stride + 1] += q21
        second[2 * stride + 2] += q22
    if d > 3:
        first[3] += f3
        second[3 * stride] += q30
        second[3 * stride + 1] += q31
        second[3 * stride + 2] += q32
        second[3 * stride + 3] += q33


cdef inline void scatter1(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                          real* z, double* first, double* second) noexcept nogil:
    scatter_small(tile, mean, resp, n, 1, first, second)


cdef inline void scatter2(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                          real* z, double* first, double* second) noexcept nogil:
    scatter_small(tile, mean, resp, n, 2, first, second)


cdef inline void scatter3(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                          real* z, double* first, double* second) noexcept nogil:
    scatter_small(tile, mean, resp, n, 3, first, second)


cdef inline void scatter4(const real* tile, const real* mean, const real* resp, Py_ssize_t n, Py_ssize_t d,
                          real* z, double* first, double* second) noexcept nogil:
    scatter_small(tile, mean, resp, n, 4, first, second)


cdef inline dense_t scatter_for(Py_ssize_t d, real unused) noexcept nogil:
    """The one of these for d features."""
    return (<dense_t>scatter1[real] if d == 1 else <dense_t>scatter2[real] if d == 2 else
            <dense_t>scatter3[real] if d == 3 else <dense_t>scatter4[real] if d == 4 else <dense_t>scatter_dense[real])


# --- those samples that have any responsibility ----------------------------------------------------------------------

cdef inline Py_ssize_t gather(const real* resp, Py_ssize_t* owned) noexcept nogil:
    """owned <- the places of the samples with any responsibility; returns how many"""
    cdef Py_ssize_t s, v, n = 0
    cdef Flags flags
    cdef uint64_t word
    for s in range(TILE):
        flags.one[s] = resp[s] > 0
    for v in range(WORDS):
        word = flags.eight[v]
        while word:
            owned[n] = v * 8 + cyem_lowest(word) // 8
            n += 1
            word &= word - 1
    return n


cdef inline void add_rows(const real* acc, Py_ssize_t n, double* out) noexcept nogil:
    """out_l += acc_l"""
    cdef Py_ssize_t l
    for l in range(n):
        out[l] += acc[l]


cdef inline void outer_gathered(const real* y, const real* z, Py_ssize_t n, Py_ssize_t stride, Py_ssize_t rows,
                                double* out) noexcept nogil:
    """out[a, b] += sum_s y_sa z_sb for rows x BLOCK features; rows is a constant where this is called."""
    cdef Py_ssize_t s, r, l
    cdef real p
    cdef real t[BLOCK]
    cdef real acc[BLOCK][BLOCK]
    for r in range(rows):
        for l in range(BLOCK):
            acc[r][l] = 0
    for s in range(n):
        for l in range(BLOCK):
            t[l] = z[s * stride + l]
        for r in range(rows):
            p = y[s * stride + r]
            for l in range(BLOCK):
                acc[r][l] += p * t[l]
    for r in range(rows):
        add_rows(acc[r], BLOCK, out + r * stride)


cdef inline void scatter_gathered(const real* y, const real* z, Py_ssize_t n, Py_ssize_t d, double* first,
                                  double* second) noexcept nogil:
    """second[a, b] += sum_s y_sa z_sb in the lower blocks of a square; rows are padded with zeros to whole blocks"""
    cdef Py_ssize_t a, b, stride = side(d)
    first_gathered(y, z, n, d, first, NULL)
    for a from 0 <= a < d by BLOCK:
        for b from 0 <= b <= a by BLOCK:
            if BLOCK > ROWS and d - a <= ROWS:
                outer_gathered(y + a, z + b, n, stride, ROWS, second + a * stride + b)
            else:
                outer_gathered(y + a, z + b, n, stride, BLOCK, second + a * stride + b)


cdef inline void squares_gathered(const real* y, const real* z, Py_ssize_t n, Py_ssize_t d, double* first,
                                  double* second) noexcept nogil:
    """second_i += sum_s y_si z_si; first as below"""
    cdef Py_ssize_t a, s, l, stride = side(d)
    cdef real acc[BLOCK]
    first_gathered(y, z, n, d, first, NULL)
    for a from 0 <= a < d by BLOCK:
        for l in range(BLOCK):
            acc[l] = 0
        for s in range(n):
            for l in range(BLOCK):
                acc[l] += y[s * stride + a + l] * z[s * stride + a + l]
        add_rows(acc, BLOCK if a + BLOCK <= d else d - a, second + a)


cdef inline void norms_gathered(const real* y, const real* z, Py_ssize_t n, Py_ssize_t d, double* first,
                                double* second) noexcept nogil:
    """second_0 += sum_s y_s . z_s; first as below"""
    cdef Py_ssize_t s
    cdef real total = 0
    first_gathered(y, z, n, d, first, NULL)
    for s in range(n * side(d)):
        total += y[s] * z[s]
    second[0] += total


cdef inline void first_gathered(const real* y, const real* z, Py_ssize_t n, Py_ssize_t d, double* first,
                                double* second) noexcept nogil:
    """first_i += sum_s y_si"""
    cdef Py_ssize_t a, s, l, stride = side(d)
    cdef real acc[BLOCK]
    for a from 0 <= a < d by BLOCK:
        for l in range(BLOCK):
            acc[l] = 0
        for s in range(n):
            for l in range(BLOCK):
                acc[l] += y[s * stride + a + l]
        add_rows(acc, BLOCK if a + BLOCK <= d else d - a, first + a)


# --- from the moments of all samples ---------------------------------------------------------------------------------

cdef inline void pooled_of_whole(const double* masses, const real* means, Py_ssize_t k, Py_ssize_t d,
                                 double* second) noexcept nogil:
    """second <- sum_sk r_sk (x_s - mean_k)(x_s - mean_k)', where responsibilities r_sk add up to the weights w_s.

    From the whole, which is second (d, d) IN, sum_s w_s x_s x_s', from masses (k,) and first moments f (k, d), which
    follow them, and from means (k, side):

        second = whole - sum_k (n_k mean_k mean_k' + f_k mean_k' + mean_k f_k')
    """
    cdef const double* first = masses + k
    cdef Py_ssize_t j, a, b, width = side(d)
    cdef double m, f
    for j in range(k):
        for a in range(d):
            m = means[j * width + a]
            f = masses[j] * m + first[j * d + a]
            for b in range(d):
                second[a * d + b] -= f * means[j * width + b] + m * first[j * d + b]
    for a in range(d):
        for b in range(a):
            second[b * d + a] = second[a * d + b]


cdef inline void rest_of_whole(const double* whole, Py_ssize_t rest, const real* means, Py_ssize_t k, Py_ssize_t d,
                               double* sums) noexcept nogil:
    """Mass, first and second moments of one component, which are what the others leave of all samples.

    whole: mass, first (d) and second moments (d, d) about the origin. sums: masses, first and second moments about
    means (k, side), which add up to it. A component's moments about another mean, gap = its own - the other away, are

        first + n gap    and    second + first gap' + gap first' + n gap gap'.
    """
    cdef double* first = sums + k
    cdef double* second = first + k * d
    cdef double* f = first + rest * d
    cdef double* S = second + rest * d * d
    cdef Py_ssize_t j, a, b, width = side(d)
    cdef const real* mean = means + rest * width
    cdef double n = whole[0], gap, g
    for a in range(d):
        f[a] = whole[1 + a] - n * mean[a]
        for b in range(d):
            S[a * d + b] = whole[1 + d + a * d + b] - f[a] * mean[b] - mean[a] * whole[1 + b]
    sums[rest] = n
    for j in range(k):
        if j == rest:
            continue
        n = sums[j]
        sums[rest] -= n
        for a in range(d):
            gap = <double>means[j * width + a] - mean[a]
            g = first[j * d + a] + n * gap
            f[a] -= g
            for b in range(d):
                S[a * d + b] -= (second[j * d * d + a * d + b] + g * (<double>means[j * width + b] - mean[b])
                                 + gap * first[j * d + b])
    for a in range(d):
        for b in range(a):
            S[b * d + a] = S[a * d + b]
