"""One task on many streams of random numbers: in this process or in several, until it is enough, or until Ctrl-C."""

import numbers
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from . import threads
from .estimator import ConvergenceWarning, muted, warn
from .progress import shown


def replicates(task, rng, n, processes, progress, enough=lambda values: False):
    """What a task gives, time after time.

    Parameters
    ----------
    task : function of numpy.random.Generator
        With more than one process it is pickled.
    rng : numpy.random.Generator
        Source of the streams: the same for any number of processes.
    n : int
        How often, at most.
    processes : int
    progress : as for `progress.shown`
    enough : function of a list
        Whether these results are all that is wanted.

    Returns
    -------
    list
        Fewer than n after Ctrl-C, with a warning; before the second of them Ctrl-C is a KeyboardInterrupt.
    """
    values, source = [], _source(task, rng, n, processes)
    try:
        with shown(progress, n, "replicates") as tell:
            for value in source:
                values.append(value)
                tell(len(values))
                if enough(values):
                    break
    except KeyboardInterrupt:
        if len(values) < 2:
            raise
        warn(f"interrupted after {len(values)} of {n} replicates: the result is that of these")
    finally:
        source.close()
    return values


def _source(task, rng, n, processes):
    """The results, in the same order for any number of processes."""
    seeds = np.random.SeedSequence(rng.integers(2**32, size=4).tolist()).spawn(n)
    if processes == 1:
        yield from (perform(seed, task) for seed in seeds)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _adopt, (task,)) as pool:
        try:
            yield from pool.map(perform, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


_adopted = None  # the task of a worker process


def _adopt(task):
    global _adopted
    _adopted = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one


def perform(seed, task=None):
    """One result, of a given task or that of this worker process."""
    with muted(ConvergenceWarning):  # of a replicate it is no news
        return (task or _adopted)(np.random.default_rng(seed))


def processes(n_jobs):
    """How many processes `n_jobs` asks for."""
    return threads.resolve(None) if n_jobs == -1 else whole("n_jobs", n_jobs, 1, " or -1")


def whole(name, value, least, more=""):
    """The value of a parameter as an int, if it is one of at least so much."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {least}{more}.")
    return int(value)
