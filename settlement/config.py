"""Every setting, read once from the environment (prefix NOVATE_); the only module that reads it."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "NOVATE_"
MASK = "********"


class SettingsError(Exception):
    """The environment does not make settings; the text names the variable, what it was, and what to do."""


class Settings(BaseSettings):
    """What a run of Novate is told from outside.

    data: the folder that everything of this platform lives in.
    cache: where downloads are kept between runs; by default the first of several that works (infra.local.cache).
    kafka: your broker, `host:port[,host:port]`; by default an embedded one.
    database_url: your Postgres, `postgresql://user:password@host/database`; by default an embedded one.
    partitions: of each partitioned topic when the log is made; fixed from then on.
    workers: processes that the partitions are split over.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    data: Path = Path(".novate")
    cache: Path | None = None
    kafka: str | None = None
    database_url: SecretStr | None = None
    partitions: Annotated[int, Field(ge=1, le=64)] = 4
    workers: Annotated[int, Field(ge=1, le=64)] = 2

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` passes in, and nothing else: it has refused the unknown names."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Source:
    """One setting as `novate config show` prints it: its name, its value (secrets masked), and where it came from."""

    name: str
    value: str
    source: str


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of an environment (ours when none is given); an empty variable counts as not set.

    Raises:
        SettingsError: a NOVATE_ variable is unknown, or its value is not what it must be.
    """
    given = _given(os.environ if environment is None else environment)
    for name in given:
        if name not in Settings.model_fields:
            raise SettingsError(_unknown(name))
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def sources(environment: Mapping[str, str] | None = None) -> list[Source]:
    """Return every setting with where its value came from; secrets are masked."""
    actual = os.environ if environment is None else environment
    settings, given = load(actual), _given(actual)
    return [
        Source(name, _shown(getattr(settings, name)), f"{PREFIX}{name.upper()}" if name in given else "default")
        for name in Settings.model_fields
    ]


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value
    }


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return MASK
    return "" if value is None else str(value)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, Settings.model_fields, n=1)
    known = ", ".join(f"{PREFIX}{field.upper()}" for field in Settings.model_fields)
    advice = f"Did you mean {PREFIX}{close[0].upper()}?" if close else "Unset it."
    return f"Expected one of {known}, was {PREFIX}{name.upper()}. {advice}"


def _explain(error: ValidationError) -> str:
    """Say which variable is wrong, without the value of a secret."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    was = MASK if name == "database_url" else repr(first["input"])
    return f"Expected {PREFIX}{name.upper()} to be valid ({first['msg']}), was {was}. Change it, or unset it."
