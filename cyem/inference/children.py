"""Processes that call a function for this one, and do not outlive it."""

import os
import pickle
import signal
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from queue import SimpleQueue
from threading import Thread
from traceback import format_exception

from ..workers import NoRoom, attempt


class Children:
    """Processes that call one function; to be used in a ``with`` statement, at whose end they are killed.

    Parameters
    ----------
    function : callable
        Of one argument. It is pickled, as are arguments and results.
    """

    def __init__(self, function):
        self._function = pickle.dumps(function)
        self._processes = []
        self._over = False

    @contextmanager
    def child(self):
        """A new process, and the function as it is called there: for a thread of its own.

        Raises
        ------
        NoRoom
            If the system gives no process more.
        ChildProcessError
            If the process ends before it has answered, as also the function may raise.
        """
        process, pipe = start()

        def ask(message):
            try:
                pipe.send_bytes(message)
                result, error = pipe.recv()
            except (EOFError, ConnectionError):
                process.join()
                raise ChildProcessError(ended(process.exitcode)) from None
            if error is not None:
                raise error
            return result

        self._processes.append(process)
        with pipe:
            try:
                if self._over:
                    process.kill()
                ask(self._function)
                yield lambda argument: ask(pickle.dumps(argument))
            finally:
                process.kill()
                process.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over = True
        for process in self._processes:
            process.kill()


def start():
    """A process that serves, and our end of the pipe to it."""
    spawn = get_context("spawn")
    try:
        ours, theirs = spawn.Pipe()
        with theirs:
            if hasattr(signal, "pthread_sigmask"):  # the process inherits it: it never hears of Ctrl-C
                resource_tracker.ensure_running()  # which `start` would do, and unblock the signal again
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            process = spawn.Process(target=serve, args=(theirs,), daemon=True)
            process.start()
    except OSError as error:
        raise NoRoom(f"No worker process can be started: {error}. n_jobs=1 needs none.") from error
    return process, ours


def ended(code):
    """What there is to say of a process that ended with this exit code."""
    if code and code < 0:
        return (f"A worker process was ended by {signal.Signals(-code).name}, as systems do to what takes too much "
                "memory: give a smaller n_jobs.")
    return (f"A worker process ended with exit code {code}; the standard error may say why. Scripts that ask for more "
            'than one need the usual `if __name__ == "__main__":`.')


def serve(connection):
    """What a child does: the first message is the function, each of the others an argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    messages = SimpleQueue()
    Thread(target=listen, args=(connection, messages), daemon=True).start()
    with suppress(ConnectionError):  # nobody waits for the answer
        function, error = noted(pickle.loads, messages.get())
        connection.send_bytes(pickle.dumps((None, error)))
        while True:
            answer = noted(lambda message: function(pickle.loads(message)), messages.get())
            connection.send_bytes(pickle.dumps(answer))


def listen(connection, messages):
    """Put messages into a queue; end this process, whatever it is doing, when nobody is there to send more."""
    with suppress(EOFError, OSError):
        while True:
            messages.put(connection.recv_bytes())
    os._exit(1)


def noted(do, what):
    """What `attempt` gives, where errors know where they were raised."""
    result, error = attempt(do, what)
    if error is not None:
        error.add_note("In a worker process:\n" + "".join(format_exception(error)))
    return result, error
