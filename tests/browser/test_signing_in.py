"""The host application says who somebody is: in one line, or from the frame around the page."""

import json
import threading
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from deploy.harness.ports import free_port
from services.web.main import build
from services.web.settings import Settings
from shared.http.person_paths import person_part

COUNTRY = "https://coins.example.com/country"
USERS = ["mira", "a/b", "a\\b", ".", "..", "~a", "ä b", "😀/😀", "%2F", "https://id.example/u/7"]


@contextmanager
def serving(app, port):
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def framed(browser, token, *, trusted):
    """A page of a host application that frames ours and answers its question."""
    pages, host = free_port(), free_port()
    # Another origin than 127.0.0.1, and as near.
    origin = f"http://localhost:{host}"
    settings = Settings(port=pages, host_origins=origin if trusted else "https://app.example")
    markup = f"""<iframe src="http://127.0.0.1:{pages}/wallet"></iframe><script>
        addEventListener("message", (event) => {{
            if (event.data !== "ovation:token-wanted") return;
            event.source.postMessage({{ type: "ovation:token", token: "{token}" }}, event.origin);
        }});</script>"""
    around = Starlette(routes=[Route("/", lambda _: HTMLResponse(markup))])
    with (
        serving(build(settings), pages),
        serving(around, host),
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.goto(origin)
        yield page


def test_the_frame_around_a_page_signs_its_viewer_in(browser, system):
    token = system.token("frida", roles=["viewer"], name="Frida")
    with framed(browser, token, trusted=True) as page:
        page.frame_locator("iframe").get_by_role("button", name="Signed in as Frida").wait_for()


def test_nobody_else_may_frame_it(browser, system):
    token = system.token("frida", roles=["viewer"], name="Frida")
    with framed(browser, token, trusted=False) as page:
        page.wait_for_timeout(2_000)
        assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_one_line_of_the_same_origin_is_enough(visitor, system):
    person = visitor()
    token = system.token("frida", roles=["viewer"], name="Frida")
    markup = (
        '<script type="module">import { signIn } from "/static/session.js";'
        f'signIn("{token}"); location.assign("/wallet");</script>'
    )
    person.page.route(
        "**/enter", lambda route: route.fulfill(body=markup, content_type="text/html")
    )
    person.page.goto("/enter")
    person.page.get_by_role("button", name="Signed in as Frida").wait_for()
    assert token not in person.page.url


def test_a_page_reads_roles_and_scopes_where_the_services_do(browser, system):
    port = free_port()
    places = {"jwt_roles_claim": "realm_access.roles", "jwt_scopes_claim": "scp"}
    settings = Settings(port=port, **places, jwt_country_claim=COUNTRY)
    roles = {"roles": ["viewer"], "realm_access": {"roles": ["operator"]}}
    countries = {"country": "US", COUNTRY: "de"}
    token = system.token("ann", **roles, scp="audit:read books:read", **countries)
    with serving(build(settings), port), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/wallet")
        me = page.evaluate(
            """async (token) => {
                const session = await import("/static/session.js");
                session.signIn(token);
                return session.me();
            }""",
            token,
        )

    assert (me["roles"], me["scopes"]) == (["operator"], ["audit:read", "books:read"])
    assert (me["user"], me["country"]) == ("ann", "DE")


def test_a_page_knows_users_of_another_issuer_by_the_prefix_they_have_for_services(browser, system):
    port = free_port()
    other = {"issuer": system.issuer_url, "jwks_url": "https://b/k", "audience": "ovation"}
    other |= {"subject_prefix": "staff:", "roles_claim": "groups"}
    settings = Settings(port=port, jwt_more_issuers=json.dumps([other]))
    token = system.token("ann", roles=["viewer"], groups=["operator"])
    with serving(build(settings), port), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/wallet")
        me = page.evaluate(
            """async (token) => {
                const session = await import("/static/session.js");
                session.signIn(token);
                return session.me();
            }""",
            token,
        )
        parts = page.evaluate(
            """async (users) => {
                const { person } = await import("/static/api.js");
                return users.map(person);
            }""",
            USERS,
        )

    assert (me["user"], me["roles"]) == ("staff:ann", ["operator"])
    assert parts == [person_part(user) for user in USERS]
