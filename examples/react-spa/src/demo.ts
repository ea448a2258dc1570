// The demo accounts of the login server. A real app has nothing of this.

export const ACCOUNTS = ["user", "admin", "totp", "locked"].map((name) => `${name}@example.com`);
export const PASSWORD = "password123";
/** The key of totp@example.com, as an authenticator app takes it. */
export const KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/** What an authenticator app does (RFC 6238), so that nobody needs one to try this app. */
export async function codeNow(): Promise<string> {
  const bits = Array.from(KEY, (letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  const octets = bits.join("").match(/.{8}/g) ?? [];
  const secret = Uint8Array.from(octets, (octet) => Number.parseInt(octet, 2));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const step = new DataView(new ArrayBuffer(8));
  step.setBigUint64(0, BigInt(Math.floor(Date.now() / 30_000)));
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, step));
  const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}
