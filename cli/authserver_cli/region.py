"""The AWS region by the variable that AWS's own tools read."""

import os


def take_region() -> None:
    """Has boto3, and `sam` after it, use AWS_REGION: boto3 reads AWS_DEFAULT_REGION alone."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region
