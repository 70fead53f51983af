"""What a fitted model keeps of how it came about, and for later calls."""

INTERRUPTED = "interrupted: this is the best so far"
SEARCHED = "search: "  # what the event that tells of a search begins with


class Report(tuple):
    """What happened during a fit, one line an event; empty after an ordinary one."""

    __slots__ = ()

    @property
    def troubles(self):
        """The events but for what a search tells of itself, which is no reason to doubt a fit."""
        return tuple(event for event in self if not event.startswith(SEARCHED))

    def __str__(self):
        return "\n".join(self) or "nothing out of the ordinary"


class Memo:
    """What a value was made of, as a copy, and the value; not worth a place in a pickle."""

    __slots__ = ("kept",)

    def __init__(self):
        self.kept = None, None

    def __reduce__(self):
        return Memo, ()
