"""The client of openapi-python-client against a running gateway."""

from slipway_client import AuthenticatedClient
from slipway_client.api.applications import get_application
from slipway_client.api.deployments import get_deployment, get_deployment_timeline, list_deployments
from slipway_client.api.events import list_events
from slipway_client.api.tokens import create_token
from slipway_client.models import DeploymentList, NewToken, Problem, Status

from steps import ADMIN_TOKEN, NOBODY, TOKEN, UNKNOWN_STATUSES, URL, eventually, run

client = AuthenticatedClient(base_url=URL, token=TOKEN)


def deployments(**filters) -> DeploymentList:
    answer = list_deployments.sync(client=client, **filters)
    assert isinstance(answer, DeploymentList), answer
    return answer


def a_filtered_list() -> None:
    # Two values: this generator repeats the parameter, whatever the document says.
    page = deployments(status=[Status.SUCCEEDED, Status.FAILED], provider=["scalingo"], limit=20)
    assert len(page.items) == 20
    assert {item.provider for item in page.items} == {"scalingo"}
    assert {item.status for item in page.items} <= {Status.SUCCEEDED, Status.FAILED}


def every_page() -> None:
    found, more = {}, {}
    while more is not None:
        page = deployments(provider=["cloud66"], limit=50, **more)
        assert not found.keys() & {item.id for item in page.items}
        found |= {item.id: item for item in page.items}
        more = {"cursor": page.next_cursor} if page.next_cursor is not None else None
    assert len(found) > 100, len(found)


def one_deployment() -> None:
    item = deployments(limit=1).items[0]
    one = get_deployment.sync(item.id, client=client)
    assert one is not None and one.id == item.id and one.created_at == item.created_at
    application = get_application.sync(one.application_id, client=client)
    assert application is not None and application.provider == one.provider
    timeline = get_deployment_timeline.sync(one.id, client=client)
    assert timeline is not None and timeline.items


def a_deployment_that_is_not_there() -> None:
    answer = get_deployment.sync_detailed(NOBODY, client=client)
    problem = answer.parsed
    assert answer.status_code == 404 and isinstance(problem, Problem), answer
    assert (problem.status, problem.code, problem.retryable) == (404, "not_found", False), problem


def a_request_that_is_wrong() -> None:
    admin = AuthenticatedClient(base_url=URL, token=ADMIN_TOKEN)
    answer = create_token.sync_detailed(client=admin, body=NewToken(name="wrong", scopes=["unheard:of"]))
    problem = answer.parsed
    assert answer.status_code == 422 and isinstance(problem, Problem), answer
    assert (problem.code, problem.errors[0].field) == ("invalid_body", "scopes[0]"), problem


def live_status_by_the_json_twin() -> None:
    after = deployments(limit=1).event_cursor

    def end():
        nonlocal after
        page = list_events.sync(client=client.with_timeout(30), after=after, wait=10)
        assert page is not None and not isinstance(page, Problem), page
        after = page.next_cursor
        return next((event for event in page.items if event.type_ == "deployment.finished"), None)

    event = eventually("a deployment that ends", end)
    assert event.deployment is not None and event.deployment.is_finished
    assert event.deployment.status == event.status


def a_status_that_nobody_has_heard_of() -> None:
    def unknown():
        page = deployments(status=[Status.UNKNOWN], provider=["scalingo"])
        if not page.items:
            list_events.sync(client=client.with_timeout(30), after=page.event_cursor, wait=5)
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
