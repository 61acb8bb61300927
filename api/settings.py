"""Every setting, in one place. Read from the environment (or a `.env` file in the checkout).

The four that name servers and the port carry their usual names; the rest begin with SELLER_.
A wrong value stops the start with its name and the reason.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _plain(name: str) -> AliasChoices:
    return AliasChoices(name, f"SELLER_{name}")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SELLER_", env_file=CHECKOUT / ".env", extra="ignore", frozen=True
    )

    # Servers. Where none is named, `seller run` and the tests start embedded ones.
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=_plain("DATABASE_URL"),
        description="Postgres 15 or newer, as the owner of the tables. Used by `migrate` only.",
    )
    app_database_url: SecretStr | None = Field(
        default=None,
        validation_alias=_plain("APP_DATABASE_URL"),
        description="The same database as the role that the application runs as.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias=_plain("REDIS_URL"),
        description="Redis 7 or Valkey 8, or newer.",
    )
    host: str = Field(default="127.0.0.1", validation_alias=_plain("HOST"))
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, validation_alias=_plain("PORT")
    )
    state: Path = Field(
        default=CHECKOUT / ".state",
        description="Embedded servers' data, signing keys and demo.json.",
    )

    # Postgres.
    pool_size: Count = 16
    acquire_timeout: Seconds = 5.0
    statement_timeout: Seconds = 10.0
    lock_timeout: Seconds = 5.0

    # Sign-in.
    token_issuer: str = "seller-center"
    token_audience: str = "seller-center-api"
    signing_keys: Path | None = Field(
        default=None,
        description="JWK set with private EC P-256 keys; the first signs. Default: made in state.",
    )
    access_token_minutes: Count = 15
    refresh_token_days: Count = 30
    invitation_days: Count = 7
    demo_token_hours: Count = 24

    # The endpoint.
    introspection: bool = True
    graphiql: bool = True
    max_body_bytes: Count = 2 * 1024 * 1024
    max_query_characters: Count = 20_000
    max_query_tokens: Count = 4_000
    max_frame_bytes: Count = 256 * 1024
    operation_timeout: Seconds = 15.0
    allowed_origins: list[str] = Field(
        default=[],
        description="Browser origins beside our own that may call us, as a JSON list.",
    )

    # Subscriptions.
    max_subscriptions_per_socket: Count = 50
    connection_init_timeout: Seconds = 10.0
    keep_alive: Seconds = 15.0
    send_timeout: Seconds = 10.0
    subscriber_queue: Count = Field(
        default=1_000, description="Events a subscriber may lag behind before it is cut off."
    )

    # Events.
    relay_poll: Seconds = Field(default=0.2, description="How often the relay looks unasked.")
    relay_batch: Count = 1_000
    stream_length: Count = Field(default=10_000, description="Events per workspace kept in Redis.")
    event_days: Count = Field(default=14, description="Days for which events can be replayed.")

    # Running.
    drain_seconds: Seconds = 8.0
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: str | None = Field(
        default=None, description="OpenTelemetry collector (OTLP over HTTP); none: no tracing."
    )


class SettingsError(SystemExit):
    """A setting is wrong; says which, and why."""


@lru_cache
def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  {_name(e['loc'])}: {e['msg']} (given: {e['input']!r})" for e in error.errors()]
        raise SettingsError("Settings are wrong:\n" + "\n".join(lines)) from None


def _name(location: tuple[int | str, ...]) -> str:
    first = str(location[0]).upper()
    return first if first in os.environ else f"SELLER_{first}"
