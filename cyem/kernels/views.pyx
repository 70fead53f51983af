"""One pass over rows of which only a part is known: some features, with an error of measurement, of some components.

What is known of a row is its view: x_o = R x + e, where R picks the observed features and e ~ N(0, N). Of a component
N(mu, S) it has the density N(R mu, T) with T = R S R' + N = L L', and what it tells of the complete row is normal with
mean mu + Y' z and covariance S - Y' Y, where z = L^-1 (x_o - R mu) and Y = L^-1 R S (Dempster, Laird & Rubin 1977;
Bovy, Hogg & Roweis 2011). With responsibilities r the sums of the complete rows, about mu, are expected to be

    first = Y' sum r z,    second = n S + Y' (sum r z z' - n I) Y,    n = sum r.

Where tails are heavy, each row counts for u = (nu + m) / (nu + z' z) in the sums of a component with nu degrees of
freedom, m being the number of features observed; but not in n S and n I (Liu & Rubin 1995, Statistica Sinica 5, 19-39).

a) An item is some rows with one view. A batch is SIDE items side by side, a slot SIDE rows, one of each item: so each
   item has its own factor L at the cost of one. Features that are missing have a row of the unit matrix in L and count
   as exact, which changes nothing.
b) Where components are axis-parallel there is nothing to factorise: rows come as they are, each with its own gaps. What
   is missing is 0 times whatever else, by a mask, for branches on it would be taken by chance.
c) Sums have the layout of `sweep`. Batches of items are summed in order within a shard, and shards in order at the end:
   the same bits for any number of threads.
"""

from libc.math cimport INFINITY, log, sqrt
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from .arguments cimport Batches
from .lanes cimport LANES, WIDE, cyem_one_by_one, exp_lanes, log1p_lanes, log_lanes
from .team cimport Watch, close_watch, item_t, look, open_watch, share_out

cdef extern from "side.h" nogil:
    enum:
        SIDE "CYEM_SIDE"    # items side by side
    void cyem_distances(const double* filled, const double* mean, const double* v, Py_ssize_t d, double* q,
                        double* constant)
    void cyem_moments(const double* filled, const double* counts, const double* resp, double mean, Py_ssize_t d,
                      Py_ssize_t k, Py_ssize_t slots, double* out)

cdef enum:
    LONGEST = 32            # rows of an item, at most
    NEAR = 1 << 18          # bytes of whitened rows that are kept rather than made anew: they stay in the nearer caches
    NEAREST = 1 << 15       # bytes of rows without their gaps, and of masks, that are gone through by all components
    MAX_SHARDS = 64
    SHARD_MEMORY = 1 << 25  # bytes of all shards together
    HEAD = 2
    AT_A_TIME = 8           # factors of a determinant that are multiplied before their logarithm is taken

cdef enum Emit:
    SCATTER, POOLED, SQUARES, SCORES, RESPONSIBILITIES, COMPLETED

cdef double CUT = -37.0     # log of the responsibility below which a row cannot change a sum any more
cdef double LOW = -1e300    # stands for a log-density that is not a number or beyond the range
cdef double THIN = 1e-300   # of a pivot that rounding has made negative
cdef double HALF_LOG_2_PI = 0.9189385332046727

ROWS_OF_AN_ITEM, ITEMS_OF_A_BATCH = LONGEST, SIDE
EMITS = ("scatter", "pooled", "squares", "scores", "responsibilities", "completed")

cdef struct Pass:
    Py_ssize_t d, k, batches, shards, sums_size, scratch_size
    const double* X             # (slots, d, SIDE): in the frame, NaN where nothing was observed
    const double* weights       # (slots, SIDE): zero where there is no row
    const Py_ssize_t* place     # (slots, SIDE): the number of the row, or -1
    const Py_ssize_t* begin     # (batches + 1,): the first slot of each
    const double* noise         # (batches, SIDE, d, d): covariance of the error of measurement, or without the last d
    bint crossed                # whether these errors are correlated
    const double* prior         # (slots, k, SIDE): logs of what multiplies the weights for each row, or NULL
    const double* background    # (slots, SIDE): log-densities of what is no component, or NULL
    const double* logs          # (k,): of the weights
    # (k, 2 d + 3), or NULL where they are normal: degrees of freedom; then, by the number of features observed, what
    # log-densities at the mean are above those of normal components, and the mean of log u above that of complete rows
    const double* tails
    const double* means         # (k, d)
    const double* S             # (k, d, d), or (k, d) where components are axis-parallel
    int emit
    bint axis                   # whether components are axis-parallel
    double work                 # operations for a shard, about
    double* out                 # rows
    double* sums                # (shards, sums_size)
    char* scratch               # (threads, scratch_size)

cdef struct Scratch:            # one thread's
    double* mask                # (d, SIDE): 1 where a feature is observed
    double* joint               # (LONGEST, k, SIDE): log-joint densities, then responsibilities times weights
    double* loglik              # (LONGEST, SIDE)
    double* u                   # (LONGEST, k, SIDE): what rows count for, where tails are heavy
    double* L                   # (k, d (d + 1) / 2, SIDE): factors, with inverses on the diagonal
    double* z                   # (2, d, SIDE): of two rows
    double* kept                # (LONGEST, k, d, SIDE): z of all rows and components, or NULL
    double* zeta                # (d, SIDE)
    double* G                   # (d, d, SIDE)
    double* Y                   # (d, d, SIDE): column by column
    double* y                   # (d, SIDE)
    double* pair                # (2, SIDE)
    double* counts              # (LONGEST, SIDE): axis-parallel: of one component, responsibilities times u
    double* variances           # (k, d, 2): axis-parallel: inverses, and what they add to log-densities
    double* filled              # (item_size, d, 2, SIDE): axis-parallel: values, or 0, and masks
    double* observed            # (LONGEST, SIDE): axis-parallel: numbers of features
    double* lanes               # (3, SIDE): axis-parallel: sums of one feature
    bint* gaps                  # (d,): whether some item of the batch does not know the feature exactly


cdef inline Py_ssize_t triangle(Py_ssize_t i) noexcept nogil:
    return i * (i + 1) // 2


cdef inline Py_ssize_t aligned(Py_ssize_t numbers) noexcept nogil:
    """Bytes of so many doubles, in whole cache lines."""
    return (numbers * <Py_ssize_t>sizeof(double) + 63) // 64 * 64


cdef inline Py_ssize_t kept_size(Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    """Bytes of the z of a batch, where they stay near; else none."""
    cdef Py_ssize_t size = aligned(LONGEST * k * d * SIDE)
    return size if size <= NEAR else 0


cpdef Py_ssize_t item_size(Py_ssize_t d) noexcept nogil:
    """Rows of an item where components are axis-parallel."""
    cdef Py_ssize_t rows = NEAREST // (2 * d * SIDE * <Py_ssize_t>sizeof(double))
    return 1 if rows < 1 else rows if rows < LONGEST else LONGEST


cdef Py_ssize_t scratch_size(Py_ssize_t d, Py_ssize_t k, bint axis, bint heavy) noexcept nogil:
    cdef Py_ssize_t shared = aligned(LONGEST * SIDE) + aligned(LONGEST * k * SIDE) * (1 + heavy)
    if axis:
        return (shared + 2 * aligned(LONGEST * SIDE) + aligned(k * d * 2) + aligned(3 * SIDE)
                + aligned(item_size(d) * d * 2 * SIDE))
    return (shared + aligned(d * SIDE) + aligned(k * triangle(d) * SIDE) + 4 * aligned(d * SIDE) + aligned(2 * SIDE)
            + 2 * aligned(d * d * SIDE) + aligned(d) + kept_size(d, k))


cdef Scratch scratch_of(const Pass* p, int thread) noexcept nogil:
    cdef Scratch s
    cdef char* at = p.scratch + thread * p.scratch_size
    cdef Py_ssize_t d = p.d, k = p.k
    memset(&s, 0, sizeof(Scratch))
    s.loglik = <double*>at
    at += aligned(LONGEST * SIDE)
    s.joint = <double*>at
    at += aligned(LONGEST * k * SIDE)
    if p.tails is not NULL:
        s.u = <double*>at
        at += aligned(LONGEST * k * SIDE)
    if p.axis:
        s.counts = <double*>at
        at += aligned(LONGEST * SIDE)
        s.variances = <double*>at
        at += aligned(k * d * 2)
        s.observed = <double*>at
        at += aligned(LONGEST * SIDE)
        s.lanes = <double*>at
        at += aligned(3 * SIDE)
        s.filled = <double*>at
        return s
    s.mask = <double*>at
    at += aligned(d * SIDE)
    s.L = <double*>at
    at += aligned(k * triangle(d) * SIDE)
    s.z = <double*>at
    at += 2 * aligned(d * SIDE)
    s.pair = <double*>at
    at += aligned(2 * SIDE)
    s.zeta = <double*>at
    at += aligned(d * SIDE)
    s.y = <double*>at
    at += aligned(d * SIDE)
    s.G = <double*>at
    at += aligned(d * d * SIDE)
    s.Y = <double*>at
    at += aligned(d * d * SIDE)
    s.gaps = <bint*>at
    at += aligned(d)
    s.kept = <double*>at if kept_size(d, k) else NULL
    return s


# --- lanes -----------------------------------------------------------------------------------------------------------

cdef inline void less_dot(const double* a, const double* b, Py_ssize_t n, double* out) noexcept nogil:
    """out -= sum over n of a b, in each lane"""
    cdef double t[SIDE]
    cdef Py_ssize_t l, m
    for l in range(SIDE):
        t[l] = out[l]
    for m in range(n):
        cyem_one_by_one()
        for l in range(SIDE):
            t[l] -= a[m * SIDE + l] * b[m * SIDE + l]
    for l in range(SIDE):
        out[l] = t[l]


cdef inline void less_dots(const double* a, const double* other, const double* b, Py_ssize_t n, double* out,
                           double* out_other) noexcept nogil:
    """The same for two vectors at a time, whose sums do not wait for each other."""
    cdef double t[SIDE]
    cdef double u[SIDE]
    cdef Py_ssize_t l, m
    for l in range(SIDE):
        t[l] = out[l]
    for l in range(SIDE):
        u[l] = out_other[l]
    for m in range(n):
        cyem_one_by_one()
        for l in range(SIDE):
            t[l] -= a[m * SIDE + l] * b[m * SIDE + l]
        for l in range(SIDE):
            u[l] -= other[m * SIDE + l] * b[m * SIDE + l]
    for l in range(SIDE):
        out[l] = t[l]
    for l in range(SIDE):
        out_other[l] = u[l]


cdef inline void add_multiples(const double* factor, const double* x, const double* other_factor, const double* other,
                               Py_ssize_t n, double* out) noexcept nogil:
    """out (n, SIDE) += factor x + other_factor other"""
    cdef double t[SIDE]
    cdef Py_ssize_t l, m
    for m in range(n):
        cyem_one_by_one()
        for l in range(SIDE):  # read before anything is written: nothing says that these places differ
            t[l] = out[m * SIDE + l] + factor[l] * x[m * SIDE + l] + other_factor[l] * other[m * SIDE + l]
        for l in range(SIDE):
            out[m * SIDE + l] = t[l]


cdef inline double total(const double* t) noexcept nogil:
    """Less the sum over lanes."""
    cdef double sum = 0
    cdef Py_ssize_t l
    for l in range(SIDE):
        sum -= t[l]
    return sum


cdef inline void solve(const double* L, Py_ssize_t d, double* x) noexcept nogil:
    """x <- L^-1 x, two rows at a time"""
    cdef Py_ssize_t i = 0, l
    cdef double t[SIDE]
    cdef const double* row
    cdef const double* next
    while i + 2 <= d:
        row = L + triangle(i) * SIDE
        next = row + (i + 1) * SIDE
        less_dots(row, next, x, i, x + i * SIDE, x + (i + 1) * SIDE)
        for l in range(SIDE):
            t[l] = x[i * SIDE + l] * row[i * SIDE + l]
        for l in range(SIDE):
            x[i * SIDE + l] = t[l]
        for l in range(SIDE):
            t[l] = (x[(i + 1) * SIDE + l] - next[i * SIDE + l] * t[l]) * next[(i + 1) * SIDE + l]
        for l in range(SIDE):
            x[(i + 1) * SIDE + l] = t[l]
        i += 2
    if i < d:
        row = L + triangle(i) * SIDE
        less_dot(row, x, i, x + i * SIDE)
        for l in range(SIDE):
            t[l] = x[i * SIDE + l] * row[i * SIDE + l]
        for l in range(SIDE):
            x[i * SIDE + l] = t[l]


cdef inline void factorise(const Pass* p, const double* mask, Py_ssize_t item, const double* S, double* L,
                           double* constant) noexcept nogil:
    """L <- the factors of S + N of what is observed, by items, with inverse diagonals; constant less log det L."""
    cdef Py_ssize_t i, j, l, d = p.d
    cdef double* row
    cdef double t[SIDE]
    cdef double product[SIDE]
    for l in range(SIDE):
        product[l] = 1
    for i in range(d):
        row = L + triangle(i) * SIDE
        for j in range(i + 1):
            for l in range(SIDE):
                t[l] = S[i * d + j] * mask[i * SIDE + l] * mask[j * SIDE + l]
            for l in range(SIDE):
                row[j * SIDE + l] = t[l]
        if p.noise is not NULL and p.crossed:
            for j in range(i + 1):
                for l in range(SIDE):
                    row[j * SIDE + l] += p.noise[((item + l) * d + i) * d + j] * mask[i * SIDE + l] * mask[j * SIDE + l]
        elif p.noise is not NULL:
            for l in range(SIDE):
                row[i * SIDE + l] += p.noise[(item + l) * d + i] * mask[i * SIDE + l]
        solve(L, i, row)  # the rows above are factorised
        for l in range(SIDE):
            t[l] = row[i * SIDE + l] + 1 - mask[i * SIDE + l]
        less_dot(row, row, i, t)
        for l in range(SIDE):
            t[l] = t[l] if t[l] > THIN else THIN
            product[l] *= t[l]
            t[l] = 1 / sqrt(t[l])
        for l in range(SIDE):
            row[i * SIDE + l] = t[l]
        if i % AT_A_TIME == AT_A_TIME - 1 or i == d - 1:
            for l in range(SIDE):
                constant[l] -= log(product[l]) / 2
                product[l] = 1


cdef inline void whiten(const double* L, const double* x, const double* mean, Py_ssize_t d, double* z) noexcept nogil:
    """z <- L^-1 (x - mean) of what is observed"""
    cdef Py_ssize_t i, l
    cdef double t[SIDE]
    for i in range(d):
        for l in range(SIDE):
            t[l] = x[i * SIDE + l] - mean[i] if x[i * SIDE + l] == x[i * SIDE + l] else 0
        for l in range(SIDE):
            z[i * SIDE + l] = t[l]
    solve(L, d, z)


cdef inline void share(const double* weight, const double* background, Py_ssize_t k, bint weighs, double* joint,
                       double* loglik, double* sums, double* beside) noexcept nogil:
    """Responsibilities times weights from log-joint densities (k, SIDE), and what they add to log-likelihoods.

    background (SIDE,) or NULL: log-densities of what is none of the components; beside[0] += the weight that it takes.
    """
    cdef Py_ssize_t j, l
    cdef double top[SIDE]
    cdef double all[SIDE]
    cdef double outside[SIDE]
    cdef double t[WIDE]
    cdef double cut = CUT if weighs else -708.0
    for l in range(SIDE):
        top[l] = LOW if background is NULL else background[l]
        all[l] = 0
    for j in range(k):
        for l in range(SIDE):
            top[l] = joint[j * SIDE + l] if joint[j * SIDE + l] > top[l] else top[l]
    if background is not NULL:
        for l in range(WIDE):
            t[l] = 0
        for l in range(SIDE):
            t[l] = background[l] - top[l]
        for l from 0 <= l < SIDE by LANES:
            exp_lanes[double](t + l, cut)
        for l in range(SIDE):
            outside[l] = t[l]
            all[l] = t[l]
    for j in range(k):
        for l in range(WIDE):
            t[l] = 0
        for l in range(SIDE):
            t[l] = (joint[j * SIDE + l] if joint[j * SIDE + l] > LOW else LOW) - top[l]
        for l from 0 <= l < SIDE by LANES:
            exp_lanes[double](t + l, cut)
        for l in range(SIDE):
            joint[j * SIDE + l] = t[l]
            all[l] += t[l]
    for l in range(SIDE):
        t[l] = all[l]
    log_lanes(t, SIDE)
    for l in range(SIDE):
        loglik[l] = top[l] + t[l]
        sums[0] += weight[l] * loglik[l]
        sums[1] -= weight[l] * t[l]
        all[l] = (weight[l] if weighs else 1) / all[l]
    if background is not NULL:
        for l in range(SIDE):
            beside[0] += all[l] * outside[l]
    for j in range(k):
        for l in range(SIDE):
            joint[j * SIDE + l] *= all[l]


# --- batches ---------------------------------------------------------------------------------------------------------

cdef inline void density(const Pass* p, const Scratch* s, Py_ssize_t r, Py_ssize_t j, const double* constant,
                         const double* observed, const double* q) noexcept nogil:
    """Log-joint densities of a row of each lane at squared distances q, and what it counts for if tails are heavy."""
    cdef Py_ssize_t l
    cdef double* joint = s.joint + (r * p.k + j) * SIDE
    cdef double* u
    cdef double t[SIDE]
    cdef const double* tails
    cdef double nu
    if p.tails is NULL:
        for l in range(SIDE):
            joint[l] = constant[l] - q[l] / 2
        return
    tails, u = p.tails + j * (2 * p.d + 3), s.u + (r * p.k + j) * SIDE
    nu = tails[0]
    if nu == INFINITY:
        for l in range(SIDE):
            u[l] = 1
        for l in range(SIDE):
            joint[l] = constant[l] - q[l] / 2
        return
    for l in range(SIDE):
        t[l] = q[l] / nu
        u[l] = (nu + observed[l]) / (nu + q[l])
    log1p_lanes(t, SIDE)
    for l in range(SIDE):
        joint[l] = constant[l] + tails[1 + <Py_ssize_t>observed[l]] - (nu + observed[l]) / 2 * t[l]


cdef inline void weigh(const Pass* p, const Scratch* s, Py_ssize_t r, Py_ssize_t j, const double* observed,
                       double* counts, double* sums) noexcept nogil:
    """counts <- responsibilities times what rows count for; with heavy tails the sums that these need."""
    cdef Py_ssize_t l
    cdef const double* resp = s.joint + (r * p.k + j) * SIDE
    cdef const double* u
    cdef const double* hidden
    cdef double* tail = sums + statistics_size(p.k, p.d, p.emit)
    if p.tails is NULL:
        for l in range(SIDE):
            counts[l] = resp[l]
        return
    u, hidden = s.u + (r * p.k + j) * SIDE, p.tails + j * (2 * p.d + 3) + p.d + 2
    for l in range(SIDE):
        counts[l] = resp[l] * u[l]
        tail[j] += resp[l]
        if resp[l] > 0:
            tail[p.k + j] += resp[l] * (log(u[l]) - u[l] + hidden[<Py_ssize_t>observed[l]])


cdef inline const double* background_of(const Pass* p, Py_ssize_t slot) noexcept nogil:
    return NULL if p.background is NULL else p.background + slot * SIDE


cdef inline void add_prior(const Pass* p, const Scratch* s, Py_ssize_t slot, Py_ssize_t r, Py_ssize_t j) noexcept nogil:
    cdef Py_ssize_t l
    cdef double* joint = s.joint + (r * p.k + j) * SIDE
    for l in range(SIDE):
        joint[l] += p.prior[(slot * p.k + j) * SIDE + l]


cdef void put(const Pass* p, const Scratch* s, Py_ssize_t slot, Py_ssize_t rows) noexcept nogil:
    """Scores or responsibilities go to their rows."""
    cdef Py_ssize_t l, r, j, at
    for r in range(rows):
        for l in range(SIDE):
            at = p.place[(slot + r) * SIDE + l]
            if at < 0:
                continue
            if p.emit == SCORES:
                p.out[at] = s.loglik[r * SIDE + l]
            else:
                for j in range(p.k):
                    p.out[at * p.k + j] = s.joint[(r * p.k + j) * SIDE + l]


cdef inline bint any_weight(const double* resp) noexcept nogil:
    cdef Py_ssize_t l
    cdef double most = 0
    for l in range(SIDE):
        most = resp[l] if resp[l] > most else most
    return most > 0


cdef void regress(const Pass* p, Scratch* s, const double* L, const double* S) noexcept nogil:
    """Y <- L^-1 of the columns of S, of which those that all items observe without error are the rows of L."""
    cdef Py_ssize_t c, i, l, d = p.d
    cdef double* y
    cdef const double* row
    cdef double t[SIDE]
    for c in range(d):
        y = s.Y + c * d * SIDE
        if s.gaps[c]:
            for i in range(d):
                for l in range(SIDE):
                    t[l] = S[i * d + c] * s.mask[i * SIDE + l]
                for l in range(SIDE):
                    y[i * SIDE + l] = t[l]
            solve(L, d, y)
        else:
            row = L + triangle(c) * SIDE
            for i in range(c * SIDE):
                y[i] = row[i]
            for l in range(SIDE):
                y[c * SIDE + l] = 1 / row[c * SIDE + l]
            for i in range((c + 1) * SIDE, d * SIDE):
                y[i] = 0


cdef inline const double* whitened(const Pass* p, const Scratch* s, const double* L, Py_ssize_t slot, Py_ssize_t r,
                                   Py_ssize_t j, double* z) noexcept nogil:
    """z of a row of each lane, as it was kept, or made anew."""
    if s.kept is not NULL:
        return s.kept + (r * p.k + j) * p.d * SIDE
    whiten(L, p.X + (slot + r) * p.d * SIDE, p.means + j * p.d, p.d, z)
    return z


cdef inline void add_outer(Scratch* s, const double* z, const double* r, const double* y, const double* q,
                           Py_ssize_t d) noexcept nogil:
    """zeta += r z + q y, and the lower half of G += r z z' + q y y', of two rows of each lane."""
    cdef Py_ssize_t a, l
    cdef double t[SIDE]
    cdef double u[SIDE]
    add_multiples(r, z, q, y, d, s.zeta)
    for a in range(d):
        for l in range(SIDE):
            t[l] = r[l] * z[a * SIDE + l]
        for l in range(SIDE):
            u[l] = q[l] * y[a * SIDE + l]
        add_multiples(t, z, u, y, a + 1, s.G + a * d * SIDE)


cdef void add_complete(const Pass* p, Scratch* s, Py_ssize_t j, Py_ssize_t slot, Py_ssize_t rows,
                       const double* observed, double* sums) noexcept nogil:
    """What the complete rows of a batch are expected to add to the sums of component j, but for n S."""
    cdef Py_ssize_t r, a, b, c, l, d = p.d
    cdef const double* L = s.L + j * triangle(d) * SIDE
    cdef const double* resp
    cdef double* g
    cdef double* y
    cdef double n[SIDE]
    cdef double mass[SIDE]
    cdef double* first = sums + HEAD + p.k + j * d
    cdef double* second = sums + HEAD + p.k + p.k * d + (j * d * d if p.emit == SCATTER else 0)
    cdef double at[2][SIDE]
    cdef const double* z[2]
    cdef int waiting = 0
    cdef bint used = False
    for l in range(SIDE):
        n[l] = 0
        mass[l] = 0
    memset(s.zeta, 0, d * SIDE * sizeof(double))
    memset(s.G, 0, d * d * SIDE * sizeof(double))
    for r in range(rows):
        resp = s.joint + (r * p.k + j) * SIDE
        if not any_weight(resp):
            continue
        z[waiting] = whitened(p, s, L, slot, r, j, s.z + waiting * d * SIDE)
        weigh(p, s, r, j, observed, at[waiting], sums)
        for l in range(SIDE):
            n[l] += resp[l]
        for l in range(SIDE):
            mass[l] += at[waiting][l]
        waiting += 1
        if waiting == 2:  # two rows at a time, which halves what is read and written
            add_outer(s, z[0], at[0], z[1], at[1], d)
            waiting, used = 0, True
    if waiting == 1:
        for l in range(SIDE):
            at[1][l] = 0
        add_outer(s, z[0], at[0], z[0], at[1], d)
        used = True
    if not used:
        return
    for l in range(SIDE):
        sums[HEAD + j] += mass[l]
    for a in range(d):
        for l in range(SIDE):
            s.G[(a * d + a) * SIDE + l] -= n[l]
        for b in range(a):
            for l in range(SIDE):
                s.G[(b * d + a) * SIDE + l] = s.G[(a * d + b) * SIDE + l]
    regress(p, s, L, p.S + j * d * d)
    for c in range(d):
        y = s.Y + c * d * SIDE
        memset(s.pair, 0, 2 * SIDE * sizeof(double))
        less_dot(y, s.zeta, d, s.pair)
        first[c] += total(s.pair)
        memset(s.y, 0, d * SIDE * sizeof(double))
        a = 0
        while a + 2 <= d:
            g = s.G + a * d * SIDE
            less_dots(g, g + d * SIDE, y, d, s.y + a * SIDE, s.y + (a + 1) * SIDE)
            a += 2
        if a < d:
            less_dot(s.G + a * d * SIDE, y, d, s.y + a * SIDE)
        a = c
        while a < d:  # the last one twice where it is alone
            g = s.Y + a * d * SIDE
            memset(s.pair, 0, 2 * SIDE * sizeof(double))
            less_dots(g, g + (d * SIDE if a + 1 < d else 0), s.y, d, s.pair, s.pair + SIDE)
            second[a * d + c] -= total(s.pair)
            if a + 1 < d:
                second[(a + 1) * d + c] -= total(s.pair + SIDE)
            a += 2


cdef void add_few(const Pass* p, Scratch* s, Py_ssize_t j, Py_ssize_t slot, Py_ssize_t rows, const double* observed,
                  double* sums) noexcept nogil:
    """The same row by row, where items have so few that d^3 operations for each are more: second = sum r e e' + n C.

    e = Y' z is what a row is expected to be, C = S - Y' Y, which is zero where a feature is known exactly.
    """
    cdef Py_ssize_t r, a, c, l, d = p.d
    cdef const double* L = s.L + j * triangle(d) * SIDE
    cdef const double* S = p.S + j * d * d
    cdef const double* resp
    cdef const double* x
    cdef const double* z
    cdef double* y
    cdef double* e = s.z + d * SIDE
    cdef double n[SIDE]
    cdef double counts[SIDE]
    cdef double none[SIDE]
    cdef double t[SIDE]
    cdef double whole = 0
    cdef double* first = sums + HEAD + p.k + j * d
    cdef double* second = sums + HEAD + p.k + p.k * d + (j * d * d if p.emit == SCATTER else 0)
    cdef bint used = False
    for l in range(SIDE):
        n[l] = 0
        none[l] = 0
    for r in range(rows):
        resp = s.joint + (r * p.k + j) * SIDE
        if not any_weight(resp):
            continue
        if not used:
            used = True
            regress(p, s, L, S)
            memset(s.zeta, 0, d * SIDE * sizeof(double))
            memset(s.G, 0, d * d * SIDE * sizeof(double))
        x = p.X + (slot + r) * d * SIDE
        z = whitened(p, s, L, slot, r, j, s.z)
        weigh(p, s, r, j, observed, counts, sums)
        for l in range(SIDE):
            n[l] += resp[l]
            sums[HEAD + j] += counts[l]
        for c in range(d):
            if s.gaps[c]:
                for l in range(SIDE):
                    t[l] = 0
                less_dot(s.Y + c * d * SIDE, z, d, t)
                for l in range(SIDE):
                    t[l] = -t[l]
            else:
                for l in range(SIDE):
                    t[l] = x[c * SIDE + l] - p.means[j * d + c]
            for l in range(SIDE):
                e[c * SIDE + l] = t[l]
        add_multiples(counts, e, none, e, d, s.zeta)
        for a in range(d):
            for l in range(SIDE):
                t[l] = counts[l] * e[a * SIDE + l]
            add_multiples(t, e, none, e, a + 1, s.G + a * d * SIDE)
    if not used:
        return
    for l in range(SIDE):
        whole += n[l]
    for c in range(d):
        first[c] -= total(s.zeta + c * SIDE)
        for a in range(c, d):
            second[a * d + c] -= total(s.G + (a * d + c) * SIDE)
            if not (s.gaps[a] and s.gaps[c]):
                second[a * d + c] -= whole * S[a * d + c]
        if not s.gaps[c]:
            continue
        y = s.Y + c * d * SIDE
        for a in range(d):
            for l in range(SIDE):
                t[l] = n[l] * y[a * SIDE + l]
            for l in range(SIDE):
                s.y[a * SIDE + l] = t[l]
        for a in range(c, d):
            if s.gaps[a]:
                memset(s.pair, 0, SIDE * sizeof(double))
                less_dot(s.Y + a * d * SIDE, s.y, d, s.pair)
                second[a * d + c] -= total(s.pair)


cdef void complete(const Pass* p, Scratch* s, Py_ssize_t j, Py_ssize_t slot, Py_ssize_t rows) noexcept nogil:
    """Rows get the part of their expected values that component j has in them, where they are not observed exactly."""
    cdef Py_ssize_t r, c, l, at, d = p.d
    cdef const double* L = s.L + j * triangle(d) * SIDE
    cdef const double* resp
    cdef const double* z
    cdef double t[SIDE]
    regress(p, s, L, p.S + j * d * d)
    for r in range(rows):
        resp = s.joint + (r * p.k + j) * SIDE
        if not any_weight(resp):
            continue
        z = whitened(p, s, L, slot, r, j, s.z)
        for c in range(d):
            if not s.gaps[c]:
                continue
            for l in range(SIDE):
                t[l] = 0
            less_dot(s.Y + c * d * SIDE, z, d, t)
            for l in range(SIDE):
                at = p.place[(slot + r) * SIDE + l]
                if at >= 0 and (p.noise is not NULL or s.mask[c * SIDE + l] == 0):
                    p.out[at * d + c] += resp[l] * (p.means[j * d + c] - t[l])


cdef void run_batch(const Pass* p, Py_ssize_t batch, Scratch* s, double* sums) noexcept nogil:
    """A batch of items, where components have matrices."""
    cdef Py_ssize_t l, r, i, j, d = p.d, slot = p.begin[batch], rows = p.begin[batch + 1] - slot
    cdef const double* x = p.X + slot * d * SIDE
    cdef double* z
    cdef double constant[SIDE]
    cdef double observed[SIDE]
    cdef double q[SIDE]
    cdef bint weighs = p.emit <= SQUARES
    for l in range(SIDE):
        observed[l] = 0
    for i in range(d):
        s.gaps[i] = p.noise is not NULL
        for l in range(SIDE):
            s.mask[i * SIDE + l] = 1 if x[i * SIDE + l] == x[i * SIDE + l] else 0
            observed[l] += s.mask[i * SIDE + l]
            if s.mask[i * SIDE + l] == 0:
                s.gaps[i] = True
    for j in range(p.k):
        for l in range(SIDE):
            constant[l] = p.logs[j] - observed[l] * HALF_LOG_2_PI
        factorise(p, s.mask, batch * SIDE, p.S + j * d * d, s.L + j * triangle(d) * SIDE, constant)
        for r in range(rows):
            z = s.z if s.kept is NULL else s.kept + (r * p.k + j) * d * SIDE
            whiten(s.L + j * triangle(d) * SIDE, x + r * d * SIDE, p.means + j * d, d, z)
            for l in range(SIDE):
                q[l] = 0
            less_dot(z, z, d, q)
            for l in range(SIDE):
                q[l] = -q[l]
            density(p, s, r, j, constant, observed, q)
            if p.prior is not NULL:
                add_prior(p, s, slot + r, r, j)
    for r in range(rows):
        share(p.weights + (slot + r) * SIDE, background_of(p, slot + r), p.k, weighs, s.joint + r * p.k * SIDE,
              s.loglik + r * SIDE, sums, sums + beside_at(p))
    if weighs:
        for j in range(p.k):
            if 3 * rows < 2 * d:
                add_few(p, s, j, slot, rows, observed, sums)
            else:
                add_complete(p, s, j, slot, rows, observed, sums)
    elif p.emit == COMPLETED:
        for j in range(p.k):
            complete(p, s, j, slot, rows)
    else:
        put(p, s, slot, rows)


cdef void prepare_axis(const Pass* p, Scratch* s) noexcept nogil:
    """Inverse variances, and half their logarithms less those of 2 pi."""
    cdef Py_ssize_t i
    for i in range(p.k * p.d):
        s.variances[2 * i] = 1 / p.S[i]
        s.variances[2 * i + 1] = -log(p.S[i]) / 2 - HALF_LOG_2_PI


cdef inline void fill(const double* x, Py_ssize_t d, double* filled, double* observed) noexcept nogil:
    """Values, or 0, and masks of a row of each lane, and how many features are observed."""
    cdef Py_ssize_t i, l
    cdef double t[SIDE]
    cdef double m[SIDE]
    cdef double n[SIDE]
    for l in range(SIDE):
        n[l] = 0
    for i in range(d):
        for l in range(SIDE):
            t[l] = x[i * SIDE + l] if x[i * SIDE + l] == x[i * SIDE + l] else 0
        for l in range(SIDE):
            m[l] = 1 if x[i * SIDE + l] == x[i * SIDE + l] else 0
        for l in range(SIDE):
            filled[2 * i * SIDE + l] = t[l]
        for l in range(SIDE):
            filled[(2 * i + 1) * SIDE + l] = m[l]
        for l in range(SIDE):
            n[l] += m[l]
    for l in range(SIDE):
        observed[l] = n[l]


cdef void run_axis(const Pass* p, Py_ssize_t batch, Scratch* s, double* sums) noexcept nogil:
    """A batch of rows, where components are axis-parallel."""
    cdef Py_ssize_t l, r, i, j, at, d = p.d, slot = p.begin[batch], rows = p.begin[batch + 1] - slot
    cdef const double* filled
    cdef double constant[SIDE]
    cdef double q[SIDE]
    cdef double f
    for r in range(rows):
        filled = s.filled + r * d * 2 * SIDE
        fill(p.X + (slot + r) * d * SIDE, d, s.filled + r * d * 2 * SIDE, s.observed + r * SIDE)
        for j in range(p.k):
            for l in range(SIDE):
                constant[l] = p.logs[j]
            cyem_distances(filled, p.means + j * d, s.variances + 2 * j * d, d, q, constant)
            density(p, s, r, j, constant, s.observed + r * SIDE, q)
            if p.prior is not NULL:
                add_prior(p, s, slot + r, r, j)
        share(p.weights + (slot + r) * SIDE, background_of(p, slot + r), p.k, p.emit <= SQUARES,
              s.joint + r * p.k * SIDE, s.loglik + r * SIDE, sums, sums + beside_at(p))
    if p.emit <= SQUARES:
        for j in range(p.k):
            add_axis(p, s, j, rows, sums)
    elif p.emit == COMPLETED:
        for r in range(rows):
            for l in range(SIDE):
                at = p.place[(slot + r) * SIDE + l]
                for i in range(d if at >= 0 else 0):
                    f = p.X[((slot + r) * d + i) * SIDE + l]
                    if f != f:
                        for j in range(p.k):
                            p.out[at * d + i] += s.joint[(r * p.k + j) * SIDE + l] * p.means[j * d + i]
    else:
        put(p, s, slot, rows)


cdef void add_axis(const Pass* p, Scratch* s, Py_ssize_t j, Py_ssize_t rows, double* sums) noexcept nogil:
    """What the complete rows of a batch are expected to add to the sums of component j."""
    cdef Py_ssize_t l, r, i, d = p.d
    cdef double* lanes = s.lanes
    cdef double mass = 0, whole = 0
    for r in range(rows):
        weigh(p, s, r, j, s.observed + r * SIDE, s.counts + r * SIDE, sums)
        for l in range(SIDE):
            mass += s.counts[r * SIDE + l]
        for l in range(SIDE):
            whole += s.joint[(r * p.k + j) * SIDE + l]
    sums[HEAD + j] += mass
    if mass == 0:
        return
    for i in range(d):
        cyem_moments(s.filled + 2 * i * SIDE, s.counts, s.joint + j * SIDE, p.means[j * d + i], d, p.k, rows, lanes)
        sums[HEAD + p.k + j * d + i] -= total(lanes)
        sums[HEAD + p.k + (p.k + j) * d + i] += (whole + total(lanes + 2 * SIDE)) * p.S[j * d + i] - total(lanes + SIDE)


cdef void run_shard(const Pass* p, Py_ssize_t shard, int thread) noexcept nogil:
    cdef Scratch s = scratch_of(p, thread)
    cdef double* sums = p.sums + shard * p.sums_size
    cdef Py_ssize_t batch, end = p.batches * (shard + 1) // p.shards
    memset(sums, 0, p.sums_size * sizeof(double))
    if p.axis:
        prepare_axis(p, &s)
    for batch in range(p.batches * shard // p.shards, end):
        if look(p.work * p.shards / p.batches):
            return
        if p.axis:
            run_axis(p, batch, &s, sums)
        else:
            run_batch(p, batch, &s, sums)


cdef void open_pass(Pass* p, Batches rows, Py_ssize_t k, int emit, bint axis, bint heavy) noexcept nogil:
    """The cuts, which depend on the problem alone, never on the machine or the number of threads."""
    cdef Py_ssize_t most = MAX_SHARDS
    memset(p, 0, sizeof(Pass))
    p.d, p.k, p.emit, p.axis, p.batches = rows.d, k, emit, axis, rows.batches
    p.sums_size = aligned(statistics_size(k, p.d, emit) + 2 * k * heavy + 1) // sizeof(double)
    while most > 1 and most * p.sums_size * <Py_ssize_t>sizeof(double) > SHARD_MEMORY:
        most = most // 2
    p.shards = p.batches if p.batches < most else most
    p.scratch_size = scratch_size(p.d, k, axis, heavy)
    p.work = <double>k * SIDE * p.d * (2 * rows.slots if axis else p.d * (rows.slots + p.batches * p.d)) / p.shards


# --- the doors -------------------------------------------------------------------------------------------------------

cpdef Py_ssize_t statistics_size(Py_ssize_t k, Py_ssize_t d, int emit) noexcept nogil:
    """Length of the vector of statistics, but for 2 k that heavy tails add, and one that a background adds.

    What emits rows makes the first of them.
    """
    return HEAD + k + k * d + (k * d * d if emit == SCATTER else d * d if emit == POOLED else k * d if emit == SQUARES
                               else 0)


cdef inline Py_ssize_t beside_at(const Pass* p) noexcept nogil:
    """Where among the sums that of the background is, whether it is asked for or not."""
    return statistics_size(p.k, p.d, p.emit) + (0 if p.tails is NULL else 2 * p.k)


def workspace_size(Batches rows, Py_ssize_t k, Py_ssize_t n_threads, *, int emit, bint axis, bint heavy):
    """Bytes of temporary memory for a pass."""
    cdef Pass p
    open_pass(&p, rows, k, emit, axis, heavy)
    return 64 + n_threads * p.scratch_size + p.shards * p.sums_size * <Py_ssize_t>sizeof(double)


def sweep_views(Batches rows, const double[::1] logs, const double[:, ::1] means, const double[:, :, ::1] S,
                const double[:, ::1] tails, const double[:, ::1] background, double[::1] out,
                unsigned char[::1] workspace, *, int emit, bint axis, int n_threads):
    """One pass over rows.

    logs (k,): of weights; means (k, d); S: covariances (k, d, d), or (k, 1, d) where components are axis-parallel;
    tails (k, 2 d + 3), or empty where they are normal; background (slots, SIDE), or empty where there is none: see
    Pass: IN. out: by emit, a position in EMITS, expected statistics of complete rows, with all second moments, those of
    all components together, or their diagonals; log-densities of what is known of each row (n,); responsibilities
    (n, k); expected values (n, d) where rows do not have these exactly, to be zero before: the part of the components.
    """
    cdef Pass p
    cdef Watch watch
    cdef uintptr_t at = (<uintptr_t>&workspace[0] + 63) // 64 * 64
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows, logs.shape[0], emit, axis, tails.shape[0] > 0)
        p.X, p.weights, p.place, p.begin = rows.x, rows.weight, rows.places, rows.begins
        p.noise, p.crossed, p.prior = rows.noises, rows.crossed, rows.priors if rows.k == p.k else NULL
        p.tails = &tails[0, 0] if tails.shape[0] else NULL
        p.background = &background[0, 0] if background.shape[0] else NULL
        p.logs, p.means, p.S, p.out = &logs[0], &means[0, 0], &S[0, 0, 0], &out[0]
        p.sums = <double*>at
        p.scratch = <char*>(p.sums + p.shards * p.sums_size)
        share_out(<item_t>run_shard, &p, p.shards, p.work, n_threads)
        if emit <= SQUARES:
            add_shards(&p, &out[0])
    close_watch(&watch)


cdef void add_shards(const Pass* p, double* out) noexcept nogil:
    """out <- the sums of all shards in their order, and what they leave out: n S; matrices from their lower halves."""
    cdef Py_ssize_t shard, i, j, a, b, d = p.d, size = statistics_size(p.k, d, p.emit)
    cdef Py_ssize_t length = beside_at(p) + (p.background is not NULL)
    cdef const double* sums
    cdef const double* n = out + HEAD if p.tails is NULL else out + size
    cdef double* second = out + HEAD + p.k + p.k * d
    memset(out, 0, length * sizeof(double))
    for shard in range(p.shards):
        sums = p.sums + shard * p.sums_size
        for i in range(length):
            out[i] += sums[i]
    if p.axis:
        return
    for j in range(p.k):
        for a in range(d):
            for b in range(a + 1):
                second[a * d + b] += n[j] * p.S[(j * d + a) * d + b]
        if p.emit == SCATTER or j == p.k - 1:
            for a in range(d):
                for b in range(a):
                    second[b * d + a] = second[a * d + b]
        if p.emit == SCATTER:
            second += d * d
