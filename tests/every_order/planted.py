"""Bugs that there once were, put back on purpose: whether they are noticed."""


def plant(name):
    pass
