"""Heavy tails: what turns distances into log-densities of Student's t, and responsibilities into weighted ones.

A t distribution is a normal one whose precision is multiplied by a hidden u, a gamma variable of mean one. With squared
distance q from the mean, d features and nu degrees of freedom the log-density is

    height - (nu + d) / 2 log(1 + q / nu),

and the mean of u, given the sample, (nu + d) / (nu + q): far samples count for less (Peel & McLachlan 2000, Statistics
and Computing 10, 339-348). Without end to the degrees of freedom it is the normal density, and u is one.
"""

from libc.math cimport INFINITY, log1p

from .lanes cimport LANES, TILE, WIDE, log1p_lanes, real


cdef inline void bend(real* joint, Py_ssize_t n, Py_ssize_t d, double height, double nu, real* y) noexcept nogil:
    """joint (n,), minus half of q IN, log-density OUT. y (2, TILE) OUT: 1 + q / nu, and its logarithm."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t v, l
    cdef double x[WIDE]
    cdef double power = (nu + d) / 2, scale = -2 / nu
    if nu == INFINITY:
        for l in range(n):
            y[l] = 1
            y[TILE + l] = 0
            joint[l] += <real>height
        return
    for v from 0 <= v < n by lanes:
        for l in range(lanes):
            x[l] = scale * joint[v + l]
            x[l] = x[l] if x[l] < 1e299 else 1e299  # also what is not a number
            if real is double:
                y[v + l] = 1 + x[l]
            else:
                y[v + l] = <real>(1 + x[l]) if x[l] < 1e37 else <real>1e37
        log1p_lanes(x, lanes)
        for l in range(lanes):
            joint[v + l] = <real>(height - power * x[l])
            y[TILE + v + l] = <real>x[l]


cdef inline void weigh(real* resp, const real* y, Py_ssize_t n, Py_ssize_t d, double nu, double* mass,
                       double* logs) noexcept nogil:
    """resp (n,) <- resp u; mass += sum of resp, logs += sum of resp (log u - u)."""
    cdef Py_ssize_t l
    cdef double most = 1 + d / nu, log_most = log1p(d / nu), own = 0, sum_ = 0, u
    for l in range(n):
        u = most / y[l]
        own += resp[l]
        sum_ += resp[l] * (log_most - y[TILE + l] - u)
        resp[l] = <real>(resp[l] * u)
    mass[0] += own
    logs[0] += sum_
