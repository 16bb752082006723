"""A shop that sends mails with Django and Anymail, through the Taqnyat mail gateway."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "only for the example")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["anymail"]
DEFAULT_FROM_EMAIL = "متجر النخبة <orders@acme.sa>"

# All that points Anymail's Resend backend at the gateway: its address and a key.
EMAIL_BACKEND = "anymail.backends.resend.EmailBackend"
ANYMAIL = {
    "RESEND_API_URL": os.environ.get("MAIL_GATEWAY_URL", "http://127.0.0.1:9025/v1") + "/",
    "RESEND_API_KEY": os.environ.get("MAIL_GATEWAY_KEY", ""),
}
