"""What is stored encrypted is opened by its key, also while the key is being replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keyring import Keyring, Undecryptable, new_key

OLD, NEW = new_key(), new_key()


@given(st.binary(max_size=500))
def test_what_is_encrypted_is_opened_by_its_key_alone(content):
    encrypted = Keyring(OLD).encrypt(content)

    assert Keyring(OLD).decrypt(encrypted) == content
    assert Keyring(f"{NEW}\n{OLD}").decrypt(encrypted) == content
    with pytest.raises(Undecryptable):
        Keyring(NEW).decrypt(encrypted)


def test_the_first_key_encrypts():
    both = Keyring(f"{NEW}\n{OLD}")

    assert Keyring(NEW).decrypt(both.encrypt(b"a")) == b"a"
    assert both.newest == Keyring(NEW).newest
    assert both.before == [Keyring(OLD).newest]


@pytest.mark.parametrize("place", range(0, 100, 9))
def test_what_was_changed_is_not_opened(place):
    keys = Keyring(OLD)
    encrypted = bytearray(keys.encrypt(b"a webhook"))
    encrypted[place] ^= 1

    with pytest.raises(Undecryptable):
        keys.decrypt(bytes(encrypted))


def test_the_name_of_a_key_does_not_show_it():
    assert Keyring(OLD).newest not in OLD
    assert Keyring(OLD).newest != Keyring(NEW).newest


@pytest.mark.parametrize("key", ["", "secret", "A" * 40, "ä" * 44])
def test_what_is_no_key_stops_the_service(key):
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(key)
