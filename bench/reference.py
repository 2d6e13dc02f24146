"""A piece of work that never changes, to measure by: what a machine makes of it tells how fast that machine is now."""

import json
import time
from hashlib import sha256

OCTETS = bytes(range(256))
DOCUMENT = {"items": [{"name": f"name {number}", "number": number, "list": [number] * 4} for number in range(40)]}


def reference_ms() -> float:
    """CPU milliseconds of one pass: hashing, JSON and plain Python, about as much of each as a request has."""
    began = time.process_time()
    text = ""
    for number in range(60):
        text = sha256(OCTETS + text.encode()).hexdigest()
        DOCUMENT["items"][number % 40]["name"] = text
        if number % 20 == 0:
            found = json.loads(json.dumps(DOCUMENT))
            text = "".join(sorted(one["name"] for one in found["items"]))[:64]
    return (time.process_time() - began) * 1000
