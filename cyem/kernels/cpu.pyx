"""What the processor can run."""

cdef extern from "cpu.h":
    int cyem_cpu_level() noexcept nogil


def level():
    """The best instruction set: 1 baseline, 3 x86-64-v3, 4 x86-64-v4."""
    return cyem_cpu_level()
