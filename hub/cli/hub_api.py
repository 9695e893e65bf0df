"""The read API of a running hub, as the reading verbs use it: masking, roles and audit are those of the page."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer

from hub.cli.output import VerbError, language
from hub.cli.words import told
from hub.runtime.settings import read_settings
from schemas.reasons import Reason, reason_text

T = TypeVar("T")
URL = Annotated[
    str, typer.Option("--url", envvar="MEDCREDIT_URL", help="Address of a running hub; else as MEDCREDIT_WEB says.")
]
TOKEN = Annotated[str, typer.Option("--token", envvar="MEDCREDIT_TOKEN", help="Bearer token of your source.")]
_PREFIX: Final = "/api/v1"
_SECONDS: Final = 10.0
_EXIT_CODES: Final = {401: 77, 403: 77, 404: 4, 400: 2, 422: 2, 503: 69}


class HubApi:
    """Asks one hub; every answer is one of the API's types."""

    def __init__(self, url: str, token: str) -> None:
        """An empty `url` is the address this machine's settings name; an empty token asks as nobody."""
        self._url = (url or f"http://{read_settings(profile='demo').web}").rstrip("/")
        self._token = token

    def get(self, path: str, kind: type[T], **query: str) -> T:
        """Return the answer of a GET; raises VerbError with the hub's own words for a refusal, 69 for no answer."""
        asked = urllib.parse.urlencode({name: value for name, value in query.items() if value})
        url = f"{self._url}{_PREFIX}{path}" + (f"?{asked}" if asked else "")
        if not url.startswith(("http://", "https://")):
            raise VerbError("USAGE", f"{self._url} is no http address.", exit_code=2)
        request = urllib.request.Request(url, headers=self._headers())  # noqa: S310 - the scheme was checked
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - likewise
                return msgspec.json.decode(response.read(), type=kind)
        except urllib.error.HTTPError as refused:
            raise _problem(refused) from None
        except (OSError, msgspec.DecodeError):
            raise self._away() from None

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {"Accept-Language": language()}
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers

    def _away(self) -> VerbError:
        text = reason_text(Reason.DEPENDENCY_UNREACHABLE, language(), {"dependency": f"The hub at {self._url}"})
        return VerbError(
            Reason.DEPENDENCY_UNREACHABLE,
            text,
            exit_code=69,
            do=told("start_hub"),
            retriable=True,
        )


def quoted(key: str) -> str:
    """Return a key as it stands in a path."""
    return urllib.parse.quote(key, safe="")


def not_found(key: str) -> VerbError:
    """Return the failure of a key under which nothing is stored."""
    text = reason_text(Reason.NOT_FOUND, language())
    return VerbError(Reason.NOT_FOUND, f"{key}: {text}", exit_code=4, do=told("whole_key"))


def _problem(refused: urllib.error.HTTPError) -> VerbError:
    try:
        document: dict[str, Any] = json.loads(refused.read())
    except ValueError:
        document = {}
    code, text = str(document.get("code", refused.code)), str(document.get("detail", refused.reason))
    exit_code = _EXIT_CODES.get(refused.code, 3)
    return VerbError(code, text, exit_code=exit_code, retriable=bool(document.get("retriable")))
