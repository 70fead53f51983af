"""Log-joint density of one tile of samples under one component: constant less half the squared Mahalanobis distance.

A tile is (d, TILE): feature i of sample s at tile[i * TILE + s]; samples are the lanes, and n of them, in whole groups
of lanes, are looked at. A factor is the matrix U of Sigma^-1 = U U', so that the distance is the norm of U'(x - mean).
"""

from .lanes cimport LANES, ROWS, TILE, WIDE, real

ctypedef void (*density_t)(const void* tile, const void* mean, const void* u, const void* constant, Py_ssize_t n,
                           Py_ssize_t d, void* joint) noexcept nogil


# --- triangular factors ----------------------------------------------------------------------------------------------

cdef inline void project_rows(const real* x, Py_ssize_t stride, const real* mean, bint centre, const real* panel,
                              Py_ssize_t j, Py_ssize_t rows, real* y, real* q) noexcept nogil:
    """Numbers j to j + rows of U'(x - mean) for one group of lanes: q += their squares; y <- they, if not NULL.

    rows (at most ROWS) and centre (else mean counts as zero) are constants where this is called: the triangle costs
    what it holds. The mean is subtracted on the way, for each panel anew, which is cheaper than to store differences.
    """
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t i, r, l
    cdef real p
    cdef real acc[ROWS][WIDE]
    cdef real m, m0 = 0, m1 = 0, m2 = 0, m3 = 0
    cdef const real* corner = x + j * stride
    if centre:
        m0 = mean[j]
        m1 = mean[j + 1] if rows > 1 else 0
        m2 = mean[j + 2] if rows > 2 else 0
        m3 = mean[j + 3] if rows > 3 else 0
    for r in range(rows):
        p = panel[r]
        for l in range(lanes):
            acc[r][l] = p * (corner[l] - m0)
    for r in range(1, rows):
        p = panel[rows + r]
        for l in range(lanes):
            acc[r][l] += p * (corner[stride + l] - m1)
    for r in range(2, rows):
        p = panel[2 * rows + r]
        for l in range(lanes):
            acc[r][l] += p * (corner[2 * stride + l] - m2)
    for r in range(3, rows):
        p = panel[3 * rows + r]
        for l in range(lanes):
            acc[r][l] += p * (corner[3 * stride + l] - m3)
    panel += rows * rows
    for i in range(j):
        m = mean[i] if centre else 0
        for r in range(rows):
            p = panel[i * rows + r]
            for l in range(lanes):
                acc[r][l] += p * (x[i * stride + l] - m)
    for r in range(rows):
        for l in range(lanes):
            q[l] += acc[r][l] * acc[r][l]
    if y is not NULL:
        for r in range(rows):
            for l in range(lanes):
                y[(j + r) * TILE + l] = acc[r][l]


cdef inline void project_lanes(const real* x, const real* mean, bint centre, const real* panels, Py_ssize_t d,
                               real* y, real* q) noexcept nogil:
    """One group of lanes of a tile: q += |U'(x - mean)|^2 and, where y is not NULL, y <- U'(x - mean).

    panels holds the columns of the upper triangle of U, ROWS at a time: the corner where they end, then what is above.
    """
    cdef Py_ssize_t j = 0
    while j + ROWS <= d:
        project_rows(x, TILE, mean, centre, panels, j, ROWS, y, q)
        panels += (j + ROWS) * ROWS
        j += ROWS
    if d - j == 3:
        project_rows(x, TILE, mean, centre, panels, j, 3, y, q)
    elif d - j == 2:
        project_rows(x, TILE, mean, centre, panels, j, 2, y, q)
    elif d - j == 1:
        project_rows(x, TILE, mean, centre, panels, j, 1, y, q)


cdef inline Py_ssize_t panel_size(Py_ssize_t d) noexcept nogil:
    """Length of one packed triangle."""
    cdef Py_ssize_t whole = d // ROWS
    return whole * (whole + 1) // 2 * ROWS * ROWS + d % ROWS * d


cdef inline void pack_panels(const double* U, Py_ssize_t d, real* panels) noexcept nogil:
    """The upper triangle of U (d, d), row-major, in the order in which project_lanes reads it."""
    cdef Py_ssize_t i, j, r, rows
    for j from 0 <= j < d by ROWS:
        rows = ROWS if j + ROWS < d else d - j
        for i in range(rows):
            for r in range(rows):
                panels[i * rows + r] = <real>U[(j + i) * d + j + r] if i <= r else 0
        panels += rows * rows
        for i in range(j):
            for r in range(rows):
                panels[i * rows + r] = <real>U[i * d + j + r]
        panels += j * rows


cdef inline void triangular(const real* tile, const real* mean, const real* panels, const real* constant, Py_ssize_t n,
                            Py_ssize_t d, real* joint) noexcept nogil:
    """U upper triangular, in panels."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v, l
    cdef real c = constant[0], half = 0.5
    cdef real q[WIDE]
    for v from 0 <= v < n by lanes:
        for l in range(lanes):
            q[l] = 0
        project_lanes(tile + v, mean, True, panels, d, NULL, q)
        for l in range(lanes):
            joint[v + l] = c - half * q[l]


cdef inline void small(const real* tile, const real* mean, const real* panel, const real* constant, Py_ssize_t n,
                       Py_ssize_t d, real* joint) noexcept nogil:
    """The same for a constant d < ROWS: nothing but registers."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v, i, l
    cdef real m, c = constant[0], half = 0.5
    cdef real q[WIDE]
    cdef real z[ROWS][WIDE]
    for v from 0 <= v < n by lanes:
        for i in range(d):
            m = mean[i]
            for l in range(lanes):
                z[i][l] = tile[i * TILE + v + l] - m
        for l in range(lanes):
            q[l] = 0
        project_rows(&z[0][0], WIDE, mean, False, panel, 0, d, NULL, q)
        for l in range(lanes):
            joint[v + l] = c - half * q[l]


cdef inline void triangular1(const real* tile, const real* mean, const real* panel, const real* constant, Py_ssize_t n,
                             Py_ssize_t d, real* joint) noexcept nogil:
    small(tile, mean, panel, constant, n, 1, joint)


cdef inline void triangular2(const real* tile, const real* mean, const real* panel, const real* constant, Py_ssize_t n,
                             Py_ssize_t d, real* joint) noexcept nogil:
    small(tile, mean, panel, constant, n, 2, joint)


cdef inline void triangular3(const real* tile, const real* mean, const real* panel, const real* constant, Py_ssize_t n,
                             Py_ssize_t d, real* joint) noexcept nogil:
    small(tile, mean, panel, constant, n, 3, joint)


cdef inline density_t triangular_for(Py_ssize_t d, real unused) noexcept nogil:
    """The one of these for d features."""
    return (<density_t>triangular1[real] if d == 1 else <density_t>triangular2[real] if d == 2 else
            <density_t>triangular3[real] if d == 3 else <density_t>triangular[real])


cdef inline void whiten(const real* tile, const real* panels, Py_ssize_t n, Py_ssize_t d, real* out) noexcept nogil:
    """out <- U' tile, once for all components that share U."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v
    cdef real q[WIDE]
    for v from 0 <= v < n by lanes:
        project_lanes(tile + v, panels, False, panels, d, out + v, q)


# --- axis-parallel and round -----------------------------------------------------------------------------------------

cdef inline void diagonal(const real* tile, const real* mean, const real* u, const real* constant, Py_ssize_t n,
                          Py_ssize_t d, real* joint) noexcept nogil:
    """U = diag(u)"""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v, i, l
    cdef real m, p, t, c = constant[0], half = 0.5
    cdef real q[WIDE]
    for v from 0 <= v < n by lanes:
        m = mean[0]
        p = u[0]
        for l in range(lanes):
            t = (tile[v + l] - m) * p
            q[l] = t * t
        for i in range(1, d):
            m = mean[i]
            p = u[i]
            for l in range(lanes):
                t = (tile[i * TILE + v + l] - m) * p
                q[l] += t * t
        for l in range(lanes):
            joint[v + l] = c - half * q[l]


cdef inline void round_about(const real* tile, const real* mean, real half, real c, Py_ssize_t n, Py_ssize_t d,
                             real* joint) noexcept nogil:
    """joint_s <- c - half |x_s - mean|^2"""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v, i, l
    cdef real m, t
    cdef real q[WIDE]
    for v from 0 <= v < n by lanes:
        m = mean[0]
        for l in range(lanes):
            t = tile[v + l] - m
            q[l] = t * t
        for i in range(1, d):
            m = mean[i]
            for l in range(lanes):
                t = tile[i * TILE + v + l] - m
                q[l] += t * t
        for l in range(lanes):
            joint[v + l] = c - half * q[l]


cdef inline void spherical(const real* tile, const real* mean, const real* u, const real* constant, Py_ssize_t n,
                           Py_ssize_t d, real* joint) noexcept nogil:
    """U = u[0] times the identity"""
    round_about(tile, mean, <real>0.5 * u[0] * u[0], constant[0], n, d, joint)


cdef inline void whitened(const real* tile, const real* mean, const real* u, const real* constant, Py_ssize_t n,
                          Py_ssize_t d, real* joint) noexcept nogil:
    """Samples and mean are whitened already"""
    round_about(tile, mean, <real>0.5, constant[0], n, d, joint)
