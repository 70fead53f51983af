"""scikit-learn's own tests of GaussianMixture, from the installed scikit-learn, run against cyem's.

A copy of their module is loaded in which the name GaussianMixture is ours. Nothing of it is copied into this
repository. `DESELECTED` says which tests do not apply, and why; the reasons are at length in README.md beside this
file.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from cyem import GaussianMixture

PRIVATE = "calls private functions of scikit-learn"
DESELECTED = {
    "test_suffstat_sk_full": PRIVATE,
    "test_suffstat_sk_tied": PRIVATE,
    "test_suffstat_sk_diag": PRIVATE,
    "test_gaussian_suffstat_sk_spherical": PRIVATE,
    "test_compute_log_det_cholesky": PRIVATE,
    "test_gaussian_mixture_log_probabilities": PRIVATE,
    "test_gaussian_mixture_precisions_init": PRIVATE,
    "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters": PRIVATE,
    "test_gaussian_mixture_array_api_compliance": "array API",
    "test_gaussian_mixture_raises_where_array_api_not_implemented": "array API",
    "test_regularisation": "collapse is handled, not raised",
    "test_check_weights": "their message exchanges minimum and maximum",
    "test_monotonic_likelihood": "one iteration has no last steps to project from",
    "test_sample": "allows 0.15, two standard errors, for a variance of 2,216 samples",
    "test_gaussian_mixture_precisions_init_diag": "the numbering of components is not that of their k-means",
}


def their_tests():
    """The test functions of scikit-learn's module, by name, with our GaussianMixture in place of theirs."""
    spec = importlib.util.find_spec("sklearn.mixture.tests.test_gaussian_mixture")
    copy = importlib.util.spec_from_file_location("test_gaussian_mixture_of_sklearn", spec.origin)
    module = importlib.util.module_from_spec(copy)
    copy.loader.exec_module(module)
    module.GaussianMixture = GaussianMixture
    return {name: value for name, value in vars(module).items() if name.startswith("test_") and callable(value)}


THEIRS = their_tests()
globals().update({name: test for name, test in THEIRS.items() if name not in DESELECTED})


@pytest.fixture(params=[np.float32, np.float64])
def global_dtype(request):
    """scikit-learn runs single precision only when asked; here always."""
    if request.param is np.float32 and request.node.originalname == "test_score":
        pytest.skip("compares a mean in single precision with ours to 1.5e-7, less than its rounding")
    return request.param


@pytest.fixture(params=[0, 42])
def global_random_seed(request):
    return request.param


def test_the_list_in_the_readme_is_this_one():
    """README.md names the deselected tests in its table, and no other; theirs were found, and most of them run."""
    lines = (Path(__file__).parent / "README.md").read_text().splitlines()
    named = {line.split("`")[1] for line in lines if line.startswith("| `test_") and ".py" not in line.split("`")[1]}
    assert named == DESELECTED.keys()
    assert len(THEIRS.keys() - DESELECTED.keys()) >= 25
