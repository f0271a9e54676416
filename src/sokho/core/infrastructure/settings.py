"""Settings, from ``SOKHO_…`` environment variables: one home for each."""

import os
import re
from ipaddress import ip_network
from math import ceil
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres import default_data_dir
from sokho.core.infrastructure.secrets import DerivedKeys, secret_in


class Settings(BaseSettings):
    """What an operator may set. A database URL, where given, always wins over the embedded one."""

    model_config = SettingsConfigDict(env_prefix="SOKHO_", env_ignore_empty=True, frozen=True)

    database_url: SecretStr | None = Field(None, description="The service's role, sokho_app.")
    worker_database_url: SecretStr | None = Field(
        None, description="The role that may list businesses, sokho_worker."
    )
    admin_database_url: SecretStr | None = Field(
        None, description="For migrations alone: creates the roles, then acts as the owner."
    )
    data_dir: Path | None = Field(None, description="Where the embedded database keeps its data.")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    secret: SecretStr | None = Field(
        None, min_length=32, description="The root of the key pepper and of signed cursors."
    )
    operator_key_hash: SecretStr | None = None
    auth_failures_per_minute: int = Field(
        100, ge=0, description="Wrong keys that an address may show; 0 for any number."
    )
    requests_per_minute: int = Field(
        30_000, ge=0, description="Of one key at each worker; 0 for any number."
    )
    concurrent_requests: int = Field(
        500, ge=1, description="Requests that a worker takes on at once."
    )
    drain_seconds: float = Field(
        2, ge=0, le=300, description="How long to serve on after SIGTERM, while /readyz says 503."
    )
    trusted_proxies: str = Field(
        "", description="Whose X-Forwarded-For is believed: addresses or networks, by commas."
    )
    pool_size: int = Field(10, ge=1, le=1000, description="Connections of each worker process.")
    connection_reserve: int = Field(
        5,
        ge=-1,
        description="Connections of the database left for others; -1 behind a pooler: no check.",
    )
    prepared_statements: bool = Field(True, description="Off behind PgBouncer before 1.21.")
    docs: bool = Field(True, description="Whether /docs is served.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url", "worker_database_url", "admin_database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what the driver would not understand, before it is asked."""
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            if parts.scheme not in {"postgresql", "postgres"} or not parts.username:
                raise ValueError("postgresql://user:password@host:port/database is needed")
            parts.port  # noqa: B018 - raises ValueError for a port that is no number
        return url

    @field_validator("operator_key_hash")
    @classmethod
    def _is_hash(cls, text: SecretStr | None) -> SecretStr | None:
        if text is not None and not re.fullmatch("[0-9a-f]{64}", text.get_secret_value()):
            raise ValueError("64 hexadecimal digits are needed")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for network in filter(None, text.split(",")):
            ip_network(network.strip())  # raises ValueError
        return text

    @model_validator(mode="after")
    def _operator_can_list(self) -> Self:
        """Refuse an operator's key where the operator's routes would have no database."""
        if self.operator_key_hash and self.database_url and not self.worker_database_url:
            raise ValueError("worker_database_url")
        return self

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raises `OperatorError` naming the variables that do not fit."""
        try:
            return cls()
        except ValidationError as error:
            at_fault = {(*part["loc"], "worker_database_url")[0] for part in error.errors()}
            names = sorted(f"SOKHO_{str(name).upper()}" for name in at_fault)
            raise OperatorError(
                Text(
                    vi="Giá trị không hợp lệ ở biến môi trường: {names}",
                    en="Environment variables with a value that does not fit: {names}",
                ).format(names=", ".join(names))
            ) from None

    def url(
        self, name: Literal["database_url", "worker_database_url", "admin_database_url"]
    ) -> str:
        """Return a database URL; raises `OperatorError` naming the variable when it is unset."""
        value: SecretStr | None = getattr(self, name)
        if value is None:
            raise OperatorError(
                Text(
                    vi="Chưa đặt biến môi trường SOKHO_{name}.",
                    en="The environment variable SOKHO_{name} is not set.",
                ).format(name=name.upper())
            )
        return value.get_secret_value()

    @property
    def auth_failures_of_a_worker(self) -> int:
        """How many of the failures each worker lets pass: together no more than are set."""
        return ceil(self.auth_failures_per_minute / self.workers)

    def operator_hash(self) -> str | None:
        """Return the hash of the operator's key, if there is one."""
        return self.operator_key_hash.get_secret_value() if self.operator_key_hash else None

    def derived_keys(self) -> DerivedKeys:
        """Return the keys of the secret that is set, else of the one in the data folder."""
        if self.secret is not None:
            return DerivedKeys.from_secret(self.secret.get_secret_value())
        return DerivedKeys.from_secret(secret_in(self.data_dir or default_data_dir()))


def export(**values: str | Path) -> None:
    """Set settings for this process and the workers it starts."""
    for name, value in values.items():
        os.environ[f"SOKHO_{name.upper()}"] = str(value)
