import json
import asyncio
import requests
from websockets import client

r = requests.get('')
d = r.text

async def connection():
    ws = await client.connect(f'wss://{d["port"]}', ping_timeout=20)

    await ws.send(json.dumps({'session_id': 'my_session_id'}))

    while True:
        recv = await ws.recv()
        print(recv)
