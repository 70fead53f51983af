/* Loops over rows side by side of which values are missing: 0 in the place of these, and masks of 0 and 1. By vectors of
   the language, two at a time whose sums do not wait for each other: what compilers make lanes of by themselves varies
   with the order in which they multiply. */
#ifndef CYEM_SIDE_H
#define CYEM_SIDE_H

#include <stddef.h>

enum { CYEM_SIDE = 8 }; /* rows */

#if !defined(__GNUC__)
typedef double cyem_lanes, cyem_there;
#else
#if defined(__AVX__)
#define CYEM_REGISTER 32
#else
#define CYEM_REGISTER 16
#endif
typedef double cyem_lanes __attribute__((vector_size(CYEM_REGISTER)));
typedef double cyem_there __attribute__((vector_size(CYEM_REGISTER), aligned(sizeof(double)), may_alias)); /* in memory */
#endif

enum { CYEM_PARTS = CYEM_SIDE * sizeof(double) / sizeof(cyem_lanes) };

/* q <- squared distances of values (d, values and masks, rows) from means; their log-densities are added to `constant`.
   v (d, 2): inverse variances, and what they add to log-densities. */
static inline void cyem_distances(const double *filled, const double *mean, const double *v, ptrdiff_t d, double *q,
                                  double *constant)
{
    for (int l = 0; l < CYEM_PARTS; l += 2) {
        const cyem_there *x = (const cyem_there *)filled + l, *m = x + CYEM_PARTS;
        cyem_lanes sum = {0}, other_sum = {0}, height = {0}, other_height = {0};
        for (ptrdiff_t i = 0; i < d; i++, x += 2 * CYEM_PARTS, m += 2 * CYEM_PARTS) {
            cyem_lanes f = x[0] - mean[i], g = x[1] - mean[i];
            sum += f * f * (m[0] * v[2 * i]);
            other_sum += g * g * (m[1] * v[2 * i]);
            height += m[0] * v[2 * i + 1];
            other_height += m[1] * v[2 * i + 1];
        }
        ((cyem_there *)q)[l] = sum;
        ((cyem_there *)q)[l + 1] = other_sum;
        ((cyem_there *)constant)[l] += height;
        ((cyem_there *)constant)[l + 1] += other_height;
    }
}

/* out (3, rows) <- sums over slots of counts f, counts f f and resp where a value is known, of which f is the distance
   from the mean; from one slot to the next `filled` goes on by d features, and `resp` by k components. */
static inline void cyem_moments(const double *filled, const double *counts, const double *resp, double mean,
                                ptrdiff_t d, ptrdiff_t k, ptrdiff_t slots, double *out)
{
    for (int l = 0; l < CYEM_PARTS; l += 2) {
        const cyem_there *x = (const cyem_there *)filled + l, *c = (const cyem_there *)counts + l;
        const cyem_there *r = (const cyem_there *)resp + l;
        cyem_lanes first = {0}, other_first = {0}, second = {0}, other_second = {0}, known = {0}, other_known = {0};
        for (ptrdiff_t s = 0; s < slots; s++, x += 2 * d * CYEM_PARTS, c += CYEM_PARTS, r += k * CYEM_PARTS) {
            cyem_lanes f = x[0] - mean, t = c[0] * x[CYEM_PARTS] * f;
            cyem_lanes g = x[1] - mean, u = c[1] * x[CYEM_PARTS + 1] * g;
            first += t;
            other_first += u;
            second += t * f;
            other_second += u * g;
            known += r[0] * x[CYEM_PARTS];
            other_known += r[1] * x[CYEM_PARTS + 1];
        }
        cyem_there *to = (cyem_there *)out + l;
        to[0] = first;
        to[1] = other_first;
        to[CYEM_PARTS] = second;
        to[CYEM_PARTS + 1] = other_second;
        to[2 * CYEM_PARTS] = known;
        to[2 * CYEM_PARTS + 1] = other_known;
    }
}

#endif
