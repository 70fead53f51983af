"""What the machine can do, by which everything else is measured: multiply-adds and exps per second."""

import pytest
import roofline

from cyem import threads


@pytest.mark.parametrize("count", sorted({1, threads.resolve(None)}))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_peak(race, benchmark, dtype, count):
    found = []
    race(f"{dtype}, {count} thread{'s' * (count > 1)}", lambda: found.append(roofline.measure(dtype, count)), rounds=1,
         group="Limits of this machine")
    benchmark.extra_info |= {"gflops": found[0].fma / 1e9, "gexp": found[0].exp / 1e9, "source": found[0].source}


def test_matrix_product(race, benchmark):
    """What NumPy's linear algebra makes of the same processor, as scikit-learn uses it."""
    found, count = [], threads.resolve(None)
    race(f"float64, {count} thread{'s' * (count > 1)}", lambda: found.append(roofline.numpy_rates("float64", count)),
         rounds=1, group="Limits of this machine")
    benchmark.extra_info |= {"gflops": found[0][0] / 1e9, "gexp": found[0][1] / 1e9,
                             "source": f"NumPy ({roofline.blas()})"}
