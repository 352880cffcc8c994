"""Run as a script: tie this process to its supervisor's life, then become the given command.

    python -I -S leash.py SUPERVISOR_PID SIGNAL COMMAND [ARGUMENT...]

A script rather than subprocess's `preexec_fn`: Python code between fork and exec can deadlock when the
supervisor has threads, and Python 3.12 warns of it. It imports nothing of this package, to start at once.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_supervisor(supervisor: int, signal_number: int) -> None:
    """Ask the kernel for `signal_number` when the supervisor ends; exec keeps the request. Linux only."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return
    prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    # The supervisor may have died between the fork and the call above: no signal will come any more.
    if os.getppid() != supervisor:
        raise SystemExit("the supervisor ended before this process began")


def main() -> None:
    supervisor, signal_number, *command = sys.argv[1:]
    die_with_supervisor(int(supervisor), int(signal_number))
    # Python ignores SIGPIPE and exec would hand that on to a server that does not expect it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell wanted)
    except OSError as error:
        raise SystemExit(f"cannot run {command[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main()
