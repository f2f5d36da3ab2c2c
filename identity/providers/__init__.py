"""Ways to prove who one is: one module each, registered in settings.KYC_PROVIDERS."""
