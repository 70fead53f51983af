/* Many calls for one row each, as a program in C makes them: what they take is divided by their number. */
#include <stddef.h>

double rows(double (*score)(const void *, const double *), const void *scorer, const double *X, ptrdiff_t n, ptrdiff_t d)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        sum += score(scorer, X + i * d);
    return sum;
}

double exported(double (*score)(const double *), const double *X, ptrdiff_t n, ptrdiff_t d)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        sum += score(X + i * d);
    return sum;
}
