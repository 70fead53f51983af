"""Squared Mahalanobis distances of one tile of samples to one component.

A tile is (d, TILE): feature i of sample s at tile[i * TILE + s]; samples are the lanes. A factor is the matrix U of
Sigma^-1 = U U', so that the distance is the squared norm of U'(x - mean).
"""

from .lanes cimport LANES, ROWS, TILE, WIDE, real


cdef inline void centre(const real* tile, const real* mean, int d, real* out) noexcept nogil:
    """out <- tile - mean"""
    cdef Py_ssize_t i, s
    cdef real m
    for i in range(d):
        m = mean[i]
        for s in range(TILE):
            out[i * TILE + s] = tile[i * TILE + s] - m


cdef inline void project_lanes(const real* z, const real* panels, int d, real* y, real* q) noexcept nogil:
    """One lane group: q <- |U'z|^2 and, where y is not NULL, y <- U'z.

    panels holds the columns of the upper triangle of U, ROWS at a time, each as deep as its last column.
    """
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t c, i, j, r, l, depth
    cdef real p
    cdef real acc[ROWS][WIDE]
    for l in range(lanes):
        q[l] = 0
    for c in range((d + ROWS - 1) // ROWS):
        j = c * ROWS
        depth = j + ROWS if j + ROWS < d else d
        for r in range(ROWS):
            for l in range(lanes):
                acc[r][l] = 0
        for i in range(depth):
            for r in range(ROWS):
                p = panels[i * ROWS + r]
                for l in range(lanes):
                    acc[r][l] += p * z[i * TILE + l]
        for r in range(ROWS):
            for l in range(lanes):
                q[l] += acc[r][l] * acc[r][l]
        if y is not NULL:
            for r in range(depth - j):
                for l in range(lanes):
                    y[(j + r) * TILE + l] = acc[r][l]
        panels += depth * ROWS


cdef inline Py_ssize_t panel_size(int d) noexcept nogil:
    """Length of one packed triangle."""
    cdef Py_ssize_t size = 0
    cdef Py_ssize_t c, j
    for c in range((d + ROWS - 1) // ROWS):
        j = c * ROWS
        size += ROWS * (j + ROWS if j + ROWS < d else d)
    return size


cdef inline void pack_panels(const real* U, int d, real* panels) noexcept nogil:
    """The upper triangle of U (d, d), row-major, in the order in which project_lanes reads it."""
    cdef Py_ssize_t c, i, j, r, depth
    for c in range((d + ROWS - 1) // ROWS):
        j = c * ROWS
        depth = j + ROWS if j + ROWS < d else d
        for i in range(depth):
            for r in range(ROWS):
                panels[i * ROWS + r] = U[i * d + j + r] if j + r < d and i <= j + r else 0
        panels += depth * ROWS


cdef inline void triangular(const real* tile, const real* mean, const real* panels, int d, real* z,
                            real* q) noexcept nogil:
    """q[s] <- |U'(x_s - mean)|^2, U upper triangular."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t g, v
    centre(tile, mean, d, z)
    for g in range(TILE // lanes):
        v = g * lanes
        project_lanes[real](z + v, panels, d, NULL, q + v)


cdef inline void diagonal(const real* tile, const real* mean, const real* u, int d, real* z, real* q) noexcept nogil:
    """q[s] <- sum_i (u_i (x_si - mean_i))^2"""
    cdef Py_ssize_t i, s
    cdef real m, p, t
    for s in range(TILE):
        q[s] = 0
    for i in range(d):
        m = mean[i]
        p = u[i]
        for s in range(TILE):
            t = (tile[i * TILE + s] - m) * p
            q[s] += t * t


cdef inline void centred(const real* tile, const real* mean, const real* u, int d, real* z, real* q) noexcept nogil:
    """q[s] <- |x_s - mean|^2 of samples and means that are whitened already"""
    cdef Py_ssize_t i, s
    cdef real m, t
    for s in range(TILE):
        q[s] = 0
    for i in range(d):
        m = mean[i]
        for s in range(TILE):
            t = tile[i * TILE + s] - m
            q[s] += t * t


cdef inline void spherical(const real* tile, const real* mean, const real* u, int d, real* z, real* q) noexcept nogil:
    """q[s] <- (u |x_s - mean|)^2"""
    cdef Py_ssize_t s
    cdef real t = u[0] * u[0]
    centred(tile, mean, u, d, z, q)
    for s in range(TILE):
        q[s] *= t


cdef inline void whiten(const real* tile, const real* panels, int d, real* out) noexcept nogil:
    """out <- U' tile, once for all components that share U."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t g, v
    cdef real q[WIDE]
    for g in range(TILE // lanes):
        v = g * lanes
        project_lanes[real](tile + v, panels, d, out + v, q)
