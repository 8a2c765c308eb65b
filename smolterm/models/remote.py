"""Asks the providers that speak a protocol of their own, through litellm."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from json import JSONDecodeError
from types import ModuleType
from typing import Any

from smolterm.errors import (
    BadReply,
    BadRequest,
    ContextTooLong,
    MissingExtra,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    NoKey,
    Overloaded,
    RateLimited,
    SmoltermError,
    StreamCut,
    WrongKey,
)
from smolterm.events import Usage
from smolterm.models import Delta, Done, Format, Message, ModelPart
from smolterm.models.blocks import READ_ON, BlockCutter
from smolterm.models.chunks import cut, usage_of
from smolterm.models.compatible import seconds_of_silence
from smolterm.models.failures import clean, from_status, secrets_in, unreachable
from smolterm.models.native import CallWriter, in_text, plain, to_native
from smolterm.models.providers import Route
from smolterm.models.retry import retry_after
from smolterm.models.stops import StopCutter
from smolterm.models.thinking import ThinkSplitter
from smolterm.models.wire import Options

# By name, because litellm's classes exist only once it is imported. A test compares the two lists.
FAILURES: Mapping[str, type[ModelError]] = {
    "APIConnectionError": StreamCut,
    "APIError": Overloaded,
    "APIResponseValidationError": BadReply,
    "AuthenticationError": WrongKey,
    "BadGatewayError": Overloaded,
    "BadRequestError": BadRequest,
    "BlockedPiiEntityError": BadRequest,
    "BudgetExceededError": BadRequest,
    "ContentPolicyViolationError": BadRequest,
    "ContextWindowExceededError": ContextTooLong,
    "GuardrailRaisedException": BadRequest,
    "ImageFetchError": BadRequest,
    "InternalServerError": Overloaded,
    "InvalidRequestError": BadRequest,
    "JSONSchemaValidationError": BadReply,
    "LiteLLMUnknownProvider": ModelNotFound,
    "MidStreamFallbackError": StreamCut,
    "MockException": BadReply,
    "ModelNotMappedError": BadRequest,
    "ModifyResponseException": BadReply,
    "NotFoundError": ModelNotFound,
    "OpenAIError": BadReply,
    "PaymentRequiredError": BadRequest,
    "PermissionDeniedError": WrongKey,
    "RateLimitError": RateLimited,
    "RejectedRequestError": BadRequest,
    "SensitiveDataRouteException": BadRequest,
    "ServiceUnavailableError": Overloaded,
    "Timeout": ModelTimeout,
    "UnprocessableEntityError": BadRequest,
    "UnsupportedParamsError": BadRequest,
    "VectorStoreSearchError": BadRequest,
}

# The status that says the same as our class, for the wording of `from_status`.
_STATUS: Mapping[type[ModelError], int] = {
    BadRequest: 400,
    ContextTooLong: 400,
    ModelNotFound: 404,
    ModelTimeout: 408,
    Overloaded: 503,
    RateLimited: 429,
    WrongKey: 401,
}

# These find credentials in files, roles and login tools, which `validate_environment` ignores.
_AMBIENT = ("azure", "bedrock", "oci", "sagemaker", "vertex_ai", "watsonx")

_PREFIX = re.compile(r"^(litellm\.\w+: *)+(\w+: *)?(\w+Exception - )?")
_TOOLS = re.compile(r"\b(tools?|function)\b", re.I)
_NOT_REACHED = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionRefusedError"}


class RemoteModel:
    """One model behind litellm. Construction imports it, which takes about 3 s.

    Raises:
        MissingExtra: litellm is not installed.
    """

    def __init__(self, route: Route, options: Options, environ: Mapping[str, str]) -> None:
        self.name = route.model
        self._route = route
        self._options = options
        self._environ = environ
        self._secrets = secrets_in(environ)
        self._litellm = _litellm()
        self.context_window = _context_window(self._litellm, route.model)
        self._takes_tools = _takes_tools(self._litellm, route.model)

    async def warm_up(self) -> None:
        pass

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        """Ask once and stream the reply. See `Model.reply`; trying again is the host's business."""
        self._check_key()
        format = format or Format()
        asked = self._options.with_format(format)
        split, cutter, calls = ThinkSplitter(), StopCutter(asked.stop), CallWriter()
        block, behind = BlockCutter(format.block), 0
        usage: Any = None
        stop = ""
        try:
            stream = await self._open(messages, asked, format)
            try:
                async for chunk in stream:
                    usage = getattr(chunk, "usage", None) or usage
                    for choice in list(chunk.choices or ())[:1]:
                        stop = choice.finish_reason or stop
                        for delta in block.cut(cutter.cut(_texts(choice.delta, split, calls))):
                            yield delta
                    behind += block.closed
                    if cutter.hit or behind > READ_ON:
                        break
            finally:
                await stream.aclose()
        except SmoltermError:
            raise
        except Exception as error:  # noqa: BLE001 - providers' libraries raise anything
            raise failure(error, self._route, self._secrets) from None
        last = (*split.finish(), *calls.finish())
        for delta in block.cut((*cutter.cut(last), *cutter.rest())):
            yield delta
        if _cut_short(stream) and not (cutter.hit or block.closed):
            raise cut(self._route)
        yield Done(usage=self._usage(usage), stop=clean(stop) or "stop")

    async def close(self) -> None:
        pass

    def _check_key(self) -> None:
        """Notice a missing key before the request: litellm's own error does not name it.

        Raises:
            NoKey: naming the variables.
        """
        if self._route.base_url or self._route.model.partition("/")[0].startswith(_AMBIENT):
            return
        found = self._litellm.validate_environment(model=self._route.model)
        missing = [str(name) for name in found.get("missing_keys") or ()]
        if missing and not found.get("keys_in_environment"):
            raise NoKey(
                f"No key for {self._route.provider}.",
                next=f"Set {' and '.join(missing)}, or choose another model.",
            )

    async def _open(self, messages: Sequence[Message], asked: Options, format: Format) -> Any:
        """Send the request; where the provider refuses tools, once more with them in words."""
        try:
            return await self._litellm.acompletion(**self._request(messages, asked, format))
        except Exception as error:
            named = isinstance(failure(error, self._route, self._secrets), BadRequest)
            if not (format.tools and self._takes_tools and named and _TOOLS.search(str(error))):
                raise
        self._takes_tools = False
        return await self._litellm.acompletion(**self._request(messages, asked, format))

    def _request(
        self, messages: Sequence[Message], asked: Options, format: Format
    ) -> dict[str, Any]:
        native = bool(format.tools) and self._takes_tools
        if not native:
            messages = in_text(messages, format.tools)
        request: dict[str, Any] = {
            "model": self._route.model,
            "messages": to_native(messages) if native else plain(messages),
            "tools": list(format.tools) if native else None,
            # Else litellm imports a package for servers of tools, which its extra does not bring.
            "_skip_mcp_handler": True if native else None,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": asked.temperature,
            "max_tokens": asked.max_tokens,
            "stop": list(asked.stop) or None,
            "timeout": seconds_of_silence(self._route, self._options),
            "max_retries": 0,
            "num_retries": 0,
            "drop_params": True,
        }
        if self._route.base_url:
            request["api_base"] = self._route.base_url
            # Always given: litellm would send the provider's own key to the foreign address.
            request["api_key"] = self._environ.get(self._route.key_env, "") or "none"
        return {name: value for name, value in request.items() if value is not None}

    def _usage(self, found: Any) -> Usage:
        """Return the usage with its price; without one where litellm knows none."""
        if found is None:
            return Usage(cost=0.0 if self._route.is_local else None)
        usage = usage_of(found.model_dump(), self._route)
        if self._route.is_local:
            return usage
        try:
            answered = self._litellm.ModelResponse(model=self._route.model, usage=found)
            cost = self._litellm.completion_cost(answered, model=self._route.model)
        except Exception:  # noqa: BLE001 - it raises bare Exception for an unknown model
            return usage
        return Usage(
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            completion_tokens=usage.completion_tokens,
            cost=float(cost),
        )


def failure(error: BaseException, route: Route, secrets: tuple[str, ...]) -> ModelError:
    """Return our error for any exception that comes out of litellm."""
    said = _PREFIX.sub("", str(error)).partition(" Original exception: ")[0]
    words = clean(said, secrets)
    for cause in _chain(error):
        if type(cause).__name__ in _NOT_REACHED or "Cannot connect to host" in str(cause):
            return unreachable(route, words)
        if isinstance(cause, JSONDecodeError):
            return BadReply(f"{route.provider} sent something that is no part of a reply: {words}")
    kind = next((FAILURES[c.__name__] for c in type(error).__mro__ if c.__name__ in FAILURES), None)
    if kind is StreamCut:
        return cut(route, words)
    if kind is None or kind not in _STATUS:
        return BadReply(f"{route.provider} answered with nonsense: {words}")
    code = "context_length_exceeded" if kind is ContextTooLong else ""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    wait = retry_after({k.lower(): v for k, v in headers.items()}, time.time())
    status = _STATUS[kind]
    if kind is Overloaded and 400 <= (told := getattr(error, "status_code", None) or 0) < 600:
        # Its catch-all class carries every status that has no class of its own.
        status = told
    return from_status(status, code, words, route, wait)


def _litellm() -> ModuleType:
    try:
        import litellm
    except ImportError as error:
        raise MissingExtra(
            f"This model needs litellm, which cannot be imported ({clean(str(error))}).",
            next="pip install 'smolterm[litellm]'",
        ) from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.set_verbose = False
    module: ModuleType = litellm
    return module


def _context_window(litellm: ModuleType, model: str) -> int | None:
    try:
        found = litellm.get_model_info(model).get("max_input_tokens")
    except Exception:  # noqa: BLE001 - it raises bare Exception for an unknown model
        return None
    return found if isinstance(found, int) and found > 0 else None


def _takes_tools(litellm: ModuleType, model: str) -> bool:
    """Whether litellm would pass tools on; it drops them without a word where it would not."""
    try:
        return "tools" in (litellm.get_supported_openai_params(model=model) or ())
    except Exception:  # noqa: BLE001 - it raises bare Exception for an unknown model
        return False


def _texts(delta: Any, split: ThinkSplitter, calls: CallWriter) -> Iterator[Delta]:
    if thought := getattr(delta, "reasoning_content", None):
        yield Delta(channel="reasoning", text=str(thought))
    if text := getattr(delta, "content", None):
        calls.heard(str(text))
        yield from split.feed(str(text))
    if called := getattr(delta, "tool_calls", None):
        yield from split.finish()
        yield from calls.feed(called)


def _cut_short(stream: Any) -> bool:
    """Whether the provider gave no reason to stop: litellm then invents one."""
    seen = getattr(stream, "received_finish_reason", "stop")
    return not (seen or getattr(stream, "intermittent_finish_reason", None))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
