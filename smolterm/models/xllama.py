"""llama.cpp's own functions out of xllamacpp's wheel, for machines without a compiler.

The wheel's one library exports them beside its Python module, whose server would listen on a port
that anybody on the machine can reach, print to the terminal, and neither report what it reads nor
stop in the middle of it. So the module is never imported, and `LlamaEngine` does with these
functions what it does with those of llama-cpp-python.

The structs are those of one release's `llama.h`: fields move from one to the next, and a wrong
layout hands llama.cpp pointers for numbers. Whoever moves VERSION compares that header with the
structs and FUNCTIONS first.
"""

from __future__ import annotations

import ctypes as ct
import importlib.metadata
import importlib.util
import platform
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from smolterm.errors import MissingExtra
from smolterm.models.failures import clean

NAME = "xllamacpp"
VERSION = "2026.10.11549"
"""The release whose `llama.h` these structs are; the one that the extra installs."""
NEEDED = ("avx2", "bmi2", "f16c", "fma")
"""What the wheel for Linux on x86-64 was compiled for; without them the process is killed."""
COMPILED = "pip install 'smolterm[local]', which compiles llama.cpp for this machine."

token = ct.c_int32
progress_callback = ct.CFUNCTYPE(ct.c_bool, ct.c_float, ct.c_void_p)
abort_callback = ct.CFUNCTYPE(ct.c_bool, ct.c_void_p)
log_callback = ct.CFUNCTYPE(None, ct.c_int, ct.c_char_p, ct.c_void_p)


def _integers(names: str, kind: Any = ct.c_int32) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class Model(ct.Structure):
    """How a file is loaded."""

    _fields_ = (
        *_integers("devices tensor_buft_overrides", ct.c_void_p),
        *_integers("n_gpu_layers split_mode load_mode lazy_mode main_gpu"),
        ("tensor_split", ct.c_void_p),
        ("progress_callback", progress_callback),
        *_integers("progress_callback_user_data kv_overrides", ct.c_void_p),
        *_integers("vocab_only check_tensors use_extra_bufts no_host no_alloc load_mtp", ct.c_bool),
    )


class Context(ct.Structure):
    """How a context is made."""

    _fields_ = (
        *_integers("n_ctx n_batch n_ubatch n_seq_max n_rs_seq", ct.c_uint32),
        *_integers("n_outputs_max n_outputs_max_per_seq", ct.c_uint32),
        *_integers("n_threads n_threads_batch"),
        *_integers("ctx_type rope_scaling_type pooling_type attention_type flash_attn_type"),
        *_integers("rope_freq_base rope_freq_scale yarn_ext_factor", ct.c_float),
        *_integers("yarn_attn_factor yarn_beta_fast yarn_beta_slow", ct.c_float),
        ("yarn_orig_ctx", ct.c_uint32),
        ("defrag_thold", ct.c_float),
        *_integers("cb_eval cb_eval_user_data", ct.c_void_p),
        *_integers("type_k type_v"),
        ("moe_cache_size", ct.c_size_t),
        ("abort_callback", abort_callback),
        ("abort_callback_data", ct.c_void_p),
        *_integers("embeddings offload_kqv no_perf op_offload swa_full kv_unified", ct.c_bool),
        ("samplers", ct.c_void_p),
        ("n_samplers", ct.c_size_t),
        ("ctx_other", ct.c_void_p),
    )


class Batch(ct.Structure):
    """Tokens to evaluate."""

    _fields_ = (
        ("n_tokens", ct.c_int32),
        ("token", ct.POINTER(token)),
        *_integers("embd pos n_seq_id seq_id logits", ct.c_void_p),
    )


class Chain(ct.Structure):
    """How a chain of samplers is made."""

    _fields_ = (("no_perf", ct.c_bool),)


class Candidate(ct.Structure):
    """A token that may be sampled."""

    _fields_ = (("id", token), ("logit", ct.c_float), ("p", ct.c_float))


class Candidates(ct.Structure):
    """All of them."""

    _fields_ = (
        ("data", ct.POINTER(Candidate)),
        ("size", ct.c_size_t),
        ("selected", ct.c_int64),
        ("sorted", ct.c_bool),
    )


_AT, _INT, _TEXT, _TRUTH = ct.c_void_p, ct.c_int32, ct.c_char_p, ct.c_bool
_TOKENS = ct.POINTER(token)
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "batch_get_one": (Batch, _TOKENS, _INT),
    "context_default_params": (Context,),
    "decode": (_INT, _AT, Batch),
    "free": (None, _AT),
    "get_logits_ith": (ct.POINTER(ct.c_float), _AT, _INT),
    "get_memory": (_AT, _AT),
    "init_from_model": (_AT, _AT, Context),
    "log_set": (None, log_callback, _AT),
    "memory_clear": (None, _AT, _TRUTH),
    "memory_seq_rm": (_TRUTH, _AT, _INT, _INT, _INT),
    "model_default_params": (Model,),
    "model_free": (None, _AT),
    "model_get_vocab": (_AT, _AT),
    "model_load_from_file": (_AT, _TEXT, Model),
    "model_meta_val_str": (_INT, _AT, _TEXT, _TEXT, ct.c_size_t),
    "n_ctx": (ct.c_uint32, _AT),
    "sampler_accept": (None, _AT, token),
    "sampler_apply": (None, _AT, ct.POINTER(Candidates)),
    "sampler_chain_add": (None, _AT, _AT),
    "sampler_chain_default_params": (Chain,),
    "sampler_chain_init": (_AT, Chain),
    "sampler_free": (None, _AT),
    "sampler_init_dist": (_AT, ct.c_uint32),
    "sampler_init_grammar": (_AT, _AT, _TEXT, _TEXT),
    "sampler_init_greedy": (_AT,),
    "sampler_init_min_p": (_AT, ct.c_float, ct.c_size_t),
    "sampler_init_temp": (_AT, ct.c_float),
    "sampler_init_top_k": (_AT, _INT),
    "sampler_init_top_p": (_AT, ct.c_float, ct.c_size_t),
    "sampler_sample": (token, _AT, _AT, _INT),
    "state_seq_load_file": (
        ct.c_size_t, _AT, _TEXT, _INT, _TOKENS, ct.c_size_t, ct.POINTER(ct.c_size_t)
    ),
    "state_seq_save_file": (ct.c_size_t, _AT, _TEXT, _INT, _TOKENS, ct.c_size_t),
    "supports_gpu_offload": (_TRUTH,),
    "token_to_piece": (_INT, _AT, token, _TEXT, _INT, _INT, _TRUTH),
    "tokenize": (_INT, _AT, _TEXT, _INT, _TOKENS, _INT, _TRUTH, _TRUTH),
    "vocab_bos": (token, _AT),
    "vocab_eos": (token, _AT),
    "vocab_get_add_bos": (_TRUTH, _AT),
    "vocab_get_text": (_TEXT, _AT, token),
    "vocab_is_eog": (_TRUTH, _AT, token),
    "vocab_n_tokens": (_INT, _AT),
    "vocab_type": (ct.c_int, _AT),
}  # fmt: skip
"""By their names without `llama_`: what each returns, and what it takes."""

DEFAULTS: dict[type[ct.Structure], dict[str, Any]] = {
    Model: {"n_gpu_layers": -1, "split_mode": 1, "load_mode": -1, "lazy_mode": 1, "main_gpu": 0,
            "vocab_only": False, "check_tensors": False, "use_extra_bufts": True,
            "no_host": False, "no_alloc": False, "load_mtp": False},
    Context: {"n_ctx": 512, "n_batch": 2048, "n_ubatch": 512, "n_seq_max": 1, "n_outputs_max": 0,
              "n_outputs_max_per_seq": 1, "rope_scaling_type": -1, "pooling_type": -1,
              "attention_type": -1, "flash_attn_type": -1, "yarn_beta_slow": -1.0,
              "defrag_thold": -1.0, "type_k": 1, "type_v": 1, "moe_cache_size": 0,
              "abort_callback_data": None, "embeddings": False, "offload_kqv": True,
              "no_perf": True, "op_offload": True, "swa_full": True, "kv_unified": False,
              "n_samplers": 0, "ctx_other": None},
}  # fmt: skip
"""What the release's functions fill in: it is found elsewhere when the fields are elsewhere."""


def functions() -> Any:
    """Return llama.cpp's functions, types and numbers by the names llama-cpp-python has for them.

    Raises:
        MissingExtra: the wheel is not installed, is another release, or cannot run here.
    """
    path = _library()
    if lacking := lacking_features():
        raise MissingExtra(
            f"{NAME} cannot run on this processor, which has no {', '.join(lacking)}.",
            next=COMPILED,
        )
    try:
        c = ct.CDLL(str(path))
        found = {f"llama_{name}": _declared(c, name, *kinds) for name, kinds in FUNCTIONS.items()}
    except (OSError, AttributeError) as error:
        said = clean(str(error))
        raise MissingExtra(
            f"{NAME}'s library cannot be used ({said}).",
            next="Install libgomp1, of the system's packages." if "libgomp" in said else COMPILED,
        ) from None
    for kind, name in ((Model, "llama_model"), (Context, "llama_context")):
        made = found[f"{name}_default_params"]()
        wrong = [key for key, value in DEFAULTS[kind].items() if getattr(made, key) != value]
        if wrong:
            raise MissingExtra(
                f"{NAME} {VERSION} is not built as it should be ({wrong[0]} is out of place).",
                next=f"pip install --force-reinstall {NAME}=={VERSION}",
            )
    return SimpleNamespace(
        **found,
        __name__=NAME,
        __version__=f"{NAME} {VERSION}",
        llama_token=token,
        llama_token_data=Candidate,
        llama_token_data_p=ct.POINTER(Candidate),
        llama_token_data_array=Candidates,
        llama_progress_callback=progress_callback,
        llama_log_callback=log_callback,
        ggml_abort_callback=abort_callback,
        LLAMA_FLASH_ATTN_TYPE_ENABLED=1,
    )


def lacking_features(about: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Return what the wheel was compiled for and this processor lacks; empty where nobody says."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return []
    try:
        lines = about.read_text(errors="replace").splitlines()
    except OSError:
        return []
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    return [] if flags is None else [name for name in NEEDED if name not in flags]


def _library() -> Path:
    """Find the wheel's library without importing its module."""
    found = importlib.util.find_spec(NAME)
    folders = (found and found.submodule_search_locations) or ()
    paths = [path for folder in folders for path in sorted(Path(folder).glob(f"{NAME}*.so"))]
    if not paths:
        raise MissingExtra(f"{NAME} is not installed.", next="pip install 'smolterm[local-wheels]'")
    try:
        version = importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown release"
    if version.partition("+")[0] != VERSION:
        raise MissingExtra(
            f"{NAME} {clean(version)} is installed, whose functions may differ from {VERSION}'s.",
            next=f"pip install {NAME}=={VERSION}",
        )
    return paths[0]


def _declared(c: ct.CDLL, name: str, returns: Any, *takes: Any) -> Any:
    function = getattr(c, f"llama_{name}")
    function.restype, function.argtypes = returns, takes
    return function
