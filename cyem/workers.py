"""Tasks on several threads, until the time is up: kernels let other threads run."""

import math
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from time import perf_counter


class Stopped(Exception):
    """There is no time for more."""


class Workers:
    """Runs tasks, n at a time; to be used in a ``with`` statement, at whose end those that still run are told to stop.

    Parameters
    ----------
    n : int
    deadline : float
        When `time.perf_counter` says this, the time is up.
    """

    def __init__(self, n, deadline=math.inf):
        self.deadline = deadline
        self._left = threading.Event()
        self._pool = ThreadPoolExecutor(n) if n > 1 else None

    def check(self):
        """Raise Stopped if the time is up: for tasks to call now and then."""
        if self._left.is_set() or perf_counter() > self.deadline:
            raise Stopped

    def run(self, tasks, before=None):
        """Yield (name, result) for tasks {name: function without arguments}, as they come to their end.

        before: {name: names} of tasks whose results are to be yielded before one begins; tasks are in such an order.
        The result of a task that could not be done is its exception. Stopped is raised after the results there are.
        """
        if self._pool is None:
            for name, task in tasks.items():
                yield name, self._attempt(task)
            return
        waiting, going, pending, late = dict(tasks), {}, set(tasks), None
        while waiting or going:
            for name in [name for name in waiting if pending.isdisjoint(before[name] if before else ())]:
                going[self._pool.submit(self._attempt, waiting.pop(name))] = name
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                name = going.pop(future)
                try:
                    yield name, future.result()
                except Stopped as stopped:
                    late = stopped
                    waiting.clear()
                pending.remove(name)
        if late is not None:
            raise late

    def _attempt(self, task):
        self.check()
        try:
            return task()
        except (ValueError, ArithmeticError, MemoryError) as error:
            return error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._left.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
