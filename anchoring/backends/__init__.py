"""One file per ledger, no code shared between them: a ledger's quirks stay its own."""
