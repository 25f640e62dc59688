"""What a browser gets of the fake: the payer's page, and the certificate that signs webhooks."""

import asyncio
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tests.fakes.certificates import Chain, chain
from tests.fakes.paypal.objects import Order
from tests.fakes.paypal.pages import approval_page
from tests.fakes.paypal.verbs import PayPalVerbs

CERTIFICATE_HOST = "messageverificationcerts.paypal.com"
CERTIFICATE_PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-7a2f3b1c"
# How long PayPal keeps an order that no payer approved (its orders document).
APPROVABLE_SECONDS = 3 * 3600
# How long after a payer approved with "and complain later" the money is taken back.
DISPUTE_SECONDS = 3.0


class Payer(PayPalVerbs):
    """A payer with a browser."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.chain: Chain = chain("PayPal", host=CERTIFICATE_HOST)

    async def page(self, request: web.Request) -> web.StreamResponse | None:
        """Serve the certificate, and the page where a payer approves or cancels."""
        if request.path == CERTIFICATE_PATH:
            pem = self.chain.leaf.pem + self.chain.intermediate.pem
            return web.Response(body=pem, content_type="application/x-pem-file")
        order = self.orders.get(request.query.get("token", ""))
        if request.path != "/checkoutnow" or order is None or not self.is_known(order):
            return None
        if request.method == "GET":
            return web.Response(text=approval_page(order), content_type="text/html")
        choice = (await request.post()).get("choice")
        back = order.cancel_url if choice == "cancel" else self._approve(order, str(choice))
        if back is None:
            return web.Response(text="Thank you.")
        mark = "&" if "?" in back else "?"
        payer = "" if choice == "cancel" else f"&PayerID={order.payer_id}"
        raise web.HTTPSeeOther(f"{back}{mark}token={quote(order.id)}{payer}")

    def is_known(self, order: Order) -> bool:
        is_waiting = order.status in ("CREATED", "PAYER_ACTION_REQUIRED")
        return not is_waiting or self.now() - order.created < APPROVABLE_SECONDS

    def _approve(self, order: Order, choice: str) -> str | None:
        self.approve(order.id)
        if choice == "decline":
            self.decline(order.id)
        if choice == "dispute":
            self._complain_later(order)
        return order.return_url

    def _complain_later(self, order: Order) -> None:
        asyncio.get_running_loop().call_later(DISPUTE_SECONDS, self._complain, order)

    def _complain(self, order: Order) -> None:
        """Take the money back, once it was captured."""
        if order.captures:
            self.dispute(order.captures[0].id)
        else:
            self._complain_later(order)
