"""What a fitted model keeps of how it came about, and for later calls."""

from __future__ import annotations

INTERRUPTED = "interrupted: this is the best so far"
SEARCHED = "search: "  # what the event that tells of a search begins with


class Report(tuple[str, ...]):
    """What happened during a fit, one line an event; empty after an ordinary one."""

    __slots__ = ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """The events but for what a search tells of itself, which is no reason to doubt a fit."""
        return tuple(event for event in self if not event.startswith(SEARCHED))

    def __str__(self) -> str:
        return "\n".join(self) or "nothing out of the ordinary"


def one_of_many(model, X, sample_weight=None, **known):
    """The model, fitted; Ctrl-C, which a fit makes a warning of, is for all that is being done and not for one fit."""
    model.fit(X, sample_weight=sample_weight, **known)
    if INTERRUPTED in model.fit_report_:
        raise KeyboardInterrupt
    return model


class Memo:
    """What a value was made of, as a copy, and the value; not worth a place in a pickle."""

    __slots__ = ("kept",)

    def __init__(self):
        self.kept = None, None

    def __reduce__(self):
        return Memo, ()
