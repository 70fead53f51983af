"""The command line, from tables in files to tables on the output, pictures and reports.

`options` says what a command takes, `verbs` what it does, `input` which rows of a file it works on, `output` how it
says what it found, `schema` what programs may expect; here is what holds for all of them.
"""

import io
import os
import shlex
import signal
import sys
import warnings

from .. import files
from ..rows.tables import WrongTable
from ..workers import ctrl_c_is_heard
from .options import parser
from .output import hold_streams, reason, say
from .verbs import STOPPED

OUTPUTS = {"output": "-o", "plot": "--plot", "plot_model": "--plot-model"}  # files that commands write


def program():
    """Run the command of this process, and end it."""
    with ctrl_c_is_heard():
        code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done
    if code == STOPPED:
        os._exit(code)  # there and then: to take apart all that matplotlib loads takes a tenth of a second
    sys.exit(code)


def main(argv=None):
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code.
    """
    hold_streams()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
        try:
            if sys.stdout is None:
                raise ValueError("the standard output is closed; where nobody reads it, lead it to /dev/null")
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")  # as the standard error has it
            arguments = parser().parse_args(argv)
            arguments.command_line = shlex.join(["cyem", *(sys.argv[1:] if argv is None else argv)])
            _keep_apart(arguments)
            return arguments.run(arguments) or 0
        except BrokenPipeError:  # the reader, such as head, has enough
            return 141
        except KeyboardInterrupt:
            say("interrupted")
            return STOPPED
        except WrongTable as error:
            for line in error.lines:
                say(f"error: {line}")
        except (OSError, ValueError) as error:
            say(f"error: {reason(error)}")
        except MemoryError as error:
            say(f"error: out of memory{f': {error}' if str(error) else ''}")
        return 2


def _keep_apart(arguments):
    """Refuse, before the work, to write files over each other or over what is read."""
    source = getattr(arguments, "file", "-")
    taken = {"/dev/stdout": "the standard output", "/dev/stdin" if source == "-" else source: "the data"}
    taken |= {arguments.model: "the model"} if hasattr(arguments, "model") else {}
    for name, option in OUTPUTS.items():
        if path := getattr(arguments, name, None):
            if other := next((other for other in taken if files.same(path, other)), None):
                raise ValueError(f"{option} {path} is {taken[other]} too: give another name")
            taken[path] = f"the file of {option}"
