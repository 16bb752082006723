// nodemailer with a transport for Resend: the transport takes the base URL from the SDK's environment.
import nodemailer from 'nodemailer';
import { ResendTransport } from '@documenso/nodemailer-resend';
import { given, tell } from './given.mjs';

const send = (key, mail) => nodemailer.createTransport(new ResendTransport({ apiKey: key })).sendMail(mail);
const failure = (answer) => answer.then(() => 'none', (error) => error.message);

const found = { payloads: [], errors: {} };
for (const payload of given.payloads) found.payloads.push((await send(given.key, payload)).id);
found.errors.key = await failure(send('tqm_wrong', given.payloads[0]));
found.errors.cc = await failure(send(given.key, { ...given.payloads[0], cc: 'boss@acme.sa' }));
tell(found);
