# --- what moves of a search promise ----------------------------------------------------------------------------------

# Here each component has a covariance of its own, also where all have one in a fit.

cdef Py_ssize_t own_size(Py_ssize_t d, int moments) noexcept nogil:
    """Length of the covariance of one component."""
    cdef Kind kind = kind_of(moments)
    return numbers(&kind, d)


cdef void sum_up(const double* w, const double* C, Py_ssize_t k, Py_ssize_t d, int moments,
                 double* statistics) noexcept nogil:
    """statistics <- what samples of k Gaussians of weights w and covariances C sum up to about their means."""
    cdef Kind kind = kind_of(moments)
    cdef double* second = statistics + HEAD + k + k * d
    cdef Py_ssize_t j, size = numbers(&kind, d)
    memset(statistics, 0, statistics_size(k, d, moments) * sizeof(double))
    for j in range(k):
        statistics[HEAD + j] = w[j]
        kind.one.sum(w[j], C + j * size, d, second)
        second += size if kind.each else 0


cdef struct Splitting:      # how components are split
    double owned            # responsibility from which a sample counts as one of a component
    double tol              # as of a climb
    int enough              # samples for each feature that are looked at
    int least               # samples for each feature that both halves need
    int trial               # iterations of EM from each of two starts
    int iterations          # and from the better one


cdef Py_ssize_t split_numbers(Py_ssize_t d, int moments) noexcept nogil:
    """Doubles that one split needs."""
    cdef Kind kind = kind_of(moments)
    return 3 * statistics_size(2, d, moments) + 6 * d + block_size(2, d, moments) + d + axis_numbers(&kind, d)


cpdef Py_ssize_t splits_size(Py_ssize_t n, Py_ssize_t d, int density, int moments, Py_ssize_t itemsize,
                             Py_ssize_t iterations, Py_ssize_t at_once):
    """Bytes of temporary memory for splits."""
    return at_once * (aligned(n * <Py_ssize_t>sizeof(Py_ssize_t)) + aligned(n * itemsize) + 64
                      + aligned((split_numbers(d, moments) + iterations) * <Py_ssize_t>sizeof(double))
                      + climb_size(n, d, 2, density, moments, itemsize, 1, 1)) + 64


cdef double split(const Problem* whole, const Splitting* how, const real* resp, Py_ssize_t stride, const double* mean,
                  const double* C, double* shares, double* means, double* matrices, unsigned char* at) noexcept nogil:
    """Two components that explain best what one does, and the gain of the sum of log-likelihoods; -inf if there are
    none."""
    cdef Problem c = whole[0]
    cdef int moments = c.model.moments
    cdef Kind kind = kind_of(moments)
    cdef Py_ssize_t d = c.model.d, size = statistics_size(2, d, moments), own_numbers = own_size(d, moments)
    cdef Py_ssize_t r, i, thin, n = 0
    cdef const real* weights = <const real*>c.rows.weights
    cdef Py_ssize_t* order
    cdef real* own
    cdef double* statistics
    cdef double* about
    cdef double* block
    cdef double* step
    cdef double* scratch
    cdef double* values
    cdef double* A
    cdef double w[2]
    cdef double mass = 0, before, best = -INFINITY
    cdef int start, done, found = -1
    at += (64 - <uintptr_t>at % 64) % 64
    order, own = <Py_ssize_t*>at, <real*>(at + aligned(c.rows.n * sizeof(Py_ssize_t)))
    at = <unsigned char*>own + aligned(c.rows.n * sizeof(real))
    statistics = <double*>at
    about = statistics + 3 * size
    block = about + 6 * d
    step = block + block_size(2, d, moments)
    scratch = step + d
    values = scratch + axis_numbers(&kind, d)
    at += aligned((split_numbers(d, moments) + max(how.trial, how.iterations)) * sizeof(double))

    for r in range(c.rows.n):
        if resp[r * stride] > how.owned:
            own[r] = resp[r * stride] * (1 if weights is NULL else weights[r])
            mass += own[r]
            order[n] = r
            n += 1
    if mass < 2 * (how.least * d + 1):
        return -INFINITY
    thin = max(1, n // (how.enough * (d + 1)))
    c.rows.n = (n + thin - 1) // thin
    for i in range(c.rows.n):
        order[i] = order[i * thin]
    c.rows.order, c.rows.weights = order, own

    c.model.k, w[0] = 1, 1
    sum_up(w, C, 1, d, moments, statistics)
    memcpy(about, mean, d * sizeof(double))
    if not update(&c, statistics, about, NULL, block):
        return -INFINITY
    before = measure(&c, block, statistics, about, at)

    if not kind.one.axis(C, d, scratch, step):
        return -INFINITY
    for i in range(d):  # as far as the halves of a normal distribution are from its mean
        step[i] *= 0.8
    c.model.k = 2
    for start in range(2):  # from its halves, or from its core and its shell
        w[0] = 2. / 3 if start else 0.5
        w[1] = 1 - w[0]
        for i in range(d):
            means[i] = mean[i] if start else mean[i] - step[i]
            means[d + i] = mean[i] if start else mean[i] + step[i]
        for i in range(own_numbers):
            matrices[i] = C[i] / 2 if start else C[i]
            matrices[own_numbers + i] = 2 * C[i]
        if not start:
            kind.one.stretch(matrices, -1, step, d)
            memcpy(matrices + own_numbers, matrices, own_numbers * sizeof(double))
        sum_up(w, matrices, 2, d, moments, statistics + start * size)
        memcpy(about + start * 2 * d, means, 2 * d * sizeof(double))
        done = climb_from(&c, how.trial, how.tol, statistics + start * size, about + start * 2 * d, values, at)
        if done > 0 and values[done - 1] > best:
            best, found = values[done - 1], start
    if found < 0:
        return -INFINITY
    statistics, about = statistics + found * size, about + found * 2 * d
    done = climb_from(&c, how.iterations, how.tol, statistics, about, values, at)
    if done < 0 or not update(&c, statistics, about, NULL, block):
        return -INFINITY
    best = values[done - 1]
    memcpy(shares, block, 2 * sizeof(double))
    memcpy(means, block + 2, 2 * d * sizeof(double))
    A = parts(block, 2, d, moments).covariances
    for i in range(2):
        memcpy(matrices + i * own_numbers, A + i * own_numbers if kind.each else A, own_numbers * sizeof(double))
    return mass * (best - before) if min(shares[0], shares[1]) * mass >= how.least * d + 1 else -INFINITY


cdef struct Splits:         # of several components
    const Problem* problem
    const Splitting* how
    const Py_ssize_t* which
    const void* resp        # (n, k)
    const double* means     # (k, d)
    const double* C         # (k, own)
    double* found           # (components to split, size)
    Py_ssize_t k, own, size
    unsigned char* workspace
    Py_ssize_t workspace_size  # of one thread


cdef void split_one(const Splits* s, Py_ssize_t i, int thread, real unused) noexcept nogil:
    cdef Py_ssize_t j = s.which[i], d = s.problem.model.d
    cdef double* found = s.found + i * s.size
    found[0] = split[real](s.problem, s.how, <const real*>s.resp + j, s.k, s.means + j * d, s.C + j * s.own, found + 1,
                           found + 3, found + 3 + 2 * d, s.workspace + thread * s.workspace_size)


def splits(Rows rows, ClosedForm closed, Splitting how, const double[:, ::1] means, const double[:, ::1] C, resp,
           const Py_ssize_t[::1] which, double[:, ::1] found, unsigned char[::1] workspace, *, double cut, int at_once):
    """Two components in the place of each of some: where a few iterations of EM on the samples of that one lead.

    They begin as the halves of a component, or as its core and its shell, whatever is better after `trial` iterations;
    the covariances of the two are `closed`. means (k, d), C (k, own_size), resp (n, k), which (m,): IN, a mixture and
    which of its components. found (m, 3 + 2 d + 2 own_size) OUT: the gain of the sum of log-likelihoods, about, or -inf
    where there is no split; the shares of the two, their means and covariances. A sample is one of a component from the
    responsibility `owned` on; `enough` of them for each feature are looked at, both halves need `least` for each.
    at_once components go side by side.
    """
    cdef Problem c = problem_of(rows, closed, 2, cut, 1)
    cdef Splits all
    cdef const Py_ssize_t* chosen = &which[0] if which.shape[0] else NULL
    cdef double* out = &found[0, 0] if which.shape[0] else NULL
    cdef const void* given = matrix(resp, rows.table.single)
    cdef Py_ssize_t n = rows.table.n, d = rows.table.d, k = means.shape[0]
    cdef item_t each
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        all = Splits(&c, &how, chosen, given, &means[0, 0], &C[0, 0], out, k, C.shape[1], found.shape[1], &workspace[0],
                     workspace.shape[0] // at_once // 64 * 64)
        each = <item_t>split_one[float]
        if not rows.table.single:
            each = <item_t>split_one[double]
        share_out(each, &all, which.shape[0], <double>n * d * d * max(how.trial, how.iterations) / k, at_once)
    close_watch(&watch)


cdef double LOG_2 = 0.6931471805599453094


cdef void nearest(const double* means, const double* R, Py_ssize_t i, Py_ssize_t k, Py_ssize_t d, const Kind* kind,
                  int near, double* distances, double* losses, double* gap) noexcept nogil:
    """losses[i, m] and losses[m, i] <- 0 for the components m nearest to i in its own metric, R' R.

    The first ones where distances tie. distances (k,) and gap (d,) are scratch.
    """
    cdef Py_ssize_t m, a, best
    cdef int _
    for m in range(k):
        for a in range(d):
            gap[a] = means[m * d + a] - means[i * d + a]
        distances[m] = kind.one.distance(R, d, gap) if m != i else INFINITY
    for _ in range(min(near, k - 1)):
        best = 0
        for m in range(1, k):
            best = m if distances[m] < distances[best] else best
        distances[best] = INFINITY
        losses[i * k + best] = losses[best * k + i] = 0


cpdef Py_ssize_t mergers_size(Py_ssize_t d, Py_ssize_t k, int moments):
    """Doubles that `mergers` needs."""
    return 2 * k + k * k + 2 * d + 2 * own_size(d, moments)


cdef double overlaps(const real* resp, const real* weights, Py_ssize_t n, Py_ssize_t k, double* shared) noexcept nogil:
    """shared (k, k) <- sums of r_i r_j below the diagonal, on which are those of log(1 - r_i); returns all weight."""
    cdef double rest = -72.0873067782343 if real is double else -31.8847703057575  # log of squared rounding
    cdef double w, t, total = 0
    cdef Py_ssize_t r, i, j
    memset(shared, 0, k * k * sizeof(double))
    for r in range(n):
        if look(k * k):
            break
        w = 1 if weights is NULL else weights[r]
        total += w
        for i in range(k):
            t = resp[r * k + i]
            if t > 0:
                shared[i * k + i] += w * (log(1 - t) if t < 1 else rest)
                for j in range(i):
                    shared[i * k + j] += w * t * resp[r * k + j]
    return total


def mergers(Rows rows, const double[::1] shares, const double[:, ::1] means, const double[:, ::1] C, resp,
            double[:, ::1] losses, double[::1] scratch, *, int moments, int near):
    """What it costs to do with one component less, about: of the sum of log-likelihoods.

    shares (k,), means (k, d), C (k, own_size), resp (n, k): IN, a mixture and what the samples say. losses (k, k) OUT:
    [i, i] without component i, and without any change to the others; [i, j] with one normal distribution in the place
    of i and j, inf where neither is one of the `near` nearest of the other.
    scratch: what `mergers_size` says.
    """
    cdef Py_ssize_t n = rows.table.n, k = means.shape[0], d = means.shape[1], own = C.shape[1], i, j, a
    cdef Kind kind = kind_of(moments)
    cdef double* volumes = &scratch[0]
    cdef double* distances = volumes + k
    cdef double* shared = distances + k
    cdef double* gap = shared + k * k
    cdef double* both = gap + d
    cdef double* R = both + own
    cdef Watch watch
    cdef double total, w, t
    cdef const void* given = matrix(resp, rows.table.single)
    cdef const void* weights = rows.table.weights
    open_watch(&watch)
    with nogil:
        for i in range(k):
            for j in range(k):
                losses[i, j] = INFINITY
        for i in range(k):
            if look(k * own):
                break
            volumes[i] = kind.one.volume(&C[i, 0], d, R)
            if kind.one.root(&C[i, 0], d, R):
                nearest(&means[0, 0], R, i, k, d, &kind, near, distances, &losses[0, 0], gap)
        if rows.table.single:
            total = overlaps(<const float*>given, <const float*>weights, n, k, shared)
        else:
            total = overlaps(<const double*>given, <const double*>weights, n, k, shared)
        for i in range(k):
            if look(k * own):
                break
            losses[i, i] = total * log1p(-min(shares[i], 1 - 1e-12)) - shared[i * k + i]
            for j in range(i):
                if losses[i, j] == 0:
                    w = shares[i] + shares[j]
                    t = shares[i] / max(w, 1e-300)
                    for a in range(d):
                        gap[a] = means[i, a] - means[j, a]
                    for a in range(own):
                        both[a] = t * C[i, a] + (1 - t) * C[j, a]
                    kind.one.stretch(both, t * (1 - t), gap, d)
                    t = (entropic(shares[i], volumes[i]) + entropic(shares[j], volumes[j])
                         - entropic(w, kind.one.volume(both, d, R)))
                    # what responsibilities that the two share tell is not lost: their entropy, from below
                    losses[i, j] = losses[j, i] = total * t + 4 * LOG_2 * shared[i * k + j]
    close_watch(&watch)


cdef inline double entropic(double share, double volume) noexcept nogil:
    """What a component of this share and log-volume adds to the mean expected log-likelihood, but for constants."""
    return share * (log(max(share, 1e-300)) - volume / 2)
