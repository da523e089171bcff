// The function that receivers in Node run: HMAC-SHA256 of the raw body, in hex. Reads {secret, signature, body} with the
// body in base64 from standard input, and says true or false.
import crypto from "node:crypto";

function verify(payload, signature, secret) {
  const expected = crypto.createHmac("sha256", secret).update(payload).digest("hex");
  const given = Buffer.from(signature);
  return given.length === expected.length && crypto.timingSafeEqual(given, Buffer.from(expected));
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { secret, signature, body } = JSON.parse(text);
console.log(verify(Buffer.from(body, "base64"), signature, secret));
