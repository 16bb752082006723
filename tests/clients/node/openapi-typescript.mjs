// Types from docs/openapi.yaml, compiled, and a typed client that sends with them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import createClient from 'openapi-fetch';
import { given, tell } from './given.mjs';

const bin = (name) => join(import.meta.dirname ?? '.', 'node_modules/.bin', name);
const folder = mkdtempSync(join(given.folder, 'types-'));
symlinkSync(join(import.meta.dirname ?? '.', 'node_modules'), join(folder, 'node_modules'));
execFileSync(bin('openapi-typescript'), [given.description, '-o', join(folder, 'gateway.d.ts')], { stdio: 'ignore' });
writeFileSync(
  join(folder, 'use.ts'),
  `import createClient from 'openapi-fetch';
import type { paths } from './gateway';
const client = createClient<paths>({ baseUrl: 'x' });
export const answer = client.POST('/emails', { body: { from: 'a@b.sa', to: ['c@d.sa'], subject: 's', html: 'h' } });
export const shown = answer.then(({ data }) => client.GET('/emails/{id}', { params: { path: { id: data?.id ?? '' } } }));
export const events = shown.then(({ data }) => data?.last_event === 'sent' && data.taqnyat.attempts.length);
`,
);
const strict = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
execFileSync(bin('tsc'), [...strict, join(folder, 'use.ts')], { stdio: 'inherit' });

const client = createClient({ baseUrl: given.url, headers: { Authorization: `Bearer ${given.key}` } });
const payloads = [];
for (const body of given.payloads) payloads.push((await client.POST('/emails', { body })).data.id);
const { error } = await client.POST('/emails', { body: { ...given.payloads[0], cc: ['boss@acme.sa'] } });
tell({ payloads, errors: { cc: error.name } });
