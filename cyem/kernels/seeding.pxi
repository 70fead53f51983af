# --- where runs begin ------------------------------------------------------------------------------------------------

# Greedy k-means++ on samples whose features are rows, Y (d, n), so that samples are the lanes: Arthur & Vassilvitskii
# 2007, with the greedy choice among several candidates of their section 5.

cdef enum:
    CHUNK = 512  # samples whose distances stay in cache


cdef double halve(const real* Y, Py_ssize_t n, Py_ssize_t d, Py_ssize_t centre, const double* weights,
                  const double* nearest, double* out) noexcept nogil:
    """out <- min(nearest, squared distance to row `centre`); returns the weighted sum."""
    cdef double q[CHUNK]
    cdef double potential = 0
    cdef Py_ssize_t start, s, m, i
    cdef real c, t
    for start from 0 <= start < n by CHUNK:
        if look(CHUNK * (d + 8)):
            break
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


cdef void measured(Rows r, const Py_ssize_t* looked, Py_ssize_t n, const real* metric, bint triangle, real* Y,
                   double* w) noexcept nogil:
    """Y (d, n) <- samples in the frame, times a metric, and w <- their weights.

    metric: an upper triangle (d, d), or a diagonal (d,). looked (n,): which samples, or NULL for the first n.
    """
    cdef const real* frame = <const real*>r.frame
    cdef const real* weights = <const real*>r.weights
    cdef const real* x
    cdef Py_ssize_t s, row, i, j, d = r.d
    cdef real u
    memset(Y, 0, d * n * sizeof(real))
    for s in range(n):
        if s % CHUNK == 0 and look(CHUNK * d * (d if triangle else 1)):
            break
        row = s if looked is NULL else looked[s]
        w[s] = 1 if weights is NULL else weights[row]
        x = <const real*>r.X + row * d
        for i in range(d):
            u = (x[i] - frame[i]) * frame[d + i]
            if triangle:
                for j in range(i, d):
                    Y[j * n + s] += u * metric[i * d + j]
            else:
                Y[i * n + s] = u * metric[i]


cdef void spread_out(const real* Y, Py_ssize_t n, Py_ssize_t d, const double* weights, const double* uniform,
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
            if look(n):
                return
            pick = draw(weights, nearest, n, uniform[j * candidates + l] * total, chosen[0])
            potential = halve[real](Y, n, d, pick, weights, nearest, trial)
            if lowest < 0 or potential < lowest:
                lowest = potential
                chosen[j] = pick
                trial, best = best, trial
        total = lowest
        nearest, best = best, nearest


cdef bint whitening(Rows r, const double* floor, double part, int n_threads, double* scratch, unsigned char* at,
                    real* metric) noexcept nogil:
    """metric <- the upper triangle by which samples have the identity as their covariance matrix; false for none."""
    cdef Pass p
    cdef Py_ssize_t d = r.d, i
    cdef double* origin = scratch
    cdef double* statistics = origin + d
    cdef double* block = statistics + statistics_size(1, d, SCATTER)
    cdef const double* U = parts(block, 1, d, SCATTER).factors
    cdef Model model = Model(1, d, SCATTER, FREE, floor, part, False)
    memset(origin, 0, d * sizeof(double))
    memset(metric, 0, d * d * sizeof(real))  # a density that is the same everywhere: all samples are of one component
    open_pass[real](&p, r, metric, 1, DIAGONAL, SCATTER, False, at)
    set_density[real](&p, metric, metric, 1, origin, DIAGONAL, SOFT, -1)
    run(&p, n_threads)
    add_shards[real](&p, statistics, metric, n_threads)
    if maximise(&model, statistics, origin, NULL, block, n_threads) == UNUSUAL:
        return False
    for i in range(d * d):
        metric[i] = <real>U[i]
    return True


cdef Py_ssize_t metrics_size(Py_ssize_t d, bint whitens):
    """Numbers of the metrics: a triangle, if any, and a diagonal."""
    return (d * d if whitens else 0) + d


cdef Py_ssize_t begin_numbers(Py_ssize_t looked, Py_ssize_t d, Py_ssize_t k, bint whitens):
    """Doubles for seeds and metrics."""
    return 4 * looked + k + (d + statistics_size(1, d, SCATTER) + block_size(1, d, SCATTER) if whitens else 0)


cpdef Py_ssize_t begin_size(Py_ssize_t n, Py_ssize_t looked, Py_ssize_t d, Py_ssize_t k, int moments,
                            Py_ssize_t itemsize, Py_ssize_t n_threads, bint whitens):
    """Bytes of temporary memory for `begin`."""
    cdef Py_ssize_t passes = workspace_size(n, d, k, DIAGONAL, moments, itemsize, n_threads)
    if whitens:
        passes = max(passes, workspace_size(n, d, k, WHITENED, moments, itemsize, n_threads),
                     workspace_size(n, d, 1, DIAGONAL, SCATTER, itemsize, n_threads))
    return (64 + aligned(metrics_size(d, whitens) * itemsize) + aligned(k * d * itemsize)
            + aligned(looked * d * itemsize)
            + aligned(begin_numbers(looked, d, k, whitens) * <Py_ssize_t>sizeof(double)) + passes)


def begin(const real[:, ::1] X, const real[::1] weights, const real[:, ::1] frame, const Py_ssize_t[::1] looked,
          const double[::1] deviations, const double[::1] floor, const double[:, :, ::1] uniform,
          Py_ssize_t[:, ::1] chosen, double[:, ::1] statistics, double[:, :, ::1] about, unsigned char[::1] workspace,
          *, bint whitens, double part, int moments, int n_threads):
    """Several times k samples far from each other, and the sums for M-steps from the partitions by the nearest of them.

    Distances are those of features divided by `deviations` (d,); if `whitens`, these and such in which the samples have
    the identity as their covariance matrix (at least diag(floor), and part of its own diagonal) by turns. looked:
    which rows of X seeds are looked for among, or empty for all. uniform (runs, k, candidates): random numbers in
    [0, 1). chosen (runs, k) OUT: places in looked. statistics (runs, size) OUT, about the seeds (runs, k, d) OUT.
    """
    cdef Pass p
    cdef Rows r
    cdef Py_ssize_t n = looked.shape[0] if looked.shape[0] else X.shape[0], k = uniform.shape[1], d = X.shape[1]
    cdef Py_ssize_t m, t, row, j, i, kinds = 1
    cdef int density
    cdef uintptr_t at = (<uintptr_t>&workspace[0] + 63) // 64 * 64
    cdef const Py_ssize_t* which = &looked[0] if looked.shape[0] else NULL
    cdef real* scales = <real*>at
    cdef real* triangle = scales + d
    cdef real* metric
    cdef real* centres = <real*>(at + aligned(metrics_size(d, whitens) * sizeof(real)))
    cdef real* Y = <real*>(<uintptr_t>centres + aligned(k * d * sizeof(real)))
    cdef double* w = <double*>(<uintptr_t>Y + aligned(n * d * sizeof(real)))
    cdef double* zeros = w + 4 * n
    cdef Watch watch
    at = <uintptr_t>w + aligned(begin_numbers(n, d, k, whitens) * sizeof(double))
    open_watch(&watch)
    with nogil:
        r = rows(X, weights, frame)
        memset(zeros, 0, k * sizeof(double))
        if whitens and whitening[real](r, &floor[0], part, n_threads, zeros + k, <unsigned char*>at, triangle):
            kinds = 2
        for i in range(d):
            scales[i] = <real>(1 / deviations[i])
        for m in range(min(kinds, chosen.shape[0])):
            density = WHITENED if m + 1 < kinds else DIAGONAL
            metric = triangle if density == WHITENED else scales
            measured[real](r, which, n, metric, density == WHITENED, Y, w)
            for t from m <= t < chosen.shape[0] by kinds:
                spread_out[real](Y, n, d, w, &uniform[t, 0, 0], uniform.shape[2], &chosen[t, 0], k, w + n)
                if look(0):
                    break
                for j in range(k):
                    row = chosen[t, j] if which is NULL else which[chosen[t, j]]
                    for i in range(d):
                        centres[j * d + i] = (X[row, i] - frame[0, i]) * frame[1, i]
                        about[t, j, i] = centres[j * d + i]
                open_pass[real](&p, r, centres, k, density, moments, False, <unsigned char*>at)
                set_density[real](&p, centres, metric, 1, zeros, density, HARD, 0)
                run(&p, n_threads)
                add_shards[real](&p, &statistics[t, 0], centres, n_threads)
    close_watch(&watch)
