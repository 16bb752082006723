"""Corrects the emulator where it differs from AWS. Runs in the emulator's process.

So the template is deployed as it is. ministack 1.5 differs in seven things:

- methods for ANY (`x-amazon-apigateway-any-method`) are not imported with the API's body;
- neither are the gateway's own answers (`x-amazon-apigateway-gateway-responses`);
- a MaximumConcurrency from a parameter stays a string, on which its poller fails;
- the condition key cloudwatch:namespace is not known, so that it denies instead of allowing;
- the actions of SQS in batches are actions of their own; at AWS sqs:SendMessage covers them;
- a schedule of any group is one of the group `default` to policies;
- it speaks plain HTTP here, so that a statement against that would deny every call.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

_ANY = "x-amazon-apigateway-any-method"
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_UNKNOWN_KEY = "cloudwatch:namespace"
_TLS_KEY = "aws:securetransport"
_MAPPING = "AWS::Lambda::EventSourceMapping"


def install() -> None:
    """Put them into the emulator's modules."""
    _correct_imported_apis(apigateway_v1)
    _correct_requests(iam_actions)
    _correct_conditions(iam_evaluator)
    handlers = provisioners._RESOURCE_HANDLERS[_MAPPING]  # noqa: SLF001 - there is no other way
    for how in ("create", "update"):
        handlers[how] = _with_numbers(handlers[how])


def _correct_imported_apis(gateway: Any) -> None:  # noqa: ANN401 - the emulator has no types
    import_operation, import_api = gateway._import_operation, gateway._import_rest_api  # noqa: SLF001

    def operation(api: str, resource: str, method: str, *more: object) -> None:
        import_operation(api, resource, "ANY" if method == _ANY.upper() else method, *more)

    def imported(body: dict[str, Any], *more: object) -> str:
        api: str = import_api(body, *more)
        for kind, answer in body.get(_RESPONSES, {}).items():
            gateway._put_gateway_response(api, kind, answer)  # noqa: SLF001
        return api

    gateway._OPENAPI_HTTP_METHODS.add(_ANY)  # noqa: SLF001
    gateway._import_operation, gateway._import_rest_api = operation, imported  # noqa: SLF001


def _correct_requests(actions: Any) -> None:  # noqa: ANN401 - as above
    """Have requests asked for as the policies name them."""
    action_of, resource_of = actions.extract_iam_action, actions.extract_resource_arn

    def action(service: str, *request: object) -> str | None:
        found: str | None = action_of(service, *request)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    def resource(service: str, method: str, path: str, *request: Any) -> str:  # noqa: ANN401 - headers, body, query, ...
        found: str = resource_of(service, method, path, *request)
        if service == "scheduler":
            _, body, query, *_ = request
            group = actions._param(body, query, "GroupName", "groupName")  # noqa: SLF001
            found = found.replace("schedule/default/", f"schedule/{group or 'default'}/")
        return found

    actions.extract_iam_action, actions.extract_resource_arn = action, resource


def _correct_conditions(evaluator: Any) -> None:  # noqa: ANN401 - as above
    value_of, are_met = evaluator._resolve_condition_key, evaluator._conditions_met  # noqa: SLF001

    def value(key: str, context: object) -> object:
        return "true" if key.lower() == _TLS_KEY else value_of(key, context)

    def met(conditions: dict[str, dict[str, object]], context: object) -> bool:
        known = {
            operator: {key: wanted for key, wanted in keys.items() if key != _UNKNOWN_KEY}
            for operator, keys in conditions.items()
        }
        return bool(are_met(known, context))

    evaluator._resolve_condition_key, evaluator._conditions_met = value, met  # noqa: SLF001


def _with_numbers(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler of CloudFormation whose properties have MaximumConcurrency as a number."""

    def handled(*given: Any) -> Any:  # noqa: ANN401 - names and properties
        for properties in given:
            if isinstance(properties, dict) and (scaling := properties.get("ScalingConfig")):
                scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return handle(*given)

    return handled
