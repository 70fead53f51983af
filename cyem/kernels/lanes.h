/* Compile-time sizes of the loops, by instruction set. Measured: benchmarks/test_iteration.py. */
#ifndef CYEM_LANES_H
#define CYEM_LANES_H

#if defined(__AVX512F__)
enum { LANES = 32, BLOCK = 8 }; /* doubles side by side: four registers for each of ROWS accumulators */
#else /* also of narrow registers: fewer make loops so short that compilers write them out, and find no lanes then */
enum { LANES = 8, BLOCK = 4 };
#endif

enum {
    WIDE = 2 * LANES, /* floats side by side */
    ROWS = 4,         /* features side by side; BLOCK of them where features are the lanes */
    TILE = 192,       /* samples that are transposed, weighed and summed together; a multiple of WIDE */
    WORDS = TILE / 8, /* words of eight flags, one for each of them */
    SPARSE = 80,      /* samples with any responsibility in a tile up to which gathering them for matrices pays, */
    SPARSER = 40      /* and for variances, means, or matrices of up to BLOCK features */
};

/* Components side by side where one sample is looked at, as a type: compilers that are left to find these lanes
   themselves take features for lanes, or write numbers one by one and read them together, which processors wait for. */
#if defined(__GNUC__)
#if defined(__AVX__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
enum { ABREAST = 8 };
#else
enum { ABREAST = 4 };
#endif
typedef double cyem_vector __attribute__((vector_size(ABREAST * sizeof(double))));
/* The larger of each two numbers; of one that is none, the second. Compilers do not see that this is one instruction. */
#if defined(__AVX512F__)
#define cyem_larger(a, b) ((cyem_vector)_mm512_max_pd(a, b))
#elif defined(__AVX__)
#define cyem_larger(a, b) ((cyem_vector)_mm256_max_pd(a, b))
#else
static inline cyem_vector cyem_larger(cyem_vector a, cyem_vector b)
{
    __typeof__(a > b) first = a > b;
    return (cyem_vector)(((__typeof__(first))a & first) | ((__typeof__(first))b & ~first));
}
#endif
/* The largest of all numbers, and their sum, by halves: the shortest chain. */
static inline double cyem_largest(cyem_vector x)
{
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
    double a = LARGER(x[0], x[2]), b = LARGER(x[1], x[3]);
#if defined(__AVX512F__)
    double c = LARGER(x[4], x[6]), d = LARGER(x[5], x[7]);
    a = LARGER(a, c);
    b = LARGER(b, d);
#endif
    return LARGER(a, b);
#undef LARGER
}
static inline double cyem_total(cyem_vector x)
{
    double a = x[0] + x[2], b = x[1] + x[3];
#if defined(__AVX512F__)
    a += x[4] + x[6];
    b += x[5] + x[7];
#endif
    return a + b;
}
/* exp(x) for non-positive numbers, zero below -708, to 3 ulp: `exp_lanes` of lanes.pxd in another order. One sample has
   nothing else to do meanwhile, so that the longest chain counts and not the number of operations. */
static inline cyem_vector cyem_exp(cyem_vector x)
{
    typedef int narrow __attribute__((vector_size(ABREAST * sizeof(int))));
    typedef long long wide __attribute__((vector_size(ABREAST * sizeof(long long))));
    cyem_vector least = {0};
    wide normal = x >= (least -= 708.0);
    cyem_vector t = cyem_larger(x, least);
    narrow whole = __builtin_convertvector(t * 1.4426950408889634 - 0.5, narrow); /* towards zero, which is nearest */
    cyem_vector n = __builtin_convertvector(whole, cyem_vector);
    cyem_vector f = t - n * 0.6931471805598903, f2 = f * f, f4 = f2 * f2;
    wide power = (__builtin_convertvector(whole, wide) + 1023) << 52;
    cyem_vector a = (1.0 + f) + f2 * (5.0000000000000106688e-1 + f * 1.6666666666666411508e-1);
    cyem_vector b = (4.1666666666529728218e-2 + f * 8.3333333334949772613e-3)
                  + f2 * (1.3888888943759965395e-3 + f * 1.9841269505773775103e-4);
    cyem_vector c = (2.4801492949633869166e-5 + f * 2.7557586803895324478e-6)
                  + f2 * (2.7630306250293600047e-7 + f * 2.5000018833187373177e-8);
    cyem_vector p = a + f4 * (b + f4 * c);
    p = (p - p * (n * 5.497923018708371e-14)) * (cyem_vector)power;
    return (cyem_vector)((wide)p & normal);
}
#else
#include <math.h>
enum { ABREAST = 1 };
typedef double cyem_vector;
static inline cyem_vector cyem_larger(cyem_vector a, cyem_vector b) { return a > b ? a : b; }
static inline double cyem_largest(cyem_vector x) { return x; }
static inline double cyem_total(cyem_vector x) { return x; }
static inline cyem_vector cyem_exp(cyem_vector x) { return exp(x); }
#endif

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
