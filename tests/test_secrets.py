"""Secrets of other systems are encrypted with keys of the environment, which can be rotated."""

import pytest
from pydantic import SecretStr, ValidationError

from app.errors import SecretsKeyMissing, SecretUnreadable
from app.secrets import SecretBox, fingerprint, new_key
from app.settings import DEVELOPMENT_SECRETS_KEY, Settings

SECRET = "clé".encode() + b"\0"


def test_secret_is_read_again_and_not_stored_in_clear() -> None:
    box = SecretBox([new_key()])

    stored = box.encrypt(SECRET)

    assert box.decrypt(stored) == SECRET
    assert SECRET not in stored
    assert box.encrypt(SECRET) != stored


def test_each_key_decrypts_and_the_first_encrypts() -> None:
    old, new = new_key(), new_key()
    stored = SecretBox([old]).encrypt(SECRET)

    renewed = SecretBox([new, old]).renew(stored)

    assert SecretBox([new]).decrypt(renewed) == SECRET
    with pytest.raises(SecretUnreadable):
        SecretBox([new]).decrypt(stored)
    with pytest.raises(SecretUnreadable):
        SecretBox([new]).renew(stored)


def test_without_a_key_nothing_is_stored_in_clear() -> None:
    with pytest.raises(SecretsKeyMissing):
        SecretBox([]).encrypt(SECRET)
    with pytest.raises(SecretsKeyMissing):
        SecretBox([]).decrypt(b"")


def test_fingerprints_tell_secrets_apart() -> None:
    assert fingerprint(b"one") != fingerprint(b"two")
    assert len(fingerprint(b"one")) == 16


def test_development_has_a_key_and_production_none() -> None:
    assert Settings().secrets_keys() == [DEVELOPMENT_SECRETS_KEY]
    assert Settings(env="production").secrets_keys() == []


def test_settings_take_several_keys_and_show_none() -> None:
    new, old = new_key(), new_key()

    settings = Settings(env="production", secrets_key=SecretStr(f"{new}, {old}"))

    assert settings.secrets_keys() == [new, old]
    assert new not in repr(settings)


@pytest.mark.parametrize(
    "key",
    ["changeme", DEVELOPMENT_SECRETS_KEY, f"{new_key()},{DEVELOPMENT_SECRETS_KEY}", new_key()[:-4]],
    ids=["word", "development", "one of two for development", "short"],
)
def test_production_refuses_weak_keys(key: str) -> None:
    with pytest.raises(ValidationError, match="secrets_key"):
        Settings(env="production", secrets_key=SecretStr(key))


@pytest.mark.parametrize(
    "url", ["crm.example.com", "ftp://example.com", "https://example.com/?a=1", "https://"]
)
def test_public_base_url_must_be_an_address_that_can_be_signed(url: str) -> None:
    with pytest.raises(ValidationError, match="public_base_url"):
        Settings(public_base_url=url)


def test_public_base_url_has_no_slash_at_its_end() -> None:
    assert Settings(public_base_url="https://example.com/crm/").public_base_url == "https://example.com/crm"
