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
    SPARSE = 96       /* samples with any responsibility in a tile up to which gathering them pays */
};

#if defined(_OPENMP)
#include <omp.h>
#define CYEM_OPENMP 1
#define cyem_thread() omp_get_thread_num()
#else
#define CYEM_OPENMP 0
#define cyem_thread() 0
#endif

#endif
