"""How many guesses a password withstands, estimated in a process of its own: `python -m timos.platform.auth.guessing`.

The words that it is held against take 12 MiB, which would stay for ever in a server that was once told a new password. And the estimate
keeps an interpreter busy for up to a tenth of a second, in which a thread would slow every request.
"""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from subprocess import DEVNULL, PIPE  # DEVNULL for stderr: a traceback may quote the password

from timos.kernel.errors import UnavailableError

LONGEST_SECONDS = 20.0  # of a tenth of one; a machine that needs longer has no time for another account
LOW_PRIORITY = 10  # nice value: those who are already here go first
_LINE = (sys.executable, "-P", "-m", __name__)  # -P: a module in the folder where the server was started is not ours


def guesses(candidate: str, words: Collection[str]) -> int:
    """What zxcvbn makes of it, when the guesser knows `words`. Blocks for about a tenth of a second.

    Raises:
        UnavailableError: no process could be had for it, or it failed.
    """
    question = json.dumps([candidate, sorted(words)]).encode()  # by a pipe: everybody on the machine sees arguments
    try:
        answer = subprocess.run(_LINE, input=question, stdout=PIPE, stderr=DEVNULL, timeout=LONGEST_SECONDS, check=True)  # noqa: S603 (by list)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError from error
    return int(answer.stdout)


def estimate(candidate: str, words: Collection[str]) -> int:
    """The same in this process, which has all the words from then on."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 (the words: whoever asks must not have them)

    return int(zxcvbn(candidate, user_inputs=sorted(words))["guesses"])


def main() -> None:
    """Answers one question."""
    os.nice(LOW_PRIORITY)
    candidate, words = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(str(estimate(candidate, words)))


if __name__ == "__main__":
    main()
