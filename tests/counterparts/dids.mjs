// The keys of did:web and did:jwk, as their method specifications say to find them.

const addressOf = (did) => {
  const [, , host, ...path] = did.split(":");
  const authority = decodeURIComponent(host);
  // https always, but on the machine under test.
  const scheme = authority.split(":")[0] === "localhost" ? "http" : "https";
  return `${scheme}://${authority}/${path.length > 0 ? path.join("/") : ".well-known"}/did.json`;
};

const documentOf = async (did) => {
  if (did.startsWith("did:jwk:")) {
    const publicKeyJwk = JSON.parse(Buffer.from(did.slice("did:jwk:".length), "base64url").toString());
    return { id: did, verificationMethod: [{ id: `${did}#0`, publicKeyJwk }] };
  }
  if (!did.startsWith("did:web:")) throw new Error(`cannot resolve ${did}`);
  return (await fetch(addressOf(did))).json();
};

export const didKey = async (didUrl) => {
  const [did] = didUrl.split("#");
  const document = await documentOf(did);
  if (document.id !== did) throw new Error("the document is of another DID");
  const method = document.verificationMethod.find(({ id }) => id === didUrl || `${did}${id}` === didUrl);
  if (!method) throw new Error("the DID has no such key");
  return method.publicKeyJwk;
};
