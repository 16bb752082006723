"""One page: an order, which is confirmed by a mail."""

from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, JsonResponse
from django.urls import path

ORDER = """<html lang="ar" dir="rtl"><body><p>شكراً لك، استلمنا طلبك رقم {number}.</p>
<p><a href="https://acme.sa/orders/{number}">تتبع الطلب</a></p></body></html>"""


def order(request: HttpRequest) -> JsonResponse:
    """Take an order; the mail may be late, the order is not."""
    number = request.GET["number"]
    mail = EmailMultiAlternatives(f"تم استلام طلبك رقم {number}", to=[request.GET["email"]])
    mail.attach_alternative(ORDER.format(number=number), "text/html")
    mail.send()
    return JsonResponse({"order": number, "mail": mail.anymail_status.message_id})  # type: ignore[attr-defined]


urlpatterns = [path("order", order)]
