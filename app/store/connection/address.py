"""The one place that reads a database URL: every libpq form of it becomes arguments of the driver."""

import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import asyncpg

APPLICATION_NAME = "lead-assignment"
CONNECT_SECONDS = 10.0
"""How long a command tries to connect, unless the URL sets `connect_timeout`."""

_URL = re.compile(r"postgres(?:ql)?://(?:([^@/?]*)@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?", re.DOTALL)
_HOST = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]*))?")
_FROM_ENVIRONMENT = {
    "service": "PGSERVICE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
}
"""What libpq takes from the environment and the driver does not. The driver reads the other variables."""
_OF_THE_DRIVER = ("user", "password", "passfile", "target_session_attrs", "krbsrvname", "gsslib")
_OF_TLS = (
    "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version",
)  # fmt: skip
_WITHOUT_EFFECT = frozenset((
    "client_encoding", "fallback_application_name", "gssencmode", "gssdelegation", "channel_binding",
    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
    "load_balance_hosts", "sslcertmode", "sslcompression", "sslsni",
))  # fmt: skip
"""Options of libpq that the driver has no counterpart for, and that change nothing about what is safe."""
_WEAKER_WITHOUT = {
    "channel_binding": ("require",),
    "gssencmode": ("require",),
    "require_auth": None,
    "requirepeer": None,
    "sslcrldir": None,
}
"""Options, with these values or any, that ask for protection which the driver cannot give."""


class InvalidAddress(ValueError):
    """A database URL that cannot be used. The message names no value, since those may be secret."""


def connect_arguments(url: str) -> dict[str, Any]:
    """The arguments of `connect` for a database URL.

    Raises InvalidAddress.
    """
    options = _options(url)
    hosts, ports = _places(options)
    arguments: dict[str, Any] = {name: options.pop(name) for name in _OF_THE_DRIVER if name in options}
    if hosts:
        arguments["host"] = hosts
    if ports:
        arguments["port"] = ports if hosts else ports[0]
    if database := options.pop("dbname", None):
        arguments["database"] = database
    if seconds := options.pop("connect_timeout", None):
        arguments["timeout"] = _timeout(seconds)
    if tls := _tls(options):
        arguments["dsn"] = f"postgresql://?{urlencode(tls)}"
    name = options.get("application_name") or options.get("fallback_application_name") or APPLICATION_NAME
    kept = {key: value for key, value in options.items() if key not in _WITHOUT_EFFECT}
    # What is left are settings of the server.
    arguments["server_settings"] = {**kept, "application_name": name}
    return arguments


async def connect(**arguments: Any) -> asyncpg.Connection:
    """Open a connection. Of several hosts the first one that fits counts, and a silent one costs its share.

    The driver would spend the whole time on a first host that does not answer. `timeout` is in seconds, None
    for no limit. Raises what the driver raises: that a host is of another kind, if one of them answered.
    """
    places = list(_each_host(arguments))
    if len(places) < 2 or arguments.get("target_session_attrs") == "prefer-standby":
        connection: asyncpg.Connection = await asyncpg.connect(**arguments)
        return connection
    seconds = arguments.get("timeout", CONNECT_SECONDS)
    until = None if seconds is None else time.monotonic() + seconds
    other: asyncpg.TargetServerAttributeNotMatched | None = None
    for left, place in zip(range(len(places), 0, -1), places, strict=True):
        share = None if until is None else max(0.0, until - time.monotonic()) / left
        try:
            return await asyncpg.connect(**{**arguments, **place, "timeout": share})
        except (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.TargetServerAttributeNotMatched,
        ) as error:
            if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
                other = error
            if left == 1:
                if other is not None and other is not error:
                    raise other from error
                raise
    raise AssertionError


async def connect_to(url: str, **options: Any) -> asyncpg.Connection:
    """Open one connection to a database URL. Raises InvalidAddress, and what the driver raises."""
    return await connect(**{"timeout": CONNECT_SECONDS, **connect_arguments(url), **options})


def _each_host(arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    hosts, ports = arguments.get("host") or [], arguments.get("port")
    for number, host in enumerate(hosts):
        yield {"host": host, "port": ports[number] if isinstance(ports, list) else ports}


def _options(url: str) -> dict[str, str]:
    """The options of a URL by their names in libpq: its own, then those of its service, then the rest."""
    found = _URL.fullmatch(url)
    if found is None:
        raise InvalidAddress("A database URL starts with postgresql:// and is percent-encoded.")
    login, place, database, query = found.groups(default="")
    user, _, password = login.partition(":")
    own = {"user": unquote(user), "password": unquote(password), "dbname": unquote(database)}
    own |= _hosts_and_ports(place)
    try:
        own |= dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        raise InvalidAddress("The query of the database URL is not of the form name=value&…") from None
    if "database" in own:
        own["dbname"] = own.pop("database")
    around = {name: os.environ.get(variable, "") for name, variable in _FROM_ENVIRONMENT.items()}
    own = {name: value for name, value in own.items() if value}
    merged = {**around, **own}
    service, file = merged.pop("service", ""), merged.pop("servicefile", "")
    if service:
        merged = {**around, **_service(service, file), **own}
        merged.pop("service", None)
    _refuse(merged)
    return {name: value for name, value in merged.items() if value and name != "servicefile"}


def _refuse(options: Mapping[str, str]) -> None:
    for name, values in _WEAKER_WITHOUT.items():
        if name in options and (values is None or options[name] in values):
            raise InvalidAddress(
                f"The service cannot honor {name} of the database URL."
                " Use sslmode=verify-full, and take it out."
            )


def _hosts_and_ports(text: str) -> dict[str, str]:
    """Hosts and ports of the part between `@` and `/`, each joined by commas."""
    if not text:
        return {}
    hosts, ports = [], []
    for each in text.split(","):
        found = _HOST.fullmatch(each)
        if found is None:
            raise InvalidAddress("A host in the database URL cannot be read. An IPv6 address needs brackets.")
        hosts.append(found[1] or unquote(found[2] or ""))
        ports.append(found[3] or "")
    return {"host": ",".join(hosts).strip(","), "port": ",".join(ports) if any(ports) else ""}


def _places(options: dict[str, str]) -> tuple[list[str], list[int]]:
    """The hosts and their ports. An address in `hostaddr` is where to connect to, whatever its name."""
    address = options.pop("hostaddr", "")
    if address and "host" in options and options.get("sslmode") == "verify-full":
        raise InvalidAddress("With sslmode=verify-full, name the host in the database URL without hostaddr.")
    hosts = [each for each in (address or options.pop("host", "")).split(",") if each]
    options.pop("host", None)
    try:
        ports = [int(each or os.environ.get("PGPORT", "5432")) for each in options.pop("port", "").split(",")]
    except ValueError:
        raise InvalidAddress("A port in the database URL is not a number.") from None
    if ports == [5432] and not hosts:
        return hosts, []
    if len(ports) == 1:
        ports *= max(1, len(hosts))
    if hosts and len(ports) != len(hosts):
        raise InvalidAddress("The database URL names another number of ports than of hosts.")
    return hosts, ports


def _timeout(text: str) -> float | None:
    """Seconds to connect in. As in libpq, 0 is no limit, and 1 is 2."""
    try:
        seconds = int(text)
    except ValueError:
        raise InvalidAddress("connect_timeout of the database URL is not a number of seconds.") from None
    return max(2.0, seconds) if seconds > 0 else None


def _tls(options: dict[str, str]) -> dict[str, str]:
    tls = {name: options.pop(name) for name in _OF_TLS if name in options}
    if tls.get("sslrootcert") == "system":
        bundle = ssl.get_default_verify_paths().cafile
        if bundle is None:
            raise InvalidAddress("sslrootcert=system: this system has no file of certificate authorities.")
        tls |= {"sslrootcert": bundle, "sslmode": "verify-full"}
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        if name in tls and not os.access(tls[name], os.R_OK):
            raise InvalidAddress(f"{name} in the database URL names a file that cannot be read.")
    return tls


def _service(name: str, file: str) -> dict[str, str]:
    """The options of a service. The first file that defines it counts, as in libpq."""
    for path in _service_files(file):
        found = _sections(path).get(name)
        if found is not None:
            return found
    raise InvalidAddress("The service that the database URL names is in no service file.")


def _service_files(file: str) -> Iterator[Path]:
    named = file or os.environ.get("PGSERVICEFILE")
    if named:
        yield Path(named)
    elif home := os.environ.get("HOME"):
        yield Path(home, ".pg_service.conf")
    if folder := os.environ.get("PGSYSCONFDIR"):
        yield Path(folder, "pg_service.conf")


def _sections(path: Path) -> dict[str, dict[str, str]]:
    # Not by `configparser`, which gives `%` in a password a meaning.
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in map(str.strip, lines):
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            current.setdefault(key.strip(), value.strip())
    return sections
