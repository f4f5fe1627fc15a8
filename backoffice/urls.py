"""Every address of the product."""

from django.urls import path, re_path

from backoffice.api import api, no_such_call
from backoffice.consoles.language import choose_language
from backoffice.consoles.login import ConsoleLoginForm, home, home_login, home_logout
from backoffice.consoles.system import system_urls
from backoffice.health import healthz, metrics, readyz
from backoffice.kernel.api.oauth import token_endpoint
from backoffice.kernel.sites import CONSOLE_SITES, developer_site, merchant_site, platform_site

platform_site.extra_urls = system_urls
for site in CONSOLE_SITES:
    site.login_form = ConsoleLoginForm

urlpatterns = [
    path("", home, name="home"),
    path("login/", home_login, name="login"),
    path("logout/", home_logout, name="logout"),
    path("language/", choose_language, name="choose_language"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("oauth/token/", token_endpoint, name="oauth-token"),
    path("api/v1/", api.urls),
    re_path(r"^api/", no_such_call, name="no_such_call"),
    path("admin/", platform_site.urls),
    path("merchant/", merchant_site.urls),
    path("developer/", developer_site.urls),
]
