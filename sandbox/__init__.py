"""The outer world, played: identity service, tax office, card, ZeroPay, SMS gateway and bank under one port.

It imports nothing of `app`. What happens is chosen by the data of a request (docs/sandbox.md),
never by a switch.
"""
