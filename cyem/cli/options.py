"""What the commands take: the parser of the command line, and the types of its options."""

import argparse
import math
import re
import sys
from difflib import get_close_matches
from itertools import chain

import cyem

from .. import files
from ..models.asked import FAMILIES
from ..selection.criteria import CRITERIA
from . import completion, schema, verbs
from .output import TABLES, can_be_written, output, reason, say, show

PICTURES = (".png", ".svg", ".pdf")
SHELLS = ("bash", "zsh")
EPILOG = """
A FILE is a table of text in any dialect, with or without a header, or NumPy's .npy; with the extra cyem[files] also
Parquet, Arrow and Excel; all may be compressed; - is the standard input. How it is written is found by looking, and
what is found out of the ordinary is said. Columns of text and dates, those that number the rows and those of one
value are set aside, unless --columns asks for them. Values may be missing: empty fields, NA, NaN, null and the like.
COLUMNS are names, numbers from 1, and ranges such as 2-5, with commas between. Rows without names are numbers from 1,
less the header; components count from 0, and so do features without names. The exit code is 0 on success, 2 on an
error (lines that begin with "cyem: error:" say what, with the option that cures it), 130 after Ctrl-C or where the
time was up, 141 where the reader of the output has enough.
"""
BY_NAME = """
The model finds its features in FILE by their names; other columns are left out, which a note says. Where the model or
FILE has no names, the columns are taken as they stand, less those of --drop. --columns overrides both: it gives the
columns in the model's order, whatever their names.
"""


class _Counts:
    """Numbers such as 1-10 or 1,2,5, one after the other: how many are too many is known when the data are."""

    def __init__(self, text):
        if not re.fullmatch(r"\d{1,99}(-\d{1,99})?(,\d{1,99}(-\d{1,99})?)*", text):
            raise argparse.ArgumentTypeError(f"{text!r} is not like 1-10 or 1,2,5")
        self.text, parts = text, (part.split("-") for part in text.split(","))
        self.ranges = [range(int(ends[0]), int(ends[-1]) + 1) for ends in parts]
        if not all(self.ranges):
            raise argparse.ArgumentTypeError(f"{text!r} counts downwards: the smaller number comes first")

    def __iter__(self):
        return chain.from_iterable(self.ranges)

    def __repr__(self):
        return self.text


def _whole(least, most=None):
    """The type of an option that is a whole number between these."""
    limits = f"from {least} on" if most is None else f"from {least} to {most}"

    def whole(text):
        if not re.fullmatch(r"\+?\d{1,99}", text) or not least <= int(text) <= (most or math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {limits}")
        return int(text)

    return whole


def _names(text):
    return text if text == "all" else text.split(",")


def _character(text):
    """The type of an option that is one character; some have names."""
    text = {"tab": "\t", "\\t": "\t", "blank": " ", "space": " "}.get(text, text)
    if len(text) != 1 or text in "\r\n\"":
        raise argparse.ArgumentTypeError(f"{text!r} is not one character")
    return text


def _new_file(path):
    """A path that can be written, as far as can be told before the work."""
    try:
        files.target(path)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(reason(error)) from None
    return path


def _new_table(path):
    """The same, of a table."""
    try:
        can_be_written(path)
    except (ImportError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return _new_file(path)


def _new_picture(path):
    """The same, of a picture."""
    if not path.lower().endswith(PICTURES):
        raise argparse.ArgumentTypeError(f"{path!r} must end in {' or '.join(PICTURES)}")
    try:
        from .. import plotting  # noqa: F401
    except ImportError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return _new_file(path)


class _Parser(argparse.ArgumentParser):
    def parse_known_args(self, args=None, namespace=None):
        known, others = super().parse_known_args(args, namespace)
        if others:  # by the command itself, which knows what may have been meant
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return known, others

    def error(self, message):
        words = [*self._option_string_actions, *chain.from_iterable(
            action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction))]
        mistaken = re.match(r"unrecognized arguments: (--[\w-]+)|argument COMMAND: invalid choice: '(\w+)'", message)
        if mistaken and (near := get_close_matches(mistaken[1] or mistaken[2], words, 1)):
            message += f"; is {near[0]} meant?"
        if message.endswith("required: FILE") and any(action.dest == "model" for action in self._actions):
            message += " (after MODEL, which cyem fit, or cyem select -o, writes)"
        say(f"error: {message}; see {self.prog} --help")
        self.exit(2)

    def exit(self, status=0, message=None):
        with output():  # of which --help is a part
            pass
        super().exit(status, message)


class _Completion(argparse.Action):
    """Print what a shell needs to complete a command line."""

    def __call__(self, parser, arguments, shell, option=None):
        show(completion.script(parser, shell))
        parser.exit()


def parser():
    """The parser of the command line."""
    made = _Parser(prog="cyem", description="Gaussian mixture models.", epilog=EPILOG)
    made.add_argument("--version", action="version", version=f"cyem {cyem.__version__}")
    made.add_argument("--completion", action=_Completion, choices=SHELLS,
                      help="print a script that completes commands and options in this shell, and end")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(run, help, *files, epilog=EPILOG):
        added = commands.add_parser(run.__name__, help=help, description=run.__doc__, epilog=epilog)
        added.set_defaults(run=run)
        for file in files:
            added.add_argument(file.lower(), metavar=file)
        return added

    added = command(verbs.select, "find the number of components and the covariance structure", "FILE")
    _grid_options(added)
    added.add_argument("-o", "--output", metavar="MODEL", type=_new_file, help="save the best model")
    _picture(added, "--plot", "draw the criterion over the number of components")
    _picture(added, "--plot-model", "draw the chosen model over the samples")

    added = command(verbs.examine, "look at the data before a model is fitted", "FILE")
    _table_options(added)
    _model_options(added)

    added = command(verbs.report, "the same as select, as a page for people: figures, tables, words", "FILE")
    _grid_options(added)
    added.add_argument("-o", "--output", metavar="HTML", type=_new_file, required=True, help="where to write the page")
    added.add_argument("--title", help="what stands on top of it")

    added = command(verbs.fit, "fit one model and save it", "FILE")
    _table_options(added)
    add = added.add_argument
    add("--components", dest="n_components", metavar="K", type=_whole(1), help="how many (default: 1; select finds it)")
    add("--structure", dest="covariance_type", metavar="NAME",
        help="full (default), tied, diag, spherical, or a code of three letters")
    add("--labels", metavar="COLUMN",
        help="this column has the component, from 0 on, of rows of which it is known, -1 or nothing for others; or "
        "words, which are numbered in the order of the alphabet")
    _fit_options(added)
    added.add_argument("-o", "--output", metavar="MODEL", type=_new_file, required=True, help="where to save the model")
    _picture(added, "--plot-model", "draw the model over the samples")

    added = command(verbs.predict, "print the component of each row", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added, weights=False)
    _rows_options(added)
    added.add_argument("--proba", action="store_true", help="the responsibility of each component instead")

    added = command(verbs.score, "print how well a model fits a table", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added)
    _rows_options(added)
    added.add_argument("--rows", action="store_true", help="the log-density of each row instead")

    added = command(verbs.stability, "ask whether groups come back in rows drawn anew", "MODEL", "FILE",
                    epilog=BY_NAME + EPILOG)
    _table_options(added)
    added.add_argument("--refits", metavar="N", type=_whole(1), default=100, help="how many (default: 100)")
    added.add_argument("--seed", metavar="N", type=_whole(0), default=0, help="of the draws (default: 0)")

    added = command(verbs.outliers, "print the rows that are odder than others", "MODEL", "FILE",
                    epilog=BY_NAME + EPILOG)
    _table_options(added, weights=False)
    _rows_options(added)
    added.add_argument("--level", type=float, metavar="P",
                       help="the share of rows of the model's own for which it would be said wrongly (default: 0.01)")
    added.add_argument("--rows", action="store_true", help="of each row how odd it is instead: small is odd")

    added = command(verbs.impute, "print a table with its gaps filled in", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added, weights=False)
    _rows_options(added)

    added = command(verbs.export, "write a model as C", "MODEL")
    added.add_argument("-o", "--output", metavar="FILE", type=_new_file, required=True, help="where to write it")
    added.add_argument("--name", default="mixture", help="what its functions begin with (default: mixture)")
    added.add_argument("--single", action="store_true", help="float instead of double")

    added = command(verbs.sample, "print random samples of a model", "MODEL")
    added.add_argument("-n", type=_whole(1, sys.maxsize), default=1, metavar="N", help="how many (default: 1)")
    added.add_argument("--seed", type=_whole(0), metavar="N", help="for the same samples again")
    added.add_argument("--components", action="store_true", help="add a column that says which component it is from")
    _table_output(added)

    command(verbs.config, "print how cyem was built and what it uses here")
    for added in commands.choices.values():
        added.add_argument("--json", action="store_true", help="JSON instead of text; cyem schema describes it")
    added = command(verbs.schema, "print what --json prints, as JSON Schema")
    added.add_argument("command", metavar="COMMAND", choices=list(schema.PRINTED), help=", ".join(schema.PRINTED))
    return made


def _table_options(added, weights=True):
    added.add_argument("--columns", action="append", default=[], help="read only these columns, in this order")
    added.add_argument("--drop", action="append", default=[], metavar="COLUMNS", help="leave these columns out")
    added.add_argument("--skip-missing", action="store_true", help="leave out rows with missing values")
    added.add_argument("--id", metavar="COLUMN", help="this column holds the names of the rows")
    if weights:
        added.add_argument("--weights", metavar="COLUMN", help="this column says how often each row counts")
    add = added.add_argument_group("how FILE is written, where that is not to be found by looking").add_argument
    add("--separator", metavar="CHARACTER", type=_character, help="what stands between columns, or tab, or blank")
    add("--decimal", metavar="MARK", choices=(".", ","), help="the mark of decimals: . or ,")
    add("--thousands", metavar="MARK", type=_character, help="the mark between thousands")
    add("--encoding", metavar="NAME", help="such as utf-8, latin-1, cp1250, utf-16")
    add("--header", action=argparse.BooleanOptionalAction, help="whether the first line names the columns")
    add("--missing", metavar="TEXT", action="append", default=[], help="stands for a missing value; may be repeated")
    add("--skip", metavar="N", type=_whole(0), default=0, help="lines before the table")


def _rows_options(added):
    """Where a command says something of each row."""
    added.add_argument("--append", action="store_true", help="the columns of FILE too, before what is said of its rows")
    _table_output(added)


def _table_output(added):
    added.add_argument("-o", "--output", metavar="TABLE", type=_new_table,
                       help=f"write the table to this file instead ({', '.join(TABLES)})")


def _fit_options(added):
    add = added.add_argument
    add("--background", action="store_const", const=True,
        help="some rows may be of no component: noise of one density over the whole box of the data")
    add("--family", choices=list(FAMILIES), default="gaussian",
        help="of the components: gaussian (default), or student, t distributions with heavy tails")
    add("--seed", dest="random_state", metavar="N", type=_whole(0), default=0, help="of the random starts (default: 0)")
    add("--n-init", metavar="N", type=_whole(1), help="starts per fit, of which the best is kept")
    add("--tol", metavar="X", type=float, help="stop when this gain of the mean log-likelihood or less is left")
    add("--max-iter", metavar="N", type=_whole(1), help="iterations at most")
    add("--threads", dest="n_threads", metavar="N", type=_whole(1), help="threads (default: all cores it may use)")


def _model_options(added, counts="1", names="full"):
    """Which models there shall be; by default these."""
    add = added.add_argument
    add("--components", dest="n_components", metavar="COUNTS", type=_Counts,
        help=f"such as 1-10 or 1,2,5 (default: {counts})")
    add("--structures", dest="covariance_types", metavar="NAMES", type=_names,
        help=f"such as full,diag; all: the 14 codes (default: {names})")


def _grid_options(added):
    _table_options(added)
    _model_options(added, "1-10", "full,tied,diag,spherical")
    add = added.add_argument
    add("--time-budget", metavar="SECONDS", type=float, help="end the search after that, with the best so far")
    add("--criterion", choices=CRITERIA, help="what the best has the smallest of (default: bic)")
    _fit_options(added)


def _picture(added, option, help):
    added.add_argument(option, metavar="FILE", type=_new_picture, help=f"{help} ({', '.join(PICTURES)})")
