"""Which call answers which path, also as clients misspell it."""

from typing import Any

import pytest
from mail_send import api
from mail_send.wire import ApiError, Request, Response


def answers(name: str) -> Any:  # noqa: ANN401 - one of the routes
    def answer(request: Request) -> Response:
        return {"called": name, "route": request.route, "id": request.mail_id}

    return answer


ROUTES: Any = {
    "/emails": {"GET": answers("list"), "POST": answers("send")},
    "/emails/batch": {"POST": answers("batch")},
    "/emails/{id}": {"GET": answers("show")},
    "/emails/{id}/cancel": {"POST": answers("cancel")},
}


def call(method: str, route: str, **parameters: str) -> Response:
    caller = {"client": "shop", "from": "[]", "scopes": ""}
    return api.dispatch(
        ROUTES,
        {
            "httpMethod": method,
            "resource": route,
            "pathParameters": parameters or None,
            "requestContext": {"authorizer": caller},
        },
    )


def test_a_path_of_the_template_is_called_as_it_is() -> None:
    found = call("GET", "/emails/{id}", id="m-1")
    assert found == {"called": "show", "route": "/emails/{id}", "id": "m-1"}


@pytest.mark.parametrize(
    ("method", "path", "called", "mail_id"),
    [
        ("POST", "/emails", "send", ""),
        ("POST", "emails//batch/", "batch", ""),
        ("GET", "/emails/m-1", "show", "m-1"),
        ("POST", "/emails/m-1//cancel", "cancel", "m-1"),
    ],
)
def test_extra_slashes_do_no_harm(method: str, path: str, called: str, mail_id: str) -> None:
    found = call(method, "/{proxy+}", proxy=path)
    assert (found["called"], found["id"]) == (called, mail_id)


@pytest.mark.parametrize("path", ["", "mails", "emails/a/b/c", "emails/a/cancel/b", "emails/a/b"])
def test_there_is_nothing_at_other_paths(path: str) -> None:
    with pytest.raises(ApiError) as error:
        call("GET", "/{proxy+}", proxy=path)
    assert (error.value.status, error.value.name) == (404, "not_found")
    with pytest.raises(ApiError):
        call("GET", "/{proxy+}")


def test_another_method_is_told_which_ones_there_are() -> None:
    with pytest.raises(ApiError) as error:
        call("DELETE", "/emails")
    assert (error.value.status, error.value.name) == (405, "method_not_allowed")
    assert (str(error.value), error.value.headers) == (
        "this path answers only GET, POST",
        {"Allow": "GET, POST"},
    )
