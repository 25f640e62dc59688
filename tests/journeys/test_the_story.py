"""The whole story, as a stranger sees it with `make demo`."""

from deploy.local import demo


def test_coins_are_bought_gifts_sent_diamonds_cashed_out_and_the_books_balance(system):
    assert demo.play(system.gateway_url)
