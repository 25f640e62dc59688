"""The host application says who somebody is: in one line, or from the frame around the page."""

import threading
from contextlib import contextmanager

import uvicorn

from deploy.local.ports import free_port
from services.web.main import build
from services.web.settings import Settings

# Neither needs to be there: the browser is told what it would have answered.
HOST, STRANGER = "http://localhost:9", "http://localhost:7"


@contextmanager
def pages_for(host_origins):
    """The web service as a host application has set it up."""
    port = free_port()
    app = build(Settings(port=port, host_origins=host_origins))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def framing(page, address, token, origin):
    """Open the host application's page, which frames ours and answers its question."""
    markup = f"""<iframe src="{address}/wallet"></iframe><script>
        addEventListener("message", (event) => {{
            if (event.data !== "ovation:token-wanted") return;
            event.source.postMessage({{ type: "ovation:token", token: "{token}" }}, event.origin);
        }});</script>"""
    page.route(f"{origin}/", lambda route: route.fulfill(body=markup, content_type="text/html"))
    page.goto(f"{origin}/")
    return page.frame_locator("iframe")


def test_the_frame_around_a_page_signs_its_viewer_in(browser, system):
    with pages_for(HOST) as address, browser.new_context() as context:
        token = system.token("frida", roles=["viewer"], name="Frida")
        frame = framing(context.new_page(), address, token, HOST)
        frame.get_by_role("button", name="Signed in as Frida").wait_for()


def test_nobody_else_may_frame_it(browser, system):
    with pages_for(HOST) as address, browser.new_context() as context:
        token = system.token("frida", roles=["viewer"])
        page = context.new_page()
        framing(page, address, token, STRANGER)
        page.wait_for_timeout(1500)
        assert all("/wallet" not in frame.url for frame in page.frames[1:])


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
