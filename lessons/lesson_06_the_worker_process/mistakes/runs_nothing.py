"""Waiting is what async is for."""

import asyncio


async def deploy(old, start_new):
    new = start_new()
    while not new.ready():
        await asyncio.sleep(0.1)
    old.quiet()
    while old.busy():
        await asyncio.sleep(0.1)
    old.stop()
