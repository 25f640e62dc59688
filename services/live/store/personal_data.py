"""What live knows of people besides their ids: names, words they show, whether they are shown."""

from shared.backoffice.erasures import PersonalData, counting
from shared.postgres.statements import Statement, text

# The messages of a viewer's gifts are removed one by one, by what gift publishes of them.
_THANKS = counting("""
    UPDATE thanks SET message = NULL
    WHERE (creator = :user OR viewer = :user) AND message IS NOT NULL
""")
# What was shown is where it was written, too.
_SHOWN_THANKS = counting("""
    UPDATE feed SET shown = (shown::jsonb || '{"message": null}')::json
    FROM thanks
    WHERE (thanks.creator = :user OR thanks.viewer = :user) AND feed.room = thanks.room
        AND feed.kind = 'thanks' AND feed.subject = thanks.gift
        AND (feed.shown ->> 'message') IS NOT NULL
""")
_SHOWN_TITLES = counting("""
    UPDATE feed SET shown = (shown::jsonb || '{"title": ""}')::json
    FROM room_owners
    WHERE room_owners.creator = :user AND feed.room = room_owners.room AND feed.kind <> 'gift'
        AND (feed.shown ->> 'title') <> ''
""")
_TITLES = counting("UPDATE streams SET title = NULL WHERE creator = :user AND title IS NOT NULL")
_GOALS = counting("UPDATE goals SET title = '' WHERE creator = :user AND title <> ''")
_PERKS = counting("""
    UPDATE perks SET title = '', description = NULL
    WHERE creator = :user AND (title <> '' OR description IS NOT NULL)
""")
# No leaderboard names them any more.
_HIDDEN = counting("""
    INSERT INTO gifters (viewer, gifts, coins, hidden) VALUES (:user, 0, 0, true)
    ON CONFLICT (viewer) DO UPDATE SET hidden = true WHERE NOT gifters.hidden
""")
# What a token of after the erasure says is a new fact: the person came back.
_PROFILES = counting("""
    DELETE FROM people
    WHERE user_id = :user AND noted_at <= (
        SELECT coalesce(max(erased_at), 'infinity') FROM erased_users WHERE user_id = :user
    )
""")
PERSONAL_DATA = PersonalData(
    erased={
        # Before the thanks themselves: they say where these entries are.
        "shown_thanks": _SHOWN_THANKS,
        "thanks": _THANKS,
        "shown_titles": _SHOWN_TITLES,
        "stream_titles": _TITLES,
        "goals": _GOALS,
        "perks": _PERKS,
        "hidden": _HIDDEN,
        "people": _PROFILES,
    }
)

_GIFTER = text("SELECT to_jsonb(t)::text AS row FROM gifters AS t WHERE viewer = :user")
_SUPPORTED = text("SELECT to_jsonb(t)::text AS row FROM supporters AS t WHERE viewer = :user")
_STREAMS = text("SELECT to_jsonb(t)::text AS row FROM streams AS t WHERE creator = :user")
_GOALS_SET = text("SELECT to_jsonb(t)::text AS row FROM goals AS t WHERE creator = :user")
_PERKS_OFFERED = text("SELECT to_jsonb(t)::text AS row FROM perks AS t WHERE creator = :user")
_ENTITLED = text("SELECT to_jsonb(t)::text AS row FROM entitlements AS t WHERE viewer = :user")
# Who gave anonymously is not named to the creator.
_THANKED = text("""
    SELECT (to_jsonb(thanks) || CASE WHEN gifts.anonymous AND thanks.viewer <> :user
        THEN '{"viewer": null}'::jsonb ELSE '{}' END)::text AS row
    FROM thanks JOIN gifts ON gifts.gift = thanks.gift
    WHERE (thanks.creator = :user OR thanks.viewer = :user) AND thanks.message IS NOT NULL
""")
_SHOWN_AS = text("SELECT to_jsonb(t)::text AS row FROM people AS t WHERE user_id = :user")
EXPORTED: dict[str, Statement] = {
    "gifters": _GIFTER,
    "supporters": _SUPPORTED,
    "streams": _STREAMS,
    "goals": _GOALS_SET,
    "perks": _PERKS_OFFERED,
    "entitlements": _ENTITLED,
    "thanks": _THANKED,
    "people": _SHOWN_AS,
}
