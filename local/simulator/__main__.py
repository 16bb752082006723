"""Run the simulator alone: `python -m local.simulator [--port N] [--token T] [--profile FILE]`."""

import argparse
import signal

from local.simulator import Simulator, profile


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="any free one by default")
    parser.add_argument("--token", help="the bearer token to accept; one is made up by default")
    parser.add_argument(
        "--profile",
        type=profile.argument,
        metavar="FILE",
        help="answer as a real account did: a report of `taqnyat-mail verify`",
    )
    arguments = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with Simulator(
        token=arguments.token, port=arguments.port, profile=arguments.profile
    ) as simulator:
        print(f"Taqnyat simulator at {simulator.base_url}, token {simulator.token}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
