"""Software that none of us wrote must agree with ours, in both directions."""
