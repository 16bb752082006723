import { Resend } from 'resend';
import { calls } from './resend-calls.mjs';

await calls(Resend);
