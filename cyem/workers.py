"""Tasks on several threads, until the time is up: kernels let other threads run."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
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

    def run(self, tasks):
        """Yield (name, result) for tasks {name: function without arguments}, in their order.

        The result of a task that could not be done is its exception. Stopped is raised after the results there are.
        """
        if self._pool is None:
            for name, task in tasks.items():
                yield name, self._attempt(task)
            return
        futures = {name: self._pool.submit(self._attempt, task) for name, task in tasks.items()}
        late = None
        for name, future in futures.items():
            try:
                yield name, future.result()
            except Stopped as stopped:
                late = stopped
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
