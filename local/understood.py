"""What of CloudFormation this server understands. Whatever is not in these tables is refused at the start.

`used` has an effect here. `ignored` was looked at and has no meaning on one developer's machine: cost, capacity,
backups, encryption at rest, tracing, and what CloudFormation does when a stack changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.errors import RefusedError


@dataclass(frozen=True)
class ResourceType:
    used: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()


def _type(used: str = "", ignored: str = "") -> ResourceType:
    return ResourceType(frozenset(used.split()), frozenset(ignored.split()))


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::ApiGatewayV2::Api": _type(used="Body", ignored="Description FailOnWarnings"),
    "AWS::ApiGatewayV2::Stage": _type(
        used="ApiId StageName StageVariables",
        ignored="AutoDeploy DefaultRouteSettings RouteSettings AccessLogSettings Description Tags",
    ),
    "AWS::ApiGateway::RestApi": _type(
        used="Body EndpointConfiguration Parameters",
        ignored="Description Name Tags FailOnWarnings SecurityPolicy EndpointAccessMode",
    ),
    "AWS::ApiGateway::Deployment": _type(ignored="Description RestApiId StageName"),
    "AWS::ApiGateway::Stage": _type(
        used="RestApiId StageName Variables",
        ignored="DeploymentId TracingEnabled AccessLogSetting MethodSettings Description Tags",
    ),
    # This server has addresses of its own.
    "AWS::ApiGatewayV2::DomainName": _type(ignored="DomainName DomainNameConfigurations"),
    "AWS::ApiGatewayV2::ApiMapping": _type(ignored="DomainName ApiId Stage"),
    "AWS::ApiGateway::DomainName": _type(
        ignored="DomainName RegionalCertificateArn EndpointConfiguration SecurityPolicy EndpointAccessMode"
    ),
    "AWS::ApiGateway::BasePathMapping": _type(ignored="DomainName RestApiId Stage"),
    "AWS::SSM::Parameter": _type(ignored="Type Name Value"),
    "AWS::Route53::RecordSet": _type(ignored="HostedZoneId Name Type AliasTarget"),
    "AWS::Lambda::Function": _type(
        used="Code Handler Runtime MemorySize Timeout Environment Layers LoggingConfig ReservedConcurrentExecutions"
        " Role",
        ignored="Architectures Description Tags TracingConfig",
    ),
    # An invocation that fails is not repeated here.
    "AWS::Lambda::EventInvokeConfig": _type(
        ignored="FunctionName Qualifier MaximumEventAgeInSeconds MaximumRetryAttempts DestinationConfig"
    ),
    "AWS::Lambda::LayerVersion": _type(
        used="Content CompatibleRuntimes", ignored="CompatibleArchitectures Description LayerName LicenseInfo"
    ),
    # There is one version of each function: the code as it is. An alias is another name of it.
    "AWS::Lambda::Version": _type(ignored="FunctionName Description"),
    "AWS::Lambda::Alias": _type(used="FunctionName Name", ignored="FunctionVersion Description"),
    "AWS::Lambda::Permission": _type(ignored="Action FunctionName Principal SourceArn SourceAccount"),
    # Nothing is deployed gradually here: there is one version.
    "AWS::CodeDeploy::Application": _type(ignored="ComputePlatform"),
    "AWS::CodeDeploy::DeploymentGroup": _type(
        ignored="AlarmConfiguration ApplicationName AutoRollbackConfiguration DeploymentConfigName DeploymentStyle"
        " ServiceRoleArn"
    ),
    "AWS::CloudWatch::Alarm": _type(
        ignored="AlarmDescription Namespace MetricName Dimensions Statistic Period EvaluationPeriods"
        " ComparisonOperator Threshold TreatMissingData"
    ),
    "AWS::IAM::Role": _type(used="ManagedPolicyArns Policies", ignored="AssumeRolePolicyDocument Tags Description"),
    "AWS::CloudFormation::Stack": _type(ignored="TemplateURL Parameters"),  # alarms
    "AWS::Logs::LogGroup": _type(ignored="RetentionInDays LogGroupName Tags"),
    "AWS::Events::Rule": _type(used="ScheduleExpression State Targets", ignored="Description Name"),
    "AWS::DynamoDB::Table": _type(
        used="AttributeDefinitions KeySchema BillingMode GlobalSecondaryIndexes LocalSecondaryIndexes"
        " TimeToLiveSpecification DeletionProtectionEnabled",
        ignored="PointInTimeRecoverySpecification SSESpecification OnDemandThroughput WarmThroughput Tags TableClass"
        " StreamSpecification",
    ),
    "AWS::Lambda::EventSourceMapping": _type(
        used="EventSourceArn FunctionName BatchSize FilterCriteria",
        ignored="StartingPosition MaximumBatchingWindowInSeconds FunctionResponseTypes BisectBatchOnFunctionError"
        " MaximumRetryAttempts MaximumRecordAgeInSeconds DestinationConfig ScalingConfig",
    ),
    "AWS::SQS::Queue": _type(
        used="VisibilityTimeout", ignored="MessageRetentionPeriod SqsManagedSseEnabled RedrivePolicy"
    ),
    "AWS::S3::Bucket": _type(
        ignored="ObjectLockEnabled ObjectLockConfiguration VersioningConfiguration BucketEncryption"
        " PublicAccessBlockConfiguration OwnershipControls"
    ),
    "AWS::S3::BucketPolicy": _type(ignored="Bucket PolicyDocument"),
    "AWS::KMS::Key": _type(
        used="Description KeySpec KeyUsage",
        ignored="EnableKeyRotation RotationPeriodInDays KeyPolicy PendingWindowInDays MultiRegion Tags",
    ),
}

_ATTRIBUTES = {
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "Metadata",
}


def check_resources(resources: Mapping[str, Mapping[str, Any]]) -> None:
    """Errors: `RefusedError`, naming the resource and the type, attribute or property that is not understood."""
    for logical_id, resource in resources.items():
        known = RESOURCE_TYPES.get(resource.get("Type", ""))
        if known is None:
            raise RefusedError(logical_id, f"this server does not understand {resource.get('Type')}")
        only(resource, _ATTRIBUTES, logical_id)
        only(resource.get("Properties", {}), known.used | known.ignored, logical_id)


def only(mapping: Mapping[str, Any], understood: Iterable[str], where: str) -> None:
    """Refuse a mapping that has any other key than the understood ones."""
    for key in mapping:
        if key not in understood:
            raise RefusedError(f"{where}.{key}", "this server does not understand it")
