/* What this processor can do at most: fused multiply-adds on registers, exp on the first-level cache. See roofline.py. */
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
enum { BYTES = 64, CHAINS = 24 };
#elif defined(__AVX__)
enum { BYTES = 32, CHAINS = 12 };
#elif defined(__aarch64__)
enum { BYTES = 16, CHAINS = 24 };
#else
enum { BYTES = 16, CHAINS = 12 };
#endif

#define EACH12(C) C(0) C(1) C(2) C(3) C(4) C(5) C(6) C(7) C(8) C(9) C(10) C(11)
#define MORE12(C) C(12) C(13) C(14) C(15) C(16) C(17) C(18) C(19) C(20) C(21) C(22) C(23)
#if defined(__AVX512F__) || defined(__aarch64__)
#define EACH(C) EACH12(C) MORE12(C)
#else
#define EACH(C) EACH12(C)
#endif
#define BEGIN(i) x##i = a + i;
#define STEP(i) x##i = x##i * a + b;
#define SUM(i) total += x##i;
#define NAME(i) x##i,

/* CHAINS independent chains of steps; returns the number of operations, out depends on them all. */
#define MULTIPLY_ADD(real)                                              \
    typedef real real##_lanes __attribute__((vector_size(BYTES)));      \
    double fma_##real(int64_t steps, real factor, real* out)            \
    {                                                                   \
        real##_lanes a = (real##_lanes) { 0 } + factor, total = { 0 };  \
        real##_lanes EACH(NAME) b = a;                                  \
        EACH(BEGIN)                                                     \
        for (int64_t s = 0; s < steps; s++) {                           \
            EACH(STEP)                                                  \
        }                                                               \
        EACH(SUM)                                                       \
        memcpy(out, &total, sizeof(real));                              \
        return 2.0 * steps * CHAINS * (BYTES / sizeof(real));           \
    }

MULTIPLY_ADD(double)
MULTIPLY_ADD(float)

/* y <- exp(x), steps times over, to about one ulp; n a multiple of the lanes, x in [-700, 0] (float: [-87, 0]).
   2^e exp(f) with |f| <= log(2) / 2; the lowest bits of t = x / log(2) + shift are e. */
typedef int64_t double_bits __attribute__((vector_size(BYTES)));
typedef int32_t float_bits __attribute__((vector_size(BYTES)));

#define EXP(real, shift, mantissa, high, low, ...)                                      \
    void exp_##real(int64_t steps, int64_t n, const real* x, real* y)                   \
    {                                                                                   \
        static const real taylor[] = { __VA_ARGS__ };                                   \
        for (int64_t step = 0; step < steps; step++)                                    \
            for (int64_t s = 0; s < n; s += BYTES / sizeof(real)) {                     \
                real##_lanes v, t, e, f, p;                                             \
                memcpy(&v, x + s, BYTES);                                               \
                t = v * (real)1.4426950408889634 + (real)shift;                         \
                e = t - (real)shift;                                                    \
                f = v - e * (real)high - e * (real)low;                                 \
                p = f * taylor[0] + taylor[1];                                          \
                for (unsigned i = 2; i < sizeof taylor / sizeof(real); i++)             \
                    p = p * f + taylor[i];                                              \
                p = (real##_lanes)((real##_bits)p + ((real##_bits)t << mantissa));      \
                memcpy(y + s, &p, BYTES);                                               \
            }                                                                           \
    }

EXP(double, 6755399441055744.0, 52, 6.93147180369123816e-01, 1.90821492927058770e-10,
    1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040, 1. / 720, 1. / 120,
    1. / 24, 1. / 6, 1. / 2, 1, 1)
EXP(float, 12582912.0, 23, 0.693145752, 1.42860677e-6, 1.f / 5040, 1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, 1.f / 2, 1, 1)
