# --- where runs begin ------------------------------------------------------------------------------------------------

# Greedy k-means++ on samples whose features are rows, Y (d, n), so that samples are the lanes: Arthur & Vassilvitskii
# 2007, with the greedy choice among several candidates of their section 5.

cdef enum:
    CHUNK = 512  # samples whose distances stay in cache
    BAND = 256   # features of a few samples that do


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


cdef void measured(Table r, const Py_ssize_t* looked, Py_ssize_t n, const double* metric, bint triangle, real* Y,
                   double* w) noexcept nogil:
    """Y (d, n) <- samples in the frame, times a metric, and w <- their weights.

    metric: an upper triangle (d, d), or a diagonal (d,). looked (n,): which samples, or NULL for the first n.
    """
    cdef const real* frame = <const real*>r.frame
    cdef const real* weights = <const real*>r.weights
    cdef const real* x
    cdef Py_ssize_t s, row, start, i, j, d = r.d
    cdef real u
    memset(Y, 0, d * n * sizeof(real))
    for s in range(n):
        w[s] = 1 if weights is NULL else weights[s if looked is NULL else looked[s]]
    for start from 0 <= start < d by BAND:
        for s in range(n):
            if s % CHUNK == 0 and look(CHUNK * BAND * (d if triangle else 1)):
                return
            row = s if looked is NULL else looked[s]
            x = <const real*>r.X + row * d
            for i in range(start, min(start + BAND, d)):
                u = (x[i] - frame[i]) * frame[d + i]
                if triangle:
                    for j in range(i, d):
                        Y[j * n + s] += u * <real>metric[i * d + j]
                else:
                    Y[i * n + s] = u * <real>metric[i]


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


cdef bint whitening(Table r, const Model* model, int n_threads, double* scratch, unsigned char* at,
                    double* metric) noexcept nogil:
    """metric <- the upper triangle by which samples have the identity as their covariance matrix; false for none."""
    cdef Pass p
    cdef Py_ssize_t d = r.d
    cdef double* origin = scratch
    cdef double* statistics = origin + d
    cdef double* block = statistics + statistics_size(1, d, SCATTER)
    # a density that is the same everywhere: all samples are of one component
    cdef Mixture everywhere = Mixture(DIAGONAL, 1, 1, origin, origin, NULL, -INFINITY)
    memset(origin, 0, d * sizeof(double))
    open_pass(&p, r, &everywhere, SOFT, SCATTER, -1, False, at)
    run(&p, n_threads)
    add_shards(&p, statistics, n_threads)
    if maximise(model, statistics, origin, NULL, block, n_threads) == UNUSUAL:
        return False
    memcpy(metric, parts(block, 1, d, SCATTER).factors, d * d * sizeof(double))
    return True


cdef Py_ssize_t begin_numbers(Py_ssize_t looked, Py_ssize_t d, bint whitens) noexcept nogil:
    """Doubles for seeds and metrics: a diagonal, and a triangle, if any."""
    return 4 * looked + d + (d * d + d + statistics_size(1, d, SCATTER) + block_size(1, d, SCATTER) if whitens else 0)


cpdef Py_ssize_t begin_size(Py_ssize_t n, Py_ssize_t looked, Py_ssize_t d, Py_ssize_t k, int moments,
                            Py_ssize_t itemsize, Py_ssize_t n_threads, bint whitens):
    """Bytes of temporary memory for `begin`."""
    cdef Py_ssize_t passes = workspace_size(n, d, k, DIAGONAL, moments, itemsize, n_threads)
    if whitens:
        passes = max(passes, workspace_size(n, d, k, WHITENED, moments, itemsize, n_threads),
                     workspace_size(n, d, 1, DIAGONAL, SCATTER, itemsize, n_threads))
    return (64 + aligned(looked * d * itemsize)
            + aligned(begin_numbers(looked, d, whitens) * <Py_ssize_t>sizeof(double)) + passes)


cdef struct Seeding:        # among what samples are chosen, and where they go
    Table rows
    const Py_ssize_t* looked  # (n,), or NULL
    Py_ssize_t n, k, candidates, runs
    const double* deviations  # (d,)
    const double* uniform   # (runs, k, candidates)
    Py_ssize_t* chosen      # (runs, k)
    double* about           # (runs, k, d)
    double* statistics      # (runs, statistics_size)
    Py_ssize_t statistics_size
    int moments, n_threads


cdef void choose(const Seeding* s, const Model* model, unsigned char* at, real unused) noexcept nogil:
    """All runs. model: the covariance in which samples are whitened by turns, or NULL."""
    cdef Pass p
    cdef Mixture m
    cdef Py_ssize_t n = s.n, d = s.rows.d, k = s.k, kinds = 1, kind, t, j, i, row
    cdef const real* X = <const real*>s.rows.X
    cdef const real* frame = <const real*>s.rows.frame
    cdef real* Y = <real*>at
    cdef double* w = <double*>(at + aligned(n * d * sizeof(real)))
    cdef double* scales = w + 4 * n
    cdef double* triangle = scales + d
    cdef double* about
    cdef Py_ssize_t* chosen
    at = <unsigned char*>w + aligned(begin_numbers(n, d, model is not NULL) * sizeof(double))
    for i in range(d):
        scales[i] = 1 / s.deviations[i]
    if model is not NULL and whitening(s.rows, model, s.n_threads, triangle + d * d, at, triangle):
        kinds = 2
    for kind in range(min(kinds, s.runs)):
        m = Mixture(DIAGONAL, k, 1, NULL, scales, NULL, -INFINITY)
        if kind + 1 < kinds:
            m = Mixture(WHITENED, k, 1, NULL, triangle, NULL, -INFINITY)
        measured[real](s.rows, s.looked, n, m.factors, kind + 1 < kinds, Y, w)
        for t from kind <= t < s.runs by kinds:
            chosen, about = s.chosen + t * k, s.about + t * k * d
            spread_out[real](Y, n, d, w, s.uniform + t * k * s.candidates, s.candidates, chosen, k, w + n)
            if look(0):
                return
            for j in range(k):
                row = chosen[j] if s.looked is NULL else s.looked[chosen[j]]
                for i in range(d):
                    about[j * d + i] = <real>((X[row * d + i] - frame[i]) * frame[d + i])
            m.means = about
            open_pass(&p, s.rows, &m, HARD, s.moments, 0, False, at)
            run(&p, s.n_threads)
            add_shards(&p, s.statistics + t * s.statistics_size, s.n_threads)


def begin(Rows rows, ClosedForm closed, const Py_ssize_t[::1] looked, const double[::1] deviations,
          const double[:, :, ::1] uniform, Py_ssize_t[:, ::1] chosen, double[:, ::1] statistics,
          double[:, :, ::1] about, unsigned char[::1] workspace, *, int moments, int n_threads):
    """Several times k samples far from each other, and the sums for M-steps from the partitions by the nearest of them.

    Distances are those of features divided by `deviations` (d,), and, unless closed is None, by turns such in which the
    samples have the identity as their covariance matrix, which is `closed`. looked: which rows of X seeds are looked
    for among, or empty for all. uniform (runs, k, candidates): random numbers in [0, 1). chosen (runs, k) OUT: places
    in looked. statistics (runs, size) OUT, about the seeds (runs, k, d) OUT.
    """
    cdef Seeding s = Seeding(
        rows.table, NULL, rows.table.n, uniform.shape[1], uniform.shape[2], uniform.shape[0], &deviations[0],
        &uniform[0, 0, 0], &chosen[0, 0], &about[0, 0, 0], &statistics[0, 0], statistics.shape[1], moments, n_threads)
    cdef Model alone
    cdef const Model* model = NULL
    cdef unsigned char* at = <unsigned char*>((<uintptr_t>&workspace[0] + 63) // 64 * 64)
    cdef Watch watch
    if looked.shape[0]:
        s.looked, s.n = &looked[0], looked.shape[0]
    if closed is not None:
        alone = closed.model
        alone.k, alone.d = 1, rows.table.d
        model = &alone
    open_watch(&watch)
    with nogil:
        if rows.table.single:
            choose[float](&s, model, at, 0)
        else:
            choose[double](&s, model, at, 0)
    close_watch(&watch)
