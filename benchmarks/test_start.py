"""Starts, in milliseconds and in EM iterations of the same problem."""

import numpy as np
import pytest
from libraries import Iterations
from problems import clusters

from cyem.em import start


@pytest.mark.parametrize("name", start.STARTS)
@pytest.mark.parametrize(("n", "d", "k"), [(200_000, 10, 20), (50_000, 32, 32), (500_000, 2, 8)])
def test_start(race, benchmark, name, n, d, k):
    problem = clusters(n, d, k)
    iteration = Iterations(problem, "full")

    def ours(rng):
        return start.STARTS[name](iteration.mixture, problem.k, rng)

    seconds = race(f"{name}, {problem.name}", ours, {"one iteration": iteration},
                   setup=lambda: ((np.random.default_rng(0),), {}), rounds=3, group="Starts")
    benchmark.extra_info.pop("rivals", None)  # a start is not compared with an iteration, but measured in it
    benchmark.extra_info["worth"] = seconds / iteration.seconds
