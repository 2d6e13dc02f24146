"""Patience in the emulator's workers: each Python process there imports this module as it starts.

A function waits a second for an answer of AWS. The emulator, its workers and the tests share one machine, on which an
answer can take longer than that without anything being wrong.
"""

import os
import sys

PATIENCE = 20

if layers := os.environ.get("_LAMBDA_LAYERS_DIRS"):
    sys.path[:0] = [f"{layer}/python" for layer in layers.split(os.pathsep)]
    from authserver.aws.lean import client, connection

    client.DEADLINE *= PATIENCE
    connection.ANSWER_TIMEOUT *= PATIENCE
    connection.CONNECT_TIMEOUT *= PATIENCE
