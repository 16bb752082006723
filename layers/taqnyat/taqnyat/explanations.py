"""The meaning of each reason, and what to do about it, in English and in Arabic.

The texts are our own: the guide's are short and partly wrong (101 has the English text of 104, the
sample of code 3 has the number 2, and 14 is mostly a sender that waits for approval).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple


class Text(NamedTuple):
    """One or two sentences, in both languages."""

    en: str
    ar: str


class Explanation(NamedTuple):
    """What happened, and what to do."""

    meaning: Text
    remedy: Text


def explain(reason: str) -> Explanation | None:
    """Return the explanation of a reason; None for a person's own words.

    A reason may name a field after a colon, as `invalid:to[0]` does.
    """
    return EXPLANATIONS.get(reason.partition(":")[0])


_BY_ITSELF: Final = Text(
    "Nothing: the mail is kept and tried again by itself.",
    "لا يلزم شيء: الرسالة محفوظة وتعاد محاولة إرسالها تلقائياً.",
)
_ASK_FIRST: Final = Text(
    "Ask the recipient, or look into Taqnyat's console, whether it arrived. Re-drive it if not.",
    "اسأل المستلم أو راجع لوحة تقنيات لمعرفة ما إذا وصلت، ولا تعد إرسالها إلا إذا لم تصل.",
)
_LOOK_AT_SECRET: Final = Text(
    "Put Taqnyat's bearer token into the stack's token secret; sending resumes by itself.",
    "ضع رمز تقنيات (Bearer Token) في سر الرمز الخاص بالنظام؛ ويُستأنف الإرسال تلقائياً.",
)

EXPLANATIONS: Final = MappingProxyType[str, Explanation](
    {
        # Taqnyat's codes.
        "balance_empty": Explanation(
            Text(
                "The balance of the Taqnyat account is 0. All mails wait.",
                "رصيد حساب تقنيات صفر. جميع الرسائل في الانتظار.",
            ),
            Text(
                "Top the account up; Taqnyat takes up to two hours. Sending resumes by itself.",
                "اشحن رصيد الحساب؛ قد يستغرق ذلك ساعتين لدى تقنيات. يُستأنف الإرسال تلقائياً.",
            ),
        ),
        "balance_too_low": Explanation(
            Text(
                "The balance of the Taqnyat account does not cover this mail. It waits.",
                "رصيد حساب تقنيات لا يكفي لهذه الرسالة. الرسالة في الانتظار.",
            ),
            Text(
                "Top the account up; Taqnyat takes up to two hours. Sending resumes by itself.",
                "اشحن رصيد الحساب؛ قد يستغرق ذلك ساعتين لدى تقنيات. يُستأنف الإرسال تلقائياً.",
            ),
        ),
        "sender_refused": Explanation(
            Text(
                "Taqnyat does not accept the sender: mostly it waits for Taqnyat's approval.",
                "لم تقبل تقنيات عنوان المرسل: غالباً لم يُعتمد بعد لهذا الحساب.",
            ),
            Text(
                "Have Taqnyat approve the address in `from`, then send the mail again.",
                "اطلب من تقنيات اعتماد العنوان الوارد في `from` ثم أرسل الرسالة من جديد.",
            ),
        ),
        "recipients_refused": Explanation(
            Text(
                "Taqnyat does not accept one of the recipients; the mail went to none of them.",
                "لم تقبل تقنيات أحد المستلمين؛ ولم ترسل الرسالة إلى أي منهم.",
            ),
            Text(
                "Correct the addresses in `to` and send a new mail.",
                "صحح العناوين في `to` وأرسل رسالة جديدة.",
            ),
        ),
        "subject_refused": Explanation(
            Text("Taqnyat does not accept the subject.", "لم تقبل تقنيات عنوان الرسالة."),
            Text(
                "Use a plain, shorter `subject` and send a new mail.",
                "استخدم عنواناً أبسط وأقصر في `subject` وأرسل رسالة جديدة.",
            ),
        ),
        "message_refused": Explanation(
            Text("Taqnyat does not accept the body.", "لم تقبل تقنيات نص الرسالة."),
            Text(
                "Simplify `html` or `text` and send a new mail.",
                "بسّط محتوى `html` أو `text` وأرسل رسالة جديدة.",
            ),
        ),
        "api_disabled": Explanation(
            Text(
                "Sending through the API is switched off in the Taqnyat account. All mails wait.",
                "الإرسال عبر الواجهة البرمجية معطل في حساب تقنيات. جميع الرسائل في الانتظار.",
            ),
            Text(
                "Switch it on in the account's API settings. Sending resumes by itself.",
                "فعّله من إعدادات الواجهة البرمجية في الحساب. يُستأنف الإرسال تلقائياً.",
            ),
        ),
        "ip_refused": Explanation(
            Text(
                "The Taqnyat account does not allow the gateway's IP address. All mails wait.",
                "حساب تقنيات لا يسمح بعنوان IP الخاص بالبوابة. جميع الرسائل في الانتظار.",
            ),
            Text(
                "Allow the address in the account's API settings, or give the gateway a fixed one.",
                "اسمح بالعنوان من إعدادات الواجهة البرمجية في الحساب، أو خصص للبوابة عنواناً ثابتاً.",
            ),
        ),
        "token_refused": Explanation(
            Text(
                "Taqnyat refused the bearer token: wrong, expired or revoked. All mails wait.",
                "رفضت تقنيات الرمز (Bearer Token): خاطئ أو منتهٍ أو ملغى. جميع الرسائل في الانتظار.",
            ),
            _LOOK_AT_SECRET,
        ),
        "unknown_code": Explanation(
            Text(
                "Taqnyat refused the mail with a code or status that its guide does not list.",
                "رفضت تقنيات الرسالة برمز أو حالة غير مذكورة في دليلها.",
            ),
            Text(
                "Ask Taqnyat what the code means; re-drive the mail when the cause is gone.",
                "اسأل تقنيات عن معنى الرمز، وأعد إرسال الرسالة بعد زوال السبب.",
            ),
        ),
        # HTTP and the network.
        "wrong_endpoint": Explanation(
            Text(
                "No mail API answers at the configured address, or a filter refused this mail.",
                "لا توجد واجهة بريد في العنوان المضبوط، أو رفض مرشّح هذه الرسالة. تنتظر الرسالة.",
            ),
            Text(
                "Correct the stack's parameter TaqnyatUrl. Sending resumes by itself.",
                "صحح المعامل TaqnyatUrl في النظام. يُستأنف الإرسال تلقائياً.",
            ),
        ),
        "rate_limited": Explanation(
            Text("Taqnyat asked to send more slowly.", "طلبت تقنيات إبطاء الإرسال."), _BY_ITSELF
        ),
        "provider_timeout": Explanation(
            Text(
                "Taqnyat did not read the mail in time.", "لم تقرأ تقنيات الرسالة في الوقت المحدد."
            ),
            _BY_ITSELF,
        ),
        "provider_unavailable": Explanation(
            Text("Taqnyat was not available.", "لم تكن خدمة تقنيات متاحة."), _BY_ITSELF
        ),
        "unreachable": Explanation(
            Text(
                "Taqnyat could not be reached; nothing was sent.",
                "تعذر الوصول إلى تقنيات؛ ولم يُرسل شيء.",
            ),
            _BY_ITSELF,
        ),
        "provider_error": Explanation(
            Text(
                "Taqnyat failed while it had the mail. It may have been sent.",
                "حدث خلل لدى تقنيات بعد تسلمها الرسالة. ربما أُرسلت.",
            ),
            _ASK_FIRST,
        ),
        "timeout": Explanation(
            Text(
                "Taqnyat got the mail and did not answer in time. It may have been sent.",
                "تسلمت تقنيات الرسالة ولم ترد في الوقت المحدد. ربما أُرسلت.",
            ),
            _ASK_FIRST,
        ),
        "connection_lost": Explanation(
            Text(
                "The connection broke after Taqnyat got the mail. It may have been sent.",
                "انقطع الاتصال بعد تسلم تقنيات الرسالة. ربما أُرسلت.",
            ),
            _ASK_FIRST,
        ),
        "reused_connection_lost": Explanation(
            Text(
                "A connection that was in use before broke under the mail. It may have been sent.",
                "انقطع أثناء إرسال الرسالة اتصال سبق استخدامه. ربما أُرسلت.",
            ),
            _ASK_FIRST,
        ),
        "answer_of_another_mail": Explanation(
            Text(
                "Taqnyat's answer carried the msgId of another mail. This one may have been sent.",
                "حمل رد تقنيات رقم رسالة أخرى (msgId). ربما أُرسلت هذه الرسالة.",
            ),
            _ASK_FIRST,
        ),
        "unreadable_answer": Explanation(
            Text(
                "Taqnyat's answer could not be read, or contradicts itself. It may have been sent.",
                "تعذرت قراءة رد تقنيات أو كان متناقضاً. ربما أُرسلت الرسالة.",
            ),
            _ASK_FIRST,
        ),
        # The token.
        "token_not_set": Explanation(
            Text(
                "No token has been set yet. All mails wait.",
                "لم يُضبط الرمز بعد. جميع الرسائل في الانتظار.",
            ),
            _LOOK_AT_SECRET,
        ),
        "token_malformed": Explanation(
            Text(
                "The token's secret cannot be read. All mails wait.",
                "تعذرت قراءة سر الرمز. جميع الرسائل في الانتظار.",
            ),
            _LOOK_AT_SECRET,
        ),
        "token_unavailable": Explanation(
            Text(
                "There is no token. All mails wait.",
                "تعذر الحصول على الرمز. جميع الرسائل في الانتظار.",
            ),
            _LOOK_AT_SECRET,
        ),
        "secret_unavailable": Explanation(
            Text("Secrets Manager did not give the token.", "لم تقدم خدمة الأسرار الرمز."),
            _BY_ITSELF,
        ),
        # The gateway's own.
        "expired": Explanation(
            Text(
                "The time in `expires_at` passed before the mail could be sent. It was not sent.",
                "انقضى الوقت المحدد في `expires_at` قبل إمكان الإرسال. لم تُرسل الرسالة.",
            ),
            Text(
                "Send a new mail if it still matters.",
                "أرسل رسالة جديدة إن كانت ما تزال مهمة.",
            ),
        ),
        "retry_window_ended": Explanation(
            Text(
                "Taqnyat could not take the mail until the time for tries was over.",
                "لم تتمكن تقنيات من تسلم الرسالة حتى انتهت مدة المحاولات.",
            ),
            Text(
                "Re-drive the mail from the failed queue, or send a new one.",
                "أعد إرسال الرسالة من طابور الرسائل الفاشلة، أو أرسل رسالة جديدة.",
            ),
        ),
        "refused_alone": Explanation(
            Text(
                "Taqnyat refused this mail again and again while it took others. It was not sent.",
                "رفضت تقنيات هذه الرسالة مراراً بينما قبلت غيرها. لم تُرسل الرسالة.",
            ),
            Text(
                "Look at its last answer and its content; then re-drive it, or send a new mail.",
                "راجع آخر رد عليها ومحتواها، ثم أعد إرسالها أو أرسل رسالة جديدة.",
            ),
        ),
        "worker_died": Explanation(
            Text(
                "The gateway stopped while it was sending. The mail may have been sent.",
                "توقفت البوابة أثناء الإرسال. ربما أُرسلت الرسالة.",
            ),
            _ASK_FIRST,
        ),
        "no_record": Explanation(
            Text(
                "The record of this mail is gone, so nobody knows whether it was sent.",
                "سجل هذه الرسالة لم يعد موجوداً، فلا يُعرف هل أُرسلت أم لا.",
            ),
            _ASK_FIRST,
        ),
        "invalid": Explanation(
            Text(
                "The message on the queue is not a valid mail; the reason names the field.",
                "الرسالة في الطابور ليست بريداً صالحاً؛ والسبب يذكر الحقل.",
            ),
            Text(
                "Correct the program that put it there, and send the mail again.",
                "صحح البرنامج الذي وضعها، ثم أرسل الرسالة من جديد.",
            ),
        ),
    },
)
