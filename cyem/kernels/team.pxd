"""Work that threads share, and Ctrl-C in its midst: the only place that starts threads.

A door opens a watch and closes it at its end, which raises what a signal handler raised; loops in between look before
they go on. What is left undone after a signal is of no use, and nobody sees it.
"""

from cython.parallel cimport prange

from .lanes cimport cyem_thread

cdef extern from "watch.h":
    ctypedef struct Watch "cyem_watch":
        pass
    void open_watch "cyem_open"(Watch* w) noexcept nogil
    int close_watch "cyem_close"(Watch* w) except -1
    bint look "cyem_look"(double work) noexcept nogil
    void join "cyem_join"(Watch* w) noexcept nogil
    Watch* current "cyem_current"() noexcept nogil
    bint is_owner "cyem_is_owner"() noexcept nogil
    Py_ssize_t get "cyem_get"(Py_ssize_t* place) noexcept nogil
    Py_ssize_t take "cyem_take"(Py_ssize_t* place) noexcept nogil
    void nap "cyem_nap"() noexcept nogil

cdef extern from *:
    """
    #define LONG_ITEM 3e7
    """
    double LONG_ITEM  # operations, some 10 milliseconds, for which the thread that made a call does not just wait

ctypedef void (*item_t)(const void* what, Py_ssize_t i, int thread) noexcept nogil


cdef inline void crew(item_t item, const void* what, Py_ssize_t count, double work, Watch* watch, Py_ssize_t* taken,
                      Py_ssize_t* done) noexcept nogil:
    """What one thread does: items, as long as there are any."""
    cdef Py_ssize_t i
    join(watch)
    while True:
        i = take(taken)
        if i >= count:
            break
        if not look(work):
            item(what, i, cyem_thread())
        take(done)
    if work > LONG_ITEM and is_owner():  # only the thread that made the call can ask whether a signal has come
        while get(done) < count and not look(LONG_ITEM):
            nap()


cdef inline void share_out(item_t item, const void* what, Py_ssize_t count, double work, int n_threads) noexcept nogil:
    """item(what, i, thread) for each i below count, about `work` operations, by the thread that is free first."""
    cdef Py_ssize_t i, _crew, taken = 0, done = 0
    cdef Watch* watch = current()
    if n_threads == 1:  # a parallel region, even of one thread, costs as much as a small pass
        for i in range(count):
            if look(work):
                return
            item(what, i, 0)
    else:
        for _crew in prange(n_threads, schedule="static", chunksize=1, num_threads=n_threads):
            crew(item, what, count, work, watch, &taken, &done)
