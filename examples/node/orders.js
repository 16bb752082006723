// An order is confirmed by a mail. Resend's SDK is pointed at the gateway by its address and a key.
import { Resend } from "resend";

export async function confirmOrder({ url, key }, number, email) {
  const resend = new Resend(key, { baseUrl: url });
  const { data, error } = await resend.emails.send({
    from: "متجر النخبة <orders@acme.sa>",
    to: email,
    subject: `تم استلام طلبك رقم ${number}`,
    html: `<html lang="ar" dir="rtl"><body><p>شكراً لك.</p>
<p><a href="https://acme.sa/orders/${number}">تتبع الطلب</a></p></body></html>`,
  }, { idempotencyKey: `order-${number}` });
  if (error) throw new Error(`${error.name}: ${error.message}`);
  return data.id;
}
