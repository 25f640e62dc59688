"""The whole story, as a stranger sees it with `make demo`."""

from deploy.demo import story


def test_coins_are_bought_gifts_sent_diamonds_cashed_out_and_the_books_balance(system):
    assert story.play(system.gateway_url)
