import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { gateway } from "./gateway.js";
import { confirmOrder } from "./orders.js";

let mails;
before(async () => { mails = await gateway("../.."); });
after(() => mails.close());
beforeEach(() => mails.reset());

test("an order is confirmed in Arabic", async () => {
  await confirmOrder(mails, 1042, "nora@example.com");

  const mail = await mails.waitFor({ to: "nora@example.com", subject: "1042", timeout: 30 });
  assert.equal(mail.from, "orders@acme.sa");
  assert.match(mail.fields.msg, /dir="rtl"/);
  assert.deepEqual(mail.links.map((link) => link.href), ["https://acme.sa/orders/1042"]);
});

test("an order is confirmed once, however often it is asked for", async () => {
  const ids = [await confirmOrder(mails, 1043, "nora@example.com"), await confirmOrder(mails, 1043, "nora@example.com")];

  assert.equal(ids[0], ids[1]);
  await mails.waitFor({ subject: "1043", timeout: 30 });
  assert.equal((await mails.mails("subject:1043")).length, 1);
});

test("an order is taken while the balance is empty", async () => {
  await mails.behave("balance_empty");

  await confirmOrder(mails, 1044, "nora@example.com");

  assert.deepEqual(await mails.mails(), []);
  await mails.behave("operational");
  await mails.waitFor({ subject: "1044", timeout: 30 });
});
