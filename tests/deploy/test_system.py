"""The running system: reached through its gateway, its services killed and started again."""

import httpx


def test_the_issuer_is_behind_the_gateway(system):
    answer = httpx.get(f"{system.gateway_url}/issuer/.well-known/jwks.json", trust_env=False)

    (key,) = answer.json()["keys"]
    assert key["kty"] == "RSA"
    assert "d" not in key


def test_what_operators_ask_a_service_is_not_public(system):
    for path in ("/metrics", "/readyz", "/issuer/readyz", "/sandbox/%6detrics", "//livez"):
        answer = httpx.get(f"{system.gateway_url}{path}", trust_env=False)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused_at_the_gateway(system):
    answer = httpx.post(f"{system.gateway_url}/v1/gifts", content=b"x" * 70_000, trust_env=False)

    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"


def test_a_killed_service_is_unavailable_until_it_is_started_again(system):
    url = f"{system.gateway_url}/v1/wallets/nobody"
    system.kill("wallet")
    try:
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["code"] == "unavailable"
    finally:
        system.start("wallet")

    token = system.token("nobody", country="DE", age_verified=18)
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert (answer.status_code, answer.json()["coins"]) == (200, 0)
