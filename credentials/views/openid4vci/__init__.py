"""HTTP for OpenID4VCI: what wallets ask, in the forms that its standards prescribe, and the page that a citizen sees."""
