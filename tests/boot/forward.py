"""forward.py LISTEN TARGET, each host:port or unix:/path: joins a network namespace to a service outside of it."""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def connect(address):
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address[5:])
    host, port = address.rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


async def main(listen, target):
    async def accept(reader, writer):
        try:
            there = await connect(target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    if listen.startswith("unix:"):
        server = await asyncio.start_unix_server(accept, listen[5:])
    else:
        host, port = listen.rsplit(":", 1)
        server = await asyncio.start_server(accept, host, int(port))
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:3]))
