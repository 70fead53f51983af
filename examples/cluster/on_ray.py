"""Ray: an actor holds each part of the rows."""

import numpy as np
import ray

from cyem import GaussianMixture, elsewhere


@ray.remote(num_cpus=0.5)  # two of them share one here
class Holder:
    def __init__(self, i):
        rng = np.random.default_rng(i)  # or what the actor reads: the rows never leave it
        self.i, self.rows = i, rng.normal(size=(1000, 2)) + 6 * rng.integers(2, size=(1000, 1))

    def call(self, function):
        return function(self.i, self.rows)


def main():
    holders = [Holder.remote(i) for i in range(4)]
    rows = elsewhere(lambda function: ray.get([holder.call.remote(function) for holder in holders]))
    model = GaussianMixture(2, random_state=0, n_threads=1).fit(rows)
    print(repr(float(model.score(rows))))


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    main()
    ray.shutdown()
