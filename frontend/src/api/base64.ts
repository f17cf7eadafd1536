/** Base64, as answers carry bytes. */

type FromBase64 = {fromBase64?: (text: string) => Uint8Array<ArrayBuffer>};

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const {fromBase64} = Uint8Array as FromBase64;
  if (fromBase64) return fromBase64.call(Uint8Array, base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
