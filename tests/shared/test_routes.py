"""What the routes of all services have in common."""

import inspect
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from deploy.config.services import DATABASES
from deploy.gateway.openapi import app_of


@pytest.mark.parametrize("service", sorted(DATABASES))
def test_no_route_is_handed_to_a_thread(service):
    """FastAPI calls a plain function in a thread, which costs more than the rest of a request."""
    plain = {
        call.__qualname__
        for route in iter_route_contexts(app_of(service).routes)
        if isinstance(route.original_route, APIRoute)
        for call in called(route.original_route.dependant)
        if not inspect.iscoroutinefunction(call)
        and not inspect.iscoroutinefunction(type(call).__call__)
    }

    assert plain == set()


def called(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from called(each)
