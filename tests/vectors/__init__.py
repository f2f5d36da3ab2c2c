"""Test vectors made by others, read in place and never copied into the project."""
