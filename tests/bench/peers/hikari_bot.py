"""A bot on hikari's InteractionServer that answers every command with "Pong!".

Its argument is the public key in hex. It prints the port that it listens on.
"""

import asyncio
import socket
import sys

import hikari


async def pong(interaction):
    return interaction.build_response().set_content("Pong!")


async def main():
    # Nothing here ever asks the platform, so the token is none.
    bot = hikari.RESTBot("none", "Bot", public_key=bytes.fromhex(sys.argv[1]), banner=None, logs="WARNING")
    bot.set_listener(hikari.CommandInteraction, pong)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    await bot.start(socket=listener, check_for_updates=False)
    print(listener.getsockname()[1], flush=True)
    await bot.join()


asyncio.run(main())
