"""
The bank file under the conformance suite: files go to the bank, and its reports come back.

Nothing is asked over a network, so no answer is lost. A person carries both ways (`deliver`): what
the others say by webhooks, a bank says in reports.
"""

from typing import ClassVar
from uuid import UUID

import httpx
from pydantic import TypeAdapter

from services.payout.domain.bank_accounts import Debtor
from services.payout.domain.bank_files import BankRules
from services.payout.providers.bank_file import BankFileProvider
from shared.keyring import Keyring, new_key
from tests.clients import a_token
from tests.payout.bank.conftest import IBANS, OPTIONS, WHY
from tests.payout.providers.bank_vendor import Bank, Status
from tests.payout.providers.driver import Driver

FILES, REPORTS = "/v1/operator/bank-files", "/v1/operator/bank-reports"
UNKNOWN = "bank_of_nobody"
# Only an answer that never comes takes so long.
ANSWER_SECONDS_MAX = 300


class BankDriver(Driver):
    name = "bank"
    currency = "EUR"
    # It has one currency, whose amounts the files of the other cases have.
    amounts: ClassVar = {}

    async def start(self):
        debtor = Debtor.read(OPTIONS["debtor"])
        rules = TypeAdapter(BankRules).validate_python({**OPTIONS, "debtor": debtor})
        self.provider = BankFileProvider(name=self.name, rules=rules, keys=Keyring(new_key()))
        self.bank, self.repeated = Bank(), 0

    async def stop(self):
        await self.clerk.aclose()
        await self.provider.close()

    def connect(self, gateway):
        token = a_token("ops", roles=["operator"], scope="bank-files:write")
        headers = {"Authorization": f"Bearer {token}"}
        self.clerk = httpx.AsyncClient(
            base_url=gateway, headers=headers, timeout=ANSWER_SECONDS_MAX
        )

    async def deliver(self):
        """Take the file of what waits to the bank, and bring all of its reports."""
        made = await self.clerk.post(FILES, json=WHY)
        if made.status_code != httpx.codes.CONFLICT:
            assert made.is_success, made.text
            file = made.json()["file"]
            self.bank.take((await self.clerk.get(f"{FILES}/{file}")).content)
        reports, self.bank.reports = self.bank.reports, []
        for report in reports:
            await self._bring(report)
            if self.repeated:
                self.repeated -= 1
                await self._bring(report)

    def destination(self):
        return IBANS[0]

    def refusing_destination(self):
        return UNKNOWN

    async def leave(self, creator, destination):
        if destination == UNKNOWN:
            return destination
        account = {"holder": "Léa Créatrice", "iban": destination}
        answer = await creator.put("/v1/payouts/bank-account", json=account)
        assert answer.is_success, answer.text
        return answer.json()["destination"]

    def transfers_of(self, attempt):
        return self.bank.ordered[UUID(attempt).hex]

    def books(self):
        paid_minor = self.bank.paid_minor()
        return {self.currency: paid_minor} if paid_minor else {}

    def delay(self):
        self.bank.delayed += 1

    def pay(self, attempt):
        self.bank.make(self._payment(attempt))

    def fail_transfer(self, attempt):
        payment = self.bank.payments.get(UUID(attempt).hex)
        if payment is None:
            self.bank.refused.add(UUID(attempt).hex)
        elif payment.status is Status.OPEN:
            self.bank.reject(payment)
        else:
            self.lacks("payments that fail once they were made: they come back")

    def give_back(self, attempt):
        self.bank.give_back(self._payment(attempt))

    def repeat_webhooks(self, times):
        self.repeated += times

    def _payment(self, attempt):
        return self.bank.payments[UUID(attempt).hex]

    async def _bring(self, report):
        answer = await self.clerk.post(REPORTS, content=report)
        assert answer.is_success, answer.text
