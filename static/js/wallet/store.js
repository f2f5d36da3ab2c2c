// What this browser keeps: keys that cannot leave it, and the citizen's certificates. One IndexedDB database.

const NAME = "chancela-wallet";
const VERSION = 1;

/** @typedef {{ thumbprint: string, use: "device" | "recipient", publicJwk: JsonWebKey, privateKey: CryptoKey }} KeyRecord */
/** @typedef {{ id: string, number: string, sd_jwt: string }} CredentialRecord */

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys", { keyPath: "thumbprint" });
      request.result.createObjectStore("credentials", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds an older wallet open"));
  });
}

/**
 * @param {"keys" | "credentials"} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 */
async function run(store, mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      // Success of a request is not yet durable; completion of its transaction is.
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @param {KeyRecord} record */
export const putKey = (record) => run("keys", "readwrite", (store) => store.put(record));

/** @param {string} thumbprint @returns {Promise<KeyRecord | undefined>} */
export const getKey = (thumbprint) => run("keys", "readonly", (store) => store.get(thumbprint));

/** @param {string} thumbprint */
export const deleteKey = (thumbprint) => run("keys", "readwrite", (store) => store.delete(thumbprint));

/** @param {CredentialRecord} record */
export const putCredential = (record) => run("credentials", "readwrite", (store) => store.put(record));

/** @param {string} id @returns {Promise<CredentialRecord | undefined>} */
export const getCredential = (id) => run("credentials", "readonly", (store) => store.get(id));

/** @param {string} id */
export const deleteCredential = (id) => run("credentials", "readwrite", (store) => store.delete(id));

/** @returns {Promise<string[]>} */
export const credentialIds = () => run("credentials", "readonly", (store) => store.getAllKeys());

/** Ask the browser not to evict the wallet when space runs short; a refusal is not an error. */
export async function persist() {
  if (navigator.storage?.persist) await navigator.storage.persist();
}
