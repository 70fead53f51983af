# --- many passes in one call -----------------------------------------------------------------------------------------

cdef struct Problem:        # what stays the same from one pass to the next
    Table rows
    Model model
    int density, n_threads
    double cut
    const void* kept        # where the last pass had these samples as one tile, and left them; else NULL


cdef inline bint beside(const Problem* c) noexcept nogil:
    """Whether there is a background. Then one number more is at the end of a block, its weight, of statistics, the sum
    of weights that it takes, and of coordinates."""
    return c.model.background > -INFINITY


cdef inline Py_ssize_t sums_size(const Problem* c) noexcept nogil:
    """Length of statistics, and the place of what the background takes."""
    return statistics_size(c.model.k, c.model.d, c.model.moments)


cdef inline double* weight_beside(const Problem* c, double* block) noexcept nogil:
    """Where the weight of the background is."""
    return block + block_size(c.model.k, c.model.d, c.model.moments)


cdef inline double mass_of(const Problem* c, const double* statistics) noexcept nogil:
    """Of all components."""
    cdef double mass = 0
    cdef Py_ssize_t j
    for j in range(c.model.k):
        mass += statistics[HEAD + j]
    return mass


cdef inline bint update(const Problem* c, const double* statistics, const double* about, const double* current,
                        double* block) noexcept nogil:
    """block <- the M-step, where nothing is out of the ordinary; a search begins at the current block, or NULL."""
    cdef double outside, mass
    if beside(c):
        outside, mass = statistics[sums_size(c)], mass_of(c, statistics)
        if not mass > EMPTY_SHARE * (mass + outside):
            return False
        weight_beside(c, block)[0] = max(outside / (mass + outside), DBL_MIN)
    return maximise(&c.model, statistics, about, current, block, c.n_threads) == ORDINARY


cdef double measure(Problem* c, double* block, double* statistics, double* about, unsigned char* at) noexcept nogil:
    """One pass: statistics about the means of a block, as the samples' precision has them; the mean log-likelihood.

    Beside a background of weight s and density h the density of a sample is

        sum_k (1 - s) w_k N_k + s h  =  (1 - s) (sum_k w_k N_k + s / (1 - s) h)

    with the weights w that the components have alone.
    """
    cdef Pass p
    cdef Py_ssize_t k = c.model.k, d = c.model.d, j
    cdef int moments = c.model.moments
    cdef Block b = parts(block, k, d, moments)
    cdef Kind kind = kind_of(moments)
    cdef Mixture m = Mixture(c.density, k, count(&kind, k), b.means, b.factors, b.constants, -INFINITY)
    cdef double mass, s
    if beside(c):
        s = weight_beside(c, block)[0]
        m.background = log(s) - log1p(-s) + c.model.background
    for j in range(k * d):
        about[j] = <float>b.means[j] if c.rows.single else b.means[j]
    open_pass(&p, c.rows, &m, SOFT, moments, c.cut, False, at)
    p.loaded = c.kept == p.scratch
    run(&p, c.n_threads)
    c.kept = p.scratch if p.tiles == 1 and c.n_threads == 1 else NULL
    add_shards(&p, statistics, c.n_threads)
    mass = mass_of(c, statistics)
    if beside(c):
        mass += statistics[sums_size(c)]
        statistics[0] += mass * log1p(-s)
    return statistics[0] / mass


# --- partitions ------------------------------------------------------------------------------------------------------

cdef void partition(const Problem* c, double* centres, const double* scales, double* statistics, int moments,
                    unsigned char* at) noexcept nogil:
    """One pass, each sample of the nearest of its centres only."""
    cdef Pass p
    cdef Mixture m = Mixture(DIAGONAL, c.model.k, 1, centres, scales, NULL, -INFINITY)
    open_pass(&p, c.rows, &m, HARD, moments, 0, False, at)
    run(&p, c.n_threads)
    add_shards(&p, statistics, c.n_threads)


def partitions(Rows rows, double[:, :, ::1] centres, const double[::1] scales, double[:, ::1] statistics,
               unsigned char[::1] workspace, *, int moments, int n_threads, int iterations=0, double tol=0):
    """The sums for M-steps from several partitions of the samples, by the nearest of centres.

    Before that centres move to the means of their samples, `iterations` times, or until distances shrink by no more
    than a share of tol (Lloyd 1982); one that has no samples stays.

    centres (runs, k, d) INOUT. scales (d,), which features are multiplied by. statistics (runs, size) OUT: about the
    centres. The workspace is that of a pass with diagonal densities.
    """
    cdef Problem c
    cdef Py_ssize_t r, i, j, k = centres.shape[1], d = centres.shape[2]
    cdef double* centre
    cdef double* sums
    cdef double lowest
    cdef Watch watch
    c.rows, c.n_threads, c.model.k = rows.table, n_threads, k
    open_watch(&watch)
    with nogil:
        for r in range(centres.shape[0]):
            centre, sums, lowest = &centres[r, 0, 0], &statistics[r, 0], INFINITY
            for _ in range(iterations):
                partition(&c, centre, &scales[0], sums, NONE, &workspace[0])
                for j in range(k):
                    for i in range(j * d, j * d + d):
                        centre[i] = <float>centre[i] if rows.table.single else centre[i]
                        if sums[HEAD + j] > 0:
                            centre[i] += sums[HEAD + k + i] / sums[HEAD + j]
                if look(0) or -sums[0] >= lowest * (1 - tol):
                    break
                lowest = -sums[0]
            partition(&c, centre, &scales[0], sums, moments, &workspace[0])
    close_watch(&watch)


# --- short runs ------------------------------------------------------------------------------------------------------

cpdef Py_ssize_t climb_size(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k, int density, int moments, Py_ssize_t itemsize,
                            Py_ssize_t n_threads, Py_ssize_t at_once):
    """Bytes of temporary memory for a climb."""
    return at_once * (workspace_size(n, d, k, density, moments, itemsize, n_threads)
                      + aligned(block_size(k, d, moments) * <Py_ssize_t>sizeof(double))) + 64


cdef int climb_from(const Problem* given, int iterations, double tol, double* statistics, double* about,
                    double* values, unsigned char* at) noexcept nogil:
    """One run; how many iterations it took, or -1 if something out of the ordinary happened."""
    cdef Problem c = given[0]
    cdef double* block
    cdef double gain, last
    cdef Py_ssize_t i
    at += (64 - <uintptr_t>at % 64) % 64
    block = <double*>at
    at += aligned(block_size(c.model.k, c.model.d, c.model.moments) * sizeof(double))
    for i in range(iterations):
        if look(0) or not update(&c, statistics, about, block if i else NULL, block):
            return -1
        values[i] = measure(&c, block, statistics, about, at)
        if i > 1:
            gain, last = values[i] - values[i - 1], values[i - 1] - values[i - 2]
            if gain * gain <= tol * (last - gain):  # what is left if gains go on shrinking by gain / last
                return <int>i + 1
    return iterations


cdef struct Climbs:         # several runs
    const Problem* problem
    int iterations
    double tol
    double* statistics      # (runs, statistics_size), and about which means, (runs, means_size)
    double* about
    double* values          # (runs, iterations)
    int* done               # (runs,)
    Py_ssize_t statistics_size, means_size
    unsigned char* workspace
    Py_ssize_t workspace_size  # of one thread


cdef void climb_one(const Climbs* c, Py_ssize_t r, int thread) noexcept nogil:
    c.done[r] = climb_from(c.problem, c.iterations, c.tol, c.statistics + r * c.statistics_size,
                           c.about + r * c.means_size, c.values + r * c.iterations,
                           c.workspace + thread * c.workspace_size)


cdef Problem problem_of(Rows rows, ClosedForm closed, Py_ssize_t k, double cut, int n_threads):
    """k components, and rows to fit them to; all of these are of components."""
    cdef Problem c = Problem(rows.table, closed.model, density_of(closed.model.moments), n_threads, cut, NULL)
    c.model.k, c.model.d, c.model.background = k, rows.table.d, -INFINITY
    return c


def climb(Rows rows, ClosedForm closed, double[:, ::1] statistics, double[:, :, ::1] about, double[:, ::1] values,
          int[::1] done, unsigned char[::1] workspace, *, double cut, double tol, int n_threads, int at_once):
    """Several runs of plain EM: M-step, pass, and so on, each until `tol` or the end of its row of values.

    statistics (runs, size) and the means they are about (runs, k, d): IN, where to begin, and OUT, those of the last
    pass. values (runs, iterations) OUT: the mean log-likelihood at each pass. done (runs,) OUT: how many there were, or
    -1 if something was out of the ordinary, and statistics are of no use. at_once runs go side by side, with n_threads
    each.
    """
    cdef Problem c = problem_of(rows, closed, about.shape[1], cut, n_threads)
    cdef Climbs all
    cdef Py_ssize_t n = rows.table.n, k = c.model.k, d = c.model.d
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        all = Climbs(&c, <int>values.shape[1], tol, &statistics[0, 0], &about[0, 0, 0], &values[0, 0], &done[0],
                     statistics.shape[1], k * d, &workspace[0], workspace.shape[0] // at_once // 64 * 64)
        # one after the other, they share the threads of each pass: a parallel region within one would make its own
        share_out(<item_t>climb_one, &all, statistics.shape[0], <double>n * k * d * d * values.shape[1], at_once)
    close_watch(&watch)


# --- EM to its end, with leaps ---------------------------------------------------------------------------------------

OUTCOMES = ("goes on", "converged", "out of the ordinary", "lost")

cdef enum:
    GOES_ON, CONVERGED, STRANGE, LOST
cpdef enum:
    MEMORY = 3      # rates of convergence of which the slowest counts
    PATIENCE = 2    # projections in a row that have to be small
    STRETCH = 4     # the first bound on the length of a leap, and what it grows by
    LOSS = 32       # rounding errors of a mean log-likelihood beyond which a step has lost

FARTHEST = 0.1      # that a leap leads beyond an update, in the coordinate that changes most: on the slope of EM's path

cdef double MOST = FARTHEST

cdef struct State:          # of an ascent between two calls, as a vector of numbers; zeros to begin with
    double iterations
    double gain             # of the last update
    double rates[MEMORY]    # at which gains shrank
    double known            # how many of these there are
    double near             # projections in a row that were small
    double longest          # bound on the next leap
    double paved            # whether the point is the update of the one before it, so that a leap may follow
    double value            # at the point before

cdef struct Path:           # of an ascent
    State* state
    double* point           # blocks
    double* before
    double* after
    double* target
    double* statistics      # at the point, and about which means
    double* about
    double* there           # at the target
    double* about_there
    double* x               # (4, coordinates_size): of the point before, the point, its update and the target
    const double* scale
    Py_ssize_t block_size, statistics_size, coordinates_size, means_size
    double mass, tol, resolution
    double walk
    bint curved


def state_size():
    """Length of the vector that holds the state of an ascent."""
    return sizeof(State) // sizeof(double)


cpdef Py_ssize_t ascent_size(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k, int density, int moments, Py_ssize_t itemsize,
                             Py_ssize_t n_threads):
    """Bytes of temporary memory for an ascent."""
    # with room for what a background adds to each
    return (workspace_size(n, d, k, density, moments, itemsize, n_threads) + 64 + <Py_ssize_t>sizeof(double)
            * (2 * (block_size(k, d, moments) + 1) + 4 * (coordinates_size(k, d, moments) + 1) + k * d
               + statistics_size(k, d, moments) + 1))


cdef bint converged(const Path* a, double gain, double value, double rate) noexcept nogil:
    """Tell the gain of an update and the rate that steps show: is what projects from these at most tol?"""
    cdef State* s = a.state
    cdef double shrunk = INFINITY, noise = a.resolution * max(1, fabs(value)), slowest = 0
    cdef bint first = s.known == 0
    cdef int i
    if gain > 0 and (first or s.gain > 0):
        shrunk = 0 if first else gain / s.gain
    for i in range(MEMORY - 1):
        s.rates[i] = s.rates[i + 1]
    s.rates[MEMORY - 1] = max(rate, shrunk)
    s.known = min(s.known + 1, MEMORY)
    s.gain = gain
    if gain <= noise and not (first and gain < -noise):
        return True
    for i in range(MEMORY):
        slowest = max(slowest, s.rates[i])
    s.near = s.near + 1 if s.known == MEMORY and slowest < 1 and gain * slowest <= a.tol * (1 - slowest) else 0
    return s.near == PATIENCE


cdef inline void place(const Problem* c, const Path* a, double* block, double* x) noexcept nogil:
    """x <- the coordinates of a block; of the weight s of a background log s / (1 - s)."""
    cdef double s
    coordinates_of(block, c.model.k, c.model.d, c.model.moments, a.scale, x)
    if beside(c):
        s = weight_beside(c, block)[0]
        x[a.coordinates_size - 1] = log(s) - log1p(-s)


cdef bint ahead(const Problem* c, const Path* a, double* rate, bint* bounded) noexcept nogil:
    """The coordinates of a point far ahead, or false where there is none; the rate at which EM gains."""
    cdef Py_ssize_t i, m = a.coordinates_size
    cdef double* x = a.x
    cdef double r, step, rr = 0, vv = 0, ss = 0, length, far = 0
    place(c, a, a.before, x)
    place(c, a, a.point, x + m)
    place(c, a, a.after, x + 2 * m)
    for i in range(m):
        r, step = x[m + i] - x[i], x[2 * m + i] - x[m + i]
        rr += r * r
        ss += step * step
        vv += (step - r) * (step - r)
    rate[0] = 0
    if rr == 0 or vv == 0:
        return False
    rate[0] = ss / rr
    length = sqrt(rr / vv)
    bounded[0] = length >= a.state.longest
    length = min(length, a.state.longest)
    for i in range(m):
        r, step = x[m + i] - x[i], x[2 * m + i] - x[m + i]
        x[3 * m + i] = x[i] + 2 * length * r + length * length * (step - r)
        far = max(far, fabs(x[3 * m + i] - x[2 * m + i]))
    if far > MOST:
        bounded[0] = False
        for i in range(m):
            x[3 * m + i] = x[2 * m + i] + MOST / far * (x[3 * m + i] - x[2 * m + i])
    return length > 1


cdef bint land(const Problem* c, const Path* a) noexcept nogil:
    """target <- the parameters at the coordinates ahead, or what is nearest to these in a curved structure; false where
    these would be thinner than the floor."""
    cdef Py_ssize_t d = c.model.d, j, i
    cdef Block b = parts(a.target, c.model.k, d, c.model.moments)
    cdef double* second = a.there + HEAD + c.model.k + a.means_size
    cdef const double* x = a.x + 3 * a.coordinates_size
    cdef double odds = 0
    parameters_at(x, c.model.k, d, c.model.moments, a.scale, a.target)
    if beside(c):
        odds = exp(x[a.coordinates_size - 1])
        if not EMPTY_SHARE * (1 + odds) < 1:
            return False
        weight_beside(c, a.target)[0] = max(odds / (1 + odds), DBL_MIN)
    if not a.curved:
        return all_exceed(&c.model, a.target, second)
    memset(a.there, 0, a.statistics_size * sizeof(double))
    for j in range(c.model.k):
        a.there[HEAD + j] = b.weights[j]
        for i in range(d * d):
            second[j * d * d + i] = b.weights[j] * b.covariances[j * d * d + i]
    if beside(c):
        a.there[sums_size(c)] = odds  # where the components have all of their weights
    memcpy(a.about_there, b.means, a.means_size * sizeof(double))
    return update(c, a.there, a.about_there, a.after, a.target)


cdef int ascend_once(Problem* c, const Path* a, double* value, unsigned char* at) noexcept nogil:
    """One iteration: to the update of the point, or a leap beyond it. value: that of the point, IN and OUT.

    Where the update is lower by more than rounding, the point stays, but its statistics are gone.
    """
    cdef State* s = a.state
    cdef bint leaps = s.iterations >= a.walk, end = False, bounded = False, found
    cdef double rate, new
    if not update(c, a.statistics, a.about, a.point, a.after):
        return STRANGE
    s.iterations += 1
    if leaps and s.paved:
        found = ahead(c, a, &rate, &bounded)
        end = converged(a, value[0] - s.value, value[0], rate)
        if found and not end and land(c, a):
            measure(c, a.target, a.there, a.about_there, at)
            new = a.there[0] / a.mass
            if new >= value[0]:
                s.longest *= STRETCH if bounded else 1
                s.paved = 0
                value[0] = new
                memcpy(a.point, a.target, a.block_size * sizeof(double))
                memcpy(a.statistics, a.there, a.statistics_size * sizeof(double))
                memcpy(a.about, a.about_there, a.means_size * sizeof(double))
                return GOES_ON
            s.longest = max(STRETCH, s.longest / STRETCH)
    measure(c, a.after, a.statistics, a.about, at)
    new = a.statistics[0] / a.mass
    if not new >= value[0] - LOSS * a.resolution * max(1, fabs(value[0])):
        s.gain = new - value[0]
        return LOST
    if not leaps:
        end = converged(a, new - value[0], new, 0)
    s.paved, s.value = 1, value[0]
    value[0] = new
    memcpy(a.before, a.point, a.block_size * sizeof(double))
    memcpy(a.point, a.after, a.block_size * sizeof(double))
    return CONVERGED if end else GOES_ON


def ascend(Rows rows, ClosedForm closed, Ascent ascent, double[::1] values, unsigned char[::1] workspace, *,
           double cut, int n_threads):
    """EM as `em.fit` has it, with leaps ahead, where nothing out of the ordinary happens.

    ascent: where it is, IN and OUT. values (iterations,) OUT: the mean log-likelihood after each.
    Returns the number of iterations, the outcome, and the gain of the last update. After "lost" the statistics are of
    no use.
    """
    cdef Problem c = problem_of(rows, closed, ascent.k, cut, n_threads)
    cdef Path a
    cdef Py_ssize_t i = 0, k = c.model.k, d = c.model.d
    cdef int outcome = GOES_ON
    cdef double value = ascent.sums[0] / ascent.mass
    cdef uintptr_t at = (<uintptr_t>&workspace[0] + 63) // 64 * 64
    cdef Watch watch
    open_watch(&watch)
    c.model.background = closed.background
    a.block_size = block_size(k, d, c.model.moments) + beside(&c)
    a.coordinates_size = coordinates_size(k, d, c.model.moments) + beside(&c)
    a.statistics_size, a.means_size = ascent.sums_size, k * d
    a.state, a.point, a.before = <State*>ascent.memory, ascent.block, ascent.block + a.block_size
    a.statistics, a.about, a.scale = ascent.sums, ascent.means, ascent.unit
    a.mass, a.tol, a.resolution, a.walk, a.curved = (
        ascent.mass, ascent.tol, ascent.resolution, ascent.walk, ascent.curved)
    a.after = <double*>at
    a.target = a.after + a.block_size
    a.x = a.target + a.block_size
    a.there = a.x + 4 * a.coordinates_size
    a.about_there = a.there + a.statistics_size
    at = <uintptr_t>(a.about_there + a.means_size)
    with nogil:
        a.state.longest = max(STRETCH, a.state.longest)
        while i < values.shape[0] and outcome == GOES_ON and not look(0):
            outcome = ascend_once(&c, &a, &value, <unsigned char*>at)
            if outcome < STRANGE:
                values[i] = value
                i += 1
    close_watch(&watch)
    return i, outcome, a.state.gain
