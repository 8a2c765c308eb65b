"""An MCP server of the official SDK that speaks streamable HTTP: `python http_server.py PORT`.

It prints its port. What the requests carried as `Authorization` is in the answer of `who`.
"""

import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("far away", version="1")


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
async def who(context: Context) -> str:
    """Say who asks."""
    return context.request_context.request.headers.get("authorization", "nobody")


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(server.streamable_http_app(), log_level="error")
uvicorn.Server(config).run(sockets=[listener])
