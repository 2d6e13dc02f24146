"""The resources of the expanded template as plain values: what is to be made, run and served."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.errors import RefusedError
from local.intrinsics import REGION, STACK_NAME, Resolver, text
from local.permissions import Statement, read_role
from local.template import LOCAL_BUCKET
from local.understood import check_resources, only

_RUNTIME = "python3.13"
_INTEGRATION_URI = re.compile(r"arn:aws:apigateway:[^:]+:lambda:path/2015-03-31/functions/(?P<arn>[^/]+)/invocations")
_RATE = re.compile(r"rate\((?P<count>\d+) (?P<unit>minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Key:
    logical_id: str
    arguments: dict[str, Any]  # of kms.create_key


@dataclass(frozen=True)
class Table:
    logical_id: str
    name: str
    arguments: dict[str, Any]  # of dynamodb.create_table
    time_to_live: dict[str, Any] | None


@dataclass(frozen=True)
class Function:
    """`code` and `layers` are folders; `timeout` is in seconds, `memory` in MB; `concurrency` None = not reserved.

    `provisioned`: a worker waits for its first event, as by Lambda's provisioned concurrency.
    """

    logical_id: str
    name: str
    arn: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    memory: int
    timeout: int
    environment: Mapping[str, str]
    concurrency: int | None
    log_format: str
    log_level: str | None
    permissions: tuple[Statement, ...] = ()
    provisioned: bool = False


@dataclass(frozen=True)
class Api:
    """`body` is the OpenAPI document, resolved; `stage_variables` are strings."""

    logical_id: str
    id: str
    body: Mapping[str, Any]
    stage: str
    stage_variables: Mapping[str, str]


@dataclass(frozen=True)
class Schedule:
    logical_id: str
    function: str  # its logical id
    every: int  # seconds


@dataclass(frozen=True)
class SourceMapping:
    """An event source mapping: `function` is a logical id, and the source the name of a `table` or of a `queue`."""

    function: str
    table: str
    queue: str
    batch_size: int
    filters: tuple[Any, ...] = ()

    def wants(self, record: Mapping[str, Any]) -> bool:
        """Whether the function is given this record."""
        return not self.filters or any(_matches(pattern, record) for pattern in self.filters)


def _matches(pattern: Any, value: Any) -> bool:
    """Whether a value has what a pattern of Lambda's event filters asks for: equal texts, and prefixes."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(_matches(one, value.get(name)) for name, one in pattern.items())
    return any(
        isinstance(value, str) and value.startswith(one["prefix"]) if isinstance(one, dict) else value == one
        for one in pattern
    )


@dataclass(frozen=True)
class Stack:
    """`queues` has the VisibilityTimeout of each queue by its name, in seconds."""

    functions: Mapping[str, Function]
    http_api: Api | None
    rest_api: Api | None
    schedules: tuple[Schedule, ...]
    mappings: tuple[SourceMapping, ...] = ()
    queues: Mapping[str, int] = field(default_factory=dict)


def token_hook_of(path: Path) -> Function:
    """The function that the parameter TokenHook names: no part of the stack, and with a role that allows nothing.

    `path` is a Python file, or a folder with an app.py. Errors: `RefusedError` if it is neither.
    """
    file = path / "app.py" if path.is_dir() else path
    if file.suffix != ".py" or not file.is_file():
        raise RefusedError(f"token hook {path}", "must be a Python file or a folder with an app.py")
    name = f"{STACK_NAME}-TokenHook"
    return Function(
        logical_id="TokenHook",
        name=name,
        arn=f"arn:aws:lambda:{REGION}:123456789012:function:{name}",
        handler=f"{file.stem}.lambda_handler",
        code=file.parent.resolve(),
        layers=(),
        memory=128,
        timeout=3,
        environment={},
        concurrency=None,
        log_format="Text",
        log_level=None,
        provisioned=True,
    )


class Builder:
    """Turns expanded resources into values, in the order in which they come to be known.

    First the keys and tables, which depend on nothing but parameters; then, when the keys are made and their ARNs
    are in the resolver, everything else.
    """

    def __init__(self, resources: Mapping[str, Mapping[str, Any]], resolver: Resolver, root: Path) -> None:
        """`root` is the template's folder. Errors, here and in every method: `RefusedError`."""
        check_resources(resources)
        self._resources = {
            logical_id: resource
            for logical_id, resource in resources.items()
            if "Condition" not in resource or resolver.condition(resource["Condition"], logical_id)
        }
        self._resolver = resolver
        self._root = root
        self._account = resolver.references["AWS::AccountId"]
        for logical_id, resource in self._resources.items():
            self._name(logical_id, resource["Type"])

    def _name(self, logical_id: str, resource_type: str) -> None:
        """Tell the resolver what Ref and Fn::GetAtt give, for everything but KMS keys, whose ids KMS draws."""
        references, attributes = self._resolver.references, self._resolver.attributes
        name = f"{STACK_NAME}-{logical_id}"
        match resource_type:
            case "AWS::ApiGatewayV2::Api" | "AWS::ApiGateway::RestApi":
                references[logical_id] = hashlib.sha256(logical_id.encode()).hexdigest()[:10]
            case "AWS::Lambda::Function":
                references[logical_id] = name
                attributes[logical_id, "Arn"] = self._arn("lambda", f"function:{name}")
            case "AWS::Lambda::Alias":
                alias = self._resources[logical_id]["Properties"]
                function = f"function:{STACK_NAME}-{alias['FunctionName']['Ref']}"
                references[logical_id] = self._arn("lambda", f"{function}:{alias['Name']}")
            case "AWS::Lambda::LayerVersion":
                references[logical_id] = self._arn("lambda", f"layer:{name}:1")
            case "AWS::DynamoDB::Table" | "AWS::SQS::Queue" | "AWS::S3::Bucket":
                self._name_store(logical_id, resource_type, name)
            case "AWS::IAM::Role":
                references[logical_id] = name
                attributes[logical_id, "Arn"] = f"arn:aws:iam::{self._account}:role/{name}"
            case "AWS::Logs::LogGroup":
                references[logical_id] = name
            case "AWS::ApiGateway::Stage" | "AWS::ApiGatewayV2::Stage" | "AWS::ApiGateway::Deployment":
                references[logical_id] = logical_id

    def _name_store(self, logical_id: str, resource_type: str, name: str) -> None:
        references, attributes = self._resolver.references, self._resolver.attributes
        match resource_type:
            case "AWS::DynamoDB::Table":
                references[logical_id] = name
                attributes[logical_id, "Arn"] = self._arn("dynamodb", f"table/{name}")
                attributes[logical_id, "StreamArn"] = self._arn("dynamodb", f"table/{name}/stream/latest")
            case "AWS::SQS::Queue":
                references[logical_id] = f"https://sqs.{REGION}.amazonaws.com/{self._account}/{name}"
                attributes[logical_id, "Arn"] = self._arn("sqs", name)
                attributes[logical_id, "QueueName"] = name
            case "AWS::S3::Bucket":
                references[logical_id] = name.lower()
                attributes[logical_id, "Arn"] = f"arn:aws:s3:::{name.lower()}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{self._account}:{resource}"

    def kms_keys(self) -> list[Key]:
        return [
            Key(logical_id, {name: properties[name] for name in _used(properties, "Description KeySpec KeyUsage")})
            for logical_id, properties in self._of_type("AWS::KMS::Key", "Description KeySpec KeyUsage")
        ]

    def key_made(self, key: Key, key_id: str, arn: str) -> None:
        """Tell the resolver the id and ARN that KMS gave to a key."""
        self._resolver.references[key.logical_id] = key_id
        self._resolver.attributes[key.logical_id, "Arn"] = arn
        self._resolver.attributes[key.logical_id, "KeyId"] = key_id

    def tables(self) -> list[Table]:
        return [self._table(*found) for found in self._of_type("AWS::DynamoDB::Table", _TABLE_PROPERTIES)]

    def _table(self, logical_id: str, properties: dict[str, Any]) -> Table:
        time_to_live = properties.pop("TimeToLiveSpecification", None)
        protected = properties.pop("DeletionProtectionEnabled", False)
        properties["DeletionProtectionEnabled"] = text(protected, logical_id) == "true"
        name = self._resolver.references[logical_id]
        return Table(logical_id, name, {"TableName": name, **properties}, time_to_live)

    def stack(self) -> Stack:
        """Everything but keys and tables, which must be made before: their names and ARNs are in here."""
        functions = {function.logical_id: function for function in self._functions()}
        return Stack(
            functions=functions,
            http_api=self._api("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", "ApiId", "StageVariables"),
            rest_api=self._api("AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage", "RestApiId", "Variables"),
            schedules=tuple(self._schedules(functions)),
            mappings=tuple(self._mappings(functions)),
            queues=dict(self._queues()),
        )

    def _functions(self) -> Iterator[Function]:
        layers = dict(self._layers())
        roles = dict(self._roles())
        for logical_id, properties in self._of_type("AWS::Lambda::Function", _FUNCTION_PROPERTIES):
            if properties.get("Runtime") != _RUNTIME:
                raise RefusedError(f"{logical_id}.Runtime", f"this server runs {_RUNTIME} alone")
            logging = properties.get("LoggingConfig", {})
            only(logging, {"LogFormat", "LogGroup", "ApplicationLogLevel", "SystemLogLevel"}, logical_id)
            reserved = properties.get("ReservedConcurrentExecutions")
            yield Function(
                logical_id=logical_id,
                name=self._resolver.references[logical_id],
                arn=self._resolver.attributes[logical_id, "Arn"],
                handler=properties["Handler"],
                code=self._folder(properties["Code"], f"{logical_id}.CodeUri"),
                layers=tuple(_known(layers, layer, f"{logical_id}.Layers") for layer in properties.get("Layers", [])),
                memory=int(properties.get("MemorySize", 128)),
                timeout=int(properties.get("Timeout", 3)),
                environment=self._environment(logical_id, properties.get("Environment", {})),
                concurrency=None if reserved is None else int(reserved),
                log_format=logging.get("LogFormat", "Text"),
                log_level=logging.get("ApplicationLogLevel"),
                permissions=_known(roles, properties.get("Role", ""), f"{logical_id}.Role"),
            )

    def _environment(self, logical_id: str, environment: Mapping[str, Any]) -> dict[str, str]:
        where = f"{logical_id}.Environment"
        only(environment, {"Variables"}, where)
        return {name: text(value, f"{where}.{name}") for name, value in environment.get("Variables", {}).items()}

    def _layers(self) -> Iterator[tuple[str, Path]]:
        for logical_id, properties in self._of_type("AWS::Lambda::LayerVersion", "Content CompatibleRuntimes"):
            if _RUNTIME not in properties.get("CompatibleRuntimes", [_RUNTIME]):
                raise RefusedError(f"{logical_id}.CompatibleRuntimes", f"this server runs {_RUNTIME} alone")
            yield self._resolver.references[logical_id], self._folder(properties["Content"], f"{logical_id}.ContentUri")

    def _roles(self) -> Iterator[tuple[str, tuple[Statement, ...]]]:
        """Those of functions: what CodeDeploy may do is nothing to this server."""
        functions = json.dumps([one for one in self._resources.values() if one["Type"] == "AWS::Lambda::Function"])
        for logical_id, properties in self._of_type("AWS::IAM::Role", "ManagedPolicyArns Policies"):
            if f'"{logical_id}"' in functions:
                yield self._resolver.attributes[logical_id, "Arn"], read_role(properties, logical_id)

    def _folder(self, code: Mapping[str, Any], where: str) -> Path:
        if code.get("S3Bucket") != LOCAL_BUCKET or set(code) != {"S3Bucket", "S3Key"}:
            raise RefusedError(where, "must be a folder of this project")
        folder = self._root / str(code["S3Key"])
        if not folder.is_dir():
            raise RefusedError(where, f"there is no folder {code['S3Key']}")
        return folder

    def _api(self, api_type: str, stage_type: str, api_property: str, variables_property: str) -> Api | None:
        apis = list(self._of_type(api_type, "Body EndpointConfiguration Parameters"))
        if not apis:
            return None
        if len(apis) > 1:
            raise RefusedError(apis[1][0], f"this server serves one {api_type}, and {apis[0][0]} is it")
        ((logical_id, properties),) = apis
        api_id = self._resolver.references[logical_id]
        stages = [
            (stage_id, stage)
            for stage_id, stage in self._of_type(stage_type, f"{api_property} StageName {variables_property}")
            if stage[api_property] == api_id
        ]
        if len(stages) != 1:
            raise RefusedError(logical_id, f"has {len(stages)} stages; this server serves an API with one")
        ((stage_id, stage),) = stages
        _check_endpoint(logical_id, properties)
        variables = {
            name: text(value, f"{stage_id}.{variables_property}.{name}")
            for name, value in stage.get(variables_property, {}).items()
        }
        return Api(logical_id, api_id, properties["Body"], stage["StageName"], variables)

    def _schedules(self, functions: Mapping[str, Function]) -> Iterator[Schedule]:
        by_arn = {function.arn: function.logical_id for function in functions.values()}
        for logical_id, properties in self._of_type("AWS::Events::Rule", "ScheduleExpression State Targets"):
            where = f"{logical_id}.ScheduleExpression"
            rate = _RATE.fullmatch(properties.get("ScheduleExpression", ""))
            if rate is None:
                raise RefusedError(
                    where, f"{properties.get('ScheduleExpression')} is not rate(...), all that is understood"
                )
            if properties.get("State", "ENABLED") != "ENABLED":
                continue
            for target in properties["Targets"]:
                only(target, {"Arn", "Id"}, f"{logical_id}.Targets")
                function = _known(by_arn, _unqualified(target["Arn"]), f"{logical_id}.Targets")
                yield Schedule(logical_id, function, int(rate["count"]) * _SECONDS[rate["unit"]])

    def _mappings(self, functions: Mapping[str, Function]) -> Iterator[SourceMapping]:
        by_arn = {function.arn: function.logical_id for function in functions.values()}
        for logical_id, properties in self._of_type("AWS::Lambda::EventSourceMapping", _MAPPING_PROPERTIES):
            function = _known(by_arn, _unqualified(properties["FunctionName"]), f"{logical_id}.FunctionName")
            source = properties["EventSourceArn"].split(":", 5)
            table = source[5].split("/")[1] if source[2] == "dynamodb" else ""
            filters = properties.get("FilterCriteria", {}).get("Filters", ())
            patterns = tuple(json.loads(one["Pattern"]) for one in filters)
            queue = "" if table else source[5]
            yield SourceMapping(function, table, queue, int(properties.get("BatchSize", 100)), patterns)

    def _queues(self) -> Iterator[tuple[str, int]]:
        for logical_id, properties in self._of_type("AWS::SQS::Queue", "VisibilityTimeout"):
            name = self._resolver.attributes[logical_id, "QueueName"]
            yield name, int(properties.get("VisibilityTimeout", 30))

    def _of_type(self, resource_type: str, used: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(logical id, the used properties, resolved) of every resource of a type; ignored ones stay unresolved."""
        for logical_id, resource in self._resources.items():
            if resource["Type"] == resource_type:
                properties = resource.get("Properties", {})
                picked = {name: properties[name] for name in _used(properties, used)}
                yield logical_id, self._resolver.resolve(picked, logical_id)


_TABLE_PROPERTIES = (
    "AttributeDefinitions KeySchema BillingMode GlobalSecondaryIndexes LocalSecondaryIndexes"
    " TimeToLiveSpecification DeletionProtectionEnabled"
)
_MAPPING_PROPERTIES = "EventSourceArn FunctionName BatchSize FilterCriteria"
_FUNCTION_PROPERTIES = (
    "Code Handler Runtime MemorySize Timeout Environment Layers LoggingConfig ReservedConcurrentExecutions Role"
)


def _used(properties: Mapping[str, Any], names: str) -> list[str]:
    return [name for name in names.split() if name in properties]


def _known[T](among: Mapping[str, T], name: str, where: str) -> T:
    if name not in among:
        raise RefusedError(where, f"names {name}, which is not in this template")
    return among[name]


def _check_endpoint(logical_id: str, properties: Mapping[str, Any]) -> None:
    endpoint = properties.get("EndpointConfiguration", {"Types": ["REGIONAL"]})
    parameters = properties.get("Parameters", {"endpointConfigurationTypes": "REGIONAL"})
    if endpoint != {"Types": ["REGIONAL"]} or parameters != {"endpointConfigurationTypes": "REGIONAL"}:
        raise RefusedError(f"{logical_id}.EndpointConfiguration", "this server understands REGIONAL alone")


def integration_function(uri: str, functions: Mapping[str, Function], where: str) -> str:
    """The logical id of the function that an API's integration or authorizer invokes."""
    match = _INTEGRATION_URI.fullmatch(uri)
    arns = {function.arn: logical_id for logical_id, function in functions.items()}
    if match is None or _unqualified(match["arn"]) not in arns:
        raise RefusedError(where, f"{uri} does not invoke a function of this template")
    return arns[_unqualified(match["arn"])]


def _unqualified(arn: str) -> str:
    """The ARN of a function, of that of an alias of it."""
    return ":".join(arn.split(":")[:7])
