"""People and rooms with letters that mean something in addresses, through the real gateway."""

from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

ODD = ["@TGS#1", "a?b=c", "a%2Fb", "100%", "a;b&c", "ä b", "auth0|1", ".well-known"]


@pytest.mark.parametrize("name", ODD)
def test_a_person_and_a_room_are_found_under_their_encoded_names(system, name):
    person = room = f"{name} {uuid4().hex[:6]}"
    segment = quote(person, safe="")
    tokens = {
        "creator": system.token(person, roles=["creator"]),
        "operator": system.token("ann", roles=["operator"], scopes=["wallets:read", "rooms:write"]),
    }

    def ask(caller, method, path, **body):
        headers = {"Authorization": f"Bearer {tokens[caller]}"}
        url = f"{system.gateway_url}{path}"
        return httpx.request(method, url, headers=headers, trust_env=False, timeout=60, **body)

    opened = ask("creator", "PUT", f"/v1/rooms/{segment}/stream", json={})
    own = ask("creator", "GET", f"/v1/wallets/{segment}/lots")
    gifts = ask("operator", "GET", f"/v1/operator/wallets/{segment}/purchases/{uuid4()}/gifts")
    taken = ask("operator", "DELETE", f"/v1/operator/live/rooms/{segment}/owner")

    assert (opened.status_code, opened.json()["room"]) == (200, room)
    assert [each.status_code for each in (own, gifts, taken)] == [200, 200, 200]
    assert taken.json() == {"room": room, "creator": None}
