"""A contender: how it is started, asked and understood."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from api.embedded.machine import free_port
from api.settings import CHECKOUT
from benchmarks.operations.questions import Asked

Variables = Callable[["Serving", Asked], dict[str, Any]]
_PATIENCE = 60.0


def _as_asked(_serving: "Serving", asked: Asked) -> dict[str, Any]:
    return asked.variables


def _as_answered(_operation: str, data: Any) -> Any:
    return data


@dataclass(frozen=True, kw_only=True)
class Contender:
    """`documents` is None where an operation is known by its name; `plain` turns the `data` of an
    answer into the shape of the product's."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    documents: Mapping[str, str] | None
    headers: Callable[[Asked], Mapping[str, str]]
    variables: Variables = _as_asked
    plain: Callable[[str, Any], Any] = _as_answered


@dataclass(frozen=True)
class Serving:
    """A contender's server at work on a port of its own."""

    contender: Contender
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def body(self, asked: Asked) -> bytes:
        variables = self.contender.variables(self, asked)
        told: dict[str, Any] = {"operationName": asked.operation, "variables": variables}
        if self.contender.documents is not None:
            told["query"] = self.contender.documents[asked.operation]
        return json.dumps(told).encode()

    def request(self, asked: Asked) -> bytes:
        """The HTTP request as it goes over the wire."""
        body = self.body(asked)
        headers = {
            "host": f"127.0.0.1:{self.port}",
            "content-type": "application/json",
            "accept": "application/json",
            "content-length": str(len(body)),
            **self.contender.headers(asked),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /graphql HTTP/1.1\r\n{lines}\r\n".encode() + body

    def ask_document(self, document: str, variables: dict[str, Any], asked: Asked) -> Any:
        """Another document, as the same caller."""
        return self.ask(asked, json.dumps({"query": document, "variables": variables}).encode())

    def ask(self, asked: Asked, body: bytes | None = None) -> Any:
        """The `data` of an answer, in the contender's own shape."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        headers = {"content-type": "application/json", "accept": "application/json"}
        headers |= self.contender.headers(asked)
        connection.request("POST", "/graphql", body or self.body(asked), headers)
        text = connection.getresponse().read()
        connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            raise RuntimeError(f"{self.contender.name} answered {text[:500]!r}.") from None
        if answer.get("errors") or "data" not in answer:
            raise RuntimeError(f"{self.contender.name} refused {asked}: {str(answer)[:1000]}")
        return answer["data"]


@contextmanager
def serving(contender: Contender, *, logs: Path, trial: Asked) -> Iterator[Serving]:
    """The server while the block runs, from when it has answered `trial`."""
    port = free_port()
    environment = os.environ | contender.environment | {"PORT": str(port)}
    log = logs / f"{contender.name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            contender.command, cwd=CHECKOUT, env=environment, stdout=file, stderr=file
        )
    try:
        at_work = Serving(contender, port, process)
        _wait_for(at_work, trial, log)
        yield at_work
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


def _wait_for(at_work: Serving, trial: Asked, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            at_work.ask(trial)
        except (OSError, RuntimeError) as error:
            ended = at_work.process.poll() is not None
            if ended or time.monotonic() > until:
                words = log.read_text(errors="replace")[-1500:]
                name = at_work.contender.name
                raise RuntimeError(f"{name} did not begin to serve: {error}\n{words}") from error
            time.sleep(0.1)
        else:
            return
