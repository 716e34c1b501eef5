"""What both clients share: where the gateway is, and how a step is told and waited for."""

import os
import time
import uuid

URL = os.environ["SLIPWAY_URL"]
TOKEN = os.environ["SLIPWAY_TOKEN"]
ADMIN_TOKEN = os.environ["SLIPWAY_ADMIN_TOKEN"]
# Whether statuses that nobody has heard of are on their way.
UNKNOWN_STATUSES = os.environ.get("SLIPWAY_UNKNOWN_STATUSES") == "true"
NOBODY = uuid.UUID("00000000-0000-7000-8000-000000000000")
# How long a live change may take.
PATIENCE_S = 120


def eventually(what, ask):
    """Asks until there is an answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = ask()
        if answer is not None:
            return answer
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def run(*steps):
    for step in steps:
        name = step.__name__.replace("_", " ")
        try:
            step()
        except BaseException:
            print(f"FAILED {name}", flush=True)
            raise
        print(f"ok {name}", flush=True)
