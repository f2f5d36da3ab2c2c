"""The standards in pure Python: bytes and dicts in, values or a ProtocolError out. No Django, no I/O."""
