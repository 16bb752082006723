"""`python -m ops`, which `./taqnyat-mail` runs."""

import os
import sys


def run() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it with a sentence too."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell; a socket must not take its number
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  a stream
    try:
        from ops.cli import main  # noqa: PLC0415  its imports take most of the start

        main(prog_name="taqnyat-mail")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing was done.\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
