"""A report of what a shop sells, six calls deep. The price of an item comes from memory."""


def price(item):
    margin = item % 10
    return 100 + margin


def line(id):
    first, second = price(2 * id), price(2 * id + 1)
    return 2 * first + second


def basket(id):
    first, second = line(2 * id), line(2 * id + 1)
    return first + second + 49


def customer(id):
    first, second = basket(2 * id), basket(2 * id + 1)
    return first + second


def region(id):
    first, second = customer(2 * id), customer(2 * id + 1)
    return first + second


def report(id):
    first, second = region(2 * id), region(2 * id + 1)
    return first + second
