"""The broadcast of Python's websockets: what a publisher sends goes to everyone."""

import asyncio

from websockets.asyncio.server import broadcast, serve

readers = set()


async def handle(socket):
    if socket.request.path == "/publish":
        async for message in socket:
            broadcast(readers, message)
        return
    readers.add(socket)
    try:
        await socket.send("welcome")
        await socket.wait_closed()
    finally:
        readers.discard(socket)


async def main():
    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
