"""Every exception that Montage raises on purpose, in one tree.

MontageError
├── ConfigError            a setting is unknown, malformed or contradictory
├── InputError             the photos, the archive or the truth file cannot be used at all
│   └── NoPhotosError      nothing in the input is a readable photo
├── PhotoError             one photo cannot be used; the event goes on without it
├── ModelError             a model folder is damaged or of the wrong kind
│   └── ModelUnavailableError   the weights are neither on this machine nor reachable
└── OutputError            the result cannot be written where it was asked for
"""

__all__ = [
    "ConfigError",
    "InputError",
    "ModelError",
    "ModelUnavailableError",
    "MontageError",
    "NoPhotosError",
    "OutputError",
    "PhotoError",
]


class MontageError(Exception):
    """Base of all errors that a user can act on; its text says what to do."""

    exit_code = 1


class ConfigError(MontageError):
    """A setting is unknown, malformed or contradicts another."""

    exit_code = 2


class InputError(MontageError):
    """The input as a whole cannot be used."""

    exit_code = 3


class NoPhotosError(InputError):
    """Nothing in the input is a readable photo."""


class PhotoError(MontageError):
    """One photo cannot be used; `reason` is a short word for it, the message a sentence."""

    exit_code = 3

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ModelError(MontageError):
    """A model folder is damaged or of the wrong kind."""

    exit_code = 4


class ModelUnavailableError(ModelError):
    """The weights are neither on this machine nor reachable."""


class OutputError(MontageError):
    """The result cannot be written where it was asked for."""

    exit_code = 5
