"""Every address of the product."""

from django.urls import path

from backoffice.kernel.sites import developer_site, merchant_site, platform_site

urlpatterns = [
    path("admin/", platform_site.urls),
    path("merchant/", merchant_site.urls),
    path("developer/", developer_site.urls),
]
