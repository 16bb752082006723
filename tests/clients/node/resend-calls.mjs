// Every call that a version of Resend's SDK for Node has, and an error of each kind.
import { given, tell } from './given.mjs';

const later = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
const id = ({ data, error }) => (error ? Promise.reject(new Error(JSON.stringify(error))) : data.id);
const name = async (answer) => (await answer).error?.name ?? 'none';

// Version 3 passes on what it gets; later ones translate `scheduledAt`.
export async function calls(Resend, time = 'scheduledAt') {
  const resend = new Resend(given.key);
  const mail = given.payloads[0];
  const found = { payloads: [], calls: {}, errors: {} };
  for (const payload of given.payloads) found.payloads.push(id(await resend.emails.send(payload)));

  const { data, error } = await resend.batch.send([mail, { ...mail, subject: 'Two' }]);
  if (error) throw new Error(JSON.stringify(error));
  // Up to version 6 the SDK wraps the answer once more.
  found.calls.batch = (Array.isArray(data) ? data : data.data).map((entry) => entry.id);

  const waiting = id(await resend.emails.send({ ...mail, [time]: later(2) }));
  found.calls.get = (await resend.emails.get(waiting)).data;
  if (resend.emails.update) found.calls.update = id(await resend.emails.update({ id: waiting, scheduledAt: later(3) }));
  if (resend.emails.cancel) {
    found.calls.cancel = id(await resend.emails.cancel(waiting));
    found.calls.canceled = (await resend.emails.get(waiting)).data.last_event;
  }
  if (resend.emails.list) found.calls.list = (await resend.emails.list({ limit: 2 })).data.data.length;

  const key = `key-${mail.to}-${given.client}`;
  const first = id(await resend.emails.send(mail, { idempotencyKey: key }));
  const again = id(await resend.emails.send(mail, { idempotencyKey: key }));
  found.calls.idempotent = first === again;

  found.errors.cc = await name(resend.emails.send({ ...mail, cc: 'boss@acme.sa' }));
  found.errors.attachments = await name(resend.emails.send({ ...mail, attachments: [{ filename: 'a.txt', content: 'QQ==' }] }));
  found.errors.to = await name(resend.emails.send({ ...mail, to: [] }));
  found.errors.from = await name(resend.emails.send({ ...mail, from: 'nobody' }));
  found.errors.get = await name(resend.emails.get('no-such-mail'));
  found.errors.large = await name(resend.emails.send({ ...mail, html: 'x'.repeat(1_200_000) }));
  found.errors.key = await name(new Resend('tqm_wrong').emails.send(mail));
  if (found.calls.idempotent) {
    found.errors.idempotency = await name(resend.emails.send({ ...mail, subject: 'Other' }, { idempotencyKey: key }));
  }
  tell(found);
}
