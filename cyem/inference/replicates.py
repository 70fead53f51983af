"""One task on many streams of random numbers: in this process or in several, until it is enough, or until Ctrl-C."""

import numbers
from functools import partial
from itertools import islice

import numpy as np

from .. import threads
from ..notices import ConvergenceWarning, muted, warn
from ..show.progress import shown
from ..workers import Crew, NoRoom
from .children import Children

AHEAD = 4  # results for each process that may have to wait for an earlier one


def replicates(task, rng, n, processes, progress, enough=lambda value: False):
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
    enough : function of a result
        Whether no more are wanted after this one; called once for each.

    Returns
    -------
    list
        Fewer than n after Ctrl-C, with a warning; before the second of them Ctrl-C is a KeyboardInterrupt.

    Raises
    ------
    OSError
        If no process can be started, or one of them ends before its time.
    """
    values, source = [], _source(partial(perform, task), _seeds(rng, n), n, processes)
    try:
        with shown(progress, n, "replicates") as tell:
            for value in source:
                values.append(value)
                tell(len(values))
                if enough(value):
                    break
    except KeyboardInterrupt:
        if len(values) < 2:
            raise
        warn(f"interrupted after {len(values)} of {n} replicates: the result is that of these")
    finally:
        source.close()
    return values


def _seeds(rng, n):
    """A seed for each replicate, made when it is asked for."""
    root = np.random.SeedSequence(rng.integers(2**32, size=4).tolist())
    return (root.spawn(1)[0] for _ in range(n))


def _source(task, seeds, n, processes):
    """The results, in the same order for any number of processes."""
    if processes == 1:
        yield from map(task, seeds)
        return
    children = Children(task)
    with Crew(min(processes, n), children.child) as crew, children:
        if not crew.start():
            raise NoRoom("No thread can be started that looks after worker processes: give n_jobs=1, which needs none.")
        given, done = 0, {}
        for i in range(n):
            for seed in islice(seeds, max(0, i + AHEAD * crew.n - given)):
                crew.give(given, seed)
                given += 1
            while i not in done:
                name, result, error = crew.take()
                if error is not None:
                    raise error
                done[name] = result
            yield done.pop(i)


def perform(task, seed):
    """One result."""
    with muted(ConvergenceWarning):  # of a replicate it is no news
        return task(np.random.default_rng(seed))


def processes(n_jobs):
    """How many processes `n_jobs` asks for."""
    return threads.resolve(None) if n_jobs == -1 else whole("n_jobs", n_jobs, 1, " or -1")


def whole(name, value, least, more=""):
    """The value of a parameter as an int, if it is one of at least so much."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {least}{more}.")
    return int(value)
