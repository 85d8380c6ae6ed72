"""Signing in and out: one page for borrowers and staff."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import reverse

from web.access import public_page


class SignIn(LoginView):
    """Borrowers go on to their home page, staff to the console."""

    template_name = "customers/login.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """Where somebody goes who came for no page in particular."""
        user = self.request.user
        if user.is_staff and getattr(user, "customer", None) is None:
            return reverse("admin:index")
        return super().get_default_redirect_url()


login = public_page(SignIn.as_view())
logout = public_page(LogoutView.as_view())
