"""The Python client of openapi-generator against a running gateway."""

from slipway_client import (
    ApiClient,
    ApiException,
    ApplicationsApi,
    Configuration,
    DeploymentsApi,
    EventsApi,
    NewToken,
    Status,
    TokensApi,
)

from steps import ADMIN_TOKEN, NOBODY, TOKEN, UNKNOWN_STATUSES, URL, eventually, run

client = ApiClient(Configuration(host=URL, access_token=TOKEN))
applications, deployments, events = ApplicationsApi(client), DeploymentsApi(client), EventsApi(client)


def a_filtered_list() -> None:
    page = deployments.list_deployments(status=[Status.SUCCEEDED, Status.FAILED], provider=["scalingo"], limit=20)
    assert len(page.items) == 20
    assert {item.provider for item in page.items} == {"scalingo"}
    assert {item.status for item in page.items} <= {Status.SUCCEEDED, Status.FAILED}


def every_page() -> None:
    found, more = {}, {}
    while more is not None:
        page = deployments.list_deployments(provider=["cloud66"], limit=50, **more)
        assert not found.keys() & {item.id for item in page.items}
        found |= {item.id: item for item in page.items}
        more = {"cursor": page.next_cursor} if page.next_cursor is not None else None
    assert len(found) > 100, len(found)


def one_deployment() -> None:
    item = deployments.list_deployments(limit=1).items[0]
    one = deployments.get_deployment(item.id)
    assert one.id == item.id and one.created_at == item.created_at
    assert applications.get_application(one.application_id).provider == one.provider
    assert deployments.get_deployment_timeline(one.id).items


def problem_of(call):
    try:
        call()
    except ApiException as error:
        return error.status, error.data
    raise AssertionError("no error")


def a_deployment_that_is_not_there() -> None:
    status, problem = problem_of(lambda: deployments.get_deployment(NOBODY))
    assert (status, problem.status, problem.code, problem.retryable) == (404, 404, "not_found", False), problem


def a_request_that_is_wrong() -> None:
    tokens = TokensApi(ApiClient(Configuration(host=URL, access_token=ADMIN_TOKEN)))
    status, problem = problem_of(lambda: tokens.create_token(NewToken(name="wrong", scopes=["unheard:of"])))
    assert (status, problem.errors[0].var_field) == (422, "scopes[0]"), problem


def live_status_by_the_json_twin() -> None:
    after = deployments.list_deployments(limit=1).event_cursor

    def end():
        nonlocal after
        page = events.list_events(after=after, wait=10)
        after = page.next_cursor
        return next((event for event in page.items if event.type == "deployment.finished"), None)

    event = eventually("a deployment that ends", end)
    assert event.deployment is not None and event.deployment.is_finished
    assert event.deployment.status == event.status


def a_status_that_nobody_has_heard_of() -> None:
    def unknown():
        page = deployments.list_deployments(status=[Status.UNKNOWN], provider=["scalingo"])
        if not page.items:
            events.list_events(after=page.event_cursor, wait=5)
        return next(iter(page.items), None)

    item = eventually("an unknown status", unknown)
    assert item.status is Status.UNKNOWN and item.provider_status
    assert "added_later" in item.additional_properties


run(
    a_filtered_list,
    every_page,
    one_deployment,
    a_deployment_that_is_not_there,
    a_request_that_is_wrong,
    live_status_by_the_json_twin,
    *([a_status_that_nobody_has_heard_of] if UNKNOWN_STATUSES else []),
)
