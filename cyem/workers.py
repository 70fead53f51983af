"""Tasks on several threads, until the time is up or Ctrl-C: kernels let other threads run."""

import math
import signal
import sys
import threading
from _thread import start_new_thread
from contextlib import contextmanager, nullcontext
from queue import SimpleQueue
from time import perf_counter

from .notices import warn


class Stopped(Exception):
    """There is no time for more."""


class NoRoom(OSError):
    """The system gives no thread or process more."""


@contextmanager
def ctrl_c_is_heard():
    """Ctrl-C that comes where nothing can be raised, as while something is collected, comes again a moment later."""

    def hook(unraisable):
        if unraisable.exc_type is KeyboardInterrupt:
            threading.Timer(0.001, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        else:
            before(unraisable)

    before, sys.unraisablehook = sys.unraisablehook, hook
    try:
        yield
    finally:
        sys.unraisablehook = before


class Workers:
    """Runs tasks, n at a time; to be used in a ``with`` statement, at whose end those that still run are told to stop.

    Parameters
    ----------
    n : int
        Where the system gives fewer threads, fewer at a time, and a warning.
    deadline : float
        When `time.perf_counter` says this, the time is up.
    """

    def __init__(self, n, deadline=math.inf):
        self.deadline = deadline
        self._over = False
        self._crew = Crew(n if n > 1 else 0, lambda: nullcontext(self._attempt))  # or this thread does it all

    def check(self):
        """Raise Stopped if the time is up: for tasks to call now and then."""
        if self._over or perf_counter() > self.deadline:
            raise Stopped

    def run(self, tasks, before=None):
        """Yield (name, result) for tasks {name: function without arguments}, as they come to their end.

        before: {name: names} of tasks whose results are to be yielded before one begins; tasks are in such an order.
        The result of a task that could not be done is its exception. Stopped is raised after the results there are.
        """
        if not self._crew.start():
            self._crew.tell()
            for name, task in tasks.items():
                yield name, self._attempt(task)
            return
        waiting, pending, going, late = dict(tasks), set(tasks), 0, None
        while waiting or going:
            for name in [name for name in waiting if pending.isdisjoint(before[name] if before else ())]:
                self._crew.give(name, waiting.pop(name))
                going += 1
            name, result, error = self._crew.take()
            going -= 1
            pending.remove(name)
            if isinstance(error, Stopped):
                late = error
                waiting.clear()
            elif error is not None:
                raise error
            else:
                yield name, result
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
        self._over = True
        self._crew.dismiss()


class Crew:
    """Threads that do what they are given, while whoever waits for them may be interrupted at any moment.

    Ctrl-C raises KeyboardInterrupt between any two steps of the main thread, also in the Python code of the standard
    library, where a lock that was just taken then stays held for ever (`Thread.start`, `Event`, `Future` have such).
    So the main thread meets the others in queues made in C, and nowhere else.

    Parameters
    ----------
    n : int
        Threads, at most.
    place : function without arguments
        Gives each thread a context manager, whose value is the function that it calls with what it is given. Where it
        raises NoRoom the others go on without the thread.
    """

    def __init__(self, n, place):
        self.n = n
        self._place = place
        self._size = 0  # threads that have been started and have not said farewell
        self._over = False
        self._short = None  # why there are fewer than were wanted, until that is said
        self._todo, self._done = SimpleQueue(), SimpleQueue()

    def start(self):
        """Start the threads; returns how many there are."""
        while self._size < self.n:
            try:
                start_new_thread(self._work, ())
            except (RuntimeError, MemoryError) as error:
                self.n, self._short = self._size, error
                break
            self._size += 1
        return self._size

    def give(self, name, what):
        """Have something done."""
        self._todo.put((name, what))

    def take(self):
        """Wait for what is done next: its name, its result, and what it raised or None."""
        while True:
            name, result, error = self._done.get()
            if name is not None:
                self.tell()
                return name, result, error
            self.n = self._size = self._size - 1
            if self._size == 0 or not isinstance(error, NoRoom):
                raise error
            self._short = error

    def dismiss(self):
        """Have the threads do nothing more, and wait until they are gone."""
        self._over = True
        self._todo.put(None)
        while self._size > 0:
            if self._done.get()[0] is None:
                self._size -= 1

    def tell(self):
        """Say it where there are fewer threads than were wanted."""
        if self._short is not None:
            error, self._short = self._short, None
            warn(f"n_jobs asks for more than can be started, so fewer work at a time ({error}). Give a smaller n_jobs, "
                 "or this process more room (ulimit -u, -v).", RuntimeWarning)

    def _work(self):
        error = None
        try:
            with self._place() as do:
                for name, what in self._orders():
                    self._done.put((name, *attempt(do, what)))
        except Exception as other:
            error = other
        self._done.put((None, None, error))

    def _orders(self):
        while (order := self._todo.get()) is not None and not self._over:
            yield order
        self._todo.put(None)  # for the next thread

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dismiss()


def attempt(do, what):
    """What a function gives, and what it raises, of which one is None."""
    try:
        return do(what), None
    except BaseException as error:  # raised again by whoever waits for it
        return None, error
