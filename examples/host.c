/* A program in C that makes a mixture with Python, and then scores without it. */
#include <Python.h>

#include <cyem.h>
#include <stdio.h>

static const char PROGRAM[] =
    "from cyem import GaussianMixture\n"
    "model = GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], 'spherical')\n"
    "scorer = model.compiled()\n";

int main(void)
{
    const cyem_api *cyem;
    const cyem_scorer *scorer;
    PyObject *main_module;
    double x[1] = {0.5}, resp[2];

    Py_Initialize();
    if (PyRun_SimpleString(PROGRAM) != 0)
        return 1;
    cyem = cyem_import();
    main_module = PyImport_AddModule("__main__");
    scorer = cyem == NULL ? NULL : cyem_scorer_of(PyObject_GetAttrString(main_module, "scorer"));
    if (scorer == NULL) {
        PyErr_Print();
        return 1;
    }
    Py_BEGIN_ALLOW_THREADS /* any thread may do this */
    if (cyem->responsibilities(scorer, x, resp) == 0)
        printf("%.15g\n", cyem->log_density(scorer, x));
    Py_END_ALLOW_THREADS
    return Py_FinalizeEx();
}
