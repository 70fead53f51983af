"""What mixtures say of some features of many rows, given others: means, variances, probabilities, quantiles.

Of row i a mixture is known by its weights w_ij, and of component j the location t_ij = c_j + A_j (x_i - reference) of
each feature and its scale. A tile of rows lies side by side, feature by feature, so that loops over rows are lanes.
"""

from libc.math cimport INFINITY, erfc, exp, fabs, isfinite, log, log1p, sqrt
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from .team cimport Watch, close_watch, item_t, open_watch, share_out

cdef enum:
    SIDE = 64       # rows of a tile
    TILES = 16      # of an item
    STEPS = 2000    # of a search or a continued fraction, more than any takes

cdef double ROOT_HALF = 0.7071067811865476
cdef double LIGHT = 1e4     # degrees of freedom from which on a series in their inverse is exact
cdef double TINY = 1e-300
cdef double EPS = 2.220446049250313e-16


# --- moments ---------------------------------------------------------------------------------------------------------

cdef struct Moments:
    Py_ssize_t n, p, m, k
    const double* X             # (n, p)
    const double* reference     # (p,)
    const double* resp          # (n, k)
    const double* stretch       # (n, k): what multiplies variances, or NULL for ones
    const double* constants     # (k, m): locations at the reference, less `about`
    const double* maps          # (k, m, p)
    const double* spread        # (k, m): variances of the components, or NULL where only means are asked for
    const double* about         # (m,)
    double* mean                # (n, m)
    double* variance            # (n, m)
    char* scratch
    Py_ssize_t scratch_size


cdef void moments_of_tile(const Moments* w, Py_ssize_t first, double* scratch) noexcept nogil:
    cdef Py_ssize_t rows = min(<Py_ssize_t>SIDE, w.n - first)
    cdef Py_ssize_t i, j, a, b, p = w.p, m = w.m, k = w.k
    cdef double* x = scratch
    cdef double* r = x + p * SIDE
    cdef double* t = r + k * SIDE
    cdef double* u = t + k * SIDE
    cdef double* mean = u + k * SIDE
    cdef double* variance = mean + SIDE
    cdef const double* A
    cdef double* tj
    cdef double* rj
    cdef double* xb
    cdef double* uj
    cdef double c
    memset(scratch, 0, (p + 3 * k) * SIDE * sizeof(double))
    for i in range(rows):
        for b in range(p):
            x[b * SIDE + i] = w.X[(first + i) * p + b] - w.reference[b]
        for j in range(k):
            r[j * SIDE + i] = w.resp[(first + i) * k + j]
    if w.spread is not NULL:
        for i in range(rows):
            for j in range(k):
                u[j * SIDE + i] = 1.0 if w.stretch is NULL else w.stretch[(first + i) * k + j]
    for a in range(m):
        memset(mean, 0, 2 * SIDE * sizeof(double))
        for j in range(k):
            tj, rj, c, A = t + j * SIDE, r + j * SIDE, w.constants[j * m + a], w.maps + (j * m + a) * p
            for i in range(SIDE):
                tj[i] = c
            for b in range(p):
                xb, c = x + b * SIDE, A[b]
                for i in range(SIDE):
                    tj[i] += c * xb[i]
            for i in range(SIDE):
                mean[i] += rj[i] * tj[i]
        if w.spread is not NULL:  # about the mean, so that nothing cancels
            for j in range(k):
                tj, rj, uj, c = t + j * SIDE, r + j * SIDE, u + j * SIDE, w.spread[j * m + a]
                for i in range(SIDE):
                    variance[i] += rj[i] * (c * uj[i] + (tj[i] - mean[i]) * (tj[i] - mean[i]))
            for i in range(rows):
                w.variance[(first + i) * m + a] = variance[i]
        for i in range(rows):
            w.mean[(first + i) * m + a] = mean[i] + w.about[a]


cdef void moments_item(const Moments* w, Py_ssize_t item, int thread) noexcept nogil:
    cdef Py_ssize_t tile
    for tile in range(item * TILES, (item + 1) * TILES):
        if tile * SIDE < w.n:
            moments_of_tile(w, tile * SIDE, <double*>(w.scratch + thread * w.scratch_size))


cdef Py_ssize_t scratch_size(Py_ssize_t p, Py_ssize_t k) noexcept nogil:
    return (p + 3 * k + 2) * SIDE * <Py_ssize_t>sizeof(double)


def workspace_size(Py_ssize_t p, Py_ssize_t k, Py_ssize_t n_threads):
    """Bytes of temporary memory for `conditional_moments`."""
    return 64 + n_threads * scratch_size(p, k)


def conditional_moments(const double[:, ::1] X, const double[::1] reference, const double[:, ::1] resp,
                        const double[:, ::1] stretch, const double[:, ::1] constants, const double[:, :, ::1] maps,
                        const double[:, ::1] spread, const double[::1] about, double[:, ::1] mean,
                        double[:, ::1] variance, unsigned char[::1] workspace, *, int n_threads):
    """Mean and variance of each of m features, of rows of which p others are known.

    X (n, p); reference (p,); resp (n, k): weights of the components; stretch (n, k), or empty for ones: what
    multiplies variances; constants (k, m) and maps (k, m, p): component j has the location constants[j] + maps[j] (x -
    reference), plus about (m,); spread (k, m): their variances, or empty where none are asked for: IN. mean (n, m),
    variance (n, m): OUT.
    """
    cdef Moments w
    cdef Watch watch
    cdef Py_ssize_t count
    open_watch(&watch)
    with nogil:
        memset(&w, 0, sizeof(Moments))
        w.n, w.p, w.m, w.k = X.shape[0], X.shape[1], constants.shape[1], constants.shape[0]
        w.X, w.reference, w.resp = &X[0, 0], &reference[0], &resp[0, 0]
        w.stretch = &stretch[0, 0] if stretch.shape[0] else NULL
        w.constants, w.maps, w.about, w.mean = &constants[0, 0], &maps[0, 0, 0], &about[0], &mean[0, 0]
        if spread.shape[0]:
            w.spread, w.variance = &spread[0, 0], &variance[0, 0]
        w.scratch = <char*>((<uintptr_t>&workspace[0] + 63) // 64 * 64)
        w.scratch_size = scratch_size(w.p, w.k)
        count = (w.n + SIDE * TILES - 1) // (SIDE * TILES)
        share_out(<item_t>moments_item, &w, count, <double>SIDE * TILES * w.k * w.m * (w.p + 4), n_threads)
    close_watch(&watch)


# --- probabilities ---------------------------------------------------------------------------------------------------

cdef double fraction(double a, double b, double x) noexcept nogil:
    """The continued fraction of the incomplete beta function, by the method of Lentz (Press et al. 2007, 6.4.5)."""
    cdef double c = 1, d = 1 - (a + b) * x / (a + 1), h, step, e
    cdef int i
    d = 1 / (d if fabs(d) > TINY else TINY)
    h = d
    for i in range(1, STEPS):
        e = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i))
        d, c = 1 + e * d, 1 + e / c
        d, c = 1 / (d if fabs(d) > TINY else TINY), c if fabs(c) > TINY else TINY
        h *= d * c
        e = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1))
        d, c = 1 + e * d, 1 + e / c
        d, c = 1 / (d if fabs(d) > TINY else TINY), c if fabs(c) > TINY else TINY
        step = d * c
        h *= step
        if fabs(step - 1) <= EPS:
            break
    return h


cdef double upper(double z, double nu, double height) noexcept nogil:
    """Probability above z >= 0 of a t distribution; height: its density at 0."""
    cdef double y, w, a, b, x, front
    if nu > LIGHT:  # Hill (1970), Algorithm 395, Communications of the ACM 13, 617-619; infinity is normal
        if isfinite(nu):
            a = nu - 0.5
            b = 48 * a * a
            w = a * log1p(z / nu * z)
            y = sqrt(w)
            z = (((((-0.4 * w - 3.3) * w - 24) * w - 85.5) / (0.8 * w * w + 100 + b) + w + 3) / b + 1) * y
        return 0.5 * erfc(z * ROOT_HALF)
    if z > 1e150:  # of which the square is beyond the range: the first term of the tail
        return height / nu * exp((nu + 1) / 2 * log(nu) - nu * log(z))
    a, b = nu / 2, 0.5
    x = nu / (nu + z * z)
    front = height * sqrt(nu) * exp(-a * log1p(z * z / nu)) * sqrt(z * z / (nu + z * z))
    if x < (a + 1) / (a + b + 2):
        return 0.5 * front * fraction(a, b, x) / a
    return 0.5 - 0.5 * front * fraction(b, a, z * z / (nu + z * z)) / b


cdef double density(double z, double nu, double height) noexcept nogil:
    return height * exp(-0.5 * z * z if nu == INFINITY else -(nu + 1) / 2 * log1p(z * (z / nu)))


cdef struct Mixture:            # of one feature, of one row
    Py_ssize_t k
    const double* w
    const double* t
    const double* s
    const double* nu            # (k,)
    const double* height        # (k,)
    Py_ssize_t dw, dt, ds       # strides


cdef double below(const Mixture* f, double x, bint above, double* slope) noexcept nogil:
    """Probability below x, or above it; and the density there."""
    cdef double total = 0, z, s, tail
    cdef Py_ssize_t j
    slope[0] = 0
    for j in range(f.k):
        if f.w[j * f.dw] > 0:
            s = f.s[j * f.ds]
            z = (x - f.t[j * f.dt]) / s
            tail = upper(fabs(z), f.nu[j], f.height[j])
            total += f.w[j * f.dw] * (tail if (z > 0) == above else 1 - tail)
            slope[0] += f.w[j * f.dw] * density(z, f.nu[j], f.height[j]) / s
    return min(total, 1.0)


cdef double quantile_of(const Mixture* f, double q) noexcept nogil:
    """The x below which the probability is q: Newton's steps inside a bracket, which is halved where these fail."""
    cdef double low = INFINITY, high = -INFINITY, x, value, slope, after, wide = 1, target
    cdef bint above = q > 0.5
    cdef Py_ssize_t j
    cdef int _step
    target = 1 - q if above else q
    for _step in range(STEPS):  # until it holds the answer
        low, high = INFINITY, -INFINITY
        for j in range(f.k):
            if f.w[j * f.dw] > 0:
                low = min(low, f.t[j * f.dt] - wide * f.s[j * f.ds])
                high = max(high, f.t[j * f.dt] + wide * f.s[j * f.ds])
        if below(f, low, False, &slope) <= q and below(f, high, True, &slope) <= 1 - q:
            break
        wide *= 2
    x = low / 2 + high / 2
    for _step in range(STEPS):
        value = below(f, x, above, &slope) - target
        if above:
            value = -value
        if value == 0:
            return x
        if value > 0:
            high = x
        else:
            low = x
        after = x - value / slope if slope > 0 else low
        if not (low < after < high):
            after = low / 2 + high / 2
        if fabs(after - x) <= 2 * EPS * fabs(x) or after == low or after == high:
            return after
        x = after
    return x


cdef struct Asked:
    Py_ssize_t n, q, each
    const double* at            # (n,) points, or (q,) probabilities
    Mixture f
    Py_ssize_t nw, nt, ns       # strides of rows
    double* out
    bint inverse


cdef void asked_item(const Asked* a, Py_ssize_t item, int thread) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef Mixture f = a.f
    cdef double slope
    for i in range(item * a.each, min(a.n, (item + 1) * a.each)):
        f.w, f.t, f.s = a.f.w + i * a.nw, a.f.t + i * a.nt, a.f.s + i * a.ns
        if a.inverse:
            for j in range(a.q):
                a.out[i * a.q + j] = quantile_of(&f, a.at[j])
        else:
            a.out[i] = below(&f, a.at[i], False, &slope)


cdef void open_asked(Asked* a, Py_ssize_t n, const double[:, :] weights, const double[:, :] locations,
                     const double[:, :] scales, const double[::1] freedom, const double[::1] heights) noexcept nogil:
    cdef Py_ssize_t size = <Py_ssize_t>sizeof(double)
    memset(a, 0, sizeof(Asked))
    a.n, a.q, a.each, a.f.k = n, 1, 256, freedom.shape[0]
    a.f.w, a.f.t, a.f.s = &weights[0, 0], &locations[0, 0], &scales[0, 0]
    a.f.nu, a.f.height = &freedom[0], &heights[0]
    a.nw, a.nt, a.ns = weights.strides[0] // size, locations.strides[0] // size, scales.strides[0] // size
    a.f.dw, a.f.dt, a.f.ds = weights.strides[1] // size, locations.strides[1] // size, scales.strides[1] // size


def cdf(const double[::1] points, const double[:, :] weights, const double[:, :] locations, const double[:, :] scales,
        const double[::1] freedom, const double[::1] heights, double[::1] out, *, int n_threads):
    """Probability below points (n,) of mixtures of n rows.

    weights, locations, scales (n, k), with any strides; freedom (k,): degrees of freedom; heights (k,): densities at 0
    of t distributions of these: IN. out (n,): OUT.
    """
    cdef Asked a
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_asked(&a, points.shape[0], weights, locations, scales, freedom, heights)
        a.at, a.out = &points[0], &out[0]
        share_out(<item_t>asked_item, &a, (a.n + a.each - 1) // a.each, 100. * a.each * a.f.k, n_threads)
    close_watch(&watch)


def quantiles(const double[::1] q, const double[:, :] weights, const double[:, :] locations,
              const double[:, :] scales, const double[::1] freedom, const double[::1] heights, double[:, ::1] out, *,
              int n_threads):
    """The points below which the probability is q (count,), each in (0, 1), of mixtures of n rows: out (n, count).

    The rest as in `cdf`.
    """
    cdef Asked a
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_asked(&a, weights.shape[0], weights, locations, scales, freedom, heights)
        a.q, a.at, a.out, a.inverse = q.shape[0], &q[0], &out[0, 0], True
        share_out(<item_t>asked_item, &a, (a.n + a.each - 1) // a.each, 1000. * a.each * a.q * a.f.k, n_threads)
    close_watch(&watch)
