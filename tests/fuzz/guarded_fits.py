"""The random fits of `fits.py`, with all arrays of all kernels beside pages that nobody may touch.

    python tests/fuzz/guarded_fits.py --seconds 60 --seed 0

Whoever reads or writes before or behind an array ends the process with SIGSEGV, and the last door that was opened
stands first in the traceback.
"""

import atexit
import collections
import ctypes
import faulthandler
import mmap
import warnings
from itertools import chain

import driver
import fits
import numpy as np

from cyem import kernels

OBJECTS = tuple(kind for kind in vars(kernels.arguments).values() if isinstance(kind, type))  # which hold arrays


def guarded(given, copies):
    """What is given to a door, with the copies of arrays in their places."""
    if isinstance(given, OBJECTS):
        make, parts = given.__reduce__()
        return make(*(guarded(part, copies) for part in parts))
    return copies.get(id(given), given)


class Guards:
    """Doors of kernels that work on copies of their arrays, which end at a page that nobody may touch, and once more on
    copies that begin behind one.

    Attributes
    ----------
    opened : set of str
        The doors that have been opened.
    """

    def __init__(self):
        self.opened = set()
        self.spare = collections.defaultdict(list)  # by their size: memory between two such pages
        self.mprotect = ctypes.CDLL(None).mprotect

    def put_before(self, module):
        """From now on the doors of a module of kernels work on guarded copies."""
        for name, door in list(vars(module).items()):
            if callable(door) and not name.startswith("_"):
                setattr(module, name, self.guarded(door, name))

    def guarded(self, door, name):
        def call(*args, **kwargs):
            parts = [a.__reduce__()[1] for a in args if isinstance(a, OBJECTS)]  # what objects hold, too
            given = {id(a): a for a in (*args, *kwargs.values(), *chain(*parts)) if isinstance(a, np.ndarray)}
            if given and not name.endswith("_size"):
                self.opened.add(name)
            for last in (False, True):
                memories = {key: self.memory(array.nbytes) for key, array in given.items()}
                copies = {key: self.copy(array, memories[key], at_the_end=last) for key, array in given.items()}
                result = door(*(guarded(a, copies) for a in args),
                              **{key: guarded(a, copies) for key, a in kwargs.items()})
                for memory in memories.values():
                    self.spare[memory.size].append(memory)
            for key, array in given.items():
                if array.flags.writeable:
                    array[...] = copies[key]
            return result

        call.__code__ = call.__code__.replace(co_name=name)  # which faulthandler shows
        return call

    @staticmethod
    def copy(array, memory, at_the_end):
        """A copy of an array at one end of some memory."""
        end = memory.size if at_the_end else array.nbytes
        copy = memory[end - array.nbytes : end].view(array.dtype).reshape(array.shape)
        copy[...] = array
        return copy

    def memory(self, size):
        """Whole pages for so many bytes, between two that nobody may touch."""
        page = mmap.PAGESIZE
        size = -(-size // page) * page
        if self.spare[size]:
            return self.spare[size].pop()
        memory = np.frombuffer(mmap.mmap(-1, size + 2 * page), np.uint8)
        for place in (0, page + size):
            if self.mprotect(ctypes.c_void_p(memory.ctypes.data + place), ctypes.c_size_t(page), 0):
                raise OSError("mprotect has failed")
        return memory[page:-page]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    guards = Guards()
    for module in (kernels.sweep, kernels.linalg, kernels.views):
        guards.put_before(module)
    atexit.register(lambda: print("doors opened:", *sorted(guards.opened)))
    driver.run(__doc__, fits.attempt)
