"""Powertools' Logger, for the functions that no request waits for: those that carry out orders, and the scheduled."""

from aws_lambda_powertools import Logger

from authserver.aws.log import SERVICE

logger = Logger(service=SERVICE, location=None, log_uncaught_exceptions=False, use_rfc3339=True)
