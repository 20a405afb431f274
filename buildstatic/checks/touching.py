"""Settings that ask a database or the network while they are imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from buildstatic.checks.context import CheckContext
from buildstatic.checks.executed import Call, calls
from buildstatic.checks.finding import Finding, Severity
from buildstatic.project import files

DATABASE, NETWORK = "settings-touch-database", "settings-touch-network"
CODES = {
    DATABASE: "the settings ask a database while they are imported",
    NETWORK: "the settings ask the network while they are imported",
}
METHODS = "get|options|head|post|put|patch|delete|request|send|stream"
TO_DATABASE = re.compile(
    r"(?:psycopg2?|psycopg\.Connection|asyncpg|MySQLdb|pymysql|oracledb|cx_Oracle|pyodbc)\.connect"
    r"|django\.db\.connections?(?:\[\])?\.(?:cursor|connect|ensure_connection)"
    r"|\w[\w.]*\.objects\.\w+"
)
TO_NETWORK = re.compile(
    rf"(?:requests|httpx)\.(?:{METHODS})"
    rf"|(?:requests\.[sS]ession|httpx\.(?:Async)?Client)\(\)\.(?:{METHODS})"
    r"|urllib3\.(?:PoolManager\(\)\.)?(?:request|urlopen)"
    r"|urllib\.request\.(?:urlopen|urlretrieve)"
    r"|socket\.(?:create_connection|gethostbyname(?:_ex)?|getaddrinfo|socket\(\)\.connect)"
    r"|http\.client\.HTTPS?Connection\(\)\.(?:request|connect)"
    r"|(?:boto3(?:\.[sS]ession\.Session\(\)|\.Session\(\))?\.(?:client|resource)\(\))\.[a-z]\w*"
    r"|google\.cloud\.secretmanager\.SecretManagerServiceClient\(\)\.\w+"
    r"|(?:redis\.(?:Strict)?Redis(?:\.from_url)?|redis\.from_url)\(\)\.\w+"
    r"|hvac\.Client\(\)\.[\w.]+"
)
# Its own name, which a machine without a network knows as well.
OWN_NAME = "socket.gethostname"


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield each such call in the settings, and in what they import of the project's own."""
    for path in case.modules:
        file = files.relative(path, case.root)
        for call in calls(files.read_python(path, case.root)):
            if TO_DATABASE.fullmatch(call.name):
                yield _finding(case, DATABASE, file, call)
            elif TO_NETWORK.fullmatch(call.name) and not _asks_for_itself(call):
                yield _finding(case, NETWORK, file, call)


def _asks_for_itself(call: Call) -> bool:
    first = call.node.args[0] if call.node.args else None
    name = ast.unparse(first.func) if isinstance(first, ast.Call) else ""
    return name in (OWN_NAME, "gethostname")


def _finding(case: CheckContext, code: str, file: str, call: Call) -> Finding:
    severity = Severity.WARNING if call.is_maybe else Severity.ERROR
    if code == NETWORK and case.config.network:
        severity = Severity.INFO
    what = "a database" if code == DATABASE else "the network"
    return Finding(
        code,
        severity,
        file,
        call.line,
        f"{call.name}(…) asks {what} while the settings are imported.",
        "The build that collects has none, nor has every manage.py: it fails, or waits.",
        "Ask when the value is needed first, or take it from an environment variable.",
    )
