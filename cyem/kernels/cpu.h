/* What the processor and its operating system can do. */
#ifndef CYEM_CPU_H
#define CYEM_CPU_H

#include <limits.h>

/* The best of our instruction sets that can run: 1 baseline, 3 AVX2, 4 AVX-512. */
#if defined(__x86_64__) && defined(__GNUC__)
static int cyem_cpu_level(void) {
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")))
        return 1;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
          && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")))
        return 3;
    return 4;
}
#elif defined(_M_X64)
#include <immintrin.h>
#include <intrin.h>
static int cyem_cpu_level(void) {
    int r[4];
    unsigned long long saved;
    __cpuidex(r, 1, 0);
    if (!(r[2] & (1 << 27)) || !(r[2] & (1 << 12))) /* OSXSAVE, FMA */
        return 1;
    saved = _xgetbv(0);
    __cpuidex(r, 7, 0);
    if ((saved & 6) != 6 || !(r[1] & (1 << 5)) || !(r[1] & (1 << 8))) /* registers saved, AVX2, BMI2 */
        return 1;
    if ((saved & 0xe6) != 0xe6 || (r[1] & 0xd0030000) != 0xd0030000) /* AVX-512 F, DQ, CD, BW, VL */
        return 3;
    return 4;
}
#else
static int cyem_cpu_level(void) { return 1; }
#endif

/* How many threads OpenMP would give a region of this thread: what the environment said when it was loaded, or who has set
 * it since, as threadpoolctl does, within OMP_THREAD_LIMIT. */
#ifdef _OPENMP
#include <omp.h>
static int cyem_allowed(void) {
    int most = omp_get_max_threads(), limit = INT_MAX;
#if _OPENMP >= 200805 /* 3.0, which Microsoft's is older than */
    limit = omp_get_thread_limit();
#endif
    return most < limit ? most : limit;
}
#else
static int cyem_allowed(void) { return INT_MAX; }
#endif

/* How many threads parallel regions of this thread can have: n, or fewer where the system gives no more.
 *
 * OpenMP ends the process where it cannot start a thread. So as many as it will have to start are started here first,
 * all at a time and with stacks of the same size (in bytes; 0: the usual one), and one more, which leaves room for the
 * rest. Regions of this thread have had `had` threads, which OpenMP keeps.
 */
#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *cyem_wait(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Their stacks are ours: those of the C library would stay in its cache, in the way of what a fit needs next. */
static int cyem_startable(int n, size_t stack) {
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    pthread_t *threads = malloc(n * sizeof(pthread_t));
    char **stacks = malloc(n * sizeof(char *));
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
    int started = 0, i;
    if (threads != NULL && stacks != NULL && pthread_attr_init(&attributes) == 0) {
        if (stack != 0)
            pthread_attr_setstacksize(&attributes, stack); /* where it is refused, OpenMP too takes the usual size */
        pthread_attr_getstacksize(&attributes, &size);
        size = (size + page - 1) / page * page;
        pthread_mutex_lock(&gate);
        for (; started < n; started++) {
            /* one page more, as large as the guard that theirs have */
            stacks[started] = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (stacks[started] == MAP_FAILED)
                break;
            if (pthread_attr_setstack(&attributes, stacks[started] + page, size) != 0
                || pthread_create(&threads[started], &attributes, cyem_wait, &gate) != 0) {
                munmap(stacks[started], size + page);
                break;
            }
        }
        pthread_mutex_unlock(&gate);
        for (i = 0; i < started; i++) {
            pthread_join(threads[i], NULL);
            munmap(stacks[i], size + page);
        }
        pthread_attr_destroy(&attributes);
    }
    free(stacks);
    free(threads);
    return started;
}

static int cyem_enlist(int n, int had, size_t stack) {
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* no other thread may need what this one tries */
    int more;
    pthread_mutex_lock(&turn);
    more = cyem_startable(n - had + 1, stack) - 1;
    if (more < n - had)
        n = more > 0 ? had + more : had;
    if (n > had) {
#pragma omp parallel num_threads(n)
        {
#pragma omp barrier
        }
    }
    pthread_mutex_unlock(&turn);
    return n;
}
#else
static int cyem_enlist(int n, int had, size_t stack) {
    (void)had;
    (void)stack;
    return n;
}
#endif

#endif
