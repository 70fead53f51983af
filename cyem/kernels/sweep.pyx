"""One pass over the samples: the only place that knows tiles, shards and threads.

a) The samples are cut into tiles of TILE rows, tiles into groups that share a component's parameters while these are in
   cache, groups into shards. Where the cuts are depends on n, d and k alone. A shard is summed in order by one thread,
   shards are added in order at the end: the same bits for any number of threads.
b) A pass fills the responsibilities of a group of tiles (from densities, or from a given matrix) and emits something
   from them (sums, or rows of an output). What kinds of distance and of second moment there are is in kinds.pxd.
c) Samples are seen as (x - frame[0]) * frame[1]: centred on one reference and measured in one power of two a feature.
d) Statistics are one float64 vector: log-likelihood, log of the largest responsibilities, masses (k), first (k, d) and
   second moments about the means that were given; the size of the last depends on their kind.
   Responsibilities add up to weights, so that sums over all components are known before the first pass: pooled second
   moments need no more than first ones, and one component of the others is what these leave. Where tails are heavy
   pooled moments take one look at each sample, with all that its components let it count for.
e) A pass may be told what log-joint density each component can reach at most in each tile. It then evaluates those that
   may matter, and refreshes their bounds; the others' responsibilities would have been exact zeros.
f) Temporary memory is one workspace of the caller's, its size asked for beforehand: nothing here allocates.
   Sizes and places are Py_ssize_t throughout: 2 d^2 is beyond an int from 32,768 features on.
g) Passes and M-steps are strung together at the end: seeding.pxi says where runs begin, climb.pxi has many iterations
   of EM in one call, moves.pxi what a search asks between two of its moves.

The doors (def) take objects (arguments.pyx) and C-contiguous arrays, check nothing and return nothing; what is left
cyem.rows.samples does. Samples and responsibilities are float32 or float64; parameters are float64, and rounded here.
"""

from libc.stdint cimport uintptr_t
from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, exp, fabs, log, log1p, sqrt
from libc.string cimport memcpy, memset

from .arguments cimport (
    Ascent, ClosedForm, Density, Mixture, Model, Rows, Table, matrix, writable_matrix,
)
from .block cimport Block, block_size, coordinates_size, matrices_size, parts
from .block cimport fold as parameters_at, unfold as coordinates_of
from .covariance cimport ORDINARY, UNUSUAL
from .density cimport pack_panels, panel_size, whiten
from .kinds cimport (
    DIAGONAL, NONE, SCATTER, SPHERICAL, STUDENT, WHITENED, Kind, Loops, axis_numbers, count, dense_t,
    density_of, density_t, gathered_t, kind_of, loops_of, moments_of, numbers, square,
)
from .lanes cimport (
    BLOCK, CYEM_OPENMP, LANES, ROWS, SPARSE, SPARSER, TILE, WIDE, cyem_one_by_one, cyem_prefetch, exp_lanes,
    log1p_and_inverse, log_lanes, lowest_exponent, real,
)
from .moments cimport HEAD, gather, mass, pooled_of_whole, rest_of_whole, side
from .mstep cimport EMPTY_SHARE, all_exceed, maximise
from .posterior cimport hard, lowest, soft, soft_beside
from .team cimport Watch, close_watch, item_t, look, open_watch, share_out
from .tails cimport bend, weigh

POSTERIORS = ("soft", "hard")  # the doors take positions in this, and in arguments.MOMENTS

OPENMP = bool(CYEM_OPENMP)

cdef enum Posterior:
    SOFT, HARD

cdef enum:
    MAX_SHARDS = 64
    FEW_SHARDS = 16         # beyond these, one has four tiles at least, or its sums would cost more than the tiles
    NEAREST = 1 << 14       # bytes of samples: half of a common first-level cache
    CACHE = 1 << 19         # bytes of a group of tiles: half of a common second-level cache
    SHARD_MEMORY = 1 << 25  # bytes of all shards together
    PART = 1 << 10          # sums that a thread adds at a time
    EIGHT = 8               # rows that are transposed together
    STRIP = 256             # features of gathered rows at a time where there are no matrices: these stay in the caches
    NEXT = 16               # rows ahead that are fetched where no processor can guess which they are
    FIRST = 4               # components that are evaluated first, the most likely ones

cdef double SLACK = 1e-5  # of a bound: more than its rounding
cdef double HEAVY = 2e7   # operations, a few milliseconds, from which on a look for signals is worth its time

cdef struct Scratch:        # one thread's temporary memory
    void* tiles             # (group, d, TILE): samples in the frame
    void* white             # the same, or whitened: what distances are measured on
    void* z                 # (d, TILE): centred, and weighted; or gathered rows
    void* resp              # (group, k, TILE)
    void* tails             # (group, k, 2, TILE): what makes tails heavy, see tails.pxd
    Py_ssize_t* active      # (k,): the components of which these are the rows
    Py_ssize_t n_active
    Py_ssize_t* owned       # pairs of a sample and a component with any responsibility
    double* reach           # (k,): log-joint densities less base that components reach at most
    void* weight            # (group, TILE)
    double* loglik          # (group, TILE)

ctypedef void (*posterior_t)(void* resp, Py_ssize_t k, const void* w, Py_ssize_t n, double cut, double base,
                             double background, double* loglik, double* sums, double* beside) noexcept nogil
ctypedef void (*step_t)(const void* p, Scratch* s, double* sums, Py_ssize_t row, int tiles,
                        const void* X) noexcept nogil

cdef struct Steps:          # what may be done with a group of tiles, for one dtype
    step_t joint, heavy
    step_t posterior, pruned, given
    step_t moments, weighed, loglik, resp, labels

cdef struct Pass:
    Py_ssize_t n, d, k, last, tiles, shards, group, matrices
    const void* X           # as in Table
    const void* weights
    const void* frame
    const Py_ssize_t* order
    void* wide              # (3 + k, side): frame, means that moments are about, zeros; all padded to whole blocks
    void* centres           # (k, d): what distances are measured from, whitened where the samples are
    void* factors           # (k or 1, factor_size)
    void* constants         # (k,): log-joint density at distance zero, less base
    const void* given       # (n, k): responsibilities to fill from
    float* bounds           # (tiles, k): the least distance of a sample of the tile from the component, or NULL
    const double* change    # (2, k): that distances have since been scaled by at least [0], and moved by at most [1]
    void* out               # (n, ...): rows to write
    bint single             # as in Table
    double base, cut
    double background       # log-density of what is no component, less base; as low as can be where all is
    const double* tails     # (2, k): log-joint densities at the means, degrees of freedom; NULL where tails are normal
    bint shared             # samples are whitened, by one factor for all components
    bint loaded             # whether the only tile is where the last pass has left it
    Py_ssize_t span         # samples of a tile that all components see before the next ones
    const double* whole     # as in Table where moments are to come from it, or NULL
    Py_ssize_t rest         # the component whose moments are what others leave of the whole, or -1
    Py_ssize_t strip        # features of which moments see gathered rows at a time
    Py_ssize_t sparse       # samples of a tile with any responsibility up to which moments gather them
    double work             # operations for a component and a tile, about
    bint heavy              # whether those for a group of tiles and all components are many
    Py_ssize_t factor_size, factor_step, tile_size, white_size, resp_size, z_size
    Py_ssize_t second_step, sums_size, scratch_size, itemsize
    Py_ssize_t tail_at, tail_size  # the sums that heavy tails need, the last ones but one: (2, k)
    Py_ssize_t beside_at    # that of what the background takes, the last one, whether there is any
    bint beside             # or not; behind it is room for first moments that nobody asks for
    density_t density
    posterior_t posterior
    dense_t dense
    gathered_t gathered
    dense_t together        # second moments of all components of a tile at once, or NULL
    Steps steps
    step_t joint            # log-joint densities, where a step begins with them
    step_t fill
    step_t emit
    Py_ssize_t* pairs       # (2, shards): pairs of a sample and a component that were evaluated; and that mattered
    char* scratch           # (threads, scratch_size)
    double* sums            # (shards, sums_size)


# --- sizes -----------------------------------------------------------------------------------------------------------

cdef Py_ssize_t aligned(Py_ssize_t size) noexcept nogil:
    """Bytes, rounded up to whole cache lines."""
    return (size + 63) // 64 * 64


cdef void plan(Pass* p, Py_ssize_t n, Py_ssize_t d, Py_ssize_t k, int density, int moments, bint prunes,
               Py_ssize_t itemsize) noexcept nogil:
    """Decide the cuts from the problem alone, never from the machine or the number of threads."""
    cdef Kind sums = kind_of(moments), distance = kind_of(moments_of(density))
    cdef Py_ssize_t width = side(d), one = width * width if square(&sums) else numbers(&sums, d), bytes, most
    memset(p, 0, sizeof(Pass))
    p.n = n
    p.d = d
    p.k = k
    p.sparse = 0 if d < ROWS else SPARSE if d > BLOCK and square(&sums) else SPARSER
    p.matrices = count(&sums, k) if square(&sums) else 0
    p.second_step = one if sums.each else 0
    p.tail_at, p.tail_size = HEAD + k + k * d + count(&sums, k) * one, 2 * k if density >= STUDENT else 0
    p.beside_at = p.tail_at + p.tail_size
    p.sums_size = aligned((p.beside_at + 1 + (d if p.tail_size else 0)) * sizeof(double)) // sizeof(double)
    p.tile_size = d * TILE
    p.white_size = p.tile_size if distance.shared else 0
    p.resp_size = k * TILE
    p.strip = width if p.matrices else STRIP
    p.z_size = max(p.tile_size, (2 * SPARSE + 1) * width) if p.matrices else (
        (2 * SPARSER + 1) * min(width, STRIP + EIGHT))
    p.work = <double>TILE * (d * (d if p.matrices or (distance.each and square(&distance)) else 2) + 20)
    p.tiles = (n + TILE - 1) // TILE
    bytes = p.sums_size * sizeof(double)
    most = MAX_SHARDS  # a power of two, so that threads get equal parts
    while (most > 4 and most * bytes > SHARD_MEMORY) or (most > FEW_SHARDS and most * 4 > p.tiles):
        most = most // 2
    p.shards = p.tiles if p.tiles < most else most
    # a group fetches a component's parameters and sums once for several tiles: pays where these do not stay in cache
    p.group = CACHE // ((2 * p.tile_size + p.resp_size) * itemsize) if bytes > CACHE else 1
    p.group = 1 if p.group < 1 or prunes else 8 if p.group > 8 else p.group
    p.heavy = p.work * k * p.group > HEAVY
    p.scratch_size = (aligned(p.group * p.tile_size * itemsize) + aligned(p.group * p.white_size * itemsize)
                      + aligned(p.z_size * itemsize)
                      + aligned(p.group * p.resp_size * itemsize) + aligned(p.group * p.tail_size * TILE * itemsize)
                      + aligned(k * sizeof(Py_ssize_t))
                      + aligned(k * sizeof(double)) + aligned(p.group * TILE * itemsize)
                      + aligned(p.group * TILE * sizeof(double)))


cdef Py_ssize_t span(Py_ssize_t bytes, Py_ssize_t lanes) noexcept nogil:
    """How many samples of so many bytes stay in the nearest cache, in whole groups of lanes; at most a tile.

    A tile, too, where one group is more than the second-level cache: then longer rows are read faster.
    """
    cdef Py_ssize_t most = NEAREST // bytes // lanes * lanes
    if most < lanes:
        return lanes if lanes * bytes <= CACHE else TILE
    return TILE if most > TILE else most


cdef Py_ssize_t packed_size(Py_ssize_t k, Py_ssize_t d, int density) noexcept nogil:
    """Length of all packed factors."""
    cdef Kind kind = kind_of(moments_of(density))
    return count(&kind, k) * packed_numbers(&kind, d)


cdef Py_ssize_t packed_numbers(const Kind* kind, Py_ssize_t d) noexcept nogil:
    """Length of one of them."""
    return panel_size(d) if square(kind) else numbers(kind, d)


cpdef Py_ssize_t statistics_size(Py_ssize_t k, Py_ssize_t d, int moments) noexcept nogil:
    """Length of the vector of statistics."""
    return HEAD + k + k * d + matrices_size(k, d, moments)


def tiles(Py_ssize_t n):
    """The number of tiles that n samples are cut into."""
    return (n + TILE - 1) // TILE


cpdef Py_ssize_t workspace_size(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k, int density, int moments,
                                Py_ssize_t itemsize, Py_ssize_t n_threads):
    """Bytes of temporary memory for a pass."""
    cdef Pass p
    cdef Py_ssize_t most = 0, size
    for prunes in (False, True):
        for kind in (moments, NONE):
            plan(&p, n, d, k, density, kind, prunes, itemsize)
            size = n_threads * p.scratch_size + p.shards * (p.sums_size * <Py_ssize_t>sizeof(double) + 16)
            most = size if size > most else most
    return (128 + aligned(packed_size(k, d, density) * itemsize) + aligned(k * itemsize) + aligned(k * d * itemsize)
            + aligned((3 + k) * side(d) * itemsize) + most)


# --- samples -> responsibilities -------------------------------------------------------------------------------------

cdef inline void column(const real** x, Py_ssize_t i, real reference, real scale, real* out) noexcept nogil:
    """One feature of EIGHT rows. Spelt out, for compilers would read along rows and write numbers one by one."""
    cdef Py_ssize_t l
    cdef real t[EIGHT]
    t[0], t[1], t[2], t[3] = x[0][i], x[1][i], x[2][i], x[3][i]
    t[4], t[5], t[6], t[7] = x[4][i], x[5][i], x[6][i], x[7][i]
    for l in range(EIGHT):
        out[l] = (t[l] - reference) * scale


cdef inline const real* row_at(const Pass* p, const real* X, Py_ssize_t i) noexcept nogil:
    """The i-th row, in the order in which tiles take them."""
    return X + (i if p.order is NULL else p.order[i]) * p.d


cdef void load(const Pass* p, Scratch* s, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """Transpose a group of tiles into the frame; occupied places beyond the last row repeat it with weight zero."""
    cdef const real* reference = <const real*>p.frame
    cdef const real* scale = reference + p.d
    cdef const real* weights = <const real*>p.weights
    cdef real* tile = <real*>s.tiles
    cdef real* weight = <real*>s.weight
    cdef const Py_ssize_t* order = p.order
    cdef const real* x[EIGHT]
    cdef Py_ssize_t _t, v, r, i, l, m, whole, end, d = p.d
    if p.loaded:
        return
    for _t in range(tiles):
        m = p.n - row if p.n - row < TILE else TILE
        whole = m // EIGHT * EIGHT
        for v from 0 <= v < whole by EIGHT:  # so few rows that their cache lines are there for every feature
            for l in range(EIGHT):
                x[l] = row_at(p, X, row + v + l)
            if order is NULL:
                for i from 0 <= i < min(EIGHT, p.n - row - v - TILE) * d by 8:
                    cyem_prefetch(x[0] + TILE * d + i)
            else:
                for l in range(min(EIGHT, p.n - row - v - NEXT)):
                    for i from 0 <= i < d by 8:
                        cyem_prefetch(row_at(p, X, row + v + NEXT + l) + i)
            for i in range(d):
                cyem_one_by_one()
                column(x, i, reference[i], scale[i], tile + i * TILE + v)
        for r in range(whole, m):
            x[0] = row_at(p, X, row + r)
            for i in range(d):
                tile[i * TILE + r] = (x[0][i] - reference[i]) * scale[i]
        end = occupied[real](p, row, 0)
        for i in range(d):
            for r in range(m, end):
                tile[i * TILE + r] = tile[i * TILE + m - 1]
        for r in range(m):
            weight[r] = 1 if weights is NULL else weights[row + r if order is NULL else order[row + r]]
        for r in range(m, end):
            weight[r] = 0
        row += TILE
        tile += p.tile_size
        weight += TILE


cdef inline Py_ssize_t occupied(const Pass* p, Py_ssize_t row, real unused) noexcept nogil:
    """Places of the tile that begins at a row which hold samples, in whole groups of lanes."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    return TILE if p.n - row >= TILE else (p.n - row + lanes - 1) // lanes * lanes


cdef void fill_joint(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """resp[k, s] <- log-joint density = constant_k - distance^2 / 2"""
    cdef const real* centre = <const real*>p.centres
    cdef const real* factor = <const real*>p.factors
    cdef const real* constants = <const real*>p.constants
    cdef real* tile = <real*>s.tiles
    cdef Py_ssize_t t, j, v, n
    load[real](p, s, row, tiles, X)
    if p.shared:
        tile = <real*>s.white
        for t in range(tiles):
            whiten[real](<real*>s.tiles + t * p.tile_size, factor, occupied[real](p, row + t * TILE, 0), p.d,
                         tile + t * p.tile_size)
    for v from 0 <= v < TILE by p.span:
        for j in range(p.k):
            if p.heavy and look(p.work * tiles):
                return
            for t in range(tiles):
                n = occupied[real](p, row + t * TILE, 0) - v
                if n > 0:
                    p.density(tile + t * p.tile_size + v, centre + j * p.d, factor + j * p.factor_step, constants + j,
                              n if n < p.span else p.span, p.d, <real*>s.resp + t * p.resp_size + j * TILE + v)


cdef void fill_heavy(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """The same where tails are heavy."""
    cdef Py_ssize_t t, j
    fill_joint[real](p, s, sums, row, tiles, X)
    for t in range(tiles):
        for j in range(p.k):
            bend[real](<real*>s.resp + t * p.resp_size + j * TILE, occupied[real](p, row + t * TILE, 0), p.d,
                       p.tails[j] - p.base, p.tails[p.k + j], <real*>s.tails + (t * p.k + j) * 2 * TILE)


cdef void fill_posterior(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles,
                         const real* X) noexcept nogil:
    """resp[k, s] <- weight_s p(k | x_s)"""
    cdef Py_ssize_t t
    p.joint(p, s, sums, row, tiles, X)
    for t in range(tiles):
        share[real](p, s, sums, t, occupied[real](p, row + t * TILE, 0), 0)


cdef inline void share(const Pass* p, Scratch* s, double* sums, Py_ssize_t t, Py_ssize_t n, real unused) noexcept nogil:
    """Log-joint densities of active components become responsibilities, in a tile of which n places are looked at."""
    cdef real* resp = <real*>s.resp + t * p.resp_size
    cdef Py_ssize_t i
    p.posterior(resp, s.n_active, <real*>s.weight + t * TILE, n, p.cut, p.base, p.background, s.loglik + t * TILE, sums,
                sums + p.beside_at)
    if n < TILE:
        for i in range(s.n_active):
            memset(resp + i * TILE + n, 0, (TILE - n) * sizeof(real))


cdef void fill_pruned(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """The same for one tile and the components that may have responsibility for any of its samples."""
    cdef real* tile = <real*>s.tiles
    cdef const real* constants = <const real*>p.constants
    cdef float* bounds = p.bounds + row // TILE * p.k
    cdef double* reach = s.reach
    cdef double b, floor = lowest[real](0)
    cdef real top[TILE]
    cdef Py_ssize_t n = occupied[real](p, row, 0), j, best, _i, r
    load[real](p, s, row, 1, X)
    if p.shared:
        tile = <real*>s.white
        whiten[real](<real*>s.tiles, <real*>p.factors, n, p.d, tile)
    for r in range(n):
        top[r] = lowest[real](0)
    for j in range(p.k):
        b = p.change[j] * bounds[j] - p.change[p.k + j]
        b = b if b > 0 else 0
        bounds[j] = <float>b
        reach[j] = constants[j] - 0.5 * b * b
    s.n_active = 0
    for _i in range(FIRST):  # most likely ones first: they raise the floor for the others
        best = 0
        for j in range(1, p.k):
            best = j if reach[j] > reach[best] else best
        if reach[best] < floor:
            break
        floor = evaluate(p, s, tile, n, best, top, bounds)
    for j in range(p.k):
        if reach[j] >= floor:
            floor = evaluate(p, s, tile, n, j, top, bounds)
    share[real](p, s, sums, 0, n, 0)


cdef inline double evaluate(const Pass* p, Scratch* s, const real* tile, Py_ssize_t n, Py_ssize_t j, real* top,
                            float* bounds) noexcept nogil:
    """One more row of log-joint densities and its bound; returns what a component must reach to have any part."""
    cdef real* joint = <real*>s.resp + s.n_active * TILE
    cdef real constant = (<const real*>p.constants)[j], highest = lowest[real](0), least
    cdef Py_ssize_t r
    if p.heavy and look(p.work):
        return INFINITY
    p.density(tile, <const real*>p.centres + j * p.d, <real*>p.factors + j * p.factor_step,
              <const real*>p.constants + j, n, p.d, joint)
    for r in range(n):
        highest = joint[r] if joint[r] > highest else highest
        top[r] = joint[r] if joint[r] > top[r] else top[r]
    least = top[0]
    for r in range(n):
        least = top[r] if top[r] < least else least
    bounds[j] = <float>(sqrt(2 * (<double>constant - highest)) * (1 - SLACK)) if highest < constant else 0
    s.reach[j] = -INFINITY
    s.active[s.n_active] = j
    s.n_active += 1
    return least + p.cut - SLACK * (1 - <double>least)


cdef void fill_given(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """resp[k, s] <- weight_s given[s, k]"""
    cdef const real* given = <const real*>p.given + row * p.k
    cdef real* resp
    cdef const real* weight = <const real*>s.weight
    cdef Py_ssize_t t, j, r, m
    load[real](p, s, row, tiles, X)
    for t in range(tiles):
        resp = <real*>s.resp + t * p.resp_size
        m = p.n - row if p.n - row < TILE else TILE
        for j in range(p.k):
            for r in range(m):
                resp[r] = weight[r] * given[r * p.k + j]
            for r in range(m, TILE):
                resp[r] = 0
            resp += TILE
        given += TILE * p.k
        weight += TILE
        row += TILE


# --- responsibilities -> results -------------------------------------------------------------------------------------

cdef void emit_moments(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles,
                       const real* X) noexcept nogil:
    """Add masses, first and second moments; a component that owns nothing of a tile costs nothing."""
    cdef double* masses = sums + HEAD
    cdef double* first = masses + p.k
    cdef double* second = first + p.k * p.d
    cdef const real* mean
    cdef const real* resp
    cdef double total
    cdef Py_ssize_t t, i, j, n, width = side(p.d)
    for i in range(s.n_active):
        if p.heavy and look(p.work * tiles):
            return
        j = s.active[i]
        mean = <const real*>p.wide + (2 + j) * width
        for t in range(tiles):
            resp = <real*>s.resp + t * p.resp_size + i * TILE
            n = mass(resp, &total)
            if n == 0:
                continue
            s.owned[0] += n
            if j == p.rest:
                continue
            masses[j] += total
            if n > p.sparse:
                p.dense(<real*>s.tiles + t * p.tile_size, mean, resp, occupied[real](p, row + t * TILE, 0), p.d, s.z,
                        first + j * p.d, second + j * p.second_step)
            else:
                add_gathered(p, mean, resp, row + t * TILE, X, <real*>s.z, first + j * p.d, second + j * p.second_step)


cdef inline void add_together(const Pass* p, Scratch* s, double* sums, Py_ssize_t t, Py_ssize_t n,
                              real unused) noexcept nogil:
    """Pooled second moments of a tile about the origin: of samples with all that components let them count for."""
    cdef const real* resp = <const real*>s.resp + t * p.resp_size
    cdef Py_ssize_t j, r
    cdef real total[TILE]
    for r in range(n):
        total[r] = resp[r]
    for j in range(1, p.k):
        for r in range(n):
            total[r] += resp[j * TILE + r]
    p.together(<real*>s.tiles + t * p.tile_size, <const real*>p.wide + (2 + p.k) * side(p.d), total, n, p.d, s.z,
               sums + p.beside_at + 1, sums + HEAD + p.k + p.k * p.d)


cdef void emit_weighed(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles,
                       const real* X) noexcept nogil:
    """The same, each responsibility times the weight that the component gives the sample; and what that hides."""
    cdef double* tail = sums + p.tail_at
    cdef Py_ssize_t t, j
    for t in range(tiles):
        for j in range(p.k):
            weigh[real](<real*>s.resp + t * p.resp_size + j * TILE, <real*>s.tails + (t * p.k + j) * 2 * TILE,
                        occupied[real](p, row + t * TILE, 0), p.d, p.tails[p.k + j], tail + j, tail + p.k + j)
    emit_moments[real](p, s, sums, row, tiles, X)
    if p.together is not NULL:
        for t in range(tiles):
            add_together[real](p, s, sums, t, occupied[real](p, row + t * TILE, 0), 0)


cdef void add_gathered(const Pass* p, const real* mean, const real* resp, Py_ssize_t row, const real* X, real* z,
                       double* first, double* second) noexcept nogil:
    """First and second moments of one component and those samples of one tile that it has any part in."""
    cdef Py_ssize_t owned[TILE + 1]
    cdef Py_ssize_t n = gather(resp, owned), d = p.d, begin = 0, m, width, i, s, a, l
    cdef const real* reference = <const real*>p.wide
    cdef const real* scale = reference + side(d)
    cdef const real* x
    cdef real* last = z
    cdef real* y
    cdef real r
    cdef real t[BLOCK]
    while begin < d:
        m = p.strip if d - begin >= p.strip + EIGHT else d - begin  # what is left is a block at least
        width = side(m)
        z = last + width
        y = z + n * width
        for s in range(n):
            i = row + owned[s] if p.order is NULL else p.order[row + owned[s]]
            x = X + i * d + begin
            if i == p.last:  # rows are read in whole blocks, and there is nothing behind this one
                memset(last, 0, width * sizeof(real))
                memcpy(last, x, m * sizeof(real))
                x = last
            r = resp[owned[s]]
            for a from 0 <= a < width by BLOCK:
                for l in range(BLOCK):
                    t[l] = (x[a + l] - reference[a + l]) * scale[a + l] - mean[a + l]
                for l in range(BLOCK):
                    z[s * width + a + l] = t[l]
                    y[s * width + a + l] = r * t[l]
        p.gathered(y, z, n, m, first, second)
        first, second, mean = first + m, second + (m if p.second_step == d else 0), mean + m
        reference, scale, begin = reference + m, scale + m, begin + m


cdef void emit_loglik(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    cdef double* out = <double*>p.out + row
    cdef Py_ssize_t r
    for r in range(p.n - row if p.n - row < tiles * TILE else tiles * TILE):
        out[r] = s.loglik[r]


cdef void emit_resp(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    cdef real* out = <real*>p.out + row * p.k
    cdef const real* resp
    cdef Py_ssize_t r
    cdef Py_ssize_t j
    for r in range(p.n - row if p.n - row < tiles * TILE else tiles * TILE):
        resp = <const real*>s.resp + r // TILE * p.resp_size + r % TILE
        for j in range(p.k):
            out[r * p.k + j] = resp[j * TILE]


cdef void emit_labels(const Pass* p, Scratch* s, double* sums, Py_ssize_t row, int tiles, const real* X) noexcept nogil:
    """The first component with the largest log-joint density; -1 where that of the background is as large."""
    cdef Py_ssize_t* out = <Py_ssize_t*>p.out + row
    cdef const real* joint
    cdef Py_ssize_t r
    cdef Py_ssize_t j, best
    for r in range(p.n - row if p.n - row < tiles * TILE else tiles * TILE):
        joint = <const real*>s.resp + r // TILE * p.resp_size + r % TILE
        best = 0
        for j in range(1, p.k):
            if joint[j * TILE] > joint[best * TILE]:
                best = j
        out[r] = best if joint[best * TILE] > p.background or p.background <= lowest[real](0) else -1


# --- shards and threads ----------------------------------------------------------------------------------------------

cdef void run_shard(const Pass* p, Py_ssize_t shard, int thread) noexcept nogil:
    """All tiles of one shard, in order, with the temporary memory of the thread that came."""
    cdef Scratch s
    cdef Py_ssize_t itemsize = p.itemsize
    cdef char* at = p.scratch + thread * p.scratch_size
    cdef double* sums = p.sums + shard * p.sums_size
    cdef Py_ssize_t tile = shard * p.tiles // p.shards, end = (shard + 1) * p.tiles // p.shards, j
    cdef int tiles
    s.tiles = at
    at += aligned(p.group * p.tile_size * itemsize)
    s.weight = at  # beside the samples, where the next pass finds both, whatever else it needs room for
    at += aligned(p.group * TILE * itemsize)
    s.white = at
    at += aligned(p.group * p.white_size * itemsize)
    s.z = at
    at += aligned(p.z_size * itemsize)
    s.resp = at
    at += aligned(p.group * p.resp_size * itemsize)
    s.tails = at
    at += aligned(p.group * p.tail_size * TILE * itemsize)
    s.active = <Py_ssize_t*>at
    at += aligned(p.k * sizeof(Py_ssize_t))
    s.reach = <double*>at
    at += aligned(p.k * sizeof(double))
    s.loglik = <double*>at
    memset(sums, 0, p.sums_size * sizeof(double))
    s.owned = p.pairs + p.shards + shard
    s.owned[0] = 0
    p.pairs[shard] = 0
    s.n_active = p.k
    for j in range(p.k):
        s.active[j] = j
    while tile < end and not look(p.work * p.k * p.group):
        tiles = <int>(end - tile if end - tile < p.group else p.group)
        p.fill(p, &s, sums, tile * TILE, tiles, p.X)
        p.emit(p, &s, sums, tile * TILE, tiles, p.X)
        p.pairs[shard] += s.n_active * tiles * TILE
        tile += tiles


cdef void run(const Pass* p, int n_threads) noexcept nogil:
    share_out(<item_t>run_shard, p, p.shards, p.work * p.k * p.tiles / p.shards, n_threads)


cdef struct Addition:       # of all shards' sums
    const Pass* p
    double* out
    Py_ssize_t flat         # sums that are no matrices


cdef void add_flat(const Addition* a, Py_ssize_t i, int thread) noexcept nogil:
    add_part(a.p, i * PART, min(PART, a.flat - i * PART), a.out + i * PART)


cdef void add_matrix(const Addition* a, Py_ssize_t j, int thread) noexcept nogil:
    cdef Py_ssize_t d = a.p.d, width = side(d)
    unfold(a.p, a.flat + j * width * width, width, a.out + a.flat + j * d * d)


cdef void add_shards(const Pass* p, double* out, int n_threads) noexcept nogil:
    """out <- sum of the shards' sums, in their order; second moments unfolded from their lower halves."""
    cdef Py_ssize_t flat = HEAD + p.k + p.k * p.d
    cdef Addition a
    if p.matrices == 0:
        flat += p.k * p.second_step
    a.p, a.out, a.flat = p, out, flat
    share_out(<item_t>add_flat, &a, (flat + PART - 1) // PART, PART * p.shards, n_threads)
    if p.matrices:
        share_out(<item_t>add_matrix, &a, p.matrices, <double>p.d * p.d * p.shards, n_threads)
    if p.tail_size + p.beside:
        add_part(p, p.tail_at, p.tail_size + p.beside, out + flat + p.matrices * p.d * p.d)
    if p.single:
        add_from_whole[float](p, out + HEAD, out + flat, 0)
    else:
        add_from_whole[double](p, out + HEAD, out + flat, 0)


cdef inline void add_from_whole(const Pass* p, double* sums, double* second, real unused) noexcept nogil:
    """What is left to come from the sums of all samples, if anything."""
    cdef const real* means = <const real*>p.wide + 2 * side(p.d)
    if p.rest >= 0:
        rest_of_whole(p.whole + HEAD, p.rest, means, p.k, p.d, sums)
    elif p.together is not NULL:
        pooled_of_whole(sums, means, p.k, p.d, second)
    elif p.whole is not NULL and p.matrices == 0:
        memcpy(second, p.whole + HEAD + 1 + p.d, p.d * p.d * sizeof(double))
        pooled_of_whole(sums, means, p.k, p.d, second)


cdef inline void add_part(const Pass* p, Py_ssize_t start, Py_ssize_t n, double* out) noexcept nogil:
    """out <- n of the sums, from start on"""
    cdef Py_ssize_t _shard, i
    cdef const double* sums = p.sums + start
    memset(out, 0, n * sizeof(double))
    for _shard in range(p.shards):
        for i in range(n):
            out[i] += sums[i]
        sums += p.sums_size


cdef tuple pairs(const Pass* p):
    """How many pairs of a sample and a component were evaluated, and how many mattered."""
    cdef Py_ssize_t shard, evaluated = 0, owned = 0
    for shard in range(p.shards):
        evaluated += p.pairs[shard]
        owned += p.pairs[p.shards + shard]
    return evaluated, owned


cdef void unfold(const Pass* p, Py_ssize_t start, Py_ssize_t stride, double* out) noexcept nogil:
    """One symmetric (d, d) matrix from the lower half of one whose rows have the length stride."""
    cdef Py_ssize_t d = p.d, a, b
    for a in range(d):
        add_part(p, start + a * stride, a + 1, out + a * d)
    for a in range(d):
        for b in range(a):
            out[b * d + a] = out[a * d + b]


# --- the doors -------------------------------------------------------------------------------------------------------

cdef inline void widen(const real* rows, Py_ssize_t n, Py_ssize_t d, real* wide) noexcept nogil:
    """wide (n, side) <- rows (n, d), padded with zeros to whole blocks"""
    cdef Py_ssize_t i, width = side(d)
    for i in range(n):
        memcpy(wide + i * width, rows + i * d, d * sizeof(real))
        memset(wide + i * width + d, 0, (width - d) * sizeof(real))


cdef void open_pass(Pass* p, Table r, const Mixture* m, int posterior, int moments, double cut, bint prunes,
                    unsigned char* workspace) noexcept nogil:
    """A pass over rows: fill(), which makes responsibilities under a mixture, then emit(), which sums moments.

    Either may be replaced by another of its steps. A mixture without factors gives no densities.
    """
    if r.single:
        set_out[float](p, with_whole[float](r, m, moments, 0), m, posterior, moments, cut, prunes, workspace, 0)
    else:
        set_out[double](p, with_whole[double](r, m, moments, 0), m, posterior, moments, cut, prunes, workspace, 0)


cdef inline Steps steps(real unused) noexcept nogil:
    return Steps(
        <step_t>fill_joint[real], <step_t>fill_heavy[real],
        <step_t>fill_posterior[real], <step_t>fill_pruned[real], <step_t>fill_given[real],
        <step_t>emit_moments[real], <step_t>emit_weighed[real], <step_t>emit_loglik[real], <step_t>emit_resp[real],
        <step_t>emit_labels[real],
    )


cdef void set_out(Pass* p, Table r, const Mixture* m, int posterior, int moments, double cut, bint prunes,
                  unsigned char* workspace, real unused) noexcept nogil:
    cdef uintptr_t at = (<uintptr_t>workspace + 63) // 64 * 64
    cdef Py_ssize_t itemsize = sizeof(real), j
    cdef real* centres
    cdef Loops loops
    cdef bint pooled = r.whole is not NULL and kind_of(moments).shared
    plan(p, r.n, r.d, m.k, m.density, NONE if pooled and m.density < STUDENT else moments, prunes, itemsize)
    p.single, p.itemsize, p.whole, p.rest, p.cut = r.single, itemsize, r.whole, -1, cut
    p.X, p.last, p.weights, p.frame, p.order = r.X, r.last, r.weights, r.frame, r.order
    p.factors = <void*>at
    at += aligned(packed_size(p.k, p.d, m.density) * itemsize)
    p.constants = <void*>at
    at += aligned(p.k * itemsize)
    p.centres = <void*>at
    at += aligned(p.k * p.d * itemsize)
    p.wide = <void*>at
    at += aligned((3 + p.k) * side(p.d) * itemsize)
    p.pairs = <Py_ssize_t*>at
    at += aligned(2 * p.shards * sizeof(Py_ssize_t))
    p.sums = <double*>at
    at += p.shards * p.sums_size * sizeof(double)
    p.scratch = <char*>at
    centres = <real*>p.centres
    for j in range(p.k * p.d):
        centres[j] = <real>m.means[j]
    widen(<const real*>r.frame, 2, p.d, <real*>p.wide)
    widen(centres, p.k, p.d, <real*>p.wide + 2 * side(p.d))
    memset(<real*>p.wide + (2 + p.k) * side(p.d), 0, side(p.d) * sizeof(real))
    p.posterior = <posterior_t>soft[real] if posterior == SOFT else <posterior_t>hard[real]
    p.steps = steps[real](0)
    p.fill, p.emit = p.steps.posterior, p.steps.moments
    p.background = lowest[real](0)
    loops = loops_of[real](NONE if pooled else moments, p.d, 0)
    p.dense, p.gathered = loops.dense, loops.gathered
    p.together = loops_of[real](moments, p.d, 0).dense if pooled and m.density >= STUDENT else NULL
    if m.factors is not NULL:
        set_density[real](p, m, 0)


cdef inline double loss(const double* whole, const double* U, Py_ssize_t d, real unused) noexcept nogil:
    """By how much the second moments of all samples exceed those of a component with Sigma^-1 = U U', at most.

    So many times the rounding error of the one is the error of the other where it is what remains of a difference, in
    every direction: the largest a_ii (Sigma^-1)_ii, where a are the moments of the whole over its mass.
    """
    cdef double row, most = 0
    cdef Py_ssize_t i, a
    for i in range(d):
        row = 0
        for a in range(i, d):
            row += <double><real>U[i * d + a] * <real>U[i * d + a]
        row *= whole[HEAD + 1 + d + i * (d + 1)] / whole[HEAD]
        most = most if row <= most else row
    return most


cdef inline Table with_whole(Table r, const Mixture* m, int moments, real unused) noexcept nogil:
    """The same rows, with their statistics as one component where these are of use for the moments of a mixture."""
    cdef Kind kind = kind_of(moments)
    cdef bint heavy = m.density >= STUDENT  # where rows count for more or less, so that only pooled moments are of use
    cdef bint own = (m.factors is not NULL and square(&kind) and moments_of(m.density) == moments
                     and (kind.shared or not heavy))
    if not own or (kind.shared and r.whole is not NULL
                   and not loss[real](r.whole, m.factors, r.d, 0) <= bearable[real](0)):
        r.whole = NULL
    return r


cdef inline double bearable(real unused) noexcept nogil:
    """A loss of a quarter of all digits: the fourth root of 1 / rounding."""
    return 8192 if real is double else 54


cdef inline Py_ssize_t best_rest(const double* whole, const Mixture* m, Py_ssize_t d, real unused) noexcept nogil:
    """The component that loses least as what the others leave of the whole; -1 where that is too much."""
    cdef Py_ssize_t j, i, best = -1
    cdef double weight, lost, least = bearable[real](0)
    for j in range(m.k):
        weight = m.constants[j] + 0.9189385332046727 * d  # log sqrt(2 pi)
        for i in range(d):
            weight -= log(<real>m.factors[j * d * d + i * (d + 1)])
        lost = loss[real](whole, m.factors + j * d * d, d, 0) * exp(-weight)
        if lost < least:
            best, least = j, lost
    return best


cdef void set_density(Pass* p, const Mixture* m, real unused) noexcept nogil:
    """Pack the parameters into the workspace in the order in which they are read."""
    cdef Py_ssize_t j, i, b
    cdef real* packed = <real*>p.factors
    cdef real* constant = <real*>p.constants
    cdef real* centre = <real*>p.centres
    cdef Kind kind = kind_of(moments_of(m.density))
    cdef bint heavy = m.density >= STUDENT, triangle = square(&kind)
    cdef double y
    p.shared = kind.shared
    p.factor_size = packed_numbers(&kind, p.d)
    p.factor_step = 0 if m.n_factors == 1 else p.factor_size
    # triangles are read from the second-level cache, so a tile at a time; samples where there is little else to read
    p.span = TILE if triangle and not p.shared else span(p.d * sizeof(real), LANES if real is double else WIDE)
    for j in range(m.n_factors):
        if triangle:
            pack_panels(m.factors + j * p.d * p.d, p.d, packed)
        else:
            for i in range(p.factor_size):
                packed[i] = <real>m.factors[j * p.factor_size + i]
        packed += p.factor_size
    if p.shared:
        for j in range(p.k):
            for b in range(p.d):
                y = 0
                for i in range(b + 1):
                    y += <double><real>m.factors[i * p.d + b] * <double><real>m.means[j * p.d + i]
                centre[j * p.d + b] = <real>y
    p.base = 0
    if m.constants is not NULL:
        p.base = m.constants[0]
        for j in range(1, p.k):
            p.base = m.constants[j] if m.constants[j] > p.base else p.base
    for j in range(p.k):
        constant[j] = 0 if heavy or m.constants is NULL else <real>(m.constants[j] - p.base)
    if m.background - p.base > p.background:
        p.background, p.beside, p.posterior = m.background - p.base, True, <posterior_t>soft_beside[real]
    p.density = loops_of[real](moments_of(m.density), p.d, 0).density
    if p.whole is not NULL and p.matrices == p.k and not heavy:
        p.rest = best_rest[real](p.whole, m, p.d, 0)
    p.tails = m.constants if heavy else NULL
    p.joint = p.steps.heavy if heavy else p.steps.joint
    if heavy:
        p.emit = p.steps.weighed


def sweep(Rows rows, Density density, double[::1] statistics, unsigned char[::1] workspace, *, int posterior,
          int moments, double cut, int n_threads):
    """One E-step and the sums for one M-step.

    statistics: OUT, about the means of the density. Responsibilities below exp(cut) count as zero.
    Returns how many pairs of a sample and a component were evaluated, and how many have any responsibility.
    """
    cdef Pass p
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows.table, &density.mixture, posterior, moments, cut, False, &workspace[0])
        run(&p, n_threads)
        add_shards(&p, &statistics[0], n_threads)
    close_watch(&watch)
    return pairs(&p)


def sweep_pruned(Rows rows, Density density, const Py_ssize_t[::1] order, float[:, ::1] bounds,
                 const double[:, ::1] change, double[::1] statistics, unsigned char[::1] workspace, *, int moments,
                 double cut, int n_threads):
    """The same with soft responsibilities, less the pairs of a tile and a component that cannot matter.

    order (n,): the rows in the order in which tiles take them; close ones together. bounds (tiles, k): in, distances
    that no sample of the tile had to come below, from components of the past; out, the same from these components.
    change (2, k): by how much distances from these are at least scaled [0], and moved at most [1], since then.
    """
    cdef Pass p
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows.table, &density.mixture, SOFT, moments, cut, True, &workspace[0])
        p.order, p.bounds, p.change = &order[0], &bounds[0, 0], &change[0, 0]
        p.fill = p.steps.pruned
        run(&p, n_threads)
        add_shards(&p, &statistics[0], n_threads)
    close_watch(&watch)
    return pairs(&p)


def accumulate(Rows rows, const double[:, ::1] means, resp, double[::1] statistics, unsigned char[::1] workspace, *,
               int moments, int n_threads):
    """The sums for one M-step from given responsibilities resp (n, k) IN, about means (k, d)."""
    cdef Pass p
    cdef Mixture none = Mixture(SPHERICAL, means.shape[0], 0, &means[0, 0], NULL, NULL, -INFINITY)
    cdef const void* given = matrix(resp, rows.table.single)
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows.table, &none, SOFT, moments, 0, False, &workspace[0])
        p.given = given
        p.fill = p.steps.given
        run(&p, n_threads)
        add_shards(&p, &statistics[0], n_threads)
    close_watch(&watch)


def score_samples(Rows rows, Density density, double[::1] loglik, unsigned char[::1] workspace, *, int n_threads):
    """loglik (n,) OUT: log-density of each sample in the frame."""
    cdef Pass p
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows.table, &density.mixture, SOFT, NONE, lowest_cut(&rows.table), False, &workspace[0])
        p.out, p.emit = &loglik[0], p.steps.loglik
        run(&p, n_threads)
    close_watch(&watch)


def responsibilities(Rows rows, Density density, resp, unsigned char[::1] workspace, *, int n_threads):
    """resp (n, k) OUT: p(component | sample), whatever the sample weighs."""
    cdef Pass p
    cdef Table r = rows.table
    cdef void* out = writable_matrix(resp, r.single)
    cdef Watch watch
    r.weights = NULL
    open_watch(&watch)
    with nogil:
        open_pass(&p, r, &density.mixture, SOFT, NONE, lowest_cut(&r), False, &workspace[0])
        p.out, p.emit = out, p.steps.resp
        run(&p, n_threads)
    close_watch(&watch)


def labels(Rows rows, Density density, Py_ssize_t[::1] label, unsigned char[::1] workspace, *, int n_threads):
    """label (n,) OUT: the first most probable component."""
    cdef Pass p
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        open_pass(&p, rows.table, &density.mixture, SOFT, NONE, 0, False, &workspace[0])
        p.fill = p.joint
        p.out, p.emit = &label[0], p.steps.labels
        run(&p, n_threads)
    close_watch(&watch)


cdef inline double lowest_cut(const Table* r) noexcept nogil:
    """Nothing but what is no normal number counts as zero."""
    return lowest_exponent[float](0) if r.single else lowest_exponent[double](0)


def exp_log(const real[::1] x, real[::1] exps, double[::1] logs):
    """For tests: exp of non-positive numbers and log of their absolute value plus one, in place of lanes of a block."""
    cdef real t[WIDE]
    cdef double u[WIDE]
    cdef Py_ssize_t i
    cdef Py_ssize_t l, lanes = LANES if real is double else WIDE
    for i from 0 <= i < x.shape[0] by lanes:
        for l in range(lanes):
            t[l] = x[i + l] if i + l < x.shape[0] else 0
            u[l] = 1 - <double>t[l]
        exp_lanes[real](t, <real>lowest_exponent[real](0))
        log_lanes(u, lanes)
        for l in range(min(lanes, x.shape[0] - i)):
            exps[i + l] = t[l]
            logs[i + l] = u[l]


def log1p_inverse(const real[::1] x, real[::1] logs, real[::1] inverses):
    """For tests: log(1 + x) and 1 / (1 + x) of numbers that are not negative."""
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        logs[i] = log1p_and_inverse(x[i], &inverses[i])


include "seeding.pxi"
include "climb.pxi"
include "moves.pxi"
