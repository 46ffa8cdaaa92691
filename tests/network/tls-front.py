#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and nothing else in front of a TCP port: coturn would take plain TURN on its own TLS port for good.
usage: tls-front.py ADDRESS PORT BEHIND CERTIFICATE KEY"""
import asyncio
import ssl
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(address, port, behind, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def take(reader, writer):
        print("TLS with %s" % writer.get_extra_info("cipher")[0], flush=True)
        far_reader, far_writer = await asyncio.open_connection(address, int(behind))
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    server = await asyncio.start_server(take, address, int(port), ssl=context)
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
