"""What the processor and its operating system can do."""

cdef extern from "cpu.h":
    int cyem_cpu_level() noexcept nogil
    int cyem_allowed() noexcept nogil
    int cyem_enlist(int n, int had, size_t stack) noexcept nogil


def level():
    """The best instruction set: 1 baseline, 3 x86-64-v3, 4 x86-64-v4."""
    return cyem_cpu_level()


def allowed():
    """How many threads OpenMP would give a region of this thread, by its environment or by who has limited it since."""
    return cyem_allowed()


def enlist(int n, int had, size_t stack):
    """How many threads this one can have in parallel regions: n > had, or fewer where the system gives no more.

    had: that there were in its last region. stack: bytes of that of each, or 0 for the usual size.
    """
    with nogil:
        n = cyem_enlist(n, had, stack)
    return n
