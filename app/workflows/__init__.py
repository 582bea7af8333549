"""The rules, as verbs: one module per chapter of the domain; lifecycle, ledger and record lie below them."""
