"""What a command does before it imports the rest: choose the model and start its host."""

from __future__ import annotations

import os

from smolterm.config import Settings
from smolterm.errors import UsageError
from smolterm.models.launch import Launched, launch
from smolterm.models.providers import default_model


def launch_model(settings: Settings) -> Launched:
    """Start the host of the model that the settings name.

    Raises:
        UsageError: no model is named and no key is set, or its key is missing.
    """
    return launch(model_name(settings), settings.api_base or None)


def model_name(settings: Settings) -> str:
    """Return the model that the settings name, or one whose key is set.

    Raises:
        UsageError: there is neither.
    """
    name = settings.model or default_model(os.environ)
    if not name:
        from smolterm.models.offers import has_engine, words_for_nobody
        from smolterm.models.survey import survey

        raise UsageError(
            "No model is set, and no provider's key either.",
            next=words_for_nobody(survey(os.environ), engine=has_engine()),
        )
    return name
