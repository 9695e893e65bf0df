"""The few exceptions; everything else that goes wrong is a `Reason` in an outcome.

HubError
├── TranslationError     a message cannot be read: dead letter, the sender gets its reason
├── SignatureError       a message cannot be believed: 401 or 403 and the security log
├── ConflictError        the same key with another content
├── TransportError       the other side cannot be reached now: try again (exit code 69)
└── ConfigurationError   the hub must not start like this: a person must look (exit code 78)
"""

from collections.abc import Mapping

from schemas.reasons import Reason, reason_text


class HubError(Exception):
    """The hub cannot go on as asked; `reason` with its parameters says why in both languages."""

    exit_code = 70

    def __init__(self, reason: Reason, parameters: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{reason}: {reason_text(reason, 'en', parameters)}")
        self.reason = reason
        self.parameters = dict(parameters or {})


class TranslationError(HubError):
    """The message cannot be read: it becomes a dead letter with this reason."""


class SignatureError(HubError):
    """The message cannot be believed: answer as the reason says and write the security log."""


class ConflictError(HubError):
    """The key was used before with another content: nothing was done."""


class TransportError(HubError):
    """The other side cannot be reached now: the same call may succeed later."""

    exit_code = 69


class ConfigurationError(HubError):
    """The hub must not start like this: correct what the text names, then start it again."""

    exit_code = 78


def setting_invalid(setting: str, fault: str, remedy: str) -> ConfigurationError:
    """Return SETTING_INVALID for a setting by its name, what is wrong with it, and what to do."""
    return ConfigurationError(Reason.SETTING_INVALID, {"setting": setting, "fault": fault, "remedy": remedy})
