/* Ctrl-C in long calls. The thread that made a call asks Python now and then whether a signal has come; all threads that
 * work for the call see the answer, and what they have not begun they leave. Which call a thread works for is known to
 * the thread itself, so that no function needs to be told. */
#ifndef CYEM_WATCH_H
#define CYEM_WATCH_H

#include <Python.h>

#if defined(_MSC_VER)
#include <windows.h>
#define CYEM_OF_THREAD static __declspec(thread)
#define cyem_get(place) (*(volatile Py_ssize_t*)(place))
#define cyem_set(place, value) InterlockedExchange64((volatile LONG64*)(place), value)
#define cyem_take(place) ((Py_ssize_t)InterlockedExchangeAdd64((volatile LONG64*)(place), 1))
#define cyem_nap() Sleep(0)
static double cyem_seconds(void) { return 1e-3 * (double)GetTickCount64(); }
#else
#include <time.h>
#if defined(__GLIBC__) /* a place set aside when a thread starts: else its first look would ask malloc, which would set
                          64 MB of addresses aside for each thread, of which there may be no more */
#define CYEM_OF_THREAD static __thread __attribute__((tls_model("initial-exec")))
#else
#define CYEM_OF_THREAD static __thread
#endif
#define cyem_get(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define cyem_set(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define cyem_take(place) __atomic_fetch_add(place, 1, __ATOMIC_ACQ_REL)
static void cyem_nap(void)
{
    struct timespec pause = {0, 200000};
    nanosleep(&pause, 0);
}
static double cyem_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

#define CYEM_CLOCK 1e6  /* operations, a fraction of a millisecond, after which the clock is read */
#define CYEM_ASK 0.03   /* seconds after which Python is asked: that takes its lock */

typedef struct cyem_watch {
    Py_ssize_t stopped;        /* whether a signal has become an exception, which is pending */
    double work;               /* operations since the clock was read */
    double asked;              /* when Python was asked, or the first look at the clock; 0 before */
    struct cyem_watch* before; /* the call in whose midst a signal handler made this one, as this thread had it */
    int owned_before;
} cyem_watch;

CYEM_OF_THREAD cyem_watch* cyem_call; /* the call that this thread works for */
CYEM_OF_THREAD int cyem_owns;         /* whether it made that call */

/* A call begins. */
static inline void cyem_open(cyem_watch* w)
{
    w->stopped = 0;
    w->work = w->asked = 0;
    w->before = cyem_call;
    w->owned_before = cyem_owns;
    cyem_call = w;
    cyem_owns = 1;
}

/* It ends: -1, as functions that raise return it, where an exception is pending. */
static inline int cyem_close(cyem_watch* w)
{
    cyem_call = w->before;
    cyem_owns = w->owned_before;
    return w->stopped ? -1 : 0;
}

/* Another thread works for a call. */
static inline void cyem_join(cyem_watch* w)
{
    if (cyem_call != w) {
        cyem_call = w;
        cyem_owns = 0;
    }
}

static void cyem_ask(cyem_watch* w)
{
    double now = cyem_seconds();
    w->work = 0;
    if (w->asked == 0)
        w->asked = now;
    if (now - w->asked > CYEM_ASK && !cyem_get(&w->stopped)) {
        PyGILState_STATE state = PyGILState_Ensure();
        if (PyErr_CheckSignals())
            cyem_set(&w->stopped, 1);
        PyGILState_Release(state);
        w->asked = cyem_seconds();
    }
}

/* Before so many operations: whether to leave them. */
static inline int cyem_look(double work)
{
    cyem_watch* w = cyem_call;
    if (!w)
        return 0;
    if (cyem_owns && (w->work += work) > CYEM_CLOCK)
        cyem_ask(w);
    return cyem_get(&w->stopped) != 0;
}

static inline cyem_watch* cyem_current(void) { return cyem_call; }
static inline int cyem_is_owner(void) { return cyem_owns; }

#endif
