/* What the processor and its operating system can do. */
#ifndef CYEM_CPU_H
#define CYEM_CPU_H

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

/* How many threads parallel regions of this thread can have: n, or fewer where the system gives no more.
 *
 * OpenMP ends the process where it cannot start a thread. So as many as it will have to start are started here first,
 * all at a time and with stacks of the same size (in bytes; 0: the usual one), and one more, which leaves room for the
 * rest. Regions of this thread have had `had` threads, which OpenMP keeps.
 */
#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#include <stdlib.h>

static void *cyem_wait(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

static int cyem_startable(int n, size_t stack) {
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    pthread_t *threads = malloc(n * sizeof(pthread_t));
    int started = 0, i;
    if (threads != NULL && pthread_attr_init(&attributes) == 0) {
        if (stack != 0)
            pthread_attr_setstacksize(&attributes, stack); /* where it is refused, OpenMP too takes the usual size */
        pthread_mutex_lock(&gate);
        while (started < n && pthread_create(&threads[started], &attributes, cyem_wait, &gate) == 0)
            started++;
        pthread_mutex_unlock(&gate);
        for (i = 0; i < started; i++)
            pthread_join(threads[i], NULL);
        pthread_attr_destroy(&attributes);
    }
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
