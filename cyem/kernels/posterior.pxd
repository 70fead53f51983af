"""From log-joint densities to responsibilities, in place, for n samples of one tile; resp is (k, TILE).

Sample s has log-likelihood base + log (sum_k exp(resp[k, s]) + exp(background)); weight[s] multiplies its
responsibilities and its contribution to the sums. sums[0] += weighted log-likelihood, sums[1] += weighted log of the
largest responsibility. The background is a log-density that is the same everywhere, as low as can be where there is
none; beside[0] += the weight that it takes.
"""

from .lanes cimport LANES, TILE, WIDE, exp_lanes, log_lanes, real


cdef inline real lowest(real unused) noexcept nogil:
    """Stands for a log-density that is not a number or beyond the range: finite, and never chosen over another."""
    if real is double:
        return -1e300
    else:
        return <float>-1e37


cdef inline void soft(real* resp, Py_ssize_t k, const real* weight, Py_ssize_t n, double cut, double base,
                      double background, double* loglik, double* sums, double* beside) noexcept nogil:
    """Responsibilities (the softmax over components) times weight; those below exp(cut) are exact zeros."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t g, j, l, v
    cdef real low = lowest[real](0)
    cdef real top[WIDE]
    cdef real total[WIDE]
    cdef real t[WIDE]
    cdef double logs[WIDE]
    cdef double sum0 = 0, sum1 = 0
    for g in range(n // lanes):
        v = g * lanes
        for l in range(lanes):
            top[l] = low
            total[l] = 0
        for j in range(k):
            for l in range(lanes):
                top[l] = resp[j * TILE + v + l] if resp[j * TILE + v + l] > top[l] else top[l]
        for j in range(k):
            for l in range(lanes):
                t[l] = (resp[j * TILE + v + l] if resp[j * TILE + v + l] > low else low) - top[l]
            exp_lanes[real](t, <real>cut)
            for l in range(lanes):
                resp[j * TILE + v + l] = t[l]
                total[l] += t[l]
        for l in range(lanes):
            logs[l] = total[l]
        log_lanes(logs, lanes)
        for l in range(lanes):
            loglik[v + l] = base + top[l] + logs[l]
            sum0 += weight[v + l] * loglik[v + l]
            sum1 -= weight[v + l] * logs[l]
            t[l] = weight[v + l] / total[l]
        for j in range(k):
            for l in range(lanes):
                resp[j * TILE + v + l] *= t[l]
    sums[0] += sum0
    sums[1] += sum1


cdef inline void soft_beside(real* resp, Py_ssize_t k, const real* weight, Py_ssize_t n, double cut, double base,
                             double background, double* loglik, double* sums, double* beside) noexcept nogil:
    """The same where there is a background: a kernel of its own, as without it samples need one exp less each."""
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t g, j, l, v
    cdef real low = lowest[real](0)
    cdef real top[WIDE]
    cdef real total[WIDE]
    cdef real t[WIDE]
    cdef real outside[WIDE]
    cdef double logs[WIDE]
    cdef double sum0 = 0, sum1 = 0, taken = 0
    cdef real constant = <real>background
    for g in range(n // lanes):
        v = g * lanes
        for l in range(lanes):
            top[l] = constant
        for j in range(k):
            for l in range(lanes):
                top[l] = resp[j * TILE + v + l] if resp[j * TILE + v + l] > top[l] else top[l]
        for l in range(lanes):
            t[l] = constant - top[l]
        exp_lanes[real](t, <real>cut)
        for l in range(lanes):
            outside[l] = t[l]
            total[l] = t[l]
        for j in range(k):
            for l in range(lanes):
                t[l] = (resp[j * TILE + v + l] if resp[j * TILE + v + l] > low else low) - top[l]
            exp_lanes[real](t, <real>cut)
            for l in range(lanes):
                resp[j * TILE + v + l] = t[l]
                total[l] += t[l]
        for l in range(lanes):
            logs[l] = total[l]
        log_lanes(logs, lanes)
        for l in range(lanes):
            loglik[v + l] = base + top[l] + logs[l]
            sum0 += weight[v + l] * loglik[v + l]
            sum1 -= weight[v + l] * logs[l]
            t[l] = weight[v + l] / total[l]
        for l in range(lanes):
            taken += t[l] * outside[l]
        for j in range(k):
            for l in range(lanes):
                resp[j * TILE + v + l] *= t[l]
    sums[0] += sum0
    sums[1] += sum1
    beside[0] += taken


cdef inline void hard(real* resp, Py_ssize_t k, const real* weight, Py_ssize_t n, double cut, double base,
                      double background, double* loglik, double* sums, double* beside) noexcept nogil:
    """All of a sample's weight to its first best component: the step of k-means and of classification EM.

    Partitions have no background.
    """
    cdef Py_ssize_t lanes = LANES if real is double else WIDE
    cdef Py_ssize_t j, l, v
    cdef real low = lowest[real](0)
    cdef real top[WIDE]
    cdef real best[WIDE]
    cdef double sum0 = 0
    for v from 0 <= v < n by lanes:
        for l in range(lanes):
            top[l] = low
            best[l] = 0
        for j in range(k):
            for l in range(lanes):
                best[l] = j if resp[j * TILE + v + l] > top[l] else best[l]
                top[l] = resp[j * TILE + v + l] if resp[j * TILE + v + l] > top[l] else top[l]
        for j in range(k):
            for l in range(lanes):
                resp[j * TILE + v + l] = weight[v + l] if best[l] == j else 0
        for l in range(lanes):
            loglik[v + l] = base + top[l]
            sum0 += weight[v + l] * loglik[v + l]
    sums[0] += sum0
