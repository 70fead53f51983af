"""One sample at a time, for other programs: log-density, responsibilities, the most probable component.

a) Components are the lanes: groups of ABREAST of them stand side by side, the last one filled up with some of weight
   zero. A mixture is packed once into one block of memory, in the order in which it is read; nobody writes to it then.
b) Functions are called by pointer from any thread: they hold no lock, know no Python and allocate nothing. What they
   need room for is on their stack, PART components at a time, however many there are.
c) Samples are seen as they are, without a frame: each difference from a mean is rounded once. Samples of single
   precision are computed with in double precision.
d) A sample that holds NaN or infinity is no sample: the log-density is NaN, the others tell NOT_FINITE.
"""

from libc.float cimport DBL_MAX
from libc.math cimport INFINITY, NAN, exp, fabs, log
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from .address cimport address
from .arguments cimport Density, Mixture
from .kinds cimport DIAGONAL, SPHERICAL, STUDENT, TRIANGULAR, WHITENED
from .lanes cimport ABREAST, ROWS, cyem_exp, cyem_larger, cyem_largest, cyem_total, cyem_vector, log1p_lanes, real
from .posterior cimport lowest

cdef enum:
    PART = 64               # components whose log-joint densities are on the stack, a multiple of every ABREAST
    GROUPS = PART // ABREAST
    SIDE = 8                # numbers that are whitened, or of which the logarithm is taken, side by side
    VECTORS = SIDE // ABREAST
    NOT_FINITE = -1         # as in cyem.h

cdef struct Packed:
    Py_ssize_t d, k, groups, size  # groups of components; numbers of one factor
    int density             # without its tails
    bint heavy
    const double* reference  # (d,): what samples are centred on before they are whitened
    const double* white     # U of all components, in blocks of columns
    const double* centres   # (groups, d, ABREAST), whitened where samples are: then d is a multiple of SIDE
    const double* factors   # (groups, size of one, ABREAST)
    const double* constants  # (groups, ABREAST), as the next four: log-joint densities at the means
    const double* lowest    # what stands for what is no number: for components that fill up less than for others
    const double* halves    # of the squared distance, what the log-density falls by where tails are normal
    const double* inverses  # where they are heavy, the squared distance times this is q / nu,
    const double* powers    # and log(1 + q / nu) times this is what it falls by


# --- squared distances from some groups of components ----------------------------------------------------------------

cdef inline cyem_vector project(const real* x, const cyem_vector* mean, const cyem_vector* panel, Py_ssize_t j,
                                Py_ssize_t rows) noexcept nogil:
    """Sum of the squares of the numbers j to j + rows of U'(x - mean); rows, at most ROWS, is a constant.

    A panel holds what is above the corner where its columns end, then the corner.
    """
    cdef Py_ssize_t i
    cdef cyem_vector z, zero = mean[0] - mean[0], a = zero, b = zero, c = zero, e = zero
    for i in range(j):
        z = <double>x[i] - mean[i]
        a += panel[0] * z
        if rows > 1:
            b += panel[1] * z
        if rows > 2:
            c += panel[2] * z
        if rows > 3:
            e += panel[3] * z
        panel += rows
    z = <double>x[j] - mean[j]
    a += panel[0] * z
    if rows > 1:
        b += panel[1] * z
    if rows > 2:
        c += panel[2] * z
    if rows > 3:
        e += panel[3] * z
    if rows > 1:
        z = <double>x[j + 1] - mean[j + 1]
        b += panel[rows + 1] * z
        if rows > 2:
            c += panel[rows + 2] * z
        if rows > 3:
            e += panel[rows + 3] * z
    if rows > 2:
        z = <double>x[j + 2] - mean[j + 2]
        c += panel[2 * rows + 2] * z
        if rows > 3:
            e += panel[2 * rows + 3] * z
    if rows > 3:
        z = <double>x[j + 3] - mean[j + 3]
        e += panel[3 * rows + 3] * z
    return (a * a + b * b) + (c * c + e * e)


cdef inline Py_ssize_t groups_of(Py_ssize_t k) noexcept nogil:
    """How many groups k components are."""
    return (k + ABREAST - 1) // ABREAST


cdef inline Py_ssize_t triangle_size(Py_ssize_t d) noexcept nogil:
    """Numbers of one U, in panels."""
    cdef Py_ssize_t j, size = 0
    for j from 0 <= j < d by ROWS:
        size += (j + min(ROWS, d - j)) * min(ROWS, d - j)
    return size


cdef inline cyem_vector triangle(const real* x, const cyem_vector* mean, const cyem_vector* panel,
                                 Py_ssize_t d) noexcept nogil:
    """One group, with a U of its own for each component."""
    cdef cyem_vector q = mean[0] - mean[0]
    cdef Py_ssize_t j = 0
    while j + ROWS <= d:
        q += project(x, mean, panel, j, ROWS)
        panel += (j + ROWS) * ROWS
        j += ROWS
    if d - j == 3:
        q += project(x, mean, panel, j, 3)
    elif d - j == 2:
        q += project(x, mean, panel, j, 2)
    elif d - j == 1:
        q += project(x, mean, panel, j, 1)
    return q


cdef void triangular(const Packed* s, const real* x, Py_ssize_t first, Py_ssize_t groups,
                     cyem_vector* q) noexcept nogil:
    """U upper triangular, one for each component."""
    cdef const cyem_vector* mean = <const cyem_vector*>s.centres + first * s.d
    cdef const cyem_vector* panel = <const cyem_vector*>s.factors + first * s.size
    cdef Py_ssize_t g
    for g in range(groups):
        q[g] = triangle(x, mean + g * s.d, panel + g * s.size, s.d)


cdef inline Py_ssize_t whole(Py_ssize_t d) noexcept nogil:
    """The number of features, filled up to whole blocks."""
    return (d + SIDE - 1) // SIDE * SIDE


cdef void whitened(const Packed* s, const real* x, Py_ssize_t first, Py_ssize_t groups,
                   cyem_vector* q) noexcept nogil:
    """U upper triangular, one for all components, whose means are whitened already."""
    cdef Py_ssize_t d = s.d, width = whole(d), b, i, g, m
    cdef const double* U = s.white
    cdef const cyem_vector* centre
    cdef double z
    cdef cyem_vector t, sum_
    cdef double y[SIDE]
    memset(q, 0, groups * sizeof(cyem_vector))
    for b from 0 <= b < width by SIDE:
        for m in range(SIDE):
            y[m] = 0
        for i in range(min(d, b + SIDE)):
            z = x[i] - s.reference[i]
            for m in range(SIDE):
                y[m] += U[m] * z
            U += SIDE
        for g in range(groups):
            centre = <const cyem_vector*>s.centres + (first + g) * width + b
            sum_ = q[g]
            for m in range(SIDE):
                t = y[m] - centre[m]
                sum_ += t * t
            q[g] = sum_


cdef void diagonal(const Packed* s, const real* x, Py_ssize_t first, Py_ssize_t groups,
                   cyem_vector* q) noexcept nogil:
    """U = diag(u)"""
    cdef Py_ssize_t d = s.d, g, i
    cdef const cyem_vector* mean = <const cyem_vector*>s.centres + first * d
    cdef const cyem_vector* u = <const cyem_vector*>s.factors + first * d
    cdef cyem_vector t, sum_
    for g in range(groups):
        sum_ = mean[0] - mean[0]
        for i in range(d):
            t = (<double>x[i] - mean[i]) * u[i]
            sum_ += t * t
        q[g] = sum_
        mean += d
        u += d


cdef void spherical(const Packed* s, const real* x, Py_ssize_t first, Py_ssize_t groups,
                    cyem_vector* q) noexcept nogil:
    """U = u times the identity"""
    cdef Py_ssize_t d = s.d, g, i
    cdef const cyem_vector* mean = <const cyem_vector*>s.centres + first * d
    cdef const cyem_vector* u = <const cyem_vector*>s.factors + first
    cdef cyem_vector t, sum_
    for g in range(groups):
        sum_ = mean[0] - mean[0]
        for i in range(d):
            t = (<double>x[i] - mean[i]) * u[g]
            sum_ += t * t
        q[g] = sum_
        mean += d


# --- from distances to answers ---------------------------------------------------------------------------------------

cdef inline Py_ssize_t joint_densities(const Packed* s, const real* x, Py_ssize_t first,
                                       cyem_vector* joint) noexcept nogil:
    """Log-joint densities of the part of the components that begins at a group; how many groups."""
    cdef Py_ssize_t groups = min(GROUPS, s.groups - first), g
    cdef const cyem_vector* constants = <const cyem_vector*>s.constants + first
    cdef const cyem_vector* low = <const cyem_vector*>s.lowest + first
    if s.density == TRIANGULAR:
        triangular(s, x, first, groups, joint)
    elif s.density == WHITENED:
        whitened(s, x, first, groups, joint)
    elif s.density == DIAGONAL:
        diagonal(s, x, first, groups, joint)
    else:
        spherical(s, x, first, groups, joint)
    if s.heavy:
        bend(s, first, groups, joint)
    else:
        for g in range(groups):
            joint[g] = cyem_larger(constants[g] - 0.5 * joint[g], low[g])
    return groups


cdef inline void bend(const Packed* s, Py_ssize_t first, Py_ssize_t groups, cyem_vector* joint) noexcept nogil:
    """The same from squared distances, of t distributions."""
    cdef const cyem_vector* constants = <const cyem_vector*>s.constants + first
    cdef const cyem_vector* low = <const cyem_vector*>s.lowest + first
    cdef const cyem_vector* halves = <const cyem_vector*>s.halves + first
    cdef const cyem_vector* inverses = <const cyem_vector*>s.inverses + first
    cdef const cyem_vector* powers = <const cyem_vector*>s.powers + first
    cdef cyem_vector least = halves[0] - halves[0] - 1e299
    cdef cyem_vector y[VECTORS]
    cdef Py_ssize_t g, i, few
    for g from 0 <= g < groups by VECTORS:
        few = min(VECTORS, groups - g)
        for i in range(VECTORS):
            y[i] = least - least
        for i in range(few):
            joint[g + i] = cyem_larger(-joint[g + i], least)  # also what is not a number
            y[i] = -cyem_larger(joint[g + i] * inverses[g + i], least)
        log1p_lanes(<double*>y, SIDE)
        for i in range(few):
            joint[g + i] = cyem_larger(constants[g + i] - powers[g + i] * y[i] + halves[g + i] * joint[g + i],
                                       low[g + i])


cdef inline double largest_of_all(const cyem_vector* joint, Py_ssize_t groups) noexcept nogil:
    cdef cyem_vector most = joint[0]
    cdef Py_ssize_t g
    for g in range(1, groups):
        most = cyem_larger(joint[g], most)
    return cyem_largest(most)


cdef inline double exponentials(cyem_vector* joint, Py_ssize_t groups, double top) noexcept nogil:
    """joint <- exp(joint - top); their sum."""
    cdef cyem_vector total = joint[0] - joint[0]
    cdef Py_ssize_t g
    for g in range(groups):
        joint[g] = cyem_exp(joint[g] - top)
        total += joint[g]
    return cyem_total(total)


cdef inline bint few(const Packed* s) noexcept nogil:
    """Whether there is one group of components, whose log-joint densities need no memory, and it is the usual case."""
    return s.groups == 1 and s.density == TRIANGULAR and not s.heavy


cdef inline cyem_vector few_joint(const Packed* s, const real* x) noexcept nogil:
    """Log-joint densities of these."""
    cdef cyem_vector q = triangle(x, <const cyem_vector*>s.centres, <const cyem_vector*>s.factors, s.d)
    return cyem_larger((<const cyem_vector*>s.constants)[0] - 0.5 * q, (<const cyem_vector*>s.lowest)[0])


cdef inline bint finite(const real* x, Py_ssize_t d) noexcept nogil:
    cdef bint so = True
    cdef Py_ssize_t i
    for i in range(d):
        so &= fabs(x[i]) <= DBL_MAX
    return so


cdef inline bint suspicious(const Packed* s, double top) noexcept nogil:
    """Whether a sample may hold NaN or infinity: then normal densities are nowhere a number."""
    return s.heavy or top <= lowest[double](0)


cdef double log_density(const Packed* s, const real* x) noexcept nogil:
    cdef cyem_vector joint[GROUPS]
    cdef double top = -INFINITY, total = 0, most
    cdef Py_ssize_t g, n
    if few(s):
        joint[0] = few_joint(s, x)
        top = cyem_largest(joint[0])
        if top <= lowest[double](0) and not finite(x, s.d):
            return NAN
        return top + log(cyem_total(cyem_exp(joint[0] - top)))
    for g from 0 <= g < s.groups by GROUPS:
        n = joint_densities(s, x, g, joint)
        most = largest_of_all(joint, n)
        if most > top:
            total = total * exp(top - most) if total else 0
            top = most
        total += exponentials(joint, n, top)
    if suspicious(s, top) and not finite(x, s.d):
        return NAN
    return top + log(total)


cdef int responsibilities(const Packed* s, const real* x, double* resp) noexcept nogil:
    """resp (k,) OUT"""
    cdef cyem_vector joint[GROUPS]
    cdef double top = -INFINITY, total = 0, most
    cdef Py_ssize_t g, n, j, k = s.k
    cdef double* part = <double*>joint
    if few(s):
        joint[0] = few_joint(s, x)
        top = cyem_largest(joint[0])
        if top <= lowest[double](0) and not finite(x, s.d):
            return NOT_FINITE
        joint[0] = cyem_exp(joint[0] - top)
        total = 1 / cyem_total(joint[0])
        joint[0] = joint[0] * total
        for j in range(k):
            resp[j] = part[j]
        return 0
    if k > PART and not finite(x, s.d):  # before resp, where joint densities are kept then
        return NOT_FINITE
    for g from 0 <= g < s.groups by GROUPS:
        n = joint_densities(s, x, g, joint)
        most = largest_of_all(joint, n)
        top = most if most > top else top
        if k > PART:
            memcpy(resp + g * ABREAST, joint, min(PART, k - g * ABREAST) * sizeof(double))
    if suspicious(s, top) and not finite(x, s.d):
        return NOT_FINITE
    for g from 0 <= g < s.groups by GROUPS:
        n = min(PART, s.k - g * ABREAST)
        if k > PART:
            memcpy(joint, resp + g * ABREAST, n * sizeof(double))
            for j in range(n, groups_of(n) * ABREAST):
                part[j] = 2 * lowest[double](0)
        total += exponentials(joint, groups_of(n), top)
        memcpy(resp + g * ABREAST, joint, n * sizeof(double))
    total = 1 / total
    for j in range(k):
        resp[j] *= total
    return 0


cdef int predict(const Packed* s, const real* x) noexcept nogil:
    """The first most probable component."""
    cdef cyem_vector joint[GROUPS]
    cdef double top = -INFINITY
    cdef Py_ssize_t g, n, j
    cdef const double* part = <const double*>joint
    cdef int best = 0
    for g from 0 <= g < s.groups by GROUPS:
        n = joint_densities(s, x, g, joint)
        for j in range(n * ABREAST):
            if part[j] > top:
                top = part[j]
                best = <int>(g * ABREAST + j)
    return NOT_FINITE if suspicious(s, top) and not finite(x, s.d) else best


cdef double density(int d, const double* x, const Packed* s) noexcept nogil:
    """The density itself, as integrators call it; of another number of features it is not a number."""
    return exp(log_density(s, x)) if d == s.d else NAN


cdef Py_ssize_t features(const Packed* s) noexcept nogil:
    return s.d


cdef Py_ssize_t components(const Packed* s) noexcept nogil:
    return s.k


def functions():
    """Addresses of the functions that other programs call, by the names that cyem.h has for them."""
    return {
        "features": <uintptr_t>&features,
        "components": <uintptr_t>&components,
        "log_density": <uintptr_t>&log_density[double],
        "responsibilities": <uintptr_t>&responsibilities[double],
        "predict": <uintptr_t>&predict[double],
        "log_density_float": <uintptr_t>&log_density[float],
        "responsibilities_float": <uintptr_t>&responsibilities[float],
        "predict_float": <uintptr_t>&predict[float],
        "density": <uintptr_t>&density,
    }


# --- packing ---------------------------------------------------------------------------------------------------------

cdef Py_ssize_t lay_out(Packed* s, const Mixture* m, Py_ssize_t d, char* memory) noexcept nogil:
    """Where everything is in memory, which begins with s itself; the bytes that it takes."""
    cdef char* at = memory + (sizeof(Packed) + 63) // 64 * 64
    cdef Py_ssize_t width, one
    s.d, s.k, s.groups = d, m.k, groups_of(m.k)
    s.heavy = m.density >= STUDENT
    s.density = m.density - STUDENT if s.heavy else m.density
    width = whole(d) if s.density == WHITENED else d
    one = triangle_size(d) if s.density == TRIANGULAR else d if s.density == DIAGONAL else 1
    s.size = one
    s.constants = <double*>at
    at += 5 * s.groups * ABREAST * sizeof(double)
    s.lowest, s.halves = s.constants + s.groups * ABREAST, s.constants + 2 * s.groups * ABREAST
    s.inverses, s.powers = s.constants + 3 * s.groups * ABREAST, s.constants + 4 * s.groups * ABREAST
    s.centres = <double*>at
    at += s.groups * width * ABREAST * sizeof(double)
    s.factors = <double*>at
    at += s.groups * one * ABREAST * sizeof(double)
    s.reference = <double*>at
    s.white = s.reference + width
    if s.density == WHITENED:
        at += (width + width * (width + SIDE) // 2) * sizeof(double)
    return at - memory


cdef void fill(const Packed* s, const Mixture* m, const double* reference) noexcept nogil:
    cdef double* centres = <double*>s.centres
    cdef double* factors = <double*>s.factors
    cdef double* constants = <double*>s.constants
    cdef double* white = <double*>s.white
    cdef const double* U = m.factors
    cdef Py_ssize_t d = s.d, width = whole(d), g, l, j, i, b, r, at, rows, component
    cdef double y, nu, u
    for g in range(s.groups):
        for l in range(ABREAST):
            component = g * ABREAST + l
            j = component if component < s.k else s.k - 1  # those that fill up are the last one, without weight
            constants[component] = m.constants[j] if component < s.k else -INFINITY
            (<double*>s.lowest)[component] = lowest[double](0) * (1 if component < s.k else 2)
            u = m.factors[j if m.n_factors > 1 else 0] if s.density == SPHERICAL else 1
            nu = m.constants[s.k + j] if s.heavy else INFINITY
            (<double*>s.halves)[component] = 0.5 if nu == INFINITY else 0
            (<double*>s.inverses)[component] = 0 if nu == INFINITY else 1 / nu
            (<double*>s.powers)[component] = 0 if nu == INFINITY else (nu + d) / 2
            if s.density == SPHERICAL:
                factors[component] = u
            if s.density == DIAGONAL:
                for i in range(d):
                    factors[(g * d + i) * ABREAST + l] = U[(j * d if m.n_factors > 1 else 0) + i]
            if s.density == WHITENED:
                for b in range(width):
                    y = 0
                    if b < d:
                        for i in range(b + 1):
                            y += U[i * d + b] * (m.means[j * d + i] - reference[i])
                    centres[(g * width + b) * ABREAST + l] = y
            else:
                for i in range(d):
                    centres[(g * d + i) * ABREAST + l] = m.means[j * d + i]
            if s.density == TRIANGULAR:
                U = m.factors + (j * d * d if m.n_factors > 1 else 0)
                at = g * triangle_size(d) * ABREAST + l
                for b from 0 <= b < d by ROWS:
                    rows = min(ROWS, d - b)
                    for i in range(b + rows):
                        for r in range(rows):
                            factors[at] = U[i * d + b + r] if i <= b + r else 0
                            at += ABREAST
    if s.density == WHITENED:
        memcpy(<double*>s.reference, reference, d * sizeof(double))
        for b from 0 <= b < width by SIDE:
            for i in range(min(d, b + SIDE)):
                for r in range(b, b + SIDE):
                    white[0] = U[i * d + r] if i <= r and r < d else 0
                    white += 1


def size(Density density):
    """Bytes that a mixture takes when it is packed."""
    cdef Packed s
    return lay_out(&s, &density.mixture, density.means.shape[1], NULL)


def pack(Density density, const double[::1] reference, unsigned char[::1] memory):
    """memory (size,) OUT: the mixture, as the functions read it where this begins, at a whole cache line.

    reference (d,): a place among the means.
    """
    cdef Packed* s = <Packed*>&memory[0]
    memset(s, 0, memory.shape[0])
    lay_out(s, &density.mixture, density.means.shape[1], <char*>s)
    fill(s, &density.mixture, &reference[0])


# --- the doors: rows of arrays ---------------------------------------------------------------------------------------
# packed: where a mixture begins. X (n, d), float32 or float64, and out are contiguous.

def log_densities(uintptr_t packed, X, out):
    """out (n,) OUT, float64"""
    cdef const Packed* s = <const Packed*>packed
    cdef bint single = X.itemsize == sizeof(float)
    cdef const void* x = address(X)
    cdef double* value = <double*>address(out)
    cdef Py_ssize_t i, n = len(X)
    with nogil:
        for i in range(n):
            value[i] = (log_density(s, <const float*>x + i * s.d) if single else
                        log_density(s, <const double*>x + i * s.d))


def posteriors(uintptr_t packed, X, out):
    """out (n, k) OUT, float64"""
    cdef const Packed* s = <const Packed*>packed
    cdef bint single = X.itemsize == sizeof(float)
    cdef const void* x = address(X)
    cdef double* resp = <double*>address(out)
    cdef Py_ssize_t i, j, n = len(X)
    cdef int told
    with nogil:
        for i in range(n):
            told = (responsibilities(s, <const float*>x + i * s.d, resp + i * s.k) if single else
                    responsibilities(s, <const double*>x + i * s.d, resp + i * s.k))
            if told < 0:
                for j in range(s.k):
                    resp[i * s.k + j] = NAN


def labels(uintptr_t packed, X, out):
    """out (n,) OUT, intp"""
    cdef const Packed* s = <const Packed*>packed
    cdef bint single = X.itemsize == sizeof(float)
    cdef const void* x = address(X)
    cdef Py_ssize_t* label = <Py_ssize_t*>address(out)
    cdef Py_ssize_t i, n = len(X)
    with nogil:
        for i in range(n):
            label[i] = predict(s, <const float*>x + i * s.d) if single else predict(s, <const double*>x + i * s.d)
