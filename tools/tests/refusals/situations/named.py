"""The situations by the name that the table uses; the modules beside this one fill it."""

SITUATIONS = {}


def situation(function):
    SITUATIONS[function.__name__.replace("_", "-")] = function
    return function
