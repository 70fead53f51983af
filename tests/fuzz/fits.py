"""Random fits of all structures, and what can be asked of them afterwards: each has to come to an answer.

    python tests/fuzz/fits.py --seconds 60 --seed 0     # exit status 1 after an exception, with the seed of that fit
    python tests/fuzz/fits.py --fits 50 --guard after   # all arrays of all kernels end at a page that nobody may touch:
                                                        # who does is ended by SIGSEGV, and the door is named
    python tests/fuzz/fits.py --fits 50 --guard before  # they begin behind such a page

Without guards a sanitizer looks on: arrays have exactly their size, so that its red zones are beside them.
"""

import argparse
import collections
import ctypes
import faulthandler
import itertools
import mmap
import sys
import time
import traceback
import warnings

import numpy as np

from cyem import GaussianMixture, kernels
from cyem.covariance import STRUCTURES
from cyem.start import STARTS

SAMPLES = (1, 30), (30, 200), (200, 800)  # their number, from and to
FEATURES = (*range(1, 18), 33)
MANY = 64 * 192, 16  # samples and components from which on passes leave pairs out
RARELY = 20  # one of so many fits is one of these


# --- a fit, and what is asked of it ----------------------------------------------------------------------------------


def answer(seed):
    """Fit a random mixture to random samples, and ask all of it."""
    rng = np.random.default_rng(seed)
    many = seed % RARELY == 0
    X, k = samples(rng, many)
    weights = weights_of(rng, len(X), k)
    how = settings(rng, len(X), X.shape[1], k)
    if many:  # long enough for passes to see what they can leave out
        how |= dict(init_params="random_from_data", max_iter=60, acceleration="squarem", search=None)
    model = GaussianMixture(k, **how).fit(X, sample_weight=weights)
    ask(model, X, weights)
    if rng.random() < 0.3:
        ask(model.set_params(warm_start=True, search="swap", n_moves=2).fit(X, sample_weight=weights), X, weights)


def samples(rng, many):
    """Clusters, in units far apart and sometimes degenerate; and how many components there shall be."""
    d = int(rng.choice(FEATURES))
    n = int(rng.integers(*SAMPLES[rng.integers(len(SAMPLES))]))
    k, apart = int(rng.integers(1, min(n, 8) + 1)), rng.choice([0, 2, 5])
    if many:
        (n, k), d, apart = MANY + rng.integers(1, [200, 3]), int(rng.integers(1, 4)), 30
    centres = rng.normal(scale=apart, size=(k, d))
    X = rng.normal(size=(n, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 2) + centres[rng.integers(k, size=n)]
    if rng.random() < 0.1:
        X[:, rng.integers(d)] = 1  # a constant
    if rng.random() < 0.1:
        X = X[rng.integers(n, size=n)]  # rows that are there again
    X *= 10.0 ** rng.uniform(-3, 3, d)
    return X.astype(rng.choice([np.float32, np.float64]), order="C"), int(k)


def weights_of(rng, n, k):
    """Weights of the samples, of which k at least are positive, or None."""
    weights = [None, rng.exponential(size=n) + 0.1, rng.integers(3, size=n).astype(float)][rng.integers(3)]
    return weights if weights is None or np.count_nonzero(weights) >= k else None


def settings(rng, n, d, k):
    """All other parameters of a mixture."""
    resp = rng.random((n, k))
    starts = *STARTS, *["short_em"] * 4, rng.integers(k, size=n), resp / resp.sum(axis=1, keepdims=True)
    moves = dict(search="swap", n_moves=3) if rng.random() < 0.3 else {}
    given = dict(means_init=rng.normal(size=(k, d))) if rng.random() < 0.1 else {}
    return dict(
        covariance_type=STRUCTURES[rng.integers(len(STRUCTURES))].name,
        init_params=starts[rng.integers(len(starts))],
        n_init=int(rng.integers(1, 3)),
        max_iter=int(rng.choice([0, 1, 7, 100])),
        acceleration=[None, "squarem"][rng.integers(2)],
        equal_weights=bool(rng.random() < 0.2),
        n_threads=int(rng.integers(1, 4)),
        random_state=int(rng.integers(2**31)),
        **moves,
        **given,
    )


def ask(model, X, weights):
    for question in (model.predict, model.predict_proba, model.uncertainty, model.score_samples):
        question(X)
        question(X[:1])
    for question in (model.score, model.bic, model.icl, model.summary):
        question(X, sample_weight=weights)
    model.sample(3)


# --- guard pages -----------------------------------------------------------------------------------------------------


class Guards:
    """Doors of kernels that work on copies of their arrays, which end at a page that nobody may touch, or begin behind
    one.

    Parameters
    ----------
    side : {"after", "before"}
        of the arrays, where the pages are.

    Attributes
    ----------
    opened : set of str
        The doors that have been opened.
    """

    def __init__(self, side):
        self.side = side
        self.opened = set()
        self.spare = collections.defaultdict(list)  # by their size: memory between two such pages
        self.mprotect = ctypes.CDLL(None).mprotect

    def put_before(self, module):
        """From now on the doors of a module of kernels work on guarded copies."""
        for name in doors(module):
            setattr(module, name, self.guarded(getattr(module, name), name))

    def guarded(self, door, name):
        def call(*args, **kwargs):
            copies = {}  # what is given twice stays one array

            def copied(value):
                if not isinstance(value, np.ndarray):
                    return value
                if id(value) not in copies:
                    memory = self.memory(value.nbytes)
                    copies[id(value)] = value, self.copy(value, memory), memory
                return copies[id(value)][1]

            self.opened.add(name)
            result = door(*map(copied, args), **{key: copied(value) for key, value in kwargs.items()})
            for array, copy, memory in copies.values():
                if array.flags.writeable:
                    array[...] = copy
                self.spare[memory.size].append(memory)
            return result

        call.__code__ = call.__code__.replace(co_name=name)  # which faulthandler shows
        return call

    def copy(self, array, memory):
        """A copy of an array at one end of some memory."""
        end = memory.size if self.side == "after" else array.nbytes
        copy = memory[end - array.nbytes : end].view(array.dtype).reshape(array.shape)
        copy[...] = array
        return copy

    def memory(self, size):
        """Whole pages for so many bytes, between two that nobody may touch."""
        page = mmap.PAGESIZE
        size = -(-size // page) * page
        if self.spare[size]:
            return self.spare[size].pop()
        memory = np.frombuffer(mmap.mmap(-1, size + 2 * page), np.uint8)
        for place in (0, page + size):
            if self.mprotect(ctypes.c_void_p(memory.ctypes.data + place), ctypes.c_size_t(page), 0):
                raise OSError("mprotect has failed")
        return memory[page:-page]


def doors(module):
    """The functions of a module of kernels that read or write arrays, but for the one that is there for tests."""
    return [name for name, door in vars(module).items() if callable(door) and not name.startswith("_")
            and not name.endswith("_size") and name not in ("tiles", "exp_log")]


# --- all of them -----------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="of the first fit; the others count from there")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--fits", type=int)
    parser.add_argument("--guard", choices=("before", "after"))
    asked = parser.parse_args()
    faulthandler.enable()
    warnings.simplefilter("ignore")
    guards = Guards(asked.guard) if asked.guard else None
    for module in (kernels.sweep, kernels.linalg) if guards else ():
        guards.put_before(module)
    begin, status, done = time.monotonic(), 0, 0
    for seed in itertools.count(asked.seed):
        if done == asked.fits or time.monotonic() - begin > asked.seconds:
            break
        print(f"\rfit {seed}", end="", file=sys.stderr, flush=True)
        try:
            answer(seed)
        except Exception:
            status = 1
            print(f"\nseed {seed}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        done += 1
    print(f"\n{done} fits", *([f"doors opened: {' '.join(sorted(guards.opened))}"] if guards else []))
    return status


if __name__ == "__main__":
    sys.exit(main())
