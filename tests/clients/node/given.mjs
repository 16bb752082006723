// What a test gives a client, in a file, and how the client tells what it got.
import { readFileSync } from 'node:fs';

export const given = JSON.parse(readFileSync(process.env.GIVEN, 'utf8'));

export function tell(found) {
  console.log(JSON.stringify(found));
}
