"""Work whose runs are words: it does what they say."""

import os
import time


def obey(words: str) -> None:
    word, _, rest = words.partition(" ")
    if word == "die":
        os._exit(int(rest))
    if word == "signal":
        os.kill(os.getpid(), int(rest))
    if word == "sleep":
        time.sleep(float(rest))
    if word == "print":
        print(rest)
    if word == "raise":
        raise KeyError(rest)
    if word == "note":
        with open(rest, "a") as file:
            file.write(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")
