"""A report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms."""
import asyncio


async def price(item):
    await asyncio.sleep(0.001)
    margin = item % 10
    return 100 + margin


async def line(id):
    first, second = await price(2 * id), await price(2 * id + 1)
    return 2 * first + second


async def basket(id):
    first, second = await line(2 * id), await line(2 * id + 1)
    return first + second + 49


async def customer(id):
    first, second = await basket(2 * id), await basket(2 * id + 1)
    return first + second


async def region(id):
    first, second = await customer(2 * id), await customer(2 * id + 1)
    return first + second


async def report(id):
    first, second = await region(2 * id), await region(2 * id + 1)
    return first + second
