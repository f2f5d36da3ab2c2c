"""Counterparts that speak the real protocols from memory: no mocks, no network beyond loopback."""
