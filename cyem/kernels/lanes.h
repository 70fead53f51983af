/* Compile-time sizes of the loops, by instruction set. Measured: benchmarks/test_iteration.py. */
#ifndef CYEM_LANES_H
#define CYEM_LANES_H

#if defined(__AVX512F__)
enum { LANES = 32, BLOCK = 8 }; /* doubles side by side: four registers for each of ROWS accumulators */
#elif defined(__AVX__)
enum { LANES = 8, BLOCK = 4 };
#else
enum { LANES = 4, BLOCK = 4 };
#endif

enum {
    WIDE = 2 * LANES, /* floats side by side */
    ROWS = 4,         /* features side by side; BLOCK of them where features are the lanes */
    TILE = 192,       /* samples that are transposed, weighed and summed together; a multiple of WIDE */
    WORDS = TILE / 8, /* words of eight flags, one for each of them */
    SPARSE = 80,      /* samples with any responsibility in a tile up to which gathering them for matrices pays, */
    SPARSER = 40      /* and for variances, means, or matrices of up to BLOCK features */
};

/* The nearest integer to a number of modest size, in its own dtype, and to any other number something: one instruction,
   or the last bits of the sum with 1.5 2^52 (floats: 2^23). Conversions to int are undefined for what is too large. */
#if defined(__SSE4_1__) || !(defined(__x86_64__) || defined(_M_X64))
#include <math.h>
#define cyem_round(x) rint(x)
#define cyem_roundf(x) rintf(x)
#else
#include <stdint.h>
static inline double cyem_round(double x)
{
    union { double x; uint64_t bits; } sum = { x + 6755399441055744.0 };
    return (int32_t)sum.bits;
}
static inline float cyem_roundf(float x)
{
    union { float x; uint32_t bits; } sum = { x + 12582912.0f };
    return (float)(int32_t)(sum.bits - 0x4B400000u);
}
#endif

/* The place of the lowest bit of a word that is not zero. */
#if defined(__GNUC__)
#define cyem_lowest(word) __builtin_ctzll(word)
#else
static inline int cyem_lowest(unsigned long long word)
{
    int place = 0;
    for (; !(word & 1); word >>= 1)
        place++;
    return place;
}
#endif

#if defined(__GNUC__)
#define cyem_prefetch(address) __builtin_prefetch(address, 0, 2)
#define cyem_one_by_one() __asm__ volatile("") /* no lanes of the iterations of the loop that it is in */
#else
#define cyem_prefetch(address)
#define cyem_one_by_one()
#endif

#if defined(_OPENMP)
#include <omp.h>
#define CYEM_OPENMP 1
#define cyem_thread() omp_get_thread_num()
#else
#define CYEM_OPENMP 0
#define cyem_thread() 0
#endif

#endif
