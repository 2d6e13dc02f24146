"""A client of DynamoDB and KMS on the standard library alone: AWS's JSON protocols 1.0 and 1.1, signed by SigV4.

Where boto3 spends most of a request, this spends a tenth of that. What it does not know (`Unsupported`) is boto3's.

    endpoints.py    where a service is, from the environment
    credentials.py  with what requests are signed, and when that is fetched anew
    signing.py      Signature Version 4
    tls.py          which certificates a connection trusts
    connection.py   one connection: HTTP/1.1 as AWS speaks it
    client.py       one call: attempts, pauses, errors
"""
