"""Sign-in by presentation for systems that speak OpenID Connect and nothing else.

parties (who may have people signed in) · provider (who we are to them) · logins (the browser's way) · disclosed (what
is passed on) · clients and tokens (what the system itself calls).
"""
