/* Scoring samples with a fitted mixture from C and C++.
 *
 * In Python, `scorer = model.compiled()`. Here:
 *
 *     const cyem_api *cyem = cyem_import();                    with the GIL, once; NULL and an exception on failure
 *     const cyem_scorer *scorer = cyem_scorer_of(object);      with the GIL; valid as long as the object is
 *     double value = cyem->log_density(scorer, x);             from any thread, without the GIL
 *
 * Functions of the table hold no lock, call no Python, allocate nothing and need no workspace but their stack (1 kB).
 * Samples are (features,), contiguous. One that holds NaN or infinity has the log-density NaN; the functions that
 * return int return CYEM_NOT_FINITE for it, and leave what they were to write alone.
 *
 * The table only grows: `size` says how much of it is there, `abi` changes where anything in it does.
 */
#ifndef CYEM_H
#define CYEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CYEM_ABI 1
#define CYEM_NOT_FINITE (-1)

typedef struct cyem_scorer cyem_scorer;

typedef struct {
    uint32_t abi;
    uint32_t size; /* bytes of this table */
    ptrdiff_t (*features)(const cyem_scorer *scorer);
    ptrdiff_t (*components)(const cyem_scorer *scorer);
    double (*log_density)(const cyem_scorer *scorer, const double *x);
    int (*responsibilities)(const cyem_scorer *scorer, const double *x, double *out); /* (components,); 0 */
    int (*predict)(const cyem_scorer *scorer, const double *x); /* the first most probable component, from 0 */
    double (*log_density_float)(const cyem_scorer *scorer, const float *x); /* computed in double precision */
    int (*responsibilities_float)(const cyem_scorer *scorer, const float *x, double *out);
    int (*predict_float)(const cyem_scorer *scorer, const float *x);
    double (*density)(int features, double *x, void *scorer); /* as scipy.LowLevelCallable passes it to integrators */
} cyem_api;

#ifdef PY_VERSION_HEX /* Python.h came before */

/* The table of the installed cyem. */
static inline const cyem_api *cyem_import(void)
{
    const cyem_api *api = (const cyem_api *)PyCapsule_Import("cyem._C_API", 0);
    if (api != NULL && (api->abi != CYEM_ABI || api->size < sizeof(cyem_api))) {
        PyErr_Format(PyExc_ImportError, "cyem.h of ABI %d and %d bytes, the installed cyem has ABI %d and %d bytes: %s",
                     CYEM_ABI, (int)sizeof(cyem_api), (int)api->abi, (int)api->size,
                     api->abi == CYEM_ABI ? "install a newer cyem" : "compile again");
        return NULL;
    }
    return api;
}

/* What `model.compiled()` returned, as the functions take it. */
static inline const cyem_scorer *cyem_scorer_of(PyObject *object)
{
    const void *scorer;
    PyObject *capsule = PyObject_GetAttrString(object, "capsule");
    if (capsule == NULL)
        return NULL;
    scorer = PyCapsule_GetPointer(capsule, "cyem.scorer");
    Py_DECREF(capsule); /* the object holds what it points to */
    return (const cyem_scorer *)scorer;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
