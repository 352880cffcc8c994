"""Script: replace this process by a command that dies with the supervisor.

    python -I -S die_with_parent.py SUPERVISOR_PID SIGNAL COMMAND [ARGUMENT...]

It is a script and not subprocess's `preexec_fn`, because Python code between fork and exec can deadlock if
the supervisor has threads. It imports nothing of this package, so that it starts quickly.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(supervisor: int, signal_number: int) -> None:
    """Let the kernel send `signal_number` when the supervisor ends. It survives exec. Linux only."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return
    prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    # If the supervisor died between the fork and the call above, no signal comes.
    if os.getppid() != supervisor:
        raise SystemExit("the supervisor ended before this process began")


def main() -> None:
    supervisor, signal_number, *command = sys.argv[1:]
    die_with_parent(int(supervisor), int(signal_number))
    # Python ignores SIGPIPE, and the command would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell wanted)
    except OSError as error:
        raise SystemExit(f"cannot run {command[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main()
