"""`make demo`: a story of two minutes on the local stack, shown live in the terminal.

A mail, a campaign in Arabic, an empty balance in the middle of it, a top-up, a refusal, an
ambiguous answer, a re-drive; and at its end the books, which have to balance.
"""
