"""MiniStack with the few things added that API Gateway and IAM do and it does not.

    python tests/deployed/emulator.py        with the packages of requirements-emulator.txt, and this project's root on
                                             PYTHONPATH

Its address and its switches come from the environment: see `tests/deployed/stack.py`. The template is as it is.
"""

import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.services import apigateway, apigateway_v1, dynamodb, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, stacks
from samtranslator.translator import transform as sam

from local.intrinsics import Resolver
from local.permissions import Access, TableKeys, dynamodb_accesses
from tests.deployed.worker.sitecustomize import PATIENCE

_parameters: ContextVar[dict[str, Any]] = ContextVar("parameters")
_accesses: ContextVar[list[Access]] = ContextVar("accesses", default=[])  # noqa: B039 - never changed in place


def add_methods_that_stand_for_any() -> None:
    """``x-amazon-apigateway-any-method`` of a REST API's document."""
    import_operation, any_method = apigateway_v1._import_operation, "x-amazon-apigateway-any-method"

    def imported(api: str, resource: str, method: str, *rest: Any) -> None:
        import_operation(api, resource, "ANY" if method == any_method.upper() else method, *rest)

    apigateway_v1._OPENAPI_HTTP_METHODS = {*apigateway_v1._OPENAPI_HTTP_METHODS, any_method}
    apigateway_v1._import_operation = imported


def add_what_events_of_http_apis_have() -> None:
    """``cookies``, which are then no header, and ``stageVariables``."""
    execute = lambda_svc._execute_function_with_config_scope

    def executed(function: dict[str, Any], event: dict[str, Any]) -> Any:
        context = event.get("requestContext", {})
        if event.get("version") == "2.0" and "apiId" in context:
            cookies = event["headers"].pop("cookie", "")
            event |= {"cookies": cookies.split("; ")} if cookies else {}
            event["stageVariables"] = apigateway._get_stage_variables(context["apiId"], context["stage"])
        return execute(function, event)

    lambda_svc._execute_function_with_config_scope = executed


def add_patience() -> None:
    """Functions may take longer than on AWS, as their calls may: see ``worker/sitecustomize.py``."""
    begin = lambda_runtime.Worker.__init__

    def begun(worker: Any, name: str, config: dict[str, Any], code: bytes) -> None:
        begin(worker, name, {**config, "Timeout": config["Timeout"] * PATIENCE}, code)

    lambda_runtime.Worker.__init__ = begun


def add_logs_of_functions() -> None:
    """What functions write is in the emulator's own log as well, by which a test that failed is understood."""

    def read(worker: Any) -> None:
        for line in worker._proc.stderr:
            print(worker.func_name, line.rstrip(), flush=True)  # noqa: T201 - the log
            worker._stderr_queue.put(line.rstrip("\n"))

    lambda_runtime.Worker._read_stderr = read


def add_functions_in_conditions() -> None:
    """``Fn::Join`` of ``Fn::Split``, by which the template asks whether a list has a name."""

    def evaluated(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        conditions = template.get("Conditions", {})
        values = {name: str(one["Value"]) for name, one in parameters.items()}
        resolver = Resolver(values, conditions, get_account_id())
        return {name: resolver.condition(name, "Conditions") for name in conditions}

    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluated


def add_parameters_to_the_transform() -> None:
    """SAM looks at parameters, too: the digest of a release makes each function's version another, and describes it."""
    apply, transform = engine._apply_transforms, sam.transform

    def applied(template: dict[str, Any], provided: Any = None, previous: Any = None) -> Any:
        _parameters.set(engine._transform_parameters(template, provided, previous))
        return apply(template, provided, previous)

    sam.transform = lambda template, _, policies: transform(template, _parameters.get(), policies)
    changesets._apply_transforms = handlers._apply_transforms = applied


def add_condition_keys_of_dynamodb_and_kms() -> None:
    """``dynamodb:LeadingKeys`` of each item, in batches and transactions too, and ``kms:EncryptionContext:``."""
    of_tags, enforce = iam_actions.request_tag_context, iam_evaluator.enforce

    def of_request(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        request = json.loads(body) if body[:1] == b"{" else {}
        operation = action.partition(":")[2]
        _accesses.set(dynamodb_accesses(operation, request, _tables()) if service == "dynamodb" else [])
        return {**of_tags(service, action, body, parameters), **dict(_encryption_context(service, request))}

    def enforced(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        of_items = [one.context for one in _accesses.get() if (one.action, one.resource) == (action, resource_arn)]
        for keys in of_items or [{}]:
            own = {name: values[0] if len(values) == 1 else list(values) for name, values in keys.items()}
            context = {**(service_context or {}), **own}
            if denied := enforce(access_key, action, service, region, resource_arn, context):
                return denied
        return None

    iam_actions.request_tag_context, iam_evaluator.enforce = of_request, enforced


def take_loopback_for_tls() -> None:
    """``aws:SecureTransport``: requests are http here, and https in the cloud."""
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key: str, request: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, request)

    iam_evaluator._resolve_condition_key = resolved


def _encryption_context(service: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if service == "kms":
        for name, value in request.get("EncryptionContext", {}).items():
            yield f"kms:EncryptionContext:{name}", value


def _tables() -> dict[str, TableKeys]:
    return {
        name: TableKeys(
            arn=table["TableArn"],
            partition_key=_partition_key(table),
            indexes={one["IndexName"]: _partition_key(one) for one in table.get("GlobalSecondaryIndexes") or ()},
        )
        for name, table in dynamodb._tables.items()
    }


def _partition_key(schema: Mapping[str, Any]) -> str:
    return next(str(one["AttributeName"]) for one in schema["KeySchema"] if one["KeyType"] == "HASH")


if __name__ == "__main__":
    add_methods_that_stand_for_any()
    add_what_events_of_http_apis_have()
    add_condition_keys_of_dynamodb_and_kms()
    take_loopback_for_tls()
    add_functions_in_conditions()
    add_parameters_to_the_transform()
    add_patience()
    add_logs_of_functions()
    main()
