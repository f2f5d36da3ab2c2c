"""Any wallet may answer: OpenID4VP 1.0 as a verifier, for the organisations registered here.

clients (who asks) · sessions (asking) · request_objects (what a wallet fetches) · judgement and responses (what it
answers) · results (what the organisation reads).
"""
