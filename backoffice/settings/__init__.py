"""Django's settings, one topic a module. What can be changed from outside is declared in `env`."""

import django_stubs_ext

from backoffice.settings.apps import *
from backoffice.settings.consoles import *
from backoffice.settings.database import *
from backoffice.settings.files import *
from backoffice.settings.gateways import *
from backoffice.settings.language import *
from backoffice.settings.login import *
from backoffice.settings.logs import *
from backoffice.settings.mail import *
from backoffice.settings.outbound import *
from backoffice.settings.paid import *
from backoffice.settings.paths import *
from backoffice.settings.security import *
from backoffice.settings.tasks import *
from backoffice.settings.web import *

django_stubs_ext.monkeypatch()  # before any model is loaded: `models.BinaryField[...]` must be a class, not an error
