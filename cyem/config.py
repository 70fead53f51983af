"""What this installation is and does, and how much of the machine it takes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, overload

import numpy as np

from . import kernels, threads
from .version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    config_context, set_config : What `n_threads=None` stands for.
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


def get_config() -> dict[str, Any]:
    """The settings that hold where this is called, by their names: what `set_config` and `config_context` take.

    Returns
    -------
    dict
        "n_threads": int or None.

    See Also
    --------
    config_context, set_config : How to change them.
    show_config : How many threads that comes to.

    Examples
    --------
    >>> get_config()
    {'n_threads': None}
    """
    return {"n_threads": threads.preset()}


def set_config(*, n_threads: int | None) -> None:
    """Change settings from now on, in all threads of this process; inside of `config_context` its own go first.

    Parameters
    ----------
    n_threads : int or None
        What ``n_threads=None`` of an estimator stands for, and -1 of what takes `n_jobs`. None: as many as the process
        may have.

    See Also
    --------
    config_context : The same for a block.
    get_config : What is set.

    Examples
    --------
    >>> set_config(n_threads=2)
    >>> show_config("dict")["n_threads"]
    2
    >>> set_config(n_threads=None)
    """
    threads.check(n_threads)
    threads.everywhere = n_threads


@contextmanager
def config_context(*, n_threads: int | None) -> Iterator[None]:
    """Change settings for a block, in the thread or the task of asyncio that runs it, and in no other.

    Threads and processes that cyem starts inside for `n_jobs` keep to them. Threads that others start see those of
    `set_config`.

    Parameters
    ----------
    n_threads : int or None
        What ``n_threads=None`` of an estimator stands for, and -1 of what takes `n_jobs`. None: as many as the process
        may have.

    See Also
    --------
    get_config, set_config : What is set, and how it is for all threads.
    GaussianMixture : Its parameter `n_threads`, which goes before this one.

    Examples
    --------
    >>> with config_context(n_threads=1):
    ...     get_config()
    {'n_threads': 1}
    """
    threads.check(n_threads)
    token = threads.here.set(n_threads)
    try:
        yield
    finally:
        threads.here.reset(token)


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
