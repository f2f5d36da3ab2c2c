"""The other side of the log's benchmark: a pymerkle tree in SQLite, in a process of its own.

usage: python -m bench.log_peer FILE, then requests as JSON, a line each, answered with the seconds that each took
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from pymerkle import SqliteTree

from bench.log_records import leaves


def main(path: str) -> None:
    """Answer requests until the input ends."""
    with SqliteTree(path) as tree:
        entries = leaves()
        for line in sys.stdin:
            request = json.loads(line)
            if "append" in request:
                answer = [_append(tree, entries, request["append"], request["batch"])]
            else:
                answer = [_seconds(partial(tree.prove_inclusion, index + 1)) for index in request["prove"]]
            print(json.dumps(answer), flush=True)


def _append(tree: SqliteTree, entries: Iterator[bytes], count: int, batch: int) -> float:
    """Append the next *count* entries, a transaction for each *batch* of them."""
    ready = list(islice(entries, count))
    return _seconds(lambda: tree.append_entries(ready, chunksize=batch))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1])
