"""MPI: each process holds a part of the rows, and all make the same fit: ``mpiexec -n 4 python by_mpi.py``."""

import numpy as np
from mpi4py import MPI

from cyem import GaussianMixture, elsewhere


def main():
    comm = MPI.COMM_WORLD
    rng = np.random.default_rng(comm.rank)  # or what this process reads
    own = rng.normal(size=(1000, 2)) + 6 * rng.integers(2, size=(1000, 1))
    rows = elsewhere(lambda function: comm.allgather(function(comm.rank, own)))
    model = GaussianMixture(2, random_state=0, n_threads=1).fit(rows)  # the same in all: the seed is
    score = model.score(rows)
    if comm.rank == 0:
        print(repr(float(score)))


if __name__ == "__main__":
    main()
