import { Resend } from 'resend-3';
import { calls } from './resend-calls.mjs';

await calls(Resend, 'scheduled_at');
