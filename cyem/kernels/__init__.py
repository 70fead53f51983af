"""The compiled loops, one build for each instruction set; the best that this processor has is chosen at import.

Doors are in `sweep` (passes over samples, short runs, seeds, moves), `views` (rows with gaps), `conditional`, `row`
(one at a time) and `linalg`. Of a pass, `density` has distances, `tails` what weighs samples anew, `posterior`
responsibilities, `moments` the sums; of an update, `mstep` calls `covariance`, `ties`, `eigen` and `algebra`, on a
`block` of numbers. `kinds` has the tables of what there is, `lanes` sizes and exp, `team` threads and signals.

CYEM_ISA=base, v3 or v4 in the environment overrides the choice. `reference` has the same functions in plain NumPy.
"""

import importlib.util
import os
from importlib import import_module

LEVELS = {"base": 1, "v3": 3, "v4": 4}


def built():
    """The instruction sets in this installation, simplest first."""
    return [isa for isa in LEVELS if importlib.util.find_spec(f"{__name__}._sweep_{isa}")]


def available():
    """Those of them that this processor can run."""
    return [isa for isa in built() if LEVELS[isa] <= _cpu.level()]


def module(kernel, isa):
    """The compiled module of one kernel for one instruction set."""
    return import_module(f"{__name__}._{kernel}_{isa}")


def _choose():
    able = available()
    isa = os.environ.get("CYEM_ISA")
    if isa and isa not in able:
        raise ImportError(f"CYEM_ISA={isa!r} is not one of the instruction sets that this installation and this "
                          f"processor have: {', '.join(able)}. Unset it to use the best one.")
    return isa or able[-1]


# How often a thread that waits looks before it sleeps; GNU's OpenMP reads it when it is loaded, with the first module.
# Its own 300,000 looks take the core from the very thread waited for where other programs run: fits of many short
# passes then take several times as long. Ten thousand cost nothing measurable on a quiet machine.
LOOKS = "10000"

_free = not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
if _free:
    os.environ["GOMP_SPINCOUNT"] = LOOKS
_cpu = import_module(f"{__name__}._cpu")
arguments = import_module(f"{__name__}.arguments")
ISA = _choose()
sweep = module("sweep", ISA)
linalg = module("linalg", ISA)
views = module("views", ISA)  # `conditional` and `row` are loaded by who needs them
if _free:
    del os.environ["GOMP_SPINCOUNT"]
