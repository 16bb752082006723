// better-auth's hook for a forgotten password, with Resend's SDK in it as its guide shows.
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { Resend } from 'resend';
import { given, tell } from './given.mjs';

const resend = new Resend(given.key);
const [mail] = given.payloads;
const payloads = [];
const auth = betterAuth({
  baseURL: 'http://127.0.0.1:9',
  secret: 'a-secret-of-the-test-that-is-long-enough',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  telemetry: { enabled: false },
  emailAndPassword: {
    enabled: true,
    sendResetPassword: async ({ user }) => {
      const { data, error } = await resend.emails.send({ ...mail, to: user.email });
      payloads.push(error ? error.name : data.id);
    },
  },
});
const [email] = mail.to;
await auth.api.signUpEmail({ body: { email, password: 'correct horse battery', name: 'Nora' } });
await auth.api.requestPasswordReset({ body: { email, redirectTo: '/reset' } });
tell({ payloads });
