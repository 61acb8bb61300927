"""Every setting, in one place. Read from the environment (or a `.env` file in the checkout).

Those that name servers, host and port carry their usual names; the rest begin with SELLER_.
A wrong value stops the start with its name and the reason. docs/OPERATIONS.md lists them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentSettingsError

from api.variables import mistake, names_of

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
        description="The same database as the role that the application runs as. "
        "A pooler in between has to keep sessions.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias=_plain("REDIS_URL"),
        description="Redis 7 or Valkey 8, or newer.",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias=_plain("HOST"),
        description="Address to listen on; 0.0.0.0 for every one of the machine.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000,
        validation_alias=_plain("PORT"),
        description="Port to listen on; 0 picks a free one.",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        default=[],
        description="Addresses or networks of proxies whose X-Forwarded-For is believed, as a "
        "JSON list.",
    )
    state: Path = Field(
        default=CHECKOUT / ".state",
        description="Folder of the embedded servers' data, the signing keys and demo.json.",
    )
    storage_url: str | None = Field(
        default=None,
        description="Where files are kept, as s3://bucket/prefix; none: within SELLER_STATE.",
    )

    # Postgres.
    pool_size: Count = Field(default=16, description="Connections to Postgres per process.")
    acquire_timeout: Seconds = Field(
        default=5.0, description="Seconds an operation waits for a free connection."
    )
    statement_timeout: Seconds = Field(
        default=10.0, description="Seconds after which Postgres gives a statement up."
    )
    lock_timeout: Seconds = Field(
        default=5.0, description="Seconds a statement waits for a row that another one changes."
    )

    # Sign-in.
    token_issuer: str = Field(
        default="seller-center", description="`iss` of access tokens; tokens of others are refused."
    )
    token_audience: str = Field(
        default="seller-center-api", description="`aud` of access tokens, checked likewise."
    )
    signing_keys: Path | None = Field(
        default=None,
        description="JWK set with private EC P-256 keys; the first signs. Default: made in state.",
    )
    access_token_minutes: Count = Field(
        default=15, description="Minutes for which an access token is good."
    )
    refresh_token_days: Count = Field(
        default=30, description="Days after which somebody has to sign in again."
    )
    sign_in_attempts_per_minute: Count = Field(
        default=10,
        description="Failures a minute after which one address may not try one account again.",
    )
    sign_in_attempts_per_address: Count = Field(
        default=100, description="Attempts a minute from one address, whoever signs in there."
    )
    invitation_days: Count = Field(
        default=7, description="Days within which an invitation is accepted."
    )
    demo_token_hours: Count = Field(
        default=24, description="Hours for which the tokens in demo.json are good."
    )

    # The endpoint.
    introspection: bool = Field(
        default=False, description="Whether clients may read the schema; `seller run`: true."
    )
    graphiql: bool = Field(
        default=False, description="Whether the pages at / are served; `seller run`: true."
    )
    suggestions: bool = Field(
        default=False, description="Whether errors suggest names that exist; `seller run`: true."
    )
    compiled_execution: bool = Field(
        default=True,
        description="Whether operations run as compiled plans: dear ones at once, others when they "
        "are met twice.",
    )
    compiled_operations: Count = Field(
        default=512, description="Operations whose plans are kept; the least used are forgotten."
    )
    compiled_characters: Count = Field(
        default=200_000, description="Characters of their documents, counted again for each plan."
    )
    get_queries: bool = Field(default=True, description="Whether queries may be sent with GET.")
    max_batch: Count = Field(
        default=1, description="Operations of one HTTP request; 1: no lists of them."
    )
    persisted_operations: Literal["off", "automatic", "locked"] = Field(
        default="automatic",
        description="off, automatic (registered by their hash) or locked (the manifest's only).",
    )
    operations_manifest: Path | None = Field(
        default=None, description="JSON file of the operations that run where they are locked."
    )
    persisted_operations_per_workspace: Count = Field(
        default=1_000, description="Operations remembered for a workspace."
    )
    persisted_operation_days: Count = Field(
        default=30, description="Days for which they are remembered after the last was added."
    )
    max_connections: Count = Field(
        default=10_000, description="Connections per process; more are answered 503."
    )
    max_body_bytes: Count = Field(default=2 * 1024 * 1024, description="Bytes of a request's body.")
    max_upload_files: Count = Field(default=10, description="Files sent with one request.")
    max_upload_file_bytes: Count = Field(
        default=10 * 1024 * 1024, description="Bytes of one file sent with a request."
    )
    max_upload_bytes: Count = Field(
        default=32 * 1024 * 1024, description="Bytes of a request's body where it brings files."
    )
    max_query_characters: Count = Field(
        default=20_000, description="Characters of a GraphQL document."
    )
    max_query_tokens: Count = Field(default=4_000, description="Tokens of a GraphQL document.")
    max_query_fragments: Count = Field(default=100, description="Fragments of a document.")
    max_query_depth: Count = Field(default=20, description="Levels of an operation.")
    max_query_fields: Count = Field(
        default=2_000, description="Fields of an operation, its fragments written out."
    )
    max_query_aliases: Count = Field(default=200, description="Aliases, counted likewise.")
    max_query_directives: Count = Field(default=200, description="Directives, counted likewise.")
    max_query_comparisons: Count = Field(
        default=50_000,
        description="Steps to compare fields that answer under one name, two for each pair.",
    )
    max_query_values: Count = Field(
        default=50_000,
        description="Values that an answer may hold, sizes of pages multiplied through.",
    )
    max_variable_values: Count = Field(
        default=50_000, description="Values in an operation's variables."
    )
    max_variable_objects: Count = Field(
        default=2_000, description="Objects among them: orders, lines, conditions of a filter."
    )
    max_operation_cost: Count = Field(
        default=10_000, description="Points that an operation may cost."
    )
    budget_points: Count = Field(
        default=20_000, description="Points that a credential can have saved up."
    )
    budget_restore: Count = Field(default=2_000, description="Points restored to it each second.")
    workspace_budget_points: Count = Field(
        default=100_000, description="Points that all credentials of a workspace can have saved up."
    )
    workspace_budget_restore: Count = Field(
        default=5_000, description="Points restored to them each second."
    )
    throttled_reluctance: Annotated[float, Field(ge=0)] = Field(
        default=0.5,
        description="Seconds for which THROTTLED is held back at most, so that whoever sends on "
        "regardless does no harm.",
    )
    operations_at_once: Count = Field(
        default=3, description="Operations of one workspace that a process runs at a time."
    )
    dear_operation_points: Count = Field(
        default=500, description="Points from which on a workspace runs an operation by itself."
    )
    dear_operation_courtesy: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.05,
        description="Seconds for which it lets cheaper ones pass, before and after each "
        "question to Postgres.",
    )
    dear_operation_courtesy_in_all: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Seconds for which it does so at most."
    )
    events_at_once: Count = Field(
        default=4, description="Events that a process answers for one workspace at a time."
    )
    operations_waiting: Count = Field(
        default=200, description="Operations of one workspace that may wait for their turn."
    )
    max_frame_bytes: Count = Field(
        default=256 * 1024, description="Bytes of a WebSocket message from a client."
    )
    operation_timeout: Seconds = Field(
        default=15.0, description="Seconds after which an operation is given up."
    )
    allowed_origins: list[str] = Field(
        default=[],
        description="Browser origins beside our own that may call us, as a JSON list.",
    )

    # Subscriptions.
    max_sockets_per_workspace: Count = Field(
        default=2_000, description="WebSockets of one workspace per process."
    )
    max_subscriptions_per_workspace: Count = Field(
        default=5_000, description="Subscriptions of one workspace per process, streams included."
    )
    max_subscriptions_per_socket: Count = Field(
        default=50, description="Subscriptions on one WebSocket."
    )
    max_messages_per_second: Count = Field(
        default=200, description="Messages from one WebSocket; further ones are read later."
    )
    connection_init_timeout: Seconds = Field(
        default=10.0, description="Seconds within which a socket has to sign in."
    )
    keep_alive: Seconds = Field(
        default=15.0, description="Seconds between signs of life on idle sockets and streams."
    )
    send_timeout: Seconds = Field(
        default=10.0, description="Seconds after which a client that does not read is cut off."
    )
    subscriber_queue: Count = Field(
        default=1_000, description="Events a subscriber may lag behind before it is cut off."
    )
    recheck_rights: Seconds = Field(
        default=30.0, description="Seconds between looks at the credentials of what stays open."
    )

    # Events.
    relay_poll: Seconds = Field(
        default=0.2, description="Seconds between the relay's looks when nobody wakes it."
    )
    relay_batch: Count = Field(default=1_000, description="Events the relay moves at once.")
    relay_metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port on which `seller relay` answers Prometheus; none: not."
    )
    jobs_at_once: Annotated[int, Field(ge=4)] = Field(
        default=4, description="Jobs that a worker runs at a time."
    )
    jobs_of_workspace: Count = Field(
        default=2, description="Jobs of one workspace that all workers run at a time."
    )
    jobs_waiting: Count = Field(
        default=20, description="Jobs of one workspace that may wait or run; more are refused."
    )
    bulk_query_bytes: Count = Field(
        default=2_000_000_000, description="Bytes that one bulk query may write."
    )
    job_days: Count = Field(
        default=14, description="Days after which a job is forgotten, and the files it made."
    )
    job_lease: Annotated[float, Field(ge=1, le=60)] = Field(
        default=5.0, description="Silent seconds after which another worker is given a job."
    )
    download_hours: Count = Field(default=24, description="Hours an address of a file is good.")
    stream_length: Count = Field(default=10_000, description="Events per workspace kept in Redis.")
    event_days: Count = Field(default=14, description="Days for which events can be replayed.")

    # Running.
    drain_seconds: Seconds = Field(
        default=8.0, description="Seconds that running queries are given when we shall stop."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto (colours on a terminal, else json), json or console."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR; `seller run` starts at WARNING."
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector, such as http://127.0.0.1:4318/v1/traces.",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.max_operation_cost > min(self.budget_points, self.workspace_budget_points):
            raise ValueError(
                "SELLER_MAX_OPERATION_COST is larger than SELLER_BUDGET_POINTS or "
                "SELLER_WORKSPACE_BUDGET_POINTS: such an operation could never be paid for"
            )
        if self.persisted_operations == "locked" and self.operations_manifest is None:
            raise ValueError(
                "SELLER_PERSISTED_OPERATIONS is locked, so SELLER_OPERATIONS_MANIFEST has to name "
                "the file of the operations that may run"
            )
        return self


class SettingsError(SystemExit):
    """A setting is wrong; says which, and why."""


@lru_cache
def load_settings() -> Settings:
    """The settings of this process, or `SettingsError` with the name of each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  {mistake(one, variable_names())}" for one in error.errors(include_url=False)]
    except EnvironmentSettingsError as error:  # a list or a number that is no JSON
        lines = [f'  {error}: it has to be JSON, such as ["https://shop.example"]']
    raise SettingsError("Settings are wrong, nothing was started:\n" + "\n".join(lines))


def variable_names() -> dict[str, str]:
    """The environment variable of each setting, by field name, in the order of their sections."""
    return names_of(Settings.model_fields)
