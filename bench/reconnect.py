"""A client that is cut off again and again at random bytes, in the midst of a conversation: is each message there once?

Run by hand: ``python bench/reconnect.py [--cuts 1000] [--lines 3000] [--seed 1] [--runs 1]``. Server, relay and
client are in this one process; the pauses before reconnecting are a millisecond or two.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.client.cutting import talk_while_cut

PATIENCE = 60.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.runs):
        done = talk_while_cut(options.cuts, options.lines, seed, PATIENCE)
        print(f"seed {seed}: {done.cuts} cuts, {done.messages} messages, {done.seconds:.1f} s: each once, in one order")


if __name__ == "__main__":
    main()
