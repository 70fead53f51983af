/* Which of our instruction sets this processor and its operating system can run: 1 baseline, 3 AVX2, 4 AVX-512. */
#ifndef CYEM_CPU_H
#define CYEM_CPU_H

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

#endif
