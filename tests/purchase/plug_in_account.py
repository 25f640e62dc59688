"""A provider of somebody else's, as far as an operator asks for its account."""


def build_account(installation):
    return f"an account of {installation.name}"
