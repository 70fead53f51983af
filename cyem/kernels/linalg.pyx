"""The dense algebra between two passes: many small matrices, or all parameters of a mixture, in one call."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport M_SQRT1_2, fabs, frexp, ldexp, sqrt
from libc.stdint cimport uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

from . cimport block as blocks
from . cimport eigen
from .address cimport address
from .algebra cimport cholesky, precision_factor
from .arguments cimport ClosedForm, Model
from .block cimport fold, unfold
from .covariance cimport matrix_exceeds
from .eigen cimport factor_of, graded_eigen
from .lanes cimport real
from .mstep cimport maximise
from .team cimport Watch, close_watch, look, open_watch

OUTCOMES = ("unusual", "ordinary", "held")

cdef enum:  # between two looks for a signal
    NUMBERS_AT_A_TIME = 1 << 20
    ROWS_AT_A_TIME = 1 << 9


cdef inline bint look_at(Py_ssize_t d) noexcept nogil:
    """Before what is done to one matrix (d, d): whether to leave it."""
    return look(<double>d * d * d)


def precision_factors(const double[:, :, ::1] A, double[:, :, ::1] U, double[:, ::1] scratch, int[::1] definite):
    """U upper triangular with A^-1 = U U', for each of k matrices.

    A (k, d, d) IN, U (k, d, d) OUT, scratch (d, d), definite (k,) OUT: 0 where A is not positive definite and U is left
    as it was.
    """
    cdef Py_ssize_t j, d = A.shape[1]
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(A.shape[0]):
            if look_at(A.shape[1]):
                break
            definite[j] = precision_factor(&A[j, 0, 0], d, &scratch[0, 0])
            if definite[j]:
                memcpy(&U[j, 0, 0], &scratch[0, 0], d * d * sizeof(double))
    close_watch(&watch)


def exceeds(const double[:, :, ::1] A, const double[:, ::1] floor, double[:, ::1] scratch, int[::1] definite):
    """definite[j] <- is A_j - diag(floor_j) positive definite?

    A (k, d, d) IN, floor (k, d) IN, scratch (d, d), definite (k,) OUT.
    """
    cdef Py_ssize_t j
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(A.shape[0]):
            if look_at(A.shape[1]):
                break
            definite[j] = cholesky(&A[j, 0, 0], &floor[j, 0], 0, A.shape[1], &scratch[0, 0])
    close_watch(&watch)


def upper_triangular(const double[:, :, ::1] U):
    """Whether each of k matrices (k, d, d) is upper triangular with a positive diagonal."""
    cdef Py_ssize_t j, row, i, d = U.shape[1], bad = 0
    with nogil:
        for j in range(U.shape[0]):
            for row in range(d):
                for i in range(row):
                    bad += U[j, row, i] != 0
                bad += not U[j, row, row] > 0
    return bad == 0


def eigh(const double[:, :, ::1] A, double[:, ::1] values, double[:, :, ::1] vectors, double[:, ::1] scratch,
         int[::1] done):
    """A_j = vectors_j' diag(values_j) vectors_j for each of k symmetric matrices, values ascending.

    A (k, d, d) IN, values (k, d) OUT, vectors (k, d, d) OUT: eigenvectors are rows, scratch (d + 1, d), done (k,) OUT:
    0 where there is no answer (a number that is not finite).
    """
    cdef Py_ssize_t j, d = A.shape[1]
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(A.shape[0]):
            if look_at(A.shape[1]):
                break
            memcpy(&scratch[0, 0], &A[j, 0, 0], d * d * sizeof(double))
            done[j] = graded_eigen(&scratch[0, 0], d, &values[j, 0], &vectors[j, 0, 0], &scratch[d, 0])
    close_watch(&watch)


def compose(const double[:, ::1] values, const double[:, :, ::1] vectors, double[:, :, ::1] A):
    """A_j = vectors_j' diag(values_j) vectors_j for each of k matrices, the inverse of eigh.

    values (k, d), vectors (k, d, d) IN, A (k, d, d) OUT.
    """
    cdef Py_ssize_t j
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(values.shape[0]):
            if look_at(values.shape[1]):
                break
            eigen.compose(&values[j, 0], &vectors[j, 0, 0], values.shape[1], &A[j, 0, 0])
    close_watch(&watch)


def factors_of(const double[:, ::1] values, const double[:, ::1] root, double[:, :, ::1] vectors, int[::1] done):
    """vectors <- U upper triangular with (vectors_j' diag(values_j) vectors_j)^-1 = U_j U_j', for each of k matrices.

    values, root (k, d) IN, vectors (k, d, d) IN and OUT: rows are orthonormal when they are divided by root. done (k,)
    OUT: 0 where there is no answer.
    """
    cdef Py_ssize_t j
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(values.shape[0]):
            if look_at(values.shape[1]):
                break
            done[j] = factor_of(&values[j, 0], &root[j, 0], values.shape[1], &vectors[j, 0, 0])
    close_watch(&watch)


def below(const double[:, :, ::1] A, const double[:, :, ::1] U, const double[::1] floor, double[:, ::1] scratch,
          int[::1] found, *, double part):
    """found[j] <- is A_j in any direction no more than diag(max(floor, part times its own diagonal))?

    A, their factors U (k, d, d) IN, floor (d,) IN, scratch (d, d), found (k,) OUT.
    """
    cdef Py_ssize_t j
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for j in range(A.shape[0]):
            if look_at(A.shape[1]):
                break
            found[j] = not matrix_exceeds(&A[j, 0, 0], &U[j, 0, 0], A.shape[1], &floor[0], part, &scratch[0, 0])
    close_watch(&watch)


def block_size(Py_ssize_t k, Py_ssize_t d, int moments):
    """Length of the vector that holds all parameters."""
    return blocks.block_size(k, d, moments)


def coordinates_size(Py_ssize_t k, Py_ssize_t d, int moments):
    """Length of the vector of coordinates."""
    return blocks.coordinates_size(k, d, moments)


def m_step(ClosedForm closed, const double[::1] statistics, const double[:, ::1] about, const double[::1] current,
           double[::1] block, *, int n_threads):
    """The M-step where nothing is out of the ordinary. Returns one of OUTCOMES.

    statistics, about (k, d): IN, as a pass gives and takes them. current: IN, the block of parameters at which a search
    begins, or empty. block: OUT; of no use after "unusual", after "held" its outcomes say which components are at the
    floor.
    """
    cdef int outcome
    cdef Model model = closed.model
    cdef Watch watch
    model.k, model.d = about.shape[0], about.shape[1]
    open_watch(&watch)
    with nogil:
        outcome = maximise(&model, &statistics[0], &about[0, 0], &current[0] if current.shape[0] else NULL, &block[0],
                           n_threads)
    close_watch(&watch)
    return outcome


def coordinates(const double[::1] block, const double[::1] scale, double[::1] x, *, Py_ssize_t k, int moments):
    """x OUT: the parameters of a block as one vector of free numbers, without units; scale (d,) IN."""
    with nogil:
        unfold(&block[0], k, scale.shape[0], moments, &scale[0], &x[0])


def at(const double[::1] x, const double[::1] scale, double[::1] block, *, Py_ssize_t k, int moments):
    """block OUT: the parameters at coordinates x."""
    with nogil:
        fold(&x[0], k, scale.shape[0], moments, &scale[0], &block[0])


cdef double power_of_two(double size, int most) noexcept nogil:
    """The one next to a size >= 0 (1 for zero), such that it and its inverse are normal numbers."""
    cdef int exponent
    cdef double mantissa = frexp(size, &exponent)  # in [1/2, 1), or zero
    exponent -= 0 < mantissa < M_SQRT1_2
    return ldexp(1, min(max(exponent, -most), most))


def locate(const real[:, ::1] X, const double[::1] weights, double[::1] reference, double[::1] units,
           double[::1] variances, double[:, ::1] scratch, *, bint one_unit):
    """A frame for samples X (n, d) with weights (n,), or empty for ones, and the variance of each feature in it.

    reference (d,) OUT: the weighted mean in the precision of X. units (d,) OUT: powers of two near the standard
    deviations, or near the largest for all if one_unit. variances (d,) OUT: 1 for a constant. scratch (4, d).
    Returns whether no difference between samples, and no precision, comes near the end of the range.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], _r, r, i
    cdef int most = 1020 if real is double else 124
    cdef const real* x = &X[0, 0]
    cdef double* low = &scratch[0, 0]
    cdef double* high = low + d
    cdef double* first = high + d
    cdef double* second = first + d
    cdef double w, z, mean, size, largest = 0, total = 0
    cdef Watch watch
    open_watch(&watch)
    cdef double widest = (DBL_MAX if real is double else FLT_MAX) / 2
    cdef double least = ldexp(1, (60 if real is double else 24) - most)
    cdef bint ordinary = True
    with nogil:
        for i in range(d):
            low[i] = high[i] = x[i]
            first[i] = second[i] = 0
        for _r in range(n):
            if _r % ROWS_AT_A_TIME == 0 and look(ROWS_AT_A_TIME * d):
                break
            for i in range(d):
                low[i] = x[i] if x[i] < low[i] else low[i]
                high[i] = x[i] if x[i] > high[i] else high[i]
            x += d
        for i in range(d):  # first about the middle, in units of the range
            size = high[i] / 2 - low[i] / 2
            reference[i] = <real>(low[i] / 2 + high[i] / 2)
            if not fabs(reference[i]) <= DBL_MAX:  # compilers add before they halve
                reference[i] = low[i] + size
            units[i] = power_of_two(size, most)
            low[i] = 1 / units[i]
            high[i] = size
            ordinary = ordinary and size <= widest
        x = &X[0, 0]
        for r in range(n):
            if r % ROWS_AT_A_TIME == 0 and look(2 * ROWS_AT_A_TIME * d):
                break
            w = weights[r] if weights.shape[0] else 1
            total += w
            for i in range(d):
                z = (x[i] - reference[i]) * low[i]
                first[i] += w * z
                second[i] += w * z * z
            x += d
        for i in range(d):
            mean = first[i] / total
            variances[i] = max(second[i] / total - mean * mean, 0) if high[i] > 0 else 0
            reference[i] = <real>(reference[i] + mean * units[i])
            size = sqrt(variances[i]) * units[i]
            first[i] = size if size > 0 else fabs(reference[i])  # the only scale that a constant has
            largest = max(largest, first[i])
            ordinary = ordinary and (first[i] >= least or first[i] == 0)
        for i in range(d):
            size = power_of_two(largest if one_unit else first[i], most)
            variances[i] = variances[i] * (units[i] / size) * (units[i] / size) if variances[i] > 0 else 1
            units[i] = size
            ordinary = ordinary and variances[i] > 1e-280
    close_watch(&watch)
    return ordinary


cdef int finite(const void* numbers, Py_ssize_t n, bint narrow) except -1:
    """Whether there is no NaN and no infinity in n floats or doubles: their exponents are all ones."""
    cdef Py_ssize_t i, begin, end, bad = 0
    cdef const uint64_t* wide = <const uint64_t*>numbers
    cdef const uint32_t* single = <const uint32_t*>numbers
    cdef uint64_t wide_ones = <uint64_t>0x7FF << 52
    cdef uint32_t single_ones = <uint32_t>0xFF << 23
    cdef Watch watch
    open_watch(&watch)
    with nogil:
        for begin from 0 <= begin < n by NUMBERS_AT_A_TIME:
            end = min(begin + NUMBERS_AT_A_TIME, n)
            if look(NUMBERS_AT_A_TIME / 4):
                break
            if narrow:
                for i in range(begin, end):
                    bad += 1 if single[i] & single_ones == single_ones else 0
            else:
                for i in range(begin, end):
                    bad += 1 if wide[i] & wide_ones == wide_ones else 0
    close_watch(&watch)
    return bad == 0


def all_finite(x):
    """Whether there is no NaN and no infinity in x, contiguous floats or doubles."""
    return bool(finite(address(x), x.size, x.itemsize == sizeof(float)))


def ready(X):
    """Whether X is a matrix, with rows, of finite floats or doubles that lie as kernels read them."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(X, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    except (BufferError, ValueError):  # it lies in another way, or holds what has no format, such as dates
        return False
    try:
        return bool(
            view.ndim == 2 and view.len > 0 and <uintptr_t>view.buf % view.itemsize == 0
            and (view.format[0] == c"d" or view.format[0] == c"f") and view.format[1] == 0
            and finite(view.buf, view.len // view.itemsize, view.itemsize == sizeof(float))
        )
    finally:
        PyBuffer_Release(&view)
