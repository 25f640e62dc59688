"""An identity provider with Keycloak's tokens: roles in `realm_access`, signed with Ed25519."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import OKPKey

REALM = "/realms/app"
KEYS = f"{REALM}/protocol/openid-connect/certs"
YEAR_SECONDS = 365 * 86_400
TTL_SECONDS = 3_600


class Keycloak:
    """A realm with one key. It shares nothing with the issuer that development has."""

    def __init__(self, url):
        self.issuer = url + REALM
        self.keys_url = url + KEYS
        self._key = OKPKey.generate_key("Ed25519", parameters={"use": "sig"}, auto_kid=True)

    @property
    def keys(self):
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, user, *roles):
        """Sign an access token as Keycloak writes it."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "iat": now,
            "exp": now + TTL_SECONDS,
            "auth_time": now,
            "typ": "Bearer",
            "jti": f"onrtac:{uuid4()}",
            "aud": ["ovation", "account"],
            "azp": "app",
            "sub": user,
            "realm_access": {"roles": ["offline_access", *roles]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid profile",
            "country": "us",
            "age_verified": 30,
            "account_created_at": now - YEAR_SECONDS,
        }
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=["EdDSA"])

    def settings(self, services):
        """The settings of docs/operations/identity-providers.md, for each service."""
        said = {
            "JWT_ISSUER": self.issuer,
            "JWKS_URL": self.keys_url,
            "JWT_ROLES_CLAIM": "realm_access.roles",
        }
        return {
            service: {f"{service.upper()}_{name}": value for name, value in said.items()}
            for service in services
        }


@contextmanager
def keycloak():
    """Serve the keys of a realm for as long as it is needed."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(realm.keys).encode()
            self.send_response(200 if self.path == KEYS else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            """Write nothing into the output of tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        realm = Keycloak(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield realm
        server.shutdown()
        thread.join()
