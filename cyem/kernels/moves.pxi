# --- what moves of a search promise ----------------------------------------------------------------------------------

cdef void matrices_of(const double* A, Py_ssize_t k, Py_ssize_t d, int moments, double* C) noexcept nogil:
    """The covariances A of a block as k whole matrices."""
    cdef Py_ssize_t j, i
    if moments == SCATTER:
        memcpy(C, A, k * d * d * sizeof(double))
        return
    if moments != POOLED:
        memset(C, 0, k * d * d * sizeof(double))
    for j in range(k):
        if moments == POOLED:
            memcpy(C + j * d * d, A, d * d * sizeof(double))
        else:
            for i in range(d):
                C[(j * d + i) * d + i] = A[j * d + i] if moments == SQUARES else A[j]


cdef void sum_up(const double* w, const double* C, Py_ssize_t k, Py_ssize_t d, int moments,
                 double* statistics) noexcept nogil:
    """statistics <- what samples of k Gaussians of weights w and covariance matrices C sum up to about their means."""
    cdef double* second = statistics + HEAD + k + k * d
    cdef Py_ssize_t j, i
    memset(statistics, 0, statistics_size(k, d, moments) * sizeof(double))
    for j in range(k):
        statistics[HEAD + j] = w[j]
        for i in range(d * d):
            if moments == SCATTER or moments == POOLED:
                second[i] += w[j] * C[i]
            elif i % (d + 1) == 0:
                second[i // (d + 1) if moments == SQUARES else 0] += w[j] * C[i]
        C += d * d
        second += d * d if moments == SCATTER else d if moments == SQUARES else 1 if moments == NORMS else 0


cdef struct Splitting:      # how components are split
    double owned            # responsibility from which a sample counts as one of a component
    double tol
    int look                # samples for each feature that are looked at
    int least               # samples for each feature that both halves need
    int trial               # iterations of EM from each of two starts
    int iterations          # and from the better one


cdef Py_ssize_t split_numbers(Py_ssize_t d, int moments) noexcept nogil:
    """Doubles that one split needs."""
    return (3 * statistics_size(2, d, moments) + 6 * d + block_size(2, d, moments) + 4 * d * d + 4 * d)


def splits_size(Py_ssize_t n, int d, int moments, Py_ssize_t itemsize, int iterations, int at_once):
    """Bytes of temporary memory for splits."""
    return at_once * (aligned(n * <Py_ssize_t>sizeof(int)) + aligned(n * itemsize) + 64
                      + aligned((split_numbers(d, moments) + iterations) * <Py_ssize_t>sizeof(double))
                      + climb_size(n, d, 2, moments, itemsize, 1, 1)) + 64


cdef double split(const Problem* whole, const Splitting* how, const real* resp, Py_ssize_t stride, const double* mean,
                  const double* C, double* shares, double* means, double* matrices, unsigned char* at) noexcept nogil:
    """Two components that explain best what one does, and the gain of the sum of log-likelihoods; -inf if there are
    none."""
    cdef Problem c = whole[0]
    cdef Py_ssize_t d = c.model.d, size = statistics_size(2, d, c.model.moments), r, i, a, n = 0, thin
    cdef const real* weights = <const real*>c.rows.weights
    cdef int* order
    cdef real* own
    cdef double* statistics
    cdef double* about
    cdef double* block
    cdef double* step
    cdef double* scratch
    cdef double* values
    cdef double w[2]
    cdef double mass = 0, before, best = -INFINITY
    cdef int start, done, found = -1
    at += (64 - <uintptr_t>at % 64) % 64
    order, own = <int*>at, <real*>(at + aligned(c.rows.n * sizeof(int)))
    at = <unsigned char*>own + aligned(c.rows.n * sizeof(real))
    statistics = <double*>at
    about = statistics + 3 * size
    block = about + 6 * d
    step = block + block_size(2, d, c.model.moments)
    scratch = step + d
    values = scratch + 3 * d + 4 * d * d
    at += aligned((split_numbers(d, c.model.moments) + max(how.trial, how.iterations)) * sizeof(double))

    for r in range(c.rows.n):
        if resp[r * stride] > how.owned:
            own[r] = resp[r * stride] * (1 if weights is NULL else weights[r])
            mass += own[r]
            order[n] = <int>r
            n += 1
    if mass < 2 * (how.least * d + 1):
        return -INFINITY
    thin = max(1, n // (how.look * (d + 1)))
    c.rows.n = (n + thin - 1) // thin
    for i in range(c.rows.n):
        order[i] = order[i * thin]
    c.rows.order, c.rows.weights = order, own

    c.model.k, w[0] = 1, 1
    sum_up(w, C, 1, d, c.model.moments, statistics)
    memcpy(about, mean, d * sizeof(double))
    if not update(&c, statistics, about, NULL, block):
        return -INFINITY
    before = measure[real](&c, block, statistics, about, at, 0)

    memcpy(matrices, C, d * d * sizeof(double))
    if not graded_eigen(matrices, d, scratch, scratch + 3 * d, scratch + d):
        return -INFINITY
    for i in range(d):  # as far as the halves of a normal distribution are from its mean
        step[i] = 0.8 * sqrt(scratch[d - 1]) * scratch[3 * d + (d - 1) * d + i]
    c.model.k = 2
    for start in range(2):  # from its halves, or from its core and its shell
        w[0] = 2. / 3 if start else 0.5
        w[1] = 1 - w[0]
        for i in range(d):
            means[i] = mean[i] if start else mean[i] - step[i]
            means[d + i] = mean[i] if start else mean[i] + step[i]
            for a in range(d):
                r = i * d + a
                matrices[r] = C[r] / 2 if start else C[r] - step[i] * step[a]
                matrices[d * d + r] = 2 * C[r] if start else matrices[r]
        sum_up(w, matrices, 2, d, c.model.moments, statistics + start * size)
        memcpy(about + start * 2 * d, means, 2 * d * sizeof(double))
        done = climb_from[real](&c, how.trial, how.tol, statistics + start * size, about + start * 2 * d, values, at,
                                0)
        if done > 0 and values[done - 1] > best:
            best, found = values[done - 1], start
    if found < 0:
        return -INFINITY
    statistics, about = statistics + found * size, about + found * 2 * d
    done = climb_from[real](&c, how.iterations, how.tol, statistics, about, values, at, 0)
    if done < 0 or not update(&c, statistics, about, NULL, block):
        return -INFINITY
    best = values[done - 1]
    memcpy(shares, block, 2 * sizeof(double))
    memcpy(means, block + 2, 2 * d * sizeof(double))
    matrices_of(parts(block, 2, d, c.model.moments).covariances, 2, d, c.model.moments, matrices)
    return mass * (best - before) if min(shares[0], shares[1]) * mass >= how.least * d + 1 else -INFINITY


def splits(const real[:, ::1] X, const real[::1] weights, const real[:, ::1] frame, const real[:, ::1] resp,
           const double[:, ::1] means, const double[:, :, ::1] C, const int[::1] which, double[::1] gains,
           double[:, ::1] shares, double[:, :, ::1] halves, double[:, :, :, ::1] matrices, const double[::1] floor,
           unsigned char[::1] workspace, *, int density, int moments, double part, double cut, double tol,
           int trial, int iterations, double owned, int look, int least, int at_once):
    """Two components in the place of each of some: where a few iterations of EM on the samples of that one lead.

    They begin as the halves of a component, or as its core and its shell, whatever is better after `trial` iterations;
    the covariances of the two are free, as far as moments see them. resp (n, k), means (k, d), C (k, d, d), which (m,):
    IN, a mixture and which of its components. gains (k,) OUT: of the sum of log-likelihoods, about, or -inf where there
    is no split. shares (k, 2), halves (k, 2, d), matrices (k, 2, d, d) OUT. A sample is one of a component from the
    responsibility `owned` on; `look` of them for each feature are enough, both halves need `least` for each. at_once
    components go side by side.
    """
    cdef Problem c
    cdef Splitting how
    cdef Py_ssize_t i, size = workspace.shape[0] // at_once // 64 * 64
    cdef int j
    how.owned, how.tol, how.look, how.least, how.trial, how.iterations = owned, tol, look, least, trial, iterations
    with nogil:
        c = Problem(rows(X, weights, frame), Model(2, X.shape[1], moments, FREE, &floor[0], part, False), density, 1,
                    cut, NULL)
        if at_once == 1:
            for i in range(which.shape[0]):
                j = which[i]
                gains[j] = split[real](&c, &how, &resp[0, j], resp.shape[1], &means[j, 0], &C[j, 0, 0], &shares[j, 0],
                                       &halves[j, 0, 0], &matrices[j, 0, 0, 0], &workspace[0])
        else:
            for i in prange(which.shape[0], schedule="dynamic", chunksize=1, num_threads=at_once):
                j = which[i]
                gains[j] = split[real](&c, &how, &resp[0, j], resp.shape[1], &means[j, 0], &C[j, 0, 0], &shares[j, 0],
                                       &halves[j, 0, 0], &matrices[j, 0, 0, 0], &workspace[cyem_thread() * size])


cdef double LOG_2 = 0.6931471805599453094


cdef double log_volume(const double* C, Py_ssize_t d, int moments, double* R) noexcept nogil:
    """log det of what moments see of a covariance matrix."""
    cdef double total = 0
    cdef Py_ssize_t i
    if moments == SCATTER or moments == POOLED:
        if not cholesky(C, NULL, 0, d, R):
            return -INFINITY
        for i in range(d):
            total += 2 * log(R[i * d + i])
    elif moments == SQUARES:
        for i in range(d):
            total += log(C[i * d + i])
    else:
        for i in range(d):
            total += C[i * d + i] / d
        total = d * log(total)
    return total


cdef void nearest(const double* means, const double* R, Py_ssize_t i, Py_ssize_t k, Py_ssize_t d, int near,
                  double* distances, double* losses, double* gap) noexcept nogil:
    """losses[i, m] and losses[m, i] <- 0 for the components m nearest to i in its own metric, R' R.

    The first ones where distances tie. distances (k,) and gap (d,) are scratch.
    """
    cdef Py_ssize_t m, a, b, best
    cdef int _
    for m in range(k):
        distances[m] = 0 if m != i else INFINITY
        for a in range(d):
            gap[a] = means[m * d + a] - means[i * d + a]
            for b in range(a):
                gap[a] -= R[b * d + a] * gap[b]
            gap[a] /= R[a * d + a]
            distances[m] += gap[a] * gap[a]
    for _ in range(min(near, k - 1)):
        best = 0
        for m in range(1, k):
            best = m if distances[m] < distances[best] else best
        distances[best] = INFINITY
        losses[i * k + best] = losses[best * k + i] = 0


def mergers(const double[::1] shares, const double[:, ::1] means, const double[:, :, ::1] C, const real[:, ::1] resp,
            const real[::1] weights, double[:, ::1] losses, double[::1] scratch, *, int moments, int near):
    """What it costs to do with one component less, about: of the sum of log-likelihoods.

    shares (k,), means (k, d), C (k, d, d), resp (n, k), weights (n,) or empty for ones: IN, a mixture and what the
    samples say. losses (k, k) OUT: [i, i] without component i, and without any change to the others; [i, j] with one
    normal distribution in the place of i and j, inf where neither is one of the `near` nearest of the other.
    scratch (2 k + k^2 + d + 2 d^2).
    """
    cdef Py_ssize_t n = resp.shape[0], k = means.shape[0], d = means.shape[1], r, i, j, a
    cdef double* volumes = &scratch[0]
    cdef double* distances = volumes + k
    cdef double* shared = distances + k  # sums of r_i r_j, on the diagonal those of log(1 - r_i)
    cdef double* gap = shared + k * k
    cdef double* R = gap + d
    cdef double* both = R + d * d
    cdef double total = 0, w, t
    cdef double rest = -72.0873067782343 if real is double else -31.8847703057575  # log of squared rounding
    with nogil:
        for i in range(k):
            for j in range(k):
                losses[i, j] = INFINITY
                shared[i * k + j] = 0
        for i in range(k):
            volumes[i] = log_volume(&C[i, 0, 0], d, moments, R)
            if cholesky(&C[i, 0, 0], NULL, 0, d, R):
                nearest(&means[0, 0], R, i, k, d, near, distances, &losses[0, 0], gap)
        for r in range(n):
            w = weights[r] if weights.shape[0] else 1
            total += w
            for i in range(k):
                t = resp[r, i]
                if t > 0:
                    shared[i * k + i] += w * (log(1 - t) if t < 1 else rest)
                    for j in range(i):
                        shared[i * k + j] += w * t * resp[r, j]
        for i in range(k):
            losses[i, i] = total * log1p(-min(shares[i], 1 - 1e-12)) - shared[i * k + i]
            for j in range(i):
                if losses[i, j] == 0:
                    w = shares[i] + shares[j]
                    t = shares[i] / max(w, 1e-300)
                    for a in range(d):
                        gap[a] = means[i, a] - means[j, a]
                    for a in range(d * d):
                        both[a] = t * C[i, a // d, a % d] + (1 - t) * (C[j, a // d, a % d]
                                                                       + t * gap[a // d] * gap[a % d])
                    t = (entropic(shares[i], volumes[i]) + entropic(shares[j], volumes[j])
                         - entropic(w, log_volume(both, d, moments, R)))
                    # what responsibilities that the two share tell is not lost: their entropy, from below
                    losses[i, j] = losses[j, i] = total * t + 4 * LOG_2 * shared[i * k + j]


cdef inline double entropic(double share, double volume) noexcept nogil:
    """What a component of this share and log-volume adds to the mean expected log-likelihood, but for constants."""
    return share * (log(max(share, 1e-300)) - volume / 2)
