"""`python -m cyem`: the command line."""

import sys

from cyem.cli import main

if __name__ == "__main__":
    sys.exit(main())
