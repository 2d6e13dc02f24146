"""Withdrawals: each one a transaction of a record and of the ends that it raises, or one conditional write."""

from authserver.aws.dynamodb.withdrawals.clients import ClientWithdrawals
from authserver.aws.dynamodb.withdrawals.deletion import UserDeletion
from authserver.aws.dynamodb.withdrawals.deployment import DeploymentWithdrawals
from authserver.aws.dynamodb.withdrawals.grants import GrantWithdrawals
from authserver.aws.dynamodb.withdrawals.organisations import OrganisationWithdrawals
from authserver.aws.dynamodb.withdrawals.sessions import SessionWithdrawals
from authserver.aws.dynamodb.withdrawals.users import UserWithdrawals


class DynamoWithdrawals(
    GrantWithdrawals,
    SessionWithdrawals,
    UserWithdrawals,
    UserDeletion,
    ClientWithdrawals,
    OrganisationWithdrawals,
    DeploymentWithdrawals,
):
    """Implements `storage.withdrawals.WithdrawalStore`."""
