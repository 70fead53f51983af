/* The mixture is in model.c, which `cyem export` wrote; neither cyem nor Python is needed any more. */
#include "model.c"

#include <stdio.h>

int main(void)
{
    double x[1] = {0.5}, resp[2];

    mixture_responsibilities(x, resp);
    if (resp[mixture_predict(x)] < 0.5)
        return 1;
    printf("%.15g\n", mixture_log_density(x));
    return 0;
}
