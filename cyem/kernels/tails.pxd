"""Heavy tails: what turns distances into log-densities of Student's t, and responsibilities into weighted ones.

A t distribution is a normal one whose precision is multiplied by a hidden u, a gamma variable of mean one. With squared
distance q from the mean, d features and nu degrees of freedom the log-density is

    height - (nu + d) / 2 log(1 + q / nu),

and the mean of u, given the sample, (nu + d) / (nu + q): far samples count for less (Peel & McLachlan 2000, Statistics
and Computing 10, 339-348). Without end to the degrees of freedom it is the normal density, and u is one.
"""

from libc.math cimport INFINITY, log1p

from .lanes cimport TILE, log1p_and_inverse, real


cdef inline double farthest(real unused) noexcept nogil:
    """Of q / nu the most that is told apart, so that all that is made of it is a number."""
    return 1e299 if real is double else 1e37


cdef inline void bend(real* joint, Py_ssize_t n, Py_ssize_t d, double height, double nu, real* y) noexcept nogil:
    """joint (n,), minus half of q IN, log-density OUT. y (2, TILE) OUT: the inverse of 1 + q / nu, and its log."""
    cdef Py_ssize_t l
    cdef real most = <real>farthest[real](0), top = <real>height, power = <real>((nu + d) / 2), scale = <real>(-2 / nu)
    cdef real x
    if nu == INFINITY:
        for l in range(n):
            y[l] = 1
            y[TILE + l] = 0
            joint[l] += top
        return
    for l in range(n):
        x = scale * joint[l]
        x = log1p_and_inverse(x if x < most else most, y + l)  # the most, too, where it is not a number
        joint[l] = top - power * x
        y[TILE + l] = x


cdef inline void weigh(real* resp, const real* y, Py_ssize_t n, Py_ssize_t d, double nu, double* mass,
                       double* logs) noexcept nogil:
    """resp (n,) <- resp u; mass += sum of resp, logs += sum of resp (log u - u)."""
    cdef Py_ssize_t l
    cdef real most = <real>(1 + d / nu), log_most = <real>log1p(d / nu), own = 0, total = 0, u
    for l in range(n):
        u = most * y[l]
        own += resp[l]
        total += resp[l] * (log_most - y[TILE + l] - u)
        resp[l] *= u
    mass[0] += own
    logs[0] += total
