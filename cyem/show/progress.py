"""How far a long piece of work is, and how long it still takes: on the standard error, for those who wait.

What takes less than a second says nothing. On a terminal bars are drawn by tqdm or rich, whichever is installed, else a
line is; in a notebook below the cell. They are gone in the end.
"""

import sys
from contextlib import contextmanager
from time import perf_counter

from .markup import element

QUIET = 1.0  # seconds without a word
BLINK = 0.2  # seconds between two pictures in a notebook, which travel
PAUSE = 10.0  # seconds between two lines where one cannot take the place of the other


@contextmanager
def shown(progress, total, unit="fits"):
    """Show the progress of what happens inside.

    Parameters
    ----------
    progress : bool, None or callable
        True: show it; False: do not; None: where somebody looks, on a terminal and in a notebook. A callable is called
        as ``progress(done, total, seconds)``, with the time since the start.
    total : int
        Number of pieces.
    unit : str
        What a piece is called, in the plural.

    Yields
    ------
    callable
        To be called as ``tell(done)`` after each piece, with the number of those that are done.

    Raises
    ------
    TypeError
        If `progress` is something else.

    Examples
    --------
    >>> from cyem.show import progress
    >>> with progress.shown(lambda done, total, seconds: print(done, "of", total), 2) as tell:
    ...     for i in range(2):
    ...         tell(i + 1)
    1 of 2
    2 of 2
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(f"progress={progress!r} must be True, False, None or a function of (done, total, seconds)")
    start = perf_counter()
    draw = progress if callable(progress) else _drawer(total, unit) if _wanted(progress) else _Silence()
    try:
        yield lambda done: draw(done, total, perf_counter() - start)
    finally:
        if not callable(progress):
            draw.close()


def left(done, total, seconds):
    """The time left if the rest goes on like this, as text.

    Examples
    --------
    >>> from cyem.show.progress import left
    >>> left(10, 40, 60.0)
    '3 min 0 s'
    """
    rest = round(seconds / done * (total - done))
    return f"{rest // 60} min {rest % 60} s" if rest >= 60 else f"{rest} s"


def _wanted(progress):
    return _is_watched() if progress is None else progress


def _is_terminal():
    return sys.stderr is not None and sys.stderr.isatty()


def _is_watched():
    return _is_terminal() or "ipykernel" in sys.modules


def _drawer(total, unit):
    """The best there is to draw with; bars only where they can move."""
    if "ipykernel" in sys.modules:
        return _Cell(unit)
    if _is_terminal():
        for kind in (_Tqdm, _Rich):
            try:
                return kind(total, unit)
            except ImportError:
                pass
    return _Lines(unit)


class _Silence:
    def __call__(self, done, total, seconds):
        pass

    def close(self):
        pass


class _Tqdm:
    """A bar on a terminal."""

    def __init__(self, total, unit):
        from tqdm import tqdm

        self.bar = tqdm(total=total, unit=f" {unit}", delay=QUIET, leave=False, file=sys.stderr)

    def __call__(self, done, total, seconds):
        self.bar.update(done - self.bar.n)

    def close(self):
        self.bar.close()


class _Cell:
    """A bar below the cell of a notebook, which is gone in the end."""

    def __init__(self, unit):
        self.unit, self.handle, self.last = unit, None, QUIET - BLINK

    def __call__(self, done, total, seconds):
        if seconds < max(QUIET, self.last + BLINK):
            return
        self.last = seconds
        text = f"{done} of {total} {self.unit}, {seconds:.0f} s, about {left(done, total, seconds)} left"
        self._show(element("div", element("progress", value=done, max=total), " ", text), text)

    def _show(self, html, text):
        from IPython.display import display

        content = {"text/html": str(html), "text/plain": text}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)

    def close(self):
        if self.handle is not None:
            self._show("", "")


class _Rich:
    """A bar that is drawn only when there is something new: no thread beside the workers."""

    def __init__(self, total, unit):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit}, left:"), TimeRemainingColumn()
        self.bars = Progress(*columns, console=Console(file=sys.stderr), transient=True, auto_refresh=False)
        self.bar = self.bars.add_task("", total=total)

    def __call__(self, done, total, seconds):
        self.bars.update(self.bar, completed=done)
        if seconds > QUIET:
            self.bars.start()
            self.bars.refresh()

    def close(self):
        self.bars.stop()


class _Lines:
    """One line that changes and is gone in the end; where it cannot change, a line now and then."""

    def __init__(self, unit):
        self.unit = unit
        self.moves = _is_terminal()
        self.last = QUIET - PAUSE

    def __call__(self, done, total, seconds):
        if seconds < QUIET or not (self.moves or seconds > self.last + PAUSE):
            return
        self.last = seconds
        text = f"{done} of {total} {self.unit}, {seconds:.0f} s, about {left(done, total, seconds)} left"
        print(f"\r\x1b[K{text}" if self.moves else text, end="" if self.moves else "\n", file=sys.stderr, flush=True)

    def close(self):
        if self.moves and self.last >= QUIET:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
