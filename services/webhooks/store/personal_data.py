"""What the webhooks service knows of people: events that name them, and answers to those."""

from shared.backoffice.erasures import PersonalData, counting

# What is still to be sent is: teams with a broker get it too, and then learn of the erasure.
_ENDED = "NOT EXISTS (SELECT FROM deliveries WHERE event = events.id AND state = 'pending')"
_ANSWERS = counting(f"""
    UPDATE attempts SET answer = NULL FROM events
    WHERE events.people @> ARRAY[CAST(:user AS text)] AND events.body IS NOT NULL AND {_ENDED}
        AND attempts.event = events.id AND attempts.answer IS NOT NULL
""")  # noqa: S608 - our own text only
_EVENTS = counting(f"""
    UPDATE events SET body = NULL
    WHERE people @> ARRAY[CAST(:user AS text)] AND body IS NOT NULL AND {_ENDED}
""")  # noqa: S608 - our own text only
PERSONAL_DATA = PersonalData(
    erased={
        # Before the events themselves: they say whose these answers are.
        "delivery_answers": _ANSWERS,
        "delivered_events": _EVENTS,
    }
)
