"""The issuer half of OpenID4VCI 1.0: every agency is a credential issuer and its own authorization server.

A code, token, nonce or proof of one agency is worth nothing at another: each row names its agency, and each look-up
asks for it. Start reading at issuing.py.
"""
