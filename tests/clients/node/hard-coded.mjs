// A client whose address is written into its code; the lines of docs/clients.md turn its calls here.
import './swap.mjs';
import { given, tell } from './given.mjs';

const [mail] = given.payloads;
const init = {
  method: 'POST',
  headers: { Authorization: `Bearer ${given.key}`, 'Idempotency-Key': mail.to[0] },
  body: JSON.stringify(mail),
};
const first = await (await fetch('https://api.resend.com/emails', init)).json();
const again = await (await fetch(new Request('https://api.resend.com/emails', init))).json();
tell({ payloads: [...new Set([first.id, again.id])] });
