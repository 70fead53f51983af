"""What this installation is and does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, overload

import numpy as np

from . import kernels, threads
from .version import __version__

if TYPE_CHECKING:
    from typing import Any, Literal


@overload
def show_config(mode: Literal["print"] = "print") -> None: ...
@overload
def show_config(mode: Literal["dict"]) -> dict[str, Any]: ...
def show_config(mode="print"):
    """Show which kernels run, and on how many threads.

    Parameters
    ----------
    mode : {'print', 'dict'}
        Print the answer, or return it.

    Returns
    -------
    dict or None

    See Also
    --------
    GaussianMixture : Its parameter `n_threads` says how many threads a fit has.

    Examples
    --------
    >>> show_config("dict")["instruction_set"] in ("base", "v3", "v4")
    True
    """
    config = {
        "cyem": __version__,
        "numpy": np.__version__,
        "instruction_set": kernels.ISA,
        "instruction_sets": kernels.available(),
        "chosen_by": "CYEM_ISA" if os.environ.get("CYEM_ISA") else "processor",
        "openmp": kernels.sweep.OPENMP,
        "n_threads": threads.resolve(None) if kernels.sweep.OPENMP else 1,
    }
    if mode == "dict":
        return config
    if mode != "print":
        raise ValueError(f"mode must be 'print' or 'dict', got {mode!r}.")
    for name, value in config.items():
        print(f"{name:16} {', '.join(value) if isinstance(value, list) else value}")
    return None


def get_include() -> str:
    """The folder of cyem.h, for compilers of C and C++ code that scores samples.

    Returns
    -------
    str

    See Also
    --------
    GaussianMixture.compiled : The mixture as such code takes it.
    GaussianMixture.export_c : A file of C that needs neither this header nor Python.

    Examples
    --------
    >>> import os
    >>> os.listdir(get_include())
    ['cyem.h']
    """
    return os.path.join(os.path.dirname(__file__), "include")
