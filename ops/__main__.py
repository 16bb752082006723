"""`python -m ops`, which `./taqnyat-mail` runs."""

from ops.cli import main

if __name__ == "__main__":
    main(prog_name="taqnyat-mail")
