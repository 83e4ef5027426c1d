"""Runs the verifier once for each list of arguments that stands in a JSON array on stdin, in one interpreter.

    verdicts.py VERIFIER

Written is one JSON array: the exit code and the words of each run.
"""

import contextlib
import importlib.util
import io
import json
import sys


def judged(verify, arguments):
    said = io.StringIO()
    sys.argv = ["verify.py", *arguments]
    try:
        with contextlib.redirect_stdout(said):
            return verify.main(), said.getvalue()
    except (OSError, ValueError, verify.Bad) as error:
        return 2, f"{said.getvalue()}error: {error}"


where = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(where)
where.loader.exec_module(verify)
print(json.dumps([judged(verify, arguments) for arguments in json.load(sys.stdin)]))
