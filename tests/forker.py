"""The process behind tests.processes.Forker: one line of JSON in, children forked, their exit codes out."""

from __future__ import annotations

import json
import os
import sys
import traceback

import django


def main() -> None:
    django.setup()
    for line in sys.stdin:
        request = json.loads(line)
        children = [_fork(request["function"], request["crash_at"]) for _ in range(request["copies"])]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


def _fork(function: str, crash_at: str) -> int:
    child = os.fork()
    if child:
        return child
    # Never back into the loop, whatever happens in here.
    code = 1
    try:
        _run(function, crash_at)
        code = 0
    except BaseException:  # noqa: BLE001  the child ends here
        traceback.print_exc()
    finally:
        os._exit(code)


def _run(function: str, crash_at: str) -> None:
    from django.conf import settings
    from django.utils.module_loading import import_string

    settings.CRASH_AT = crash_at
    import_string(function)()


if __name__ == "__main__":
    main()
