"""Values that are computed when they are asked for the first time."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who asks for such a value sees no difference
    from functools import cached_property
else:

    class cached_property:
        """A method that is called once; its value is then an attribute.

        This is that of functools without its lock, of which Python 3.11 has one for all objects of a class: threads
        with estimators of their own would wait for each other, and a child forked meanwhile for ever. Threads that ask
        the same object at the same time may both compute, and get equal values.
        """

        def __init__(self, compute):
            self.compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = vars(instance)[self.name] = self.compute(instance)
            return value


__all__ = ["cached_property"]
