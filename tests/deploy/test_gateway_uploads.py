"""A film of a gift is the one long body that the gateway takes."""

import httpx
import pytest

from services.gift.domain.files import FILM_BYTES_MAX
from shared.http import BODY_BYTES_MAX
from tests.deploy.gateways import a_gateway, a_service, needs_nginx

pytestmark = needs_nginx
UPLOADS = "/v1/operator/gifts/files"


@pytest.mark.parametrize(
    ("path", "bytes_max"),
    [
        (UPLOADS, FILM_BYTES_MAX),
        (f"{UPLOADS}/0123", BODY_BYTES_MAX),
        ("/v1/operator/gifts/catalogue", BODY_BYTES_MAX),
        ("/v1/gifts", BODY_BYTES_MAX),
    ],
)
def test_a_body_may_be_as_long_as_the_service_takes_it(tmp_path, path, bytes_max):
    with a_service() as service, a_gateway(tmp_path, service) as url:
        too_long = httpx.post(f"{url}{path}", content=b" " * (bytes_max + 1), timeout=30)
        asked = service.asked

    assert (too_long.status_code, too_long.json()["code"]) == (413, "body-too-large")
    assert too_long.json()["body_bytes_max"] == bytes_max
    assert asked == 0


def test_a_film_goes_on_to_its_service(tmp_path):
    with a_service() as service, a_gateway(tmp_path, service) as url:
        answer = httpx.post(f"{url}{UPLOADS}", content=b" " * FILM_BYTES_MAX, timeout=30)

    assert answer.status_code == 200
    assert answer.json()["content-length"] == str(FILM_BYTES_MAX)
