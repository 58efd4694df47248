"""The OpenAPI document, played by schemathesis against the served API."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
REMOTE = {"sync", "backfill", "plan", "verify", "check", "retry", "getApiPlan"}
"""These go on to the systems when their arguments are right: few examples do."""


@pytest.fixture
def schema(fresh):
    with fresh.served() as url:
        yield schemathesis.openapi.from_url(f"{url}/api/openapi.json")


@pytest.mark.filterwarnings("default")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("many", [pytest.param(5, id="short"), pytest.param(100, id="long", marks=pytest.mark.slow)])
def test_the_api_keeps_what_its_document_says(schema, many):
    """Whatever is asked within the document or beyond it: no 5xx, and only answers that the document describes."""
    played = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        examples = 2 if operation.definition.raw.get("operationId") in REMOTE else many

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @_given(operation)
        def play(case):
            case.call_and_validate(checks=list(CHECKS))

        play()
        played += 1
    assert played > 20


def _given(operation):
    from hypothesis import given

    return given(case=operation.as_strategy())
