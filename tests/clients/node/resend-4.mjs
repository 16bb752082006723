import { Resend } from 'resend-4';
import { calls } from './resend-calls.mjs';

await calls(Resend);
