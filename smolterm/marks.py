"""The marks that models put around reasoning and code, as one regular expression each. Pure.

Every pattern is linear on any text: repeats are bounded or cannot overlap what follows them.
"""

from __future__ import annotations

import re

PYTHON = frozenset({
    "python", "py", "python3", "py3", "python2", "ipython", "ipython3", "pycon", "pyodide",
    "tool_code", "code", "python-repl", "repl", "exec", "execute", "interpreter",
    "python_interpreter", "jupyter", "code_interpreter", "python3.11", "python3.12",
    "python3.13", "py-repl", "cpython", "cell",
})  # fmt: skip
SHELL = frozenset(
    {"bash", "sh", "shell", "zsh", "console", "terminal", "cmd", "powershell", "fish"}
)
FOREIGN = SHELL | frozenset({
    "javascript", "js", "typescript", "ts", "jsx", "tsx", "node", "java", "c", "cpp", "c++",
    "csharp", "c#", "go", "rust", "ruby", "rb", "php", "perl", "r", "julia", "kotlin",
    "swift", "scala", "lua", "haskell", "sql", "dockerfile", "makefile", "matlab", "vb",
    "awk", "deno",
})  # fmt: skip
OUTPUT = frozenset(
    {"output", "out", "stdout", "stderr", "result", "results", "observation", "logs"}
)
DATA = OUTPUT | frozenset({
    "text", "txt", "plaintext", "plain", "json", "jsonl", "yaml", "yml", "toml", "csv", "tsv",
    "xml", "markdown", "md", "html", "css", "diff", "log", "latex", "tex", "math", "mermaid",
    "ini", "svg", "traceback", "rst", "ascii", "none", "error",
})  # fmt: skip
CALL = frozenset({"tool_call", "function_call", "tool_calls", "toolcall"})
LANGUAGES = PYTHON | FOREIGN | DATA | CALL

_THOUGHT = r"(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|seed:think)"
_CODE = (
    r"(?:code|python3?|py|execute_python|execute_ipython|execute_code|execute|exec|run_python|run_code"
    r"|run|tool_code|code_block|codeblock|code_execution|ipython|interpreter|python_interpreter"
    r"|code_interpreter|script|action|cell|snippet)"
)
_CALL = r"(?:tool_calls?|function_calls?|toolcall|functioncall|minimax:tool_call)"

_OPEN_THINK = (
    rf"<\|?{_THOUGHT}\|?>|\[THINK\]|◁think▷|<\|(?:begin_of_thought|START_THINKING)\|>"
    r"|<\|channel\|>analysis<\|message\|>|<\|channel>thought\b"
)
_CLOSE_THINK = (
    rf"</{_THOUGHT}>|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|END_THINKING)\|>|<channel\|>"
)
_STOP = (
    r"<\|(?:im_end|im_start|eot_id|eom_id|end|endoftext|end_of_text|start_header_id|user|assistant|system"
    r"|observation|tool_response|call|return|start)\|>|</s>|<eos>|<(?:end|start)_of_turn>|\[/?INST\]"
    r"|\[/?TOOL_RESULTS\]"
    r"|</?(?:observation|tool_response|tool_output|tool_result|execution_result|function_result)s?>"
)
_TURN = (
    r"^(?:\#{1,6}[ ])?\*{0,2}(?:Observations?|Execution[ ](?:logs?|output|results?)|Out\[\d*\]"
    r"|Last[ ]output(?:[ ]from[ ]code[ ]snippet)?|(?:Console|Program|Expected|Tool)[ ]"
    r"(?:output|response)"
    r"|(?:Outputs?|User|Human|Assistant)(?=[ *]*:(?![^\n=]*=)))[ ]?\*{0,2}[ ]?:"
)
_FENCE = r"`{3,}|^[ \t]*~{3,}"

THINK_END = re.compile(rf"{_CLOSE_THINK}", re.I)
CHANNEL_END = re.compile(
    r"<\|end\|>(?:<\|start\|>(?:assistant)?)?|<\|start\|>(?:assistant)?|<channel\|>", re.I
)

MARK = re.compile(
    rf"""(?P<think>{_OPEN_THINK})
    |(?P<unthink>{_CLOSE_THINK})
    |(?P<fence>{_FENCE})
    |(?P<tag><{_CODE}(?:\s[^<>\n]{{0,100}})?>|<\|python_(?:tag|start)\|>|\[(?:PYTHON|CODE)\]
        |<parameter(?:=|[ ]name=)"?(?:code|python|script)"?>
        |<\|channel\|>commentary[^<\n]{{0,80}}(?:<\|constrain\|>\w{{0,20}})?<\|message\|>)
    |(?P<call><{_CALL}>|\[TOOL_CALLS\]|<function=|<invoke[ ]name=
        |<\|tool_calls?(?:_begin)?\|>|<\|tool_call>)
    |(?P<label>^[ \t]*\*{{0,2}}(?:Code|Python[ ]code|Action[ ]Input)[ ]?\*{{0,2}}:\*{{0,2}}[ \t]*)
    |(?P<noise></{_CODE}\b[ \t]*>?|</{_CALL}>|</(?:parameter|function|invoke)>|<end_code>
        |\[/(?:PYTHON|CODE)\]|<\|python_end\|>|<\|channel\|>final<\|message\|>|<tool_call\|>)
    |(?P<stop>{_STOP})
    |(?P<turn>{_TURN})""",
    re.X | re.I | re.M,
)

END = re.compile(
    rf"""(?P<fence>{_FENCE})
    |(?P<close></{_CODE}\b[ \t]*>?|</(?:parameter|function|invoke)>|</{_CALL}>|<end_code>
        |\[/(?:PYTHON|CODE)\]|<\|python_end\|>)
    |(?P<unthink>{_CLOSE_THINK})
    |(?P<stop>{_STOP})
    |(?P<turn>{_TURN})""",
    re.X | re.I | re.M,
)

CALL_END = re.compile(
    rf"</{_CALL}>|</(?:function|invoke)>|<tool_call\|>|<\|/?tool_call(?:_end)?\|>|<\|im_end\|>|</s>",
    re.I,
)
"""What ends the inside of a tool call; JSON holds none of these but inside strings."""
