"""In a log the first time counts: a fact may be repeated anywhere, but never come too late."""

import json

from shared.messaging.log import Logged
from tests.chaos.logs import Published


def logged(name, subject, sequence, *, data=None):
    body = {"subject": subject, "sequence": f"{sequence:020}", "data": data or {}}
    message_id = f"{name} {subject} {sequence} {data}"
    kind = f"dev.ovation.{name}.v1"
    return Logged(0, kind, message_id, "", {}, json.dumps(body).encode())


def heard(*messages):
    published = Published()
    for message in messages:
        published.hear("gift", message)
    return published


ASKED, SENT = logged("gift.requested", "a", 1), logged("gift.sent", "a", 2)


def test_a_fact_that_is_repeated_after_a_later_one_is_in_order():
    published = heard(ASKED, SENT, ASKED)

    assert published.out_of_order == []
    assert published.repeated == 1


def test_a_fact_that_comes_first_after_a_later_one_is_out_of_order():
    assert len(heard(SENT, ASKED).out_of_order) == 1


def test_subjects_have_an_order_of_their_own():
    assert heard(SENT, logged("gift.requested", "b", 1)).out_of_order == []


def test_facts_of_one_step_have_one_sequence():
    reversed_, owed = logged("wallet.lot_reversed", "v", 3), logged("wallet.debt_opened", "v", 3)

    assert heard(reversed_, owed).out_of_order == []


def test_what_a_fact_is_about_is_found_in_its_data_where_the_subject_is_a_user():
    paid = logged("wallet.gift_paid", "viewer", 1, data={"gift": "g"})

    assert heard(paid, SENT).about == {"wallet.gift_paid": {"g"}, "gift.sent": {"a"}}


def test_a_subject_whose_first_fact_is_in_no_log_has_a_gap():
    assert heard(SENT).gaps == ["gift a"]
    assert heard(ASKED, SENT).gaps == []


def test_sealed_blocks_are_one_chain():
    first, second, third = (logged("wallet.block_sealed", str(block), block) for block in (1, 2, 3))

    assert heard(first, second, third).gaps == []
    assert heard(first, third).gaps == ["gift chain"]


def test_a_ledgers_decision_of_which_no_log_has_a_fact_is_unheard():
    published = Published()
    published.hear("wallet", logged("wallet.gift_paid", "mira", 3, data={"gift": "g"}))

    assert published.gaps == []
    assert published.unheard("wallet", [("mira", 2), ("mira", 3)]) == ["wallet mira 2"]
